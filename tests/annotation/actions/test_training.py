import pytest
from django.utils.timezone import now

from annotation.actions import batches, campaigns, gold, training
from annotation.models import Question, Training, TrainingAttempt, TrainingItem
from annotation.queries.training import find_standing, list_usable
from annotation.rules import TrainingRequired, TrainingValues
from hierarchy.errors import Conflict, InvalidInput, NotFound
from hierarchy.models import AuditEntry, Candidate
from tests.annotation.trained import go_through, make_trainable, switch_on
from tests.builders import find_annotator, lease, make_candidates, make_open_campaign, make_synset, make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def campaign():
    return make_trainable()


@pytest.fixture
def ann(campaign):
    return make_user("ann")


def start(user, campaign):
    return training.start_attempt(annotator_id=find_annotator(user).pk, name=campaign.name, at=now())


def answer(user, campaign, place, value):
    given = {"annotator_id": find_annotator(user).pk, "name": campaign.name, "at": now()}
    return training.answer_item(place=place, answer=value, **given)


def grant(user, campaign):
    training.grant_attempt(name=campaign.name, annotator_id=find_annotator(user).pk, by=campaign.drafted_by, at=now())


def test_switching_it_on_builds_items_and_is_audited(campaign):
    switch_on(campaign)

    kinds = list(TrainingItem.objects.order_by("kind", "correct").values_list("kind", "correct"))
    assert [kind for kind, _ in kinds] == ["GLOSS", *["PRACTICE"] * 4]
    assert [correct for kind, correct in kinds if kind == "PRACTICE"] == [0, 0, 1, 1]
    entry = AuditEntry.objects.latest("number")
    assert (entry.action, entry.subject, entry.detail["built"]) == ("CHANGE_TRAINING", "campaign:dogs", 5)


def test_nobody_gets_a_page_before_they_have_passed(campaign, ann):
    switch_on(campaign)

    for name in (None, "dogs"):
        with pytest.raises(TrainingRequired, match="/train/dogs/"):
            batches.lease_batch(annotator_id=find_annotator(ann).pk, campaign_name=name)
    assert go_through(ann, campaign).passed
    assert lease(ann, campaign).campaign == campaign


def test_a_campaign_without_training_is_served_before_one_that_asks_for_it(campaign, ann):
    switch_on(campaign)
    cat = make_synset(4, words=["cat"])
    make_candidates(cat, 1)
    other = make_open_campaign([cat], gold_rate=0)

    assert lease(ann).campaign == other


def test_whoever_has_passed_stays_passed_whatever_changes(campaign, ann):
    switch_on(campaign, passing_mark=50)
    go_through(ann, campaign, wrong=1)

    switch_on(campaign, passing_mark=100)

    assert find_standing(find_annotator(ann), campaign).passed
    assert lease(ann, campaign).campaign == campaign
    with pytest.raises(Conflict, match="passed"):
        start(ann, campaign)


def test_attempts_are_counted_and_another_one_is_granted(campaign, ann):
    switch_on(campaign, attempts=2)
    for _ in range(2):
        assert not go_through(ann, campaign, wrong=5).passed

    with pytest.raises(Conflict, match="Ask a curator"):
        start(ann, campaign)
    grant(ann, campaign)
    assert go_through(ann, campaign).passed
    entry = AuditEntry.objects.latest("number")
    assert (entry.action, entry.subject) == ("GRANT_ATTEMPT", f"annotator:{find_annotator(ann).pk}")


def test_no_attempt_is_granted_to_whoever_has_one(campaign, ann):
    switch_on(campaign)

    with pytest.raises(Conflict, match="needs no further"):
        grant(ann, campaign)


def test_an_attempt_goes_on_where_it_was_left_and_a_place_is_answered_once(campaign, ann):
    switch_on(campaign)
    attempt = start(ann, campaign)
    answer(ann, campaign, 0, 0), answer(ann, campaign, 0, 1)

    assert start(ann, campaign).pk == attempt.pk
    assert TrainingAttempt.objects.get().answers == [0]
    with pytest.raises(Conflict):
        answer(ann, campaign, 3, 1)
    with pytest.raises(InvalidInput, match="choices"):
        answer(ann, campaign, 1, 7)


def test_an_attempt_takes_as_many_items_as_there_are_of_both_kinds(campaign, ann):
    switch_on(campaign, quiz_items=5, practice_items=2)

    items = TrainingItem.objects.in_bulk(start(ann, campaign).items)

    assert sorted((item.kind, item.correct) for item in items.values() if item.image_id) == [
        ("PRACTICE", 0),
        ("PRACTICE", 1),
    ]
    assert len(items) == 3


def test_pictures_that_are_asked_or_were_gold_are_never_trained_with(campaign):
    switch_on(campaign)
    first, second = TrainingItem.objects.filter(image__isnull=False).order_by("pk")[:2]
    for item in (first, second):
        Candidate.objects.create(image_id=item.image_id or 0, synset_id=1, collected_at=now())
    asked = make_open_campaign([Candidate.objects.latest("pk").synset])
    question = asked.questions.earliest("pk")

    with pytest.raises(Conflict, match="in a training"):
        gold.record_gold(truths={question.pk: "NO"}, source="CURATOR", by=None, at=now())
    assert not set(list_usable(campaign)) & {first, second}
    TrainingItem.objects.all().delete()
    gold.record_gold(truths={question.pk: "NO"}, source="CURATOR", by=None, at=now())
    campaigns.close_campaign(name=asked.name, by=make_user("boss", "curator"), at=now())
    switch_on(campaign)
    found = set(TrainingItem.objects.filter(image__isnull=False).values_list("image_id", flat=True))
    assert question.candidate.image_id not in found


def test_without_anything_to_train_with_it_cannot_be_on():
    lone = make_synset(9)
    make_candidates(lone, 1)
    campaign = make_open_campaign([lone])

    with pytest.raises(Conflict, match="nothing to train with"):
        switch_on(campaign)
    assert not Training.objects.exists()
    assert not switch_on(campaign, active=False).active


def test_without_anything_of_the_kinds_that_it_asks_it_cannot_be_on(campaign):
    switch_on(campaign)
    TrainingItem.objects.filter(kind="PRACTICE").update(dropped_at=now())

    with pytest.raises(Conflict, match="nothing to train with"):
        switch_on(campaign, quiz_items=0)


def test_nobody_waits_for_a_training_whose_pictures_are_all_asked_meanwhile(campaign, ann):
    switch_on(campaign, quiz_items=0)
    for item in TrainingItem.objects.filter(kind="PRACTICE"):
        candidate, _ = Candidate.objects.get_or_create(image=item.image, synset_id=2, defaults={"collected_at": now()})
        Question.objects.create(
            campaign=campaign,
            candidate=candidate,
            synset_id=2,
            state="OPEN",
            votes_wanted=3,
            priority=0,
            asked_at=now(),
        )

    assert lease(ann, campaign).campaign == campaign


def test_rules_out_of_range_are_named():
    with pytest.raises(InvalidInput) as refusal:
        TrainingValues(passing_mark=0, attempts=21, quiz_items=0, practice_items=0)

    assert set(refusal.value.fields) == {"passing_mark", "attempts", "practice_items"}


def test_a_campaign_that_is_not_there_or_closed_trains_nobody(campaign):
    with pytest.raises(NotFound):
        training.change_training(name="no", values=TrainingValues(), by=campaign.drafted_by, at=now())
    campaigns.close_campaign(name="dogs", by=campaign.drafted_by, at=now())
    with pytest.raises(Conflict, match="closed"):
        switch_on(campaign)
