"""The excerpt of WordNet as rows, with candidates, labels and a release on it."""

from datetime import UTC, datetime, timedelta

from hierarchy.actions import releases
from hierarchy.actions.wordnet import import_nouns
from hierarchy.models import Label, ParentLink, Synset
from tests.hierarchy.rows import make_candidates
from tests.hierarchy.wordnet_files import EXCERPT

START = datetime(2026, 1, 1, tzinfo=UTC)


def import_excerpt():
    import_nouns(path=EXCERPT, at=START, progress=lambda text: None)


def find_word(word):
    return Synset.objects.get(words__0=word)


def day(number):
    return START + timedelta(days=number)


def label_candidate(candidate, verdict, *, at, probability=0.95, superseded_at=None):
    return Label.objects.create(
        candidate=candidate,
        synset_id=candidate.synset_id,
        verdict=verdict,
        probability=probability,
        votes=3,
        source="CONSENSUS",
        source_ref="campaign:demo snapshot:1",
        at=at,
        superseded_at=superseded_at,
    )


def make_labelled(word, *verdicts, at=START):
    """One candidate of the synset for each verdict, labelled so; None leaves it without a label."""
    candidates = make_candidates(len(verdicts), synset=find_word(word), name=word)
    for candidate, verdict in zip(candidates, verdicts, strict=True):
        if verdict is not None:
            label_candidate(candidate, verdict, at=at)
    return candidates


def publish_release(name, *, frozen_at):
    return releases.publish_release(name=name, by=None, at=frozen_at)


def walk_below(synset_id):
    """The slow twin of the closure: the ids at and below a synset, link by link."""
    children = ParentLink.objects.filter(parent_id=synset_id).values_list("child_id", flat=True)
    return {synset_id}.union(*(walk_below(child) for child in children))
