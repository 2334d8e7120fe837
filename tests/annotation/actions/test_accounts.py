"""Accounts, roles, tokens."""

import hashlib

import pytest
from django.contrib.auth.models import User
from django.utils.timezone import now

from annotation.actions import accounts
from annotation.models import Annotator, ApiToken
from hierarchy.errors import Conflict, InvalidInput, NotFound
from tests import builders

pytestmark = pytest.mark.django_db


def create_user(**given):
    values = {"username": "ann", "password": builders.PASSWORD, "role": "annotator", **given}
    return accounts.create_user(**values, by=None, at=now())


def create_token(user, scope="annotate"):
    return accounts.create_token(user=user, scope=scope, by=user, at=now())


def test_an_account_has_its_role_and_its_annotator():
    user = create_user(role="curator")

    assert list(user.groups.values_list("name", flat=True)) == ["curator"]
    assert user.check_password(builders.PASSWORD)
    assert Annotator.objects.get().user == user


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"username": ""}, "username"),
        ({"username": "n" * 151}, "username"),
        ({"username": "two words"}, "username"),
        ({"password": "short"}, "password"),
        ({"password": "123456789012"}, "password"),
        ({"password": "half a pair \ud800"}, "password"),
        ({"email": "notmail"}, "email"),
        ({"role": "operator"}, "role"),
    ],
)
def test_a_bad_account_names_its_field(given, field):
    with pytest.raises(InvalidInput) as refusal:
        create_user(**given)
    assert list(refusal.value.fields) == [field]
    assert not User.objects.exists()


def test_two_accounts_do_not_share_an_email():
    create_user(email="ann@example.org")

    with pytest.raises(InvalidInput) as refusal:
        create_user(username="bob", email="Ann@Example.org")

    assert list(refusal.value.fields) == ["email"]
    assert create_user(username="carl").email == create_user(username="dora").email == ""


@pytest.mark.parametrize("name", ["ann", "ANN", "\uff41nn"])
def test_a_name_is_taken_however_it_is_written(name):
    create_user()

    with pytest.raises(InvalidInput, match="is taken"):
        create_user(username=name)


def test_a_role_is_replaced_and_wider_tokens_end():
    user = create_user(role="curator")
    wide, narrow = create_token(user, "curate")[0], create_token(user, "read")[0]
    accounts.set_role(username="ann", role="annotator", by=None, at=now())

    assert list(user.groups.values_list("name", flat=True)) == ["annotator"]
    assert list(ApiToken.objects.filter(revoked_at=None)) == [narrow]
    assert ApiToken.objects.get(pk=wide.pk).revoked_at is not None


def test_a_role_needs_an_account_and_a_known_name():
    with pytest.raises(NotFound):
        accounts.set_role(username="absent", role="annotator", by=None, at=now())
    with pytest.raises(InvalidInput, match="role"):
        accounts.set_role(username="absent", role="king", by=None, at=now())


def test_of_a_token_only_the_digest_is_kept():
    token, key = create_token(create_user())

    assert bytes(ApiToken.objects.get().sha256) == hashlib.sha256(key.encode()).digest()
    assert (token.prefix, len(key) >= 43) == (key[:8], True)


@pytest.mark.parametrize(
    ("role", "scope", "allowed"),
    [
        ("annotator", "read", True),
        ("annotator", "curate", False),
        ("curator", "curate", True),
        ("curator", "everything", False),
    ],
)
def test_a_token_reaches_no_further_than_the_role(role, scope, allowed):
    user = create_user(role=role)

    if allowed:
        assert create_token(user, scope)[0].scope == scope
    else:
        with pytest.raises(InvalidInput, match="scope"):
            create_token(user, scope)


def test_its_owner_or_an_operator_revokes_a_token_and_nobody_else_learns_of_it():
    owner, other, operator = create_user(), builders.make_user("bob", "curator"), builders.make_user("oda", "operator")
    first, second = create_token(owner)[0], create_token(owner)[0]

    with pytest.raises(NotFound, match="no such token"):
        accounts.revoke_token(token_id=first.pk, by=other, at=now())
    for token, by in ((first, owner), (second, operator)):
        assert accounts.revoke_token(token_id=token.pk, by=by, at=now()).revoked_at


def test_revoking_twice_keeps_the_first_moment():
    owner = create_user()
    token = create_token(owner)[0]
    first = accounts.revoke_token(token_id=token.pk, by=owner, at=now()).revoked_at

    assert accounts.revoke_token(token_id=token.pk, by=owner, at=now()).revoked_at == first


def test_a_prefix_revokes_the_one_live_token_that_begins_so():
    owner = create_user()
    token, key = create_token(owner)

    assert accounts.revoke_token_by_prefix(prefix=key, at=now()) == token
    with pytest.raises(NotFound):
        accounts.revoke_token_by_prefix(prefix=key, at=now())
    ApiToken.objects.update(revoked_at=None)
    ApiToken.objects.filter(pk=create_token(owner)[0].pk).update(prefix=token.prefix)
    with pytest.raises(Conflict, match="2 live tokens"):
        accounts.revoke_token_by_prefix(prefix=key, at=now())
