"""Who logs in, and which account a wrong password too many closes, is recorded whatever the door."""

import pytest
from django.contrib.auth.models import User
from django.test import Client

from hierarchy.models import AuditEntry
from tests.annotation.actions.test_recorded import list_newest
from tests.builders import PASSWORD, make_user

pytestmark = pytest.mark.django_db


def log_in(password=PASSWORD, *, name="ann", address="/accounts/login/"):
    return Client().post(address, {"username": name, "password": password})


def test_a_login_is_recorded():
    ann = make_user("ann")

    assert log_in().status_code == 302

    assert list_newest() == [("LOG_IN", f"account:{ann.pk}", ann.pk, {})]


def test_the_admin_has_no_login_of_its_own():
    make_user("ann", "operator")
    entries = AuditEntry.objects.count()

    assert log_in(address="/admin/login/")["Location"].startswith("/accounts/login/")

    assert AuditEntry.objects.count() == entries


def test_signing_up_logs_in():
    typed = {"username": "ann", "email": "", "password": PASSWORD, "password_again": PASSWORD}
    Client().post("/accounts/signup/", typed)

    pk = User.objects.get().pk
    detail = {"groups": ["annotator"]}
    assert list_newest(2) == [
        ("CREATE_ACCOUNT", f"account:{pk}", None, detail),
        ("LOG_IN", f"account:{pk}", pk, {}),
    ]


def test_a_lock_out_is_recorded_once():
    ann = make_user("ann")

    answers = [log_in("wrong").status_code for _ in range(13)]

    assert answers == [200] * 9 + [429] * 4
    assert list_newest() == [("LOCK_OUT", f"account:{ann.pk}", None, {})]
    assert AuditEntry.objects.filter(action="LOCK_OUT").count() == 1


def test_wrong_passwords_below_the_limit_are_not():
    make_user("ann")
    entries = AuditEntry.objects.count()
    for _ in range(9):
        log_in("wrong")

    assert AuditEntry.objects.count() == entries


def test_names_that_no_account_has_are_not():
    for _ in range(11):
        log_in("wrong", name="somebody@example.org")

    assert not AuditEntry.objects.exists()
