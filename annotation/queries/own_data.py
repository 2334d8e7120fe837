"""All that is kept of one account, as a stream that needs little memory. Nothing of others, and nothing that tells which question was what."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from axes.models import AccessLog
from django.contrib.auth.models import User
from django.core.serializers.json import DjangoJSONEncoder
from django.db.models import QuerySet

from annotation.models import Annotator, ApiToken, Appeal, Assignment, Bar, Batch, Flag, TrainingAttempt, Vote
from hierarchy.models import AuditEntry

ROWS_AT_ONCE = 1000
FORMAT = 1
ACCOUNT = ("username", "email", "first_name", "last_name", "date_joined", "last_login")
# By name of a list: its fields. Pages and votes name campaign, synset and place, as their annotator saw them.
FIELDS: Mapping[str, tuple[str, ...]] = {
    "logins": ("attempt_time", "logout_time", "ip_address", "user_agent"),
    "done": ("at", "action", "subject"),
    "tokens": ("prefix", "scope", "created_at", "revoked_at"),
    "bars": ("code", "reason", "by_engine", "begun_at", "ended_at"),
    "appeals": ("text", "made_at", "answered_at", "lifted", "answer"),
    "assignments": ("reference", "begun_at", "finished_at"),
    "flags": ("batch", "position", "synset__wnid", "kind", "text", "created_at", "withdrawn_at"),
    "trainings": ("campaign__name", "number", "started_at", "finished_at", "score", "passed"),
    "pages": ("id", "campaign__name", "synset__wnid", "leased_at", "expires_at", "closed_at", "outcome", "undone_at"),
    "votes": ("batch", "position", "answer", "milliseconds", "voted_at", "late", "withdrawn_at"),
}


def stream_own_data(user: User) -> Iterator[str]:
    """A JSON object, piece by piece: `account`, then a list for each name in FIELDS, oldest first, but pages by their
    id. Rows are read some at a time."""
    annotator = Annotator.objects.filter(user=user).first()
    yield f'{{"format": {FORMAT}, "account": {_encode(_describe(user, annotator))}'
    for name, rows in _list_rows(user, annotator).items():
        yield f',\n"{name}": ['
        yield from _write_rows(rows, FIELDS[name])
        yield "]"
    yield "}\n"


def _describe(user: User, annotator: Annotator | None) -> dict[str, Any]:
    found = {name: getattr(user, name) for name in ACCOUNT}
    return {
        **found,
        "roles": sorted(user.groups.values_list("name", flat=True)),
        "annotator": annotator.pk if annotator else None,
        "accuracy": _find_percent(annotator),
    }


def _find_percent(annotator: Annotator | None) -> int | None:
    accuracy = getattr(annotator, "accuracy", None)
    return accuracy.percent if accuracy is not None else None


def _list_rows(user: User, annotator: Annotator | None) -> dict[str, QuerySet[Any, Any]]:
    # A number, and no query within each: so votes are read in the order of their index, and not sorted anew for every thousand rows.
    own = [annotator.pk] if annotator else []
    return {
        "logins": AccessLog.objects.filter(username=user.get_username()),
        "done": AuditEntry.objects.filter(actor=user.pk),
        "tokens": ApiToken.objects.filter(user=user),
        "bars": Bar.objects.filter(annotator__in=own),
        "appeals": Appeal.objects.filter(bar__annotator__in=own),
        "assignments": Assignment.objects.filter(annotator__in=own),
        "flags": Flag.objects.filter(annotator__in=own),
        "trainings": TrainingAttempt.objects.filter(annotator__in=own),
        "pages": Batch.objects.filter(annotator__in=own),
        "votes": Vote.objects.filter(annotator__in=own),
    }


def _write_rows(rows: QuerySet[Any, Any], fields: tuple[str, ...]) -> Iterator[str]:
    """From id to id, so that no transaction is kept open while somebody downloads."""
    last, separator = None, "\n"
    while True:
        following = rows if last is None else rows.filter(pk__gt=last)
        page = list(following.order_by("pk").values_list("pk", *fields)[:ROWS_AT_ONCE])
        for pk, *values in page:
            last = pk
            named = {name.replace("__", "_"): value for name, value in zip(fields, values, strict=True)}
            yield separator + _encode(named)
            separator = ",\n"
        if len(page) < ROWS_AT_ONCE:
            return


def _encode(value: Mapping[str, Any]) -> str:
    return json.dumps(value, cls=DjangoJSONEncoder, ensure_ascii=False)
