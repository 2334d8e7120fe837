from typing import Any

from django.contrib.auth.management.commands import createsuperuser
from django.contrib.auth.models import User
from django.db import transaction

from annotation.management.accounts import wait_for_answers
from hierarchy.actions.audit import append_entry
from hierarchy.models import AuditAction


class Command(createsuperuser.Command):
    """Django's own, which tells the audit log of the operator that it makes."""

    def handle(self, *args: Any, **options: Any) -> None:
        with transaction.atomic():
            wait_for_answers()
            known = set(User.objects.filter(is_superuser=True).values_list("pk", flat=True))
            super().handle(*args, **options)
            for account in User.objects.filter(is_superuser=True).exclude(pk__in=known):
                append_entry(
                    action=AuditAction.CREATE_ACCOUNT,
                    subject=f"account:{account.pk}",
                    detail={"groups": [], "is_superuser": True},
                    by=None,
                )
