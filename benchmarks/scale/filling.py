"""Fills the database of a service that runs: needs Django set up."""

import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import numpy as np
from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import Group, User
from django.db import connection, transaction
from django.db.backends.utils import CursorWrapper

from annotation.actions.campaigns import draft_campaign
from annotation.actions.snapshots import ensure_snapshot
from annotation.models import Annotator, Campaign
from annotation.rules import PolicyValues
from benchmarks.scale.copying import copy_rows
from benchmarks.scale.crowd import TARGET_ERROR, VOTE_CAP, Annotators, count_synsets, find_outcomes, iterate_chunks
from benchmarks.scale.servers import Progress
from benchmarks.scale.tables import BEGINNING, TABLES, Place, Rows
from hierarchy.models import Synset

NAME = "scale"
# Below them there is room for accounts of other kinds.
FIRST_ACCOUNT = 1000

# Indexes that are not ready are neither written nor read; REINDEX makes them anew, ready and valid.
FORGET_INDEXES = "UPDATE pg_index SET indisready = false WHERE indrelid = ANY(%s::regclass[])"
UNFINISHED_INDEXES = (
    "SELECT indexrelid::regclass::text FROM pg_index WHERE NOT (indisvalid AND indisready AND indislive)"
)
SEQUENCES = """
SELECT table_name FROM information_schema.columns
WHERE table_name = ANY(%s) AND column_name = 'id' AND is_identity = 'YES'
"""
# As triggers would have, had they not slept.
COUNTS = """
INSERT INTO hierarchy_countchange (synset_id, images, accepted, rejected)
SELECT candidate.synset_id, count(*), count(*) FILTER (WHERE label.verdict = 'ACCEPTED'),
       count(*) FILTER (WHERE label.verdict = 'REJECTED')
FROM hierarchy_candidate AS candidate LEFT JOIN hierarchy_label AS label ON label.candidate_id = candidate.id
GROUP BY candidate.synset_id
"""
SIZES = """
SELECT relation.relname, parent.relname, pg_relation_size(relation.oid)
FROM pg_class AS relation LEFT JOIN pg_index AS index ON index.indexrelid = relation.oid
JOIN pg_class AS parent ON parent.oid = coalesce(index.indrelid, relation.oid)
WHERE parent.oid = ANY(%s::regclass[]) ORDER BY parent.relname, index.indexrelid NULLS FIRST
"""


def fill_database(*, questions: int, progress: Progress, wnids: Sequence[str] | None = None) -> dict[str, Any]:
    """Fills the empty tables of Django's connection, which must be a superuser's, and returns figures: rows and seconds of
    each table, bytes of each table and index. The synsets must be there; `wnids` says which to choose from.

    Triggers and foreign keys sleep meanwhile; the tests hold the rows against all of them.
    """
    clock, start = defaultdict[str, float](float), time.perf_counter()
    place = _prepare(questions, wnids)
    with allow_time():
        rows = _copy_all(questions, place, clock, progress)
        _finish(clock, progress)
    return {
        "questions": questions,
        "total_seconds": round(time.perf_counter() - start, 1),
        "rows": rows,
        "seconds": {name: round(taken, 2) for name, taken in clock.items()},
        "bytes": measure_bytes(),
    }


@contextmanager
def allow_time() -> Iterator[None]:
    """Statements may take their time."""
    limits = ("statement_timeout", "idle_in_transaction_session_timeout")
    with connection.cursor() as cursor:
        cursor.execute("; ".join(f"SET {name} = 0" for name in limits))
        yield
        cursor.execute("; ".join(f"RESET {name}" for name in limits))


def _prepare(questions: int, wnids: Sequence[str] | None) -> Place:
    """Accounts, the campaign with its policy, the first snapshot."""
    annotators = _make_annotators(len(Annotators.draw(questions)))
    curator = User.objects.create(pk=FIRST_ACCOUNT - 1, username="scale-curator", password=make_password(None))
    curator.groups.add(Group.objects.get(name="curator"))
    chosen = choose_wnids(wnids or _list_wnids(), count_synsets(questions))
    at = BEGINNING - timedelta(days=1)
    policy = PolicyValues(target_error=TARGET_ERROR, vote_cap=VOTE_CAP)
    campaign = draft_campaign(name=NAME, title="Scale", wnids=chosen, policy=policy, by=curator, at=at)
    # Opening it by the action would ask a question of each candidate row by row.
    Campaign.objects.filter(pk=campaign.pk).update(state=Campaign.State.OPEN, opened_at=at)
    ids = campaign.campaign_synsets.order_by("position").values_list("synset_id", flat=True)
    return Place(
        campaign=campaign.pk,
        snapshot=ensure_snapshot(by=curator, at=at).pk,
        synset_ids=np.array(ids, dtype=np.int64),
        outcomes=find_outcomes(),
        annotator=annotators,
        vote=1,
    )


