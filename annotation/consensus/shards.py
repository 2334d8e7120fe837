"""A fit whose votes are held in shards: what goes to and fro between those who hold them and whoever sums up, as bytes.

Bytes are numpy's .npz, so every number comes back bit for bit. A fit in shards ends as `fit` on all votes does: see
`take_pass`.
"""

import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from annotation.consensus.fit import Course, Plan, advance, ask, begin, clamp_items, select_teaching
from annotation.consensus.kernel import Expectation, Kernel, add_expectations
from annotation.consensus.model import Floats, Parameters
from annotation.consensus.votes import UNKNOWN, Votes

PLAIN_FIELDS: Mapping[str, type] = {
    **dict.fromkeys(("stage", "stage_rounds", "rounds", "steps"), int),
    **dict.fromkeys(("log_likelihood", "penalised", "leap", "longest"), float),
    **dict.fromkeys(("converged", "finished"), bool),
}
# Columns of a shard with a row for each item.
OF_ITEMS = ("item_id", "truth", "drawn", "prior", "synset_id")


@dataclass(frozen=True, kw_only=True, eq=False)
class Shard:
    """Votes on some of all items, by workers who are numbered over all shards.

    `item_id[items]` ascends from 0 or above and names the items outside; `truth[items]` is the class or `UNKNOWN`. `drawn[items]` is true of
    gold, whose truth was known before it was asked; other truths are of items that were hard to settle, so they say
    nothing of how good decisions are. `prior[items]` is the probability of yes that an importer gave, NaN where none did;
    `synset_id[items]` names the synset.
    """

    votes: Votes
    item_id: NDArray[np.int64]
    truth: NDArray[np.int8]
    drawn: NDArray[np.bool_]
    prior: Floats
    synset_id: NDArray[np.int64]

    @property
    def gold(self) -> NDArray[np.int8]:
        """[items]: the truth of those that are gold, else `UNKNOWN`."""
        return np.where(self.drawn, self.truth, np.int8(UNKNOWN))

    def select(self, chosen: NDArray[np.bool_]) -> Self:
        """The shard with only those items, where `chosen[items]` is true."""
        columns = {name: getattr(self, name)[chosen] for name in OF_ITEMS}
        return type(self)(votes=self.votes.select_items(chosen), **columns)

    def to_bytes(self) -> bytes:
        """Numbers as narrow as they are: what is kept of a vote is some three bytes."""
        votes, said = self.votes, np.flatnonzero(~np.isnan(self.prior))
        return pack_arrays(
            sizes=np.array([votes.items, votes.workers, votes.answers]),
            of_item=_narrow(np.diff(votes.starts)),
            worker=_narrow(votes.worker),
            answer=votes.answer,
            id_steps=_narrow(np.diff(self.item_id, prepend=0)),
            truth=self.truth,
            drawn=self.drawn,
            said=_narrow(said),
            prior=self.prior[said],
            synset_id=_narrow(self.synset_id),
        )

    @classmethod
    def from_bytes(cls, content: bytes) -> Self:
        """What `to_bytes` wrote."""
        arrays = unpack_arrays(content)
        items, workers, answers = arrays["sizes"].tolist()
        votes = Votes(
            item=np.repeat(np.arange(items, dtype=np.int32), arrays["of_item"]),
            worker=arrays["worker"].astype(np.int32),
            answer=arrays["answer"],
            items=items,
            workers=workers,
            answers=answers,
        )
        prior = np.full(items, np.nan)
        prior[arrays["said"]] = arrays["prior"]
        return cls(
            votes=votes,
            item_id=np.cumsum(arrays["id_steps"], dtype=np.int64),
            truth=arrays["truth"],
            drawn=arrays["drawn"],
            prior=prior,
            synset_id=arrays["synset_id"].astype(np.int64),
        )


def join_shards(shards: Sequence[Shard]) -> Shard:
    """At least one shard, as one: items in the order of their ids, however they were split."""
    item_id = np.concatenate([shard.item_id for shard in shards])
    order = np.argsort(item_id, kind="stable")
    place = np.empty(len(order), dtype=np.int64)
    place[order] = np.arange(len(order))
    firsts = np.cumsum([0, *(len(shard.item_id) for shard in shards)])
    item = [place[shard.votes.item + first] for shard, first in zip(shards, firsts, strict=False)]
    votes = Votes.from_arrays(
        item=np.concatenate(item),
        worker=np.concatenate([shard.votes.worker for shard in shards]),
        answer=np.concatenate([shard.votes.answer for shard in shards]),
        items=len(item_id),
        workers=shards[0].votes.workers,
        answers=shards[0].votes.answers,
    )
    columns = {name: np.concatenate([getattr(shard, name) for shard in shards])[order] for name in OF_ITEMS}
    return Shard(votes=votes, **columns)


