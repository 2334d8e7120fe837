"""What is measured when a snapshot is published: for each campaign, and for each of its synsets."""

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, astuple, dataclass
from typing import Any

import numpy as np
from django.db import transaction
from numpy.typing import NDArray

from annotation.actions.copying import copy_models
from annotation.consensus.decide import Rule
from annotation.consensus.metrics import divide
from annotation.consensus.model import Floats
from annotation.consensus.scorecard import describe_agreement, score_decisions
from annotation.consensus.sequence import FirstDecisions, decide_in_order
from annotation.consensus.shards import Shard
from annotation.models import Measurement, Question, Snapshot
from annotation.queries.campaigns import find_policies
from annotation.queries.measurements import QuestionCounts, count_questions
from annotation.queries.snapshots import find_rule, read_parameters

# Of a campaign; of more, so many are drawn.
QUESTIONS_REPLAYED = 5000

# (campaign, synset)
Place = tuple[int, int]


@dataclass(frozen=True, eq=False)
class _Replayed:
    """Questions of one campaign whose truth is known, and what its rule decides on them, index by index."""

    known: Shard
    first: FirstDecisions
    synset: NDArray[np.int64]


@transaction.atomic
def record_measurements(
    *, snapshot: Snapshot, known: Shard, added: Floats, log_prior: Floats, agreement: Sequence[Sequence[float]]
) -> int:
    """Stores how every campaign and synset that is asked about is doing, under the snapshot; returns how many rows.

    `known` are the votes on questions whose truth is known, which are decided as any others are, in recorded order, each vote
    adding its row of `added[V, S]` to the evidence: what it would, had that question taught nothing (leave_out). `log_prior`
    [questions, S] is what is known of them before any vote; `agreement` are rows of `sum_agreement`.
    """
    counts = count_questions()
    rules = {
        pk: find_rule(policy, snapshot) for pk, policy in find_policies(list({place[0] for place in counts})).items()
    }
    agreed: dict[Place, Sequence[float]] = {(int(row[0]), int(row[1])): row[2:] for row in agreement}
    replayed = _replay(snapshot, known, added, log_prior, rules)
    rows = []
    for campaign_id, rule in sorted(rules.items()):
        places = [place for place in counts if place[0] == campaign_id]
        for chosen in (places, *([place] for place in places)):
            values = _measure(chosen, counts, agreed) | {"target_error": rule.target_error}
            values |= _score(replayed.get(campaign_id), None if chosen is places else chosen[0][1])
            synset_id = None if chosen is places else chosen[0][1]
            rows.append((snapshot.pk, campaign_id, synset_id, json.dumps(values)))
    names = ("snapshot_id", "campaign_id", "synset_id", "values")
    return copy_models(model=Measurement, rows=(dict(zip(names, row, strict=True)) for row in rows))


def _measure(
    places: Sequence[Place], counts: Mapping[Place, QuestionCounts], agreed: Mapping[Place, Sequence[float]]
) -> dict[str, Any]:
    columns = zip(*(astuple(counts[place]) for place in places), strict=True)
    whole = QuestionCounts(*map(sum, columns))
    rows = [agreed[place] for place in places if place in agreed]
    shown = asdict(whole)
    finished_votes, sent = shown.pop("finished_votes"), shown.pop("sent")
    finished = whole.accepted + whole.rejected
    return {
        **shown,
        "votes": int(sum(row[0] for row in rows)),
        "votes_per_question": divide(finished_votes, finished),
        "votes_per_accepted": divide(finished_votes, whole.accepted),
        "curator_load": divide(sent, finished + whole.disputed),
        **describe_agreement([row[1:] for row in rows]),
    }


def _replay(
    snapshot: Snapshot, known: Shard, added: Floats, log_prior: Floats, rules: Mapping[int, Rule]
) -> dict[int, _Replayed]:
    parameters = read_parameters(snapshot)
    found = Question.objects.filter(pk__in=known.item_id.tolist()).order_by("pk")
    places = list(found.values_list("campaign_id", "synset_id"))
    by_campaign = defaultdict(list)
    for index, (campaign_id, _) in enumerate(places):
        by_campaign[campaign_id].append(index)
    replayed = {}
    for campaign_id, indices in by_campaign.items():
        drawn = _draw(indices)
        here = np.isin(np.arange(len(places)), drawn)
        chosen = known.select(here)
        first = decide_in_order(
            votes=chosen.votes,
            added=added[here[known.votes.item]],
            parameters=parameters,
            rule=rules[campaign_id],
            log_prior=log_prior[here],
        )
        replayed[campaign_id] = _Replayed(chosen, first, np.array([places[index][1] for index in drawn]))
    return replayed


def _draw(indices: list[int]) -> list[int]:
    if len(indices) <= QUESTIONS_REPLAYED:
        return indices
    drawn = np.random.default_rng(0).choice(indices, size=QUESTIONS_REPLAYED, replace=False)
    return [int(index) for index in np.sort(drawn)]


def _score(replayed: _Replayed | None, synset_id: int | None) -> dict[str, Any]:
    """`on_known` and `on_gold` of a campaign, or of one of its synsets; None where nothing is known."""
    if replayed is None:
        return {"on_gold": None, "on_known": None}
    here = (replayed.synset == synset_id) | (synset_id is None)
    return {
        "on_gold": _score_chosen(replayed, here & replayed.known.drawn),
        "on_known": _score_chosen(replayed, here),
    }


def _score_chosen(replayed: _Replayed, chosen: NDArray[np.bool_]) -> dict[str, Any] | None:
    if not chosen.any():
        return None
    first = replayed.first
    some = FirstDecisions(
        decision=first.decision[chosen], probability=first.probability[chosen], votes=first.votes[chosen]
    )
    return score_decisions(first=some, truth=replayed.known.truth[chosen])
