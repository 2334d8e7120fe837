"""Accounts in Django's admin, where operators give and take rights. Each change goes into the audit log."""

from collections.abc import Iterable
from typing import Any

from django.contrib import admin
from django.contrib.admin.utils import unquote
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.models import Group, User
from django.db import transaction
from django.http import HttpRequest, HttpResponse

from hierarchy.actions.audit import append_entry
from hierarchy.admin import ReadOnlyAdmin
from hierarchy.models import AuditAction

RIGHTS = ("is_active", "is_staff", "is_superuser", "groups", "user_permissions")

admin.site.unregister([User, Group])


@admin.register(Group)
class RoleAdmin(ReadOnlyAdmin):
    """Groups are the roles by name: one that was renamed or deleted would take its role from everybody at once."""

    list_display = ("name",)


@admin.register(User)
class AccountAdmin(UserAdmin):  # type: ignore[type-arg]
    """The admin holds a transaction where it adds, changes or deletes one account; elsewhere these methods begin one."""

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        super().save_related(request, form, formsets, change)
        changed = [name for name in RIGHTS if name in form.changed_data]
        if not change:
            _record(request, AuditAction.CREATE_ACCOUNT, form.instance.pk, groups=[])
        elif changed:
            before = {name: _write(form.initial[name]) for name in changed}
            after = {name: _write(form.cleaned_data[name]) for name in changed}
            _record(request, AuditAction.CHANGE_RIGHTS, form.instance.pk, before=before, **after)

    def user_change_password(
        self,
        request: HttpRequest,
        id: str,  # noqa: A002 (the base's name, by which the address is passed)
        form_url: str = "",
    ) -> HttpResponse:
        with transaction.atomic():
            before = self.get_object(request, unquote(id))
            response = super().user_change_password(request, id, form_url)
            after = self.get_object(request, unquote(id))
            if before is not None and after is not None and before.password != after.password:
                _record(request, AuditAction.CHANGE_PASSWORD, after.pk, how="OPERATOR")
        return response

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """`manage.py delete_user` does it, and writes it into the ledger of deletions."""
        return False


def _write(value: Any) -> Any:
    """A switch as it is; groups by name, of which we have two; permissions, which may be many, by id."""
    if isinstance(value, bool):
        return value
    rows: Iterable[Any] = value
    return sorted(row.name if isinstance(row, Group) else row.pk for row in rows)


def _record(request: HttpRequest, action: AuditAction, account_id: int, **detail: Any) -> None:
    by = request.user if isinstance(request.user, User) else None
    append_entry(action=action, subject=f"account:{account_id}", detail=detail, by=by)
