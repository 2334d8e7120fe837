"""The one way into the audit log."""

import json
from collections.abc import Mapping
from typing import Any

from django.contrib.auth.models import User
from django.db import connection

from hierarchy.models import AuditAction

# References are checked before, and not at the commit: that takes locks on what is referred to.
APPEND = """
SET CONSTRAINTS ALL IMMEDIATE; SET CONSTRAINTS ALL DEFERRED;
SELECT hierarchy_append_audit_entry(%s, %s, %s, %s::jsonb)
"""


def append_entry(*, action: AuditAction, subject: str, detail: Mapping[str, Any], by: User | None) -> int:
    """Records what the running transaction has done, and returns the entry's number. It is there if and only if that is committed.

    The LAST thing in a transaction: whoever else appends waits until this one has ended, so that entries are numbered as they are
    committed; locks taken after it could wait in a circle. The time is the database's. `subject` is a kind and a key without
    blanks (`account:17`), `detail` a small JSON object. Neither holds names or addresses of people, texts that people typed, or
    secrets: entries outlive accounts. RuntimeError outside a transaction.
    """
    if not connection.in_atomic_block:
        raise RuntimeError("What is recorded and its entry are committed together: begin a transaction.")
    with connection.cursor() as cursor:
        cursor.execute(APPEND, [by.pk if by else None, action, subject, json.dumps(detail)])
        return int(cursor.fetchone()[0])
