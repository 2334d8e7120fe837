"""The one way into the labels."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.contrib.auth.models import User
from django.db import transaction

from hierarchy.errors import Conflict, InvalidInput, NotFound
from hierarchy.models import Candidate, Label

CAMPAIGN_PREFIX = "campaign:"


@dataclass(frozen=True)
class Verdict:
    """A verdict (ACCEPTED or REJECTED), the probability that the image shows the synset, the votes it rests on."""

    candidate_id: int
    verdict: str
    probability: float
    votes: int


@transaction.atomic
def record_labels(*, verdicts: Sequence[Verdict], source: str, source_ref: str, by: User | None, at: datetime) -> int:
    """Close the current label of each candidate, open the new one, and return how many were opened.

    `source` is CONSENSUS or CURATOR; `source_ref` says what decided, and begins with "campaign:<name>" where a campaign
    did. Two verdicts open nothing, and are no error:

    - one that says what the current label says already (verdict, probability, votes, source and source_ref);
    - one of consensus where a curator has decided, unless both come of campaigns and of different ones: a curator is not
      overruled by the votes of the same campaign, but a later campaign asks the question anew.

    Which campaign is the later one is for the caller to know. Raises Conflict where the current label is younger than
    `at`, NotFound for an unknown candidate, InvalidInput when a candidate comes twice; nothing is recorded then.
    """
    if not verdicts:
        return 0
    synsets = _lock_candidates([verdict.candidate_id for verdict in verdicts])
    current = {label.candidate_id: label for label in Label.objects.current().filter(candidate__in=list(synsets))}
    opened = [
        Label(
            **vars(verdict), synset_id=synsets[verdict.candidate_id], source=source, source_ref=source_ref, by=by, at=at
        )
        for verdict in verdicts
    ]
    opened = [label for label in opened if _replaces(label, current.get(label.candidate_id))]
    closed = [current[label.candidate_id] for label in opened if label.candidate_id in current]
    for label in closed:
        if label.at > at:
            raise Conflict(f"Candidate {label.candidate_id} has a label of {label.at}, later than {at}.")
    Label.objects.filter(pk__in=[label.pk for label in closed]).update(superseded_at=at)
    Label.objects.bulk_create(opened)
    return len(opened)


def _lock_candidates(ids: Sequence[int]) -> dict[int, int]:
    """The synset of each; locked in the order of ids, so that two callers wait for each other instead of killing each other."""
    if len(set(ids)) < len(ids):
        raise InvalidInput({"verdicts": "a candidate comes twice"})
    locked = dict(
        Candidate.objects.select_for_update(no_key=True)
        .filter(pk__in=ids)
        .order_by("pk")
        .values_list("pk", "synset_id")
    )
    missing = sorted(set(ids) - locked.keys())
    if missing:
        raise NotFound(f"There is no candidate {missing[0]}.")
    return locked


def _replaces(label: Label, current: Label | None) -> bool:
    if current is None:
        return True
    if _content(label) == _content(current):
        return False
    if current.source != Label.Source.CURATOR or label.source != Label.Source.CONSENSUS:
        return True
    campaigns = {_find_campaign(current.source_ref), _find_campaign(label.source_ref)}
    return None not in campaigns and len(campaigns) == 2


def _content(label: Label) -> tuple[str, float, int, str, str]:
    return label.verdict, label.probability, label.votes, label.source, label.source_ref


def _find_campaign(source_ref: str) -> str | None:
    """The campaign named at the beginning of a source_ref, None where there is none."""
    words = source_ref.split()
    return words[0].removeprefix(CAMPAIGN_PREFIX) if words and words[0].startswith(CAMPAIGN_PREFIX) else None
