"""External crowds: opened and closed by curators, entered by workers, who send pages for assignments."""

import hashlib
import hmac
import secrets
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.contrib.auth.models import Group, User
from django.db import connection, transaction
from django.utils.translation import gettext as _

from annotation.actions import batches, votes
from annotation.actions.campaigns import lock_campaign
from annotation.models import Annotator, Assignment, AssignmentPage, Batch, Campaign, Crowd, CrowdWorker
from annotation.queries.crowds import count_sent
from hierarchy.actions.audit import append_entry
from hierarchy.errors import Conflict, InvalidInput, NotFound
from hierarchy.models import AuditAction

MOST_DAYS = 365
MOST_PAGES = 100
REFERENCE_LENGTH = 64
CODE_LENGTH = 20


@transaction.atomic
def open_crowd(
    *,
    name: str,
    provider: str,
    pages: int,
    days: int,
    by: User,
    at: datetime,
    sandbox: bool = False,
    completion_code: str = "",
) -> Crowd:
    """A link by which workers of a provider annotate a campaign, `pages` an assignment, for so many days. Conflict unless the campaign is
    open; InvalidInput names what is bad."""
    campaign = lock_campaign(name)
    code = completion_code.strip()
    _check(provider, pages, days, sandbox, code)
    if campaign.state != Campaign.State.OPEN:
        raise Conflict(_("Open the campaign first."))
    crowd = Crowd.objects.create(
        campaign=campaign,
        provider=provider,
        token=secrets.token_urlsafe(32),
        pages=pages,
        sandbox=sandbox,
        completion_code=code,
        opened_at=at,
        opened_by=by,
        open_until=at + timedelta(days=days),
    )
    detail = {"campaign": campaign.pk, "provider": provider}
    append_entry(action=AuditAction.OPEN_CROWD, subject=f"crowd:{crowd.pk}", detail=detail, by=by)
    return crowd


def _check(provider: str, pages: int, days: int, sandbox: bool, code: str) -> None:
    problems: dict[str, str] = {}
    if provider not in Crowd.Provider.values:
        problems["provider"] = _("must be one of %(values)s") % {"values": ", ".join(Crowd.Provider.values)}
    for field, value, most in (("pages", pages, MOST_PAGES), ("days", days, MOST_DAYS)):
        if not 1 <= value <= most:
            problems[field] = _("must be between 1 and %(most)s") % {"most": most}
    problems |= _check_provider(provider, sandbox, code)
    if problems:
        raise InvalidInput(problems)


def _check_provider(provider: str, sandbox: bool, code: str) -> dict[str, str]:
    problems: dict[str, str] = {}
    if provider == Crowd.Provider.PROLIFIC:
        if not (1 <= len(code) <= CODE_LENGTH and code.isascii() and code.isalnum()):
            problems["completion_code"] = _("must have 1 to %(most)s letters and digits") % {"most": CODE_LENGTH}
        if sandbox:
            problems["sandbox"] = _("is Mechanical Turk's alone")
    elif code:
        problems["completion_code"] = _("is Prolific's alone")
    return problems


@transaction.atomic
def close_crowd(*, crowd_id: int, by: User, at: datetime) -> Crowd:
    """Nobody new comes in; who has begun may end. Closing twice is one closing."""
    crowd = Crowd.objects.select_for_update().filter(pk=crowd_id).first()
    if crowd is None:
        raise NotFound("There is no such crowd.")
    if crowd.closed_at is None:
        crowd.closed_at = at
        crowd.save(update_fields=["closed_at"])
        append_entry(action=AuditAction.CLOSE_CROWD, subject=f"crowd:{crowd.pk}", detail={}, by=by)
    return crowd


