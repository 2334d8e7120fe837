"""Accounts and tokens."""

import hashlib
import secrets
from datetime import datetime
from typing import Any

from django.contrib.auth.models import Group, User
from django.contrib.auth.password_validation import validate_password
from django.contrib.auth.validators import UnicodeUsernameValidator
from django.contrib.sessions.backends.db import SessionStore
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext as _

from annotation.actions.deletions import end_sessions, find_mark, record_deletion, remove_account
from annotation.models import Annotator, ApiToken
from annotation.rules import TOKEN_SCOPES_OF_ROLE
from hierarchy.actions.audit import append_entry
from hierarchy.errors import Conflict, InvalidInput, NotFound, NotPermitted
from hierarchy.models import AuditAction

ROLES = tuple(TOKEN_SCOPES_OF_ROLE)
KEY_BYTES = 32


@transaction.atomic
def create_user(*, username: str, password: str, role: str, by: User | None, at: datetime, email: str = "") -> User:
    """An account with its role and its annotator. InvalidInput names what is bad: the role, a name or address (also one taken), the password."""
    user = User(username=User.normalize_username(username), email=email)
    _check_account(user, password, role)
    user.set_password(password)
    user.save()
    user.groups.add(Group.objects.get_or_create(name=role)[0])
    Annotator.objects.create(user=user, joined_at=at)
    append_entry(action=AuditAction.CREATE_ACCOUNT, subject=f"account:{user.pk}", detail={"groups": [role]}, by=by)
    return user


def _check_account(user: User, password: str, role: str) -> None:
    problems: dict[str, str] = {}
    if role not in ROLES:
        problems["role"] = f"must be one of {', '.join(ROLES)}"
    try:
        UnicodeUsernameValidator()(user.username)
    except ValidationError as error:
        problems["username"] = " ".join(error.messages)
    if not 1 <= len(user.username) <= 150:
        problems["username"] = _("must have 1 to 150 characters")
    elif User.objects.filter(username__iexact=user.username).exists():
        problems["username"] = _("is taken")
    problems |= _check_email(user.email) | _check_password(password, user)
    if problems:
        raise InvalidInput(problems)


def _check_email(email: str) -> dict[str, str]:
    if not email:
        return {}
    try:
        validate_email(email)
    except ValidationError as error:
        return {"email": " ".join(error.messages)}
    return {"email": _("belongs to another account")} if User.objects.filter(email__iexact=email).exists() else {}


def _check_password(password: str, user: User) -> dict[str, str]:
    try:
        password.encode()
        validate_password(password, user)
    except UnicodeEncodeError:
        return {"password": _("must be text in UTF-8")}
    except ValidationError as error:
        return {"password": " ".join(error.messages)}
    return {}


@transaction.atomic
def set_role(*, username: str, role: str, by: User | None, at: datetime) -> User:
    """Gives an account this role instead of the one it has; tokens of a wider scope are revoked."""
    if role not in ROLES:
        raise InvalidInput({"role": f"must be one of {', '.join(ROLES)}"})
    user = User.objects.select_for_update().filter(username=username).first()
    if user is None:
        raise NotFound(f"There is no account {username}.")
    before = sorted(user.groups.values_list("name", flat=True))
    user.groups.set([Group.objects.get_or_create(name=role)[0]])
    wider = ApiToken.objects.filter(user=user, revoked_at__isnull=True).exclude(scope__in=TOKEN_SCOPES_OF_ROLE[role])
    detail = {"before": {"groups": before}, "groups": [role], "tokens_revoked": wider.update(revoked_at=at)}
    append_entry(action=AuditAction.CHANGE_RIGHTS, subject=f"account:{user.pk}", detail=detail, by=by)
    return user


def delete_account(*, user: User, by: User | None, at: datetime) -> None:
    """The account goes for good, with its sessions, tokens and records of log-ins; `by` is None for the command. Votes stay under the
    annotator's number, which nothing ties to the person any more. Restores of older backups delete it again (`actions/ledger.py`).

    NotPermitted unless it is one's own or `by` is an operator; NotFound where it is gone already; Conflict for the last operator, and
    where the ledger cannot be written.
    """
    if by is not None and not (by.is_superuser or by.pk == user.pk):
        raise NotPermitted(_("Only an operator deletes other people's accounts."))
    _delete_account(user, by, at)
    end_sessions(user.pk)