def _list_wnids() -> list[str]:
    return list(Synset.objects.order_by("pk").values_list("wnid", flat=True))


def choose_wnids(wnids: Sequence[str], count: int) -> list[str]:
    """So many of them, evenly spread."""
    if len(wnids) < count:
        raise ValueError(f"there are {len(wnids)} synsets, and {count} are needed")
    return [wnids[number * len(wnids) // count] for number in range(count)]


def _make_annotators(count: int) -> int:
    """Their numbers follow each other; the first one."""
    users = User.objects.bulk_create(
        (
            User(pk=FIRST_ACCOUNT + number, username=f"annotator-{number}", password=make_password(None))
            for number in range(count)
        ),
        batch_size=5000,
    )
    role = Group.objects.get(name="annotator")
    User.groups.through.objects.bulk_create(
        (User.groups.through(user_id=user.pk, group_id=role.pk) for user in users), batch_size=5000
    )
    made = Annotator.objects.bulk_create(
        (Annotator(pk=user.pk, user=user, joined_at=BEGINNING) for user in users), batch_size=5000
    )
    return made[0].pk


def _copy_all(questions: int, place: Place, clock: dict[str, float], progress: Progress) -> dict[str, int]:
    rows, start = defaultdict[str, int](int), time.perf_counter()
    chunks = iterate_chunks(questions=questions, annotators=Annotators.draw(questions), outcomes=place.outcomes)
    with transaction.atomic(), connection.cursor() as cursor:
        # Of a table emptied in the same transaction rows are frozen at once and, with wal_level = minimal, not logged.
        cursor.execute(f"TRUNCATE {', '.join(TABLES)} CASCADE")
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute(FORGET_INDEXES, [list(TABLES)])
        for chunk in chunks:
            of_chunk = Rows(chunk, Place(**{**vars(place), "vote": rows["annotation_vote"] + 1}))
            for table, columns in of_chunk.iterate():
                with _measure(clock, table):
                    rows[table] += copy_rows(cursor, table, columns)
            progress(f"{chunk.first + len(chunk):,} of {questions:,} questions, {time.perf_counter() - start:.0f} s")
    return dict(rows)


def _finish(clock: dict[str, float], progress: Progress) -> None:
    """Indexes, sequences, what the planner knows."""
    for table in TABLES:
        with _measure(clock, f"{table} indexes"), connection.cursor() as cursor:
            cursor.execute(f"REINDEX TABLE {table}")
        progress(f"indexed {table} in {clock[f'{table} indexes']:.1f} s")
    with _measure(clock, "counts"), connection.cursor() as cursor:
        cursor.execute(COUNTS)
    with _measure(clock, "vacuum"), connection.cursor() as cursor:
        _set_sequences(cursor)
        cursor.execute("VACUUM ANALYZE")
        cursor.execute(UNFINISHED_INDEXES)
        assert not cursor.fetchall(), "REINDEX leaves every index valid"


def _set_sequences(cursor: CursorWrapper) -> None:
    """Behind the highest number given by hand."""
    cursor.execute(SEQUENCES, [[*TABLES, "annotation_annotator", "auth_user"]])
    for (table,) in cursor.fetchall():
        cursor.execute(f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), coalesce(max(id), 1)) FROM {table}")


def measure_bytes() -> dict[str, dict[str, int]]:
    """Of each table its own and each of its indexes'."""
    sizes = defaultdict[str, dict[str, int]](dict)
    with connection.cursor() as cursor:
        cursor.execute(SIZES, [list(TABLES)])
        for name, table, size in cursor.fetchall():
            sizes[table][name] = size
    return dict(sizes)


@contextmanager
def _measure(clock: dict[str, float], name: str) -> Iterator[None]:
    start = time.perf_counter()
    yield
    clock[name] += time.perf_counter() - start
