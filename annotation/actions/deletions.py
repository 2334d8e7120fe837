"""What goes with an account, and what stays: votes under the annotator's number, which nothing ties to the person any more."""

from datetime import datetime
from pathlib import Path
from uuid import UUID

from axes.models import AccessAttempt, AccessFailureLog, AccessLog
from django.conf import settings
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.db import connection, transaction
from django.db.models import CharField, Value
from django.db.models.functions import Cast, Concat

from annotation.actions.batches import close_unanswered
from annotation.actions.ledger import Deletion, LedgerError, add_deletions, read_deletions
from annotation.models import AccountMark, Accuracy, Annotator, ApiToken, Appeal, Assignment, CrowdWorker, Flag
from hierarchy.actions.audit import append_entry
from hierarchy.errors import Conflict
from hierarchy.models import AuditAction

# In the order of their ids, as pages of votes lock them.
LOCK_HELD = """
SELECT count(*) FROM (
    SELECT id FROM annotation_question
    WHERE id IN (SELECT question_id FROM annotation_batchitem WHERE batch_id = ANY(%(batches)s::uuid[]))
    ORDER BY id FOR NO KEY UPDATE
) AS locked
"""


def find_mark(account: User) -> UUID:
    """What the ledger calls the account."""
    return AccountMark.objects.get(user=account).mark


def record_deletion(*, mark: UUID, at: datetime) -> None:
    """In the ledger, on the disk. Conflict where that cannot be."""
    try:
        add_deletions(Path(settings.DELETION_LEDGER), [Deletion(mark, at)])
    except LedgerError as error:
        raise Conflict(f"The deletion ledger cannot be written, so nothing was deleted: {error}") from error


def replay_deletions() -> int:
    """Deletes accounts that the ledger names and that are there all the same: after a restore, or when the process was killed between
    ledger and commit. Returns how many; a second time none. LedgerError."""
    marks = [deletion.mark for deletion in read_deletions(Path(settings.DELETION_LEDGER))]
    found = AccountMark.objects.filter(mark__in=marks).order_by("pk").values_list("user_id", flat=True)
    deleted = [user_id for user_id in list(found) if _delete_again(user_id)]
    for user_id in deleted:
        end_sessions(user_id)
    return len(deleted)


@transaction.atomic
def _delete_again(user_id: int) -> bool:
    account = User.objects.select_for_update().filter(pk=user_id).first()
    if account is not None:
        remove_account(account)
        append_entry(action=AuditAction.DELETE_ACCOUNT, subject=f"account:{user_id}", detail={"how": "LEDGER"}, by=None)
    return account is not None


def remove_account(account: User) -> None:
    """The account and all that names it, in the caller's transaction, which holds its row. Fields that say who did something are
    emptied; pages that the annotator had open go back."""
    for kind in (AccessAttempt, AccessLog, AccessFailureLog):
        kind.objects.filter(username__iexact=account.get_username()).delete()
    LogEntry.objects.filter(content_type__app_label="auth", content_type__model="user", object_id=account.pk).delete()
    ApiToken.objects.filter(user=account).delete()
    AccountMark.objects.filter(user=account).delete()
    # Late, for it locks questions that others vote on.
    _part_from_annotator(account)
    # Read anew: whoever called may have the annotator in hand, which Django would find to protect it.
    User.objects.filter(pk=account.pk).delete()
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("SET CONSTRAINTS ALL DEFERRED")


def _part_from_annotator(account: User) -> None:
    annotator = Annotator.objects.select_for_update().filter(user=account).first()
    if annotator is None:
        return
    held = list(annotator.batches.select_for_update().filter(closed_at__isnull=True).order_by("pk"))
    with connection.cursor() as cursor:
        cursor.execute(LOCK_HELD, {"batches": [batch.pk for batch in held]})
    for batch in held:
        close_unanswered(batch)
    # What they wrote may name them.
    Flag.objects.filter(annotator=annotator, kind=Flag.Kind.CONTESTED).update(text="")
    annotator.user = None
    annotator.save(update_fields=["user"])
    Accuracy.objects.filter(annotator=annotator).delete()
    # Nothing leads from a provider's worker or assignment to the votes any more.
    CrowdWorker.objects.filter(annotator=annotator).delete()
    Assignment.objects.filter(annotator=annotator).update(reference=Concat(Value("deleted-"), Cast("pk", CharField())))
    # They wrote these themselves; a trigger lets them go only now.
    Appeal.objects.filter(bar__annotator=annotator).delete()


def end_sessions(account_id: int) -> None:
    """Of an account that is gone: nobody is logged in by them any more. They are looked through one by one, so not while anything is
    locked."""
    own = [
        session.pk
        for session in Session.objects.iterator()
        if session.get_decoded().get("_auth_user_id") == str(account_id)
    ]
    Session.objects.filter(pk__in=own).delete()