class Holder:
    """A shard that is ready to be asked in one fit. It remembers its items' shares from one pass to the next."""

    def __init__(self, shard: Shard, *, start: Parameters, clamped: bool) -> None:
        """`start` is where the fit began; `clamped` says whether it knows the truth."""
        truth = shard.truth if clamped else None
        teaching, items = select_teaching(votes=shard.votes, truth=truth)
        self.kernel = Kernel(teaching, states=start.states)
        self.clamp = clamp_items(truth=truth[items], parameters=start) if truth is not None else None

    def ask(self, course: Course) -> Expectation:
        """One pass with the course. Its `change` is true where the course before was the one asked before."""
        return ask(self.kernel, course, self.clamp)


def take_pass(course: Course, parts: Sequence[Expectation], *, before: Course | None) -> Course:
    """The course after a pass in which every shard was asked with it; `before` is the course of the pass before it, None in the
    first pass of the fit.

    So a fit begins with a Course of its start, of zero or earlier counts and of stage 0. `parts` stand in the shards' order.
    All but the log-likelihoods, whose last digits are rounded by shards, is what `fit` finds on all votes in one place, bit
    for bit.
    """
    whole = add_expectations(parts)
    if before is not None:
        return advance(course, whole, before=before)
    if not whole.states.any():
        return replace(course, converged=True, finished=True)
    return begin(parameters=course.parameters, expectation=whole, workers=len(course.counts), plan=course.plan)


def pack_course(course: Course) -> bytes:
    plain = {
        "parameters": course.parameters.to_json(),
        "plan": asdict(course.plan),
        **{name: kind(getattr(course, name)) for name, kind in PLAIN_FIELDS.items()},
    }
    return pack_arrays(plain=np.array(json.dumps(plain)), counts=course.counts)


def unpack_course(content: bytes) -> Course:
    """What `pack_course` wrote."""
    arrays = unpack_arrays(content)
    plain: dict[str, Any] = json.loads(str(arrays["plain"]))
    return Course(
        parameters=Parameters.from_json(plain["parameters"]),
        plan=Plan(**plain["plan"]),
        counts=arrays["counts"],
        **{name: plain[name] for name in PLAIN_FIELDS},
    )


def pack_expectation(expectation: Expectation) -> bytes:
    return pack_arrays(
        counts=expectation.counts,
        states=expectation.states,
        numbers=np.array([expectation.log_likelihood, expectation.change]),
    )


def unpack_expectation(content: bytes) -> Expectation:
    """What `pack_expectation` wrote."""
    arrays = unpack_arrays(content)
    log_likelihood, change = arrays["numbers"].tolist()
    return Expectation(counts=arrays["counts"], states=arrays["states"], log_likelihood=log_likelihood, change=change)


def count_gold_answers(gold: Shard) -> NDArray[np.int64]:
    """[workers, 2, answers]: how often each worker gave each answer to gold whose truth is no and to gold whose truth is
    yes."""
    votes, truth = gold.votes, gold.gold
    known = truth[votes.item] != UNKNOWN
    counts = np.zeros((votes.workers, 2, votes.answers), dtype=np.int64)
    np.add.at(counts, (votes.worker[known], truth[votes.item[known]], votes.answer[known]), 1)
    return counts


def make_course(*, parameters: Parameters, counts: Floats, plan: Plan) -> Course:
    """A fit before its first pass."""
    return Course(parameters=parameters, counts=counts, plan=plan, stage=0)


def _narrow(numbers: NDArray[np.integer]) -> NDArray[np.integer]:
    """The same, which are at least 0, in no more bytes than the largest of them takes."""
    return numbers.astype(np.min_scalar_type(int(numbers.max(initial=0))))


def pack_arrays(**arrays: NDArray[Any]) -> bytes:
    """As .npz; `unpack_arrays` gives them back bit for bit."""
    file = io.BytesIO()
    np.savez(file, allow_pickle=False, **arrays)
    return file.getvalue()


def unpack_arrays(content: bytes) -> dict[str, NDArray[Any]]:
    with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
        return dict(arrays)
