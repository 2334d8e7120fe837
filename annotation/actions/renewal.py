"""Gold comes and goes: more of it from what votes have settled, back to the others when it was shown enough, aside when good annotators speak
against it (docs/adr/0040)."""

from collections.abc import Mapping
from datetime import datetime

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import TextChoices
from django.utils.translation import gettext as _

from annotation.actions.gold import make_gold, record_gold, retire_gold
from annotation.models import Gold, Policy
from annotation.queries.goldpool import find_needed, list_missed, list_released
from hierarchy.actions.audit import append_entry
from hierarchy.errors import Conflict, InvalidInput, NotFound
from hierarchy.models import AuditAction

# As sure as a decision must be, and on so many votes.
SURE, LEAST_VOTES = 0.99, 3
AT_ONCE = 100


def find_truth(*, probability: float, votes: int) -> str | None:
    """What a settled question would be as gold; None where it is not sure enough."""
    if votes < LEAST_VOTES or 1 - SURE < probability < SURE:
        return None
    return (Gold.Truth.YES if probability >= SURE else Gold.Truth.NO).value


def keep_as_gold(*, truths: Mapping[int, str], policy: Policy, at: datetime) -> dict[int, str]:
    """Makes gold, instead of deciding them, of those of these open questions whose synsets lack it; returns these. The caller's
    transaction holds their rows, and ends with `record_made`."""
    if not policy.gold_rate:
        return {}
    needed = {pk: truths[pk] for pk in find_needed(truths, exposures=policy.gold_exposures)}
    if needed:
        make_gold(truths=needed, source=Gold.Source.SETTLED, by=None, at=at)
    return needed


@transaction.atomic
def release_gold(*, at: datetime, limit: int = AT_ONCE) -> int:
    """Gold that votes settled and that was shown enough, or whose synset has nothing else to ask, becomes an ordinary question, due to
    be decided; returns how many."""
    return retire_gold(question_ids=list_released(limit=limit), by=None, at=at, because=Gold.End.RELEASED)


def suspend_missed_gold(*, at: datetime) -> int:
    """Gold that good annotators speak against becomes an ordinary question until a curator has looked at it; returns how many."""
    return retire_gold(question_ids=list_missed(), by=None, at=at, because=Gold.End.MISSED)


class Verdict(TextChoices):
    """What a curator makes of suspended gold: ask it again, as true or as not, or leave it to the votes."""

    YES = "YES", "ask again as yes"
    NO = "NO", "ask again as no"
    LEAVE = "LEAVE", "leave it to votes"


@transaction.atomic
def settle_suspended(*, gold_id: int, verdict: str, by: User, at: datetime) -> None:
    """A curator has looked at suspended gold, which waits no longer. NotFound where there is none, InvalidInput for another verdict,
    Conflict where it was looked at already, or where its question has been decided meanwhile and can be asked no more."""
    if verdict not in Verdict.values:
        raise InvalidInput({"verdict": _("must be one of %(values)s") % {"values": ", ".join(Verdict.values)}})
    gold = Gold.objects.select_for_update(no_key=True).filter(pk=gold_id).first()
    if gold is None:
        raise NotFound(_("There is no such gold."))
    if gold.ended_because != Gold.End.MISSED:
        raise Conflict(_("Another curator has looked at this already."))
    gold.ended_because = Gold.End.RETIRED
    gold.save(update_fields=["ended_because"])
    if verdict == Verdict.LEAVE:
        append_entry(
            action=AuditAction.RETIRE_GOLD, subject=f"question:{gold.question_id}", detail={"because": "LEAVE"}, by=by
        )
    else:
        record_gold(truths={gold.question_id: verdict}, source=Gold.Source.CURATOR, by=by, at=at)
