"""How good a campaign's labels are known to be, as its page tells curators."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from annotation.models import Campaign, Snapshot
from annotation.pages.figures import Rate, to_percent, write_measured_rate
from annotation.queries.campaigns import SynsetProgress
from annotation.queries.quality import find_quality

Values = Mapping[str, Any]


@dataclass(frozen=True)
class Score:
    """How the rule does on questions whose truth is known; `error` is of automatic decisions."""

    questions: int
    precision: Rate | None
    recall: Rate | None
    error: Rate | None
    ece: float | None
    nll: float | None


@dataclass(frozen=True)
class Figures:
    """`values` as they were measured, and the scores among them as text; those are None where no truth is known."""

    values: Values
    curator_load: float | None
    on_gold: Score | None
    on_known: Score | None


@dataclass(frozen=True)
class ShownQuality:
    snapshot: Snapshot
    whole: Figures
    synsets: list[tuple[SynsetProgress, Figures]]


def describe_quality(campaign: Campaign, parts: Sequence[SynsetProgress]) -> ShownQuality | None:
    """Of the campaign and of these of its synsets; None where nothing has been measured yet."""
    found = find_quality(campaign, wnids=[part.wnid for part in parts])
    if found is None:
        return None
    return ShownQuality(
        snapshot=found.snapshot,
        whole=_describe(found.whole),
        synsets=[(part, _describe(found.synsets[part.wnid])) for part in parts if part.wnid in found.synsets],
    )


def _describe(values: Values) -> Figures:
    load = values["curator_load"]
    return Figures(
        values=values,
        curator_load=None if load is None else to_percent(load),
        on_gold=_describe_score(values["on_gold"]),
        on_known=_describe_score(values["on_known"]),
    )


def _describe_score(score: Values | None) -> Score | None:
    if score is None:
        return None
    rates = {name: write_measured_rate(score[name]) for name in ("precision", "recall", "error")}
    return Score(questions=score["questions"], ece=score["ece"], nll=score["nll"], **rates)
