"""Logins through whatever door, by axes, which stands behind all of them and counts those that failed."""

from typing import Any

from axes.handlers.database import AxesDatabaseHandler
from axes.helpers import get_client_username
from django.contrib.auth.models import User
from django.db import transaction
from django.http import HttpRequest

from hierarchy.actions.audit import append_entry
from hierarchy.models import AuditAction


class RecordedLogins(AxesDatabaseHandler):  # type: ignore[misc]  # axes has no types
    """Writes to the audit log who logged in, and which account a wrong password too many has closed."""

    @transaction.atomic
    def user_logged_in(self, sender: Any, request: HttpRequest, user: User, **kwargs: Any) -> None:
        super().user_logged_in(sender, request, user, **kwargs)
        append_entry(action=AuditAction.LOG_IN, subject=f"account:{user.pk}", detail={}, by=user)

    def user_login_failed(
        self, sender: Any, credentials: dict[str, Any], request: HttpRequest | None = None, **kwargs: Any
    ) -> None:
        """Where it is closed already, a further attempt is no news. Attempts are counted as each is committed, so that of several at
        once one at least sees the last."""
        was_locked = request is not None and self.is_locked(request, credentials)
        super().user_login_failed(sender, credentials, request, **kwargs)
        if request is not None and not was_locked and self.is_locked(request, credentials):
            _record_lock_out(get_client_username(request, credentials))


@transaction.atomic
def _record_lock_out(username: str | None) -> None:
    """Names that no account has are not recorded: people mistake the field for that of their password."""
    account = User.objects.filter(username=username).first()
    if account is not None:
        append_entry(action=AuditAction.LOCK_OUT, subject=f"account:{account.pk}", detail={}, by=None)
