import pytest
from django.utils.timezone import now

from annotation.actions import training_items
from annotation.actions.notes import write_notes
from annotation.models import TrainingItem
from hierarchy.errors import Conflict, InvalidInput, NotFound
from hierarchy.models import Synset
from tests.annotation.trained import make_trainable, settle, switch_on

pytestmark = pytest.mark.django_db


@pytest.fixture
def campaign():
    campaign = make_trainable()
    switch_on(campaign)
    return campaign


def edit(campaign, item, explanation="", *, dropped=False):
    given = {"explanation": explanation, "dropped": dropped, "by": campaign.drafted_by, "at": now()}
    training_items.edit_item(name=campaign.name, item_id=item.pk, **given)


def add(campaign, sha256, wnid="n00000002", truth="NO"):
    return training_items.add_picture(
        name=campaign.name, sha256=sha256, wnid=wnid, truth=truth, by=campaign.drafted_by, at=now()
    )


def test_a_quiz_asks_for_the_right_definition_among_those_of_siblings(campaign):
    quiz = TrainingItem.objects.get(kind="GLOSS")

    assert quiz.choices[quiz.correct] == "gloss of n00000002"
    assert set(quiz.choices) == {"gloss of n00000002", "gloss of n00000003"}


def test_notes_make_a_quiz_of_what_is_included(campaign):
    write_notes(
        wnid="n00000002", includes="puppies", excludes="wolves\ntoys", version=0, by=campaign.drafted_by, at=now()
    )

    switch_on(campaign)

    quiz = TrainingItem.objects.get(kind="NOTES")
    assert quiz.choices[quiz.correct] == "puppies"
    assert sorted(quiz.choices) == ["puppies", "toys", "wolves"]


def test_what_was_dropped_stays_so_and_new_pictures_are_added(campaign):
    dropped = TrainingItem.objects.filter(correct=1).latest("pk")
    edit(campaign, dropped, "Look at the ears.", dropped=True)
    settle(dropped.synset, "REJECTED")

    switch_on(campaign)

    dropped.refresh_from_db()
    assert (dropped.explanation, dropped.dropped_at is None) == ("Look at the ears.", False)
    assert TrainingItem.objects.count() == 6


def test_the_last_item_stays_while_the_training_is_on(campaign):
    *others, last = TrainingItem.objects.all()
    for item in others:
        edit(campaign, item, dropped=True)

    with pytest.raises(Conflict, match="last one"):
        edit(campaign, last, dropped=True)


def test_explanations_have_bounds_and_items_belong_to_their_campaign(campaign):
    item = TrainingItem.objects.earliest("pk")

    with pytest.raises(InvalidInput, match="explanation"):
        edit(campaign, item, "x" * 1001)
    with pytest.raises(NotFound):
        training_items.edit_item(
            name="no", item_id=item.pk, explanation="", dropped=True, by=campaign.drafted_by, at=now()
        )


def test_a_curator_adds_a_picture_by_its_digest(campaign):
    wolf = settle(Synset.objects.get(pk=3)).image

    item = add(campaign, wolf.sha256_hex)

    assert (item.image, item.correct, item.synset_id) == (wolf, 0, 2)


def test_what_is_no_picture_synset_or_truth_is_named_and_what_is_asked_refused(campaign):
    with pytest.raises(InvalidInput) as refusal:
        add(campaign, "junk", "n00000003", "PERHAPS")
    assert set(refusal.value.fields) == {"sha256", "wnid", "truth"}
    with pytest.raises(Conflict, match="give something away"):
        add(campaign, campaign.questions.earliest("pk").candidate.image.sha256_hex)