@transaction.atomic
def begin_assignment(*, crowd: Crowd, worker: str, reference: str, at: datetime) -> Assignment:
    """The assignment of that id, begun already or now, by the worker of that id, whose account is made on the way: it has no password.

    The same worker is the same annotator in all assignments. Conflict for a new assignment of a crowd that is closed or over, and where the
    assignment is another worker's; InvalidInput for ids that cannot be ids.
    """
    for field, value in (("worker", worker), ("assignment", reference)):
        if not (1 <= len(value) <= REFERENCE_LENGTH and value.isascii() and value.isprintable() and " " not in value):
            raise InvalidInput({field: _("must have 1 to %(most)s characters") % {"most": REFERENCE_LENGTH}})
    locked = Crowd.objects.select_for_update(no_key=True, of=["self"]).select_related("campaign").get(pk=crowd.pk)
    annotator = _find_worker(locked.provider, worker)
    found = Assignment.objects.select_related("crowd").filter(crowd=locked, reference=reference).first()
    if found is not None:
        if annotator is None or found.annotator_id != annotator.pk:
            raise Conflict(_("This assignment belongs to somebody else."))
        return found
    if locked.closed_at is not None or locked.open_until <= at or locked.campaign.state != Campaign.State.OPEN:
        raise Conflict(_("This work is closed: nobody new can begin it."))
    user = None
    if annotator is None:
        annotator, user = _make_worker(locked.provider, worker, at)
    assignment = Assignment.objects.create(crowd=locked, annotator=annotator, reference=reference, begun_at=at)
    if user is not None:
        detail = {"groups": ["annotator"], "crowd": locked.pk}
        append_entry(action=AuditAction.CREATE_ACCOUNT, subject=f"account:{user.pk}", detail=detail, by=None)
    return assignment


def _find_worker(provider: str, worker: str) -> Annotator | None:
    """By any key that is still good; the caller holds a lock, or one of another crowd waits at the unique index."""
    digests = [_hash_worker(provider, worker, key) for key in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)]
    known = CrowdWorker.objects.filter(provider=provider, worker_sha256__in=digests, annotator__user__isnull=False)
    found = known.select_related("annotator").first()
    return found.annotator if found else None


def _make_worker(provider: str, worker: str, at: datetime) -> tuple[Annotator, User]:
    with connection.cursor() as cursor:
        # Two links may meet the same new worker at once.
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext(%s))", [f"crowd worker {provider} {worker}"])
    known = _find_worker(provider, worker)
    if known is not None and known.user is not None:
        return known, known.user
    user = User(username=f"{provider.lower()}-{secrets.token_hex(8)}")
    user.set_unusable_password()
    user.save()
    user.groups.add(Group.objects.get_or_create(name="annotator")[0])
    annotator = Annotator.objects.create(user=user, joined_at=at)
    digest = _hash_worker(provider, worker, settings.SECRET_KEY)
    CrowdWorker.objects.create(provider=provider, worker_sha256=digest, annotator=annotator)
    return annotator, user


def _hash_worker(provider: str, worker: str, key: str) -> bytes:
    return hmac.new(
        hashlib.sha256(f"crowd worker {key}".encode()).digest(), f"{provider} {worker}".encode(), "sha256"
    ).digest()


def lease_page(*, assignment: Assignment) -> Batch | None:
    """A page of the crowd's campaign; None where the pages sent and those held are as many as the assignment has, and where nothing
    is left."""
    held = Batch.objects.filter(annotator=assignment.annotator_id, closed_at=None, expires_at__gt=_read_clock()).count()
    if assignment.finished_at is not None or count_sent(assignment).pages + held >= assignment.crowd.pages:
        return None
    return batches.lease_batch(annotator_id=assignment.annotator_id, campaign_name=assignment.crowd.campaign.name)


def _read_clock() -> datetime:
    with connection.cursor() as cursor:
        cursor.execute("SELECT now()")
        moment: datetime = cursor.fetchone()[0]
    return moment


@transaction.atomic
def note_page(*, assignment_id: int, batch_id: UUID, at: datetime) -> Assignment:
    """A page that was sent counts for the assignment, once; with the last one it is finished. Pages of other campaigns count nothing."""
    assignment = _lock_assignment(assignment_id)
    batch = Batch.objects.filter(pk=batch_id, annotator=assignment.annotator_id, campaign=assignment.crowd.campaign_id)
    if assignment.finished_at is None and batch.filter(outcome=Batch.Outcome.SUBMITTED).exists():
        AssignmentPage.objects.get_or_create(batch_id=batch_id, defaults={"assignment": assignment})
        if count_sent(assignment).pages >= assignment.crowd.pages:
            assignment.finished_at = at
            assignment.save(update_fields=["finished_at"])
    return assignment


@transaction.atomic
def undo_page(*, assignment_id: int, batch_id: UUID) -> int:
    """As `votes.undo_batch`. Conflict for an assignment that is finished: it is paid by what was sent."""
    assignment = _lock_assignment(assignment_id)
    if assignment.finished_at is not None:
        raise Conflict(_("This assignment is finished, so its pages cannot be taken back."))
    return votes.undo_batch(annotator_id=assignment.annotator_id, batch_id=batch_id)


def _lock_assignment(assignment_id: int) -> Assignment:
    assignments = Assignment.objects.select_for_update(of=["self"]).select_related("crowd__campaign")
    return assignments.get(pk=assignment_id)
