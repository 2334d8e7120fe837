"""Whether the audit log is whole: the hashes calculated again, entry by entry, without the database's help."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

from django.db import connection

from hierarchy.models.audit import NO_HASH

ROWS_AT_ONCE = 1_000

ENTRIES = """
SELECT number, coalesce(to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), ''), actor, action, subject, detail::text, previous_hash, hash
FROM hierarchy_auditentry WHERE number > %(after)s ORDER BY number LIMIT %(limit)s
"""

MAY_WRITE = """
SELECT DISTINCT CASE granted.grantee WHEN 0 THEN 'PUBLIC' ELSE pg_get_userbyid(granted.grantee)::text END AS name
FROM (SELECT relowner AS owner, relacl AS rights FROM pg_class WHERE oid = 'hierarchy_auditentry'::regclass
      UNION ALL
      SELECT relowner, attacl FROM pg_class JOIN pg_attribute ON attrelid = pg_class.oid
      WHERE pg_class.oid = 'hierarchy_auditentry'::regclass) AS given,
     aclexplode(given.rights) AS granted
WHERE granted.grantee <> given.owner AND granted.privilege_type NOT IN ('SELECT', 'MAINTAIN')
ORDER BY name
"""


@dataclass(frozen=True)
class Head:
    """The last entry at some moment. Whoever keeps it elsewhere can prove later that everything up to it is as it was."""

    number: int
    hash: bytes

    def __str__(self) -> str:
        return f"{self.number}:{self.hash.hex()}"


@dataclass(frozen=True)
class Entry:
    """A row as it stands; `at` and `detail` are texts, as they are hashed."""

    number: int
    at: str
    actor: int | None
    action: str
    subject: str
    detail: str
    previous_hash: bytes
    hash: bytes


class ChainBroken(Exception):
    """The first entry that does not fit, and why."""


def hash_entry(entry: Entry) -> bytes:
    """What the hash of an entry must be; AuditEntry says of what it is made."""
    actor = "" if entry.actor is None else str(entry.actor)
    lines = (str(entry.number), entry.at, actor, entry.action, entry.subject, entry.detail)
    return hashlib.sha256(entry.previous_hash + "\n".join(lines).encode()).digest()


def verify_chain(*, kept: Head | None = None) -> Head:
    """Reads the whole log, some entries at once, and returns its head; number 0 where it is empty.

    ChainBroken names the first entry that is missing, was changed, or does not follow from the one before; with `kept`, an
    earlier head, also one that is another entry than it was then, or is not there any more. Entries that come meanwhile do no harm.
    """
    head = Head(0, NO_HASH)
    for entry in _read_entries():
        _check_follows(entry, head)
        head = Head(entry.number, entry.hash)
        if kept is not None and kept.number == head.number and kept != head:
            raise ChainBroken(f"entry {head.number} is {head}, and was {kept}")
    if kept is not None and kept.number > head.number:
        raise ChainBroken(f"entry {head.number + 1} is missing: the log ends before it, and once went on to {kept}")
    return head


def _read_entries() -> Iterator[Entry]:
    after = None
    with connection.cursor() as cursor:
        while True:
            # The first of all may have any number, once somebody has changed it.
            cursor.execute(ENTRIES, {"after": -(2**63) if after is None else after, "limit": ROWS_AT_ONCE})
            rows = cursor.fetchall()
            for row in rows:
                yield Entry(*row[:-2], *map(bytes, row[-2:]))
            if len(rows) < ROWS_AT_ONCE:
                return
            after = rows[-1][0]


def _check_follows(entry: Entry, head: Head) -> None:
    if entry.number != head.number + 1:
        raise ChainBroken(f"entry {head.number + 1} is missing: {entry.number} comes after {head.number}")
    if entry.previous_hash != head.hash:
        raise ChainBroken(f"entry {entry.number} does not follow the one before: it names another hash")
    if hash_entry(entry) != entry.hash:
        raise ChainBroken(f"entry {entry.number} was changed: its hash is not that of what it says")


def list_writers() -> list[str]:
    """Roles besides the owner that may write to the log otherwise than by its function; there should be none."""
    with connection.cursor() as cursor:
        cursor.execute(MAY_WRITE)
        return [row[0] for row in cursor.fetchall()]