def clear_sessions() -> None:
    """Removes those whose time is over; nobody else does."""
    SessionStore.clear_expired()


@transaction.atomic
def _delete_account(user: User, by: User | None, at: datetime) -> None:
    # All operators, so that two of them do not delete each other at once; others may refer to those who stay.
    held = User.objects.select_for_update(no_key=True).filter(Q(pk=user.pk) | Q(is_superuser=True)).order_by("pk")
    accounts = {account.pk: account for account in held}
    accounts.pop(user.pk, None)
    account = User.objects.select_for_update().filter(pk=user.pk).first()
    if account is None:
        raise NotFound("There is no such account.")
    if account.is_superuser and not any(other.is_active and other.is_superuser for other in accounts.values()):
        raise Conflict(_("This is the last operator's account: make another operator first."))
    mark = find_mark(account)
    remove_account(account)
    append_entry(action=AuditAction.DELETE_ACCOUNT, subject=f"account:{user.pk}", detail={"how": "ASKED"}, by=by)
    # Last, so that the ledger names nobody whom the database refused to delete; and before the commit, so that it misses nobody.
    record_deletion(mark=mark, at=at)


@transaction.atomic
def create_token(*, user: User, scope: str, by: User | None, at: datetime) -> tuple[ApiToken, str]:
    """A new token and its key, which is not kept. InvalidInput where the account's role does not reach that scope."""
    names = set(user.groups.values_list("name", flat=True))
    allowed = {scope for role in names & set(ROLES) for scope in TOKEN_SCOPES_OF_ROLE[role]}
    if scope not in allowed:
        reach = ", ".join(sorted(allowed)) or "none"
        raise InvalidInput(
            {
                "scope": _("must be one of the scopes of this account (%(scopes)s), not %(scope)s")
                % {"scopes": reach, "scope": repr(scope)}
            }
        )
    key = _draw_key()
    digest = hashlib.sha256(key.encode()).digest()
    token = ApiToken.objects.create(user=user, sha256=digest, prefix=key[:8], scope=scope, created_at=at, created_by=by)
    append_entry(action=AuditAction.CREATE_TOKEN, subject=f"token:{token.pk}", detail=_describe_token(token), by=by)
    return token, key


@transaction.atomic
def revoke_token(*, token_id: int, by: User, at: datetime) -> ApiToken:
    """Closes a token at once. Only its owner or an operator may; NotFound otherwise, whether it exists or not."""
    token = ApiToken.objects.select_for_update().filter(pk=token_id).first()
    if token is None or not (by.is_superuser or token.user_id == by.pk):
        raise NotFound("There is no such token.")
    return _close_token(token, by=by, at=at)


def _draw_key() -> str:
    """One that no command takes for an option."""
    while (key := secrets.token_urlsafe(KEY_BYTES)).startswith("-"):
        pass
    return key


@transaction.atomic
def revoke_token_by_prefix(*, prefix: str, at: datetime) -> ApiToken:
    """The operator's way: the token whose key begins so. Conflict where several do."""
    tokens = list(ApiToken.objects.select_for_update().filter(prefix=prefix[:8], revoked_at__isnull=True))
    if not tokens:
        raise NotFound(f"No live token begins with {prefix[:8]}.")
    if len(tokens) > 1:
        raise Conflict(f"{len(tokens)} live tokens begin with {prefix[:8]}; revoke it on its owner's account page.")
    return _close_token(tokens[0], by=None, at=at)


def _close_token(token: ApiToken, *, by: User | None, at: datetime) -> ApiToken:
    if token.revoked_at is None:
        token.revoked_at = at
        token.save(update_fields=["revoked_at"])
        append_entry(action=AuditAction.REVOKE_TOKEN, subject=f"token:{token.pk}", detail=_describe_token(token), by=by)
    return token


def _describe_token(token: ApiToken) -> dict[str, Any]:
    return {"account": token.user_id, "scope": token.scope}
