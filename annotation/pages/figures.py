"""Figures of the engine, as pages write them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.formats import get_format, number_format
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from annotation.consensus.model import Answer, Floats, Parameters
from annotation.models import Skill

# What a state is called by the probability of yes in it: the first that is not below.
STATE_WORDS = (
    (0.05, _("Clearly no")),
    (0.35, _("Rather no")),
    (0.65, _("Could be either")),
    (0.95, _("Rather yes")),
    (1.0, _("Clearly yes")),
)


@dataclass(frozen=True)
class Rate:
    """A share with its interval: as text, and in whole percent for a bar, inside which what is drawn has room."""

    text: str
    middle: int
    low: int
    width: int


def write_share(share: float) -> str:
    """Two digits; without the zero before the point, which a comma would keep."""
    text = number_format(f"{share:.2f}", decimal_pos=2)
    return text.removeprefix("0") if get_format("DECIMAL_SEPARATOR") == "." else text


def to_percent(share: float) -> float:
    """Without the noise of the multiplication, which would show as digits."""
    return round(100 * share, 6)


def write_rate(*, value: float, low: float, high: float) -> Rate:
    start, end = round(100 * low), round(100 * high)
    # Narrower than one percent could not be seen.
    return Rate(
        text=f"{write_share(value)} ({write_share(low)}\N{EN DASH}{write_share(high)})",
        middle=min(round(100 * value), 98),
        low=min(start, 99),
        width=max(end - start, 1),
    )


def write_measured_rate(rate: Mapping[str, Any]) -> Rate | None:
    """Of an entry of `Measurement.values` with value, low and high; None where it is a share of nothing."""
    if rate["value"] is None:
        return None
    return write_rate(value=rate["value"], low=rate["low"], high=rate["high"])


@dataclass(frozen=True)
class SkillRates:
    sensitivity: Rate
    specificity: Rate
    unsure: Rate


def write_skill(skill: Skill | None) -> SkillRates | None:
    if skill is None:
        return None
    return SkillRates(*(_write_skill_rate(skill, name) for name in ("sensitivity", "specificity", "unsure_rate")))


def _write_skill_rate(skill: Skill, name: str) -> Rate:
    low, high = getattr(skill, f"{name}_low"), getattr(skill, f"{name}_high")
    return write_rate(value=getattr(skill, name), low=low, high=high)


@dataclass(frozen=True)
class Answers:
    """How often each answer is given, as text."""

    yes: str
    unsure: str
    no: str


@dataclass(frozen=True)
class State:
    """One state of the model, in words: of `share` percent of the questions, of which `truly_yes` percent are a yes."""

    number: int
    words: Promise
    share: float
    truly_yes: float
    crowd: Answers


def describe_states(parameters: Parameters) -> list[State]:
    """From clearly no to clearly yes, as the model numbers them."""
    return [
        State(
            number=index + 1,
            words=_find_words(parameters.meanings[index, 1]),
            share=to_percent(parameters.shares[index]),
            truly_yes=to_percent(parameters.meanings[index, 1]),
            crowd=write_answers(parameters.responses[index]),
        )
        for index in range(parameters.states)
    ]


def write_answers(row: Floats) -> Answers:
    """A row of a table of answers."""
    return Answers(*(write_share(float(row[answer])) for answer in (Answer.YES, Answer.UNSURE, Answer.NO)))


def _find_words(yes: float) -> Promise:
    return next((words for highest, words in STATE_WORDS if yes <= highest), STATE_WORDS[-1][1])
