"""What operators do in Django's admin, and that the audit log is told."""

import pytest
from django.contrib.auth.models import Group, Permission, User

from hierarchy.models import AuditEntry
from tests.annotation.actions.test_recorded import list_newest
from tests.annotation.pages.browser import sign_in
from tests.builders import PASSWORD, make_user

pytestmark = pytest.mark.django_db
USERS = "/admin/auth/user/"
LOG = "/admin/hierarchy/auditentry/"


@pytest.fixture
def operator(db):
    return make_user("op", "operator")


@pytest.fixture
def client(operator):
    return sign_in(operator)


def describe(user, **changes):
    """The fields of an account's page as a browser sends them."""
    joined = user.date_joined
    given = {
        "username": user.username,
        "date_joined_0": joined.date(),
        "date_joined_1": joined.time(),
        "is_active": "on",
    }
    return {**given, "groups": [group.pk for group in user.groups.all()], **changes}


def test_rights_given_and_taken(client, operator):
    ann = make_user("ann")
    curators = Group.objects.get_or_create(name="curator")[0]
    permission = Permission.objects.earliest("pk")
    fields = describe(ann, groups=[curators.pk], user_permissions=[permission.pk], is_staff="on", is_superuser="on")
    del fields["is_active"]

    assert client.post(f"{USERS}{ann.pk}/change/", fields).status_code == 302

    before = {
        "groups": ["annotator"],
        "is_active": True,
        "is_staff": False,
        "is_superuser": False,
        "user_permissions": [],
    }
    after = {"groups": ["curator"], "is_active": False, "is_staff": True, "is_superuser": True}
    detail = {"before": before, **after, "user_permissions": [permission.pk]}
    assert list_newest() == [("CHANGE_RIGHTS", f"account:{ann.pk}", operator.pk, detail)]


def test_a_changed_name_is_none_of_the_logs_business(client):
    ann = make_user("ann")
    entries = AuditEntry.objects.count()

    assert client.post(f"{USERS}{ann.pk}/change/", describe(ann, username="anna")).status_code == 302

    assert User.objects.filter(username="anna").exists()
    assert AuditEntry.objects.count() == entries


def test_an_account_made(client, operator):
    fields = {"username": "new", "usable_password": "true", "password1": PASSWORD, "password2": PASSWORD}

    assert client.post(f"{USERS}add/", fields).status_code == 302

    made = User.objects.get(username="new")
    assert list_newest() == [("CREATE_ACCOUNT", f"account:{made.pk}", operator.pk, {"groups": []})]


@pytest.mark.parametrize(
    "passwords", [("another long phrase", "another long phrase"), ("another long phrase", "other")]
)
def test_a_password_set_for_somebody(client, operator, passwords):
    ann = make_user("ann")
    fields = {"usable_password": "true", "password1": passwords[0], "password2": passwords[1], "set-password": "1"}

    response = client.post(f"{USERS}{ann.pk}/password/", fields)

    entry = ("CHANGE_PASSWORD", f"account:{ann.pk}", operator.pk, {"how": "OPERATOR"})
    assert (list_newest() == [entry]) == (response.status_code == 302) == (len(set(passwords)) == 1)


def test_an_operators_own_password_has_the_same_page_as_everybodys(client):
    assert client.get("/admin/password_change/")["Location"] == "/accounts/password/"


@pytest.mark.parametrize("several", [False, True])
def test_accounts_are_not_deleted_past_the_ledger(client, several):
    kept = User.objects.create_user("kept").pk
    chosen = {"action": "delete_selected", "_selected_action": [kept], "post": "yes"}
    address, fields = (USERS, chosen) if several else (f"{USERS}{kept}/delete/", {"post": "yes"})

    client.post(address, fields)

    assert User.objects.filter(pk=kept).exists()


@pytest.mark.parametrize("page", ["add/", "{}/change/", "{}/delete/"])
def test_roles_are_only_shown(client, page):
    role = Group.objects.get(name="curator")
    address = "/admin/auth/group/" + page.format(role.pk)

    assert client.post(address, {"name": "other"}).status_code == 403
    assert client.get("/admin/auth/group/").status_code == 200


def test_the_log_is_listed_newest_first_and_by_action(client):
    make_user("ann")

    listed = client.get(LOG).context["cl"].result_list
    logins = client.get(LOG, {"action__exact": "LOG_IN"}).context["cl"].result_list

    assert [entry.number for entry in listed] == sorted((entry.number for entry in listed), reverse=True)
    assert {entry.action for entry in listed} == {"CREATE_ACCOUNT", "LOG_IN"}
    assert {entry.action for entry in logins} == {"LOG_IN"}


@pytest.mark.parametrize("page", ["add/", "1/change/", "1/delete/"])
def test_the_log_is_only_shown(client, page):
    assert client.post(LOG + page, {"subject": "other", "post": "yes"}).status_code == 403


def test_entries_cannot_be_chosen_for_deletion(client):
    chosen = {"action": "delete_selected", "_selected_action": [1], "post": "yes"}
    entries = AuditEntry.objects.count()

    client.post(LOG, chosen)

    assert AuditEntry.objects.count() == entries


@pytest.mark.parametrize("role", ["annotator", "curator"])
def test_others_do_not_see_it(role):
    assert sign_in(make_user("ann", role)).get(LOG).status_code == 403
