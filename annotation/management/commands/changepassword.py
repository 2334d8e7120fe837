import getpass
from typing import Any

from django.contrib.auth.management.commands import changepassword
from django.contrib.auth.models import User
from django.db import transaction

from annotation.management.accounts import wait_for_answers
from hierarchy.actions.audit import append_entry
from hierarchy.models import AuditAction


class Command(changepassword.Command):
    """Django's own, which tells the audit log of the new password."""

    def handle(self, *args: Any, **options: Any) -> str | None:
        with transaction.atomic():
            wait_for_answers()
            done: str | None = super().handle(*args, **options)
            account = User.objects.get(username=options["username"] or getpass.getuser())
            append_entry(
                action=AuditAction.CHANGE_PASSWORD,
                subject=f"account:{account.pk}",
                detail={"how": "COMMAND_LINE"},
                by=None,
            )
        return done
