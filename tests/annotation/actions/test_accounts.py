"""Accounts, roles, tokens, bars."""

import hashlib

import pytest
from django.contrib.auth.models import User
from django.utils.timezone import now

from annotation.actions import accounts
from annotation.models import Annotator, ApiToken, Estimate, Question
from hierarchy.errors import Conflict, InvalidInput, NotFound, NotPermitted
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


def bar(annotator_id, by, reason="all yes"):
    return accounts.bar_annotator(annotator_id=annotator_id, reason=reason, by=by, at=now())


def test_a_bar_is_set_once_with_its_reason():
    annotator = builders.find_annotator(create_user())
    curator = builders.make_user("carol", "curator")
    first = bar(annotator.pk, curator, " all yes ")
    again = bar(annotator.pk, curator, "all no")

    assert (again.barred_reason, again.barred_at, again.barred_by) == ("all yes", first.barred_at, curator)


def test_a_bar_gives_open_pages_back_so_that_others_are_asked():
    spammer, other, curator = *builders.make_crowd(2), builders.make_user("carol", "curator")
    synset = builders.make_synset(1740)
    builders.make_candidates(synset, 3)
    campaign = builders.make_open_campaign([synset], gold_rate=0)
    page = builders.lease(spammer, campaign)

    bar(builders.find_annotator(spammer).pk, curator)

    page.refresh_from_db()
    assert (page.outcome, page.closed_at is None) == ("RETURNED", False)
    assert builders.lease(other, campaign) is not None


def test_a_bar_needs_a_reason_an_annotator_and_another_person():
    curator = builders.make_user("carol", "curator")
    own = builders.find_annotator(curator)

    with pytest.raises(InvalidInput, match="reason"):
        bar(own.pk, curator, "  ")
    with pytest.raises(NotFound):
        bar(own.pk + 1, curator)
    with pytest.raises(NotPermitted):
        bar(own.pk, curator)


def make_barred(answers=("YES", "YES", "YES"), **policy):
    """A campaign of one question, its voters in order, the first of them barred after all was estimated."""
    question = builders.make_question(gold_rate=0, **policy)
    users = builders.make_votes(question.campaign, answers)
    bar(builders.find_annotator(users[0]).pk, builders.make_user("carol", "curator"))
    return Question.objects.get(pk=question.pk)


def test_a_bar_makes_due_what_rested_on_the_annotators_votes():
    other = builders.make_question(number=1930, gold_rate=0)
    builders.make_votes(other.campaign, ["NO"])
    question = make_barred()

    assert list(Question.objects.due()) == [question]


def test_votes_of_a_barred_annotator_count_nothing_and_the_question_is_asked_again():
    question = make_barred(("YES", "NO"))
    builders.estimate_all()
    estimate = Estimate.objects.get()
    question.refresh_from_db()

    assert estimate.votes == 1
    assert estimate.probability < 0.1
    assert question.votes.count() == 2
    for name in ("dan", "eve"):
        builders.vote(builders.make_user(name), "NO", campaign=question.campaign)
    builders.estimate_all()
    question.refresh_from_db()
    assert question.state == "REJECTED"


def test_a_place_that_a_barred_annotator_took_is_free_again():
    question = make_barred(("YES", "UNSURE"), vote_cap=3)
    Question.objects.update(votes_wanted=2)

    assert builders.lease(builders.make_user("dan"), question.campaign).items.get().question == question


def test_a_label_that_rested_on_a_barred_annotator_goes_to_a_curator_when_the_others_speak_against_it():
    question = builders.make_question(gold_rate=0)
    users = builders.make_crowd(4)
    pages = [builders.lease(user, question.campaign) for user in users[:3]]
    for page in pages:
        builders.submit(page, "YES")
    builders.estimate_all()
    for user in users[:3]:
        bar(builders.find_annotator(user).pk, builders.make_user(f"by-{user.username}", "curator"))
    builders.estimate_all()
    question.refresh_from_db()

    assert question.state == "ACCEPTED"
    assert [dispute.reason for dispute in question.disputes.all()] == ["FLIP"]


def test_a_bar_takes_back_what_questions_count_and_hold():
    spammer, curator = builders.make_crowd(1)[0], builders.make_user("carol", "curator")
    synset = builders.make_synset(1740)
    builders.make_candidates(synset, 6)
    campaign = builders.make_open_campaign([synset], page_size=3, gold_rate=0)
    builders.vote(spammer, campaign=campaign)
    builders.lease(spammer, campaign)
    bar(builders.find_annotator(spammer).pk, curator)

    assert set(Question.objects.values_list("votes_in_time", flat=True)) == {0}
    assert not Question.objects.exclude(held_until=[]).exists()


def test_a_bar_makes_no_gold_due():
    question = builders.make_question(gold_rate=0)
    page = builders.lease(builders.make_user("dan"), question.campaign)
    builders.make_gold(question)
    builders.submit(page, "YES")
    bar(page.annotator_id, builders.make_user("carol", "curator"))

    assert not Question.objects.due().exists()


def test_answers_on_gold_may_bar_without_a_person():
    annotator = builders.find_annotator(create_user())

    assert bar(annotator.pk, None).barred_by is None
