"""A campaign with something to train with: dogs, settled pictures of dogs and wolves, and a curator."""

from django.utils.timezone import now

from annotation.actions import training
from annotation.models import Campaign, TrainingAttempt
from annotation.queries.training import list_items
from annotation.rules import TrainingValues
from hierarchy.actions.labels import Verdict, record_labels
from hierarchy.models import Candidate, Synset
from tests.builders import find_annotator, make_candidates, make_open_campaign, make_synset


def settle(synset: Synset, verdict: str = "ACCEPTED") -> Candidate:
    """A candidate that nobody is asked about, labelled."""
    (candidate,) = make_candidates(synset, 1)
    verdicts = [Verdict(candidate.pk, verdict, 0.99, 3)]
    record_labels(verdicts=verdicts, source="CONSENSUS", source_ref="campaign:old snapshot:1", by=None, at=now())
    return candidate


def make_trainable() -> Campaign:
    """An open campaign about dogs: two pictures of dogs and two of wolves are settled."""
    animal = make_synset(1, words=["animal"])
    wolf = make_synset(3, words=["wolf"], parents=[animal])
    dog = make_synset(2, words=["dog"], parents=[animal])
    make_candidates(dog, 4)
    campaign = make_open_campaign([dog], name="dogs", gold_rate=0, page_size=2)
    for synset in (dog, dog, wolf, wolf):
        settle(synset)
    return campaign


def switch_on(campaign: Campaign, **values):
    by = campaign.drafted_by
    assert by is not None
    return training.change_training(name=campaign.name, values=TrainingValues(**values), by=by, at=now())


def go_through(user, campaign: Campaign, *, wrong: int = 0) -> TrainingAttempt:
    """A whole attempt, of which the first `wrong` answers are."""
    annotator = find_annotator(user).pk
    attempt = training.start_attempt(annotator_id=annotator, name=campaign.name, at=now())
    for place, item in enumerate(list_items(attempt.items)):
        answer = item.correct if place >= wrong else int(item.correct == 0)
        attempt = training.answer_item(annotator_id=annotator, name=campaign.name, place=place, answer=answer, at=now())
    return attempt
