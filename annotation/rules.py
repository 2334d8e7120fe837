"""What may be done, and in which state: each rule once."""

from dataclasses import asdict, dataclass

from django.utils.formats import localize
from django.utils.translation import gettext as _
from django.utils.translation import pgettext_lazy

from annotation.models import Annotator, Campaign, Conduct
from annotation.queries.bars import find_open_bar
from hierarchy.errors import Conflict, InvalidInput, NotPermitted
from hierarchy.models import Synset

State = Campaign.State
# From each state, what may be done and the state that follows.
TRANSITIONS: dict[str, dict[str, str]] = {
    State.DRAFT: {"open": State.OPEN, "close": State.CLOSED},
    State.OPEN: {"pause": State.PAUSED, "close": State.CLOSED},
    State.PAUSED: {"resume": State.OPEN, "close": State.CLOSED},
    State.CLOSED: {},
}
STEP_WORDS = {
    "open": pgettext_lazy("what a campaign cannot", "open"),
    "pause": pgettext_lazy("what a campaign cannot", "pause"),
    "resume": pgettext_lazy("what a campaign cannot", "resume"),
    "close": pgettext_lazy("what a campaign cannot", "close"),
}
UNSAFE = (Synset.Safety.SENSITIVE, Synset.Safety.OFFENSIVE)
LIVE_LEASES = 3
# Pages without votes in an hour: given back, taken back, or expired. Whoever only looks, to find out what comes again, is stopped there.
UNANSWERED_PAGES = 40
# Times the policy's share of gold: newcomers and those whose answers look careless are checked more often, those who proved themselves less.
TIMES_CHECKED = {Conduct.Checked.MORE: 2.0, Conduct.Checked.USUAL: 1.0, Conduct.Checked.LESS: 0.5}
MOST_GOLD = 0.35
MILLISECONDS_CAP = 60_000
# How long after it was given an answer may be contested.
CONTEST_DAYS = 30
TOKEN_SCOPES_OF_ROLE = {"annotator": ("read", "annotate"), "curator": ("read", "annotate", "curate")}


class Barred(NotPermitted):
    """This annotator was stopped; the sentence gives the reason."""


@dataclass(frozen=True, kw_only=True)
class PolicyValues:
    """The rules of a campaign; units as in the model Policy. Raises InvalidInput naming every bad field."""

    target_error: float = 0.05
    vote_cap: int = 10
    page_size: int = 24
    gold_rate: float = 0.125
    gold_exposures: int = 200
    lease_seconds: int = 1800
    undo_seconds: int = 60

    def __post_init__(self) -> None:
        ranges = {
            "target_error": (0.001, 0.4),
            "vote_cap": (2, 100),
            "page_size": (1, 100),
            "gold_rate": (0, 0.5),
            "gold_exposures": (1, 1_000_000),
            "lease_seconds": (1, 86_400),
            "undo_seconds": (0, 3600),
        }
        problems = {
            name: _("must be between %(low)s and %(high)s, not %(value)s")
            % {"low": localize(low), "high": localize(high), "value": localize(value)}
            for name, value in asdict(self).items()
            for low, high in [ranges[name]]
            if not low <= value <= high
        }
        if problems:
            raise InvalidInput(problems)


def find_gold_rate(rate: float, checked: str) -> float:
    """The share of gold among the questions of somebody who is checked so often, where the policy's is `rate`."""
    return min(TIMES_CHECKED[Conduct.Checked(checked)] * rate, max(MOST_GOLD, rate))


@dataclass(frozen=True, kw_only=True)
class TrainingValues:
    """The rules of a campaign's training; units as in the model Training. Raises InvalidInput naming every bad field."""

    active: bool = True
    passing_mark: int = 80
    attempts: int = 3
    quiz_items: int = 3
    practice_items: int = 7

    def __post_init__(self) -> None:
        ranges = {"passing_mark": (1, 100), "attempts": (1, 20), "quiz_items": (0, 20), "practice_items": (0, 40)}
        problems = {
            name: _("must be between %(low)s and %(high)s, not %(value)s")
            % {"low": low, "high": high, "value": getattr(self, name)}
            for name, (low, high) in ranges.items()
            if not low <= getattr(self, name) <= high
        }
        if not self.quiz_items and not self.practice_items:
            problems["practice_items"] = _("must be at least 1 where there is no quiz")
        if problems:
            raise InvalidInput(problems)


class TrainingRequired(NotPermitted):
    """The annotator has to pass the training of a campaign first."""

    def __init__(self, campaign: str) -> None:
        super().__init__(
            _("Campaign %(name)s asks for a short training first. It begins at %(address)s in a browser.")
            % {"name": campaign, "address": f"/train/{campaign}/"}
        )
        self.campaign = campaign


def next_state(campaign: Campaign, step: str) -> str:
    """The state after `step`; Conflict where the campaign's state does not allow it."""
    following = TRANSITIONS[campaign.state].get(step)
    if following is None:
        raise Conflict(
            _("Campaign %(name)s is %(state)s: it cannot %(step)s.")
            % {"name": campaign.name, "state": campaign.get_state_display(), "step": STEP_WORDS.get(step, step)}
        )
    return following


def steps_of(campaign: Campaign) -> list[str]:
    """The steps that the campaign's state allows."""
    return list(TRANSITIONS[campaign.state])


def check_not_barred(annotator: Annotator) -> None:
    """Barred for a barred annotator; NotPermitted for one whose account was deleted while the request was on its way."""
    if annotator.user_id is None:
        raise NotPermitted(_("This account was deleted."))
    if annotator.barred_at is not None:
        bar = find_open_bar(annotator)
        reason = bar.told_reason if bar is not None else ""
        raise Barred(_("This account may not annotate any more. The reason: %(reason)s") % {"reason": reason})
