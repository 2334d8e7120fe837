"""Django's pages for a new password, which tell the audit log that there is one."""

from typing import Any

from django.contrib.auth import views
from django.db import transaction
from django.http import HttpResponse

from hierarchy.actions.audit import append_entry
from hierarchy.models import AuditAction


class PasswordChangeView(views.PasswordChangeView):
    @transaction.atomic
    def form_valid(self, form: Any) -> HttpResponse:
        response = super().form_valid(form)
        _record(form, how="OLD_PASSWORD", by=form.user)
        return response


class PasswordResetConfirmView(views.PasswordResetConfirmView):
    @transaction.atomic
    def form_valid(self, form: Any) -> HttpResponse:
        response = super().form_valid(form)
        # Whoever reads the account's mail: nobody is logged in.
        _record(form, how="MAIL", by=None)
        return response


def _record(form: Any, *, how: str, by: Any) -> None:
    append_entry(action=AuditAction.CHANGE_PASSWORD, subject=f"account:{form.user.pk}", detail={"how": how}, by=by)
