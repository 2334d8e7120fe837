"""The audit log: one chain, whoever writes at once; nobody changes it, and what was changed behind its back is found."""

import threading
from contextlib import contextmanager
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import DatabaseError, IntegrityError, ProgrammingError, connection, transaction

from hierarchy.actions.audit import append_entry
from hierarchy.models import AuditAction, AuditEntry
from hierarchy.queries.audit import ChainBroken, Head, list_writers, verify_chain

SERVICE = "veriset_app"
APPENDED = "SELECT hierarchy_append_audit_entry(NULL, 'LOG_IN', 'account:1', '{}')"
WRITES = {
    "insert": "INSERT INTO hierarchy_auditentry SELECT * FROM hierarchy_auditentry",
    "update": "UPDATE hierarchy_auditentry SET actor = 7",
    "delete": "DELETE FROM hierarchy_auditentry",
    "truncate": "TRUNCATE hierarchy_auditentry",
    "drop": "DROP TABLE hierarchy_auditentry",
    "disable": "ALTER TABLE hierarchy_auditentry DISABLE TRIGGER ALL",
    "function": "CREATE OR REPLACE FUNCTION hierarchy_append_audit_entry(bigint, text, text, jsonb) RETURNS bigint LANGUAGE sql AS 'SELECT 1'",
    "replica": "SET session_replication_role = replica",
}


def append(number=1, **changes):
    given: dict[str, Any] = {"action": AuditAction.LOG_IN, "subject": f"account:{number}", "detail": {}, "by": None}
    return append_entry(**given | changes)


def append_many(count):
    with transaction.atomic():
        for number in range(count):
            append(number, detail={"texts": ['"ü\\', "\n\x7f"], "rate": 0.05, "b": None})


def execute(sql):
    with connection.cursor() as cursor:
        cursor.execute(sql)


@contextmanager
def as_role(name):
    execute(f"SET LOCAL ROLE {name}")
    yield
    execute("RESET ROLE")


def tamper(sql):
    """As the owner can, who switches the guard off."""
    with transaction.atomic():
        execute("ALTER TABLE hierarchy_auditentry DISABLE TRIGGER ALL")
        execute(sql)
        execute("ALTER TABLE hierarchy_auditentry ENABLE TRIGGER ALL")


@pytest.mark.django_db
def test_an_entry_says_who_did_what_to_what_and_when():
    carol = User.objects.create_user("carol")

    assert append(by=carol, detail={"why": "x"}) == 1

    entry = AuditEntry.objects.get()
    assert (entry.number, entry.actor, entry.action) == (1, carol.pk, "LOG_IN")
    assert (entry.subject, entry.detail) == ("account:1", {"why": "x"})
    assert bytes(entry.previous_hash) == bytes(32)


@pytest.mark.django_db
def test_each_entry_has_the_hash_of_the_one_before():
    append_many(3)

    entries = list(AuditEntry.objects.order_by("number"))
    assert [entry.number for entry in entries] == [1, 2, 3]
    assert bytes(entries[1].previous_hash) == bytes(entries[0].hash)
    assert entries[0].at <= entries[1].at <= entries[2].at
    assert verify_chain() == Head(3, bytes(entries[2].hash))


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_it_is_not_written_outside_a_transaction():
    with pytest.raises(RuntimeError, match="begin a transaction"):
        append()


@pytest.mark.django_db
@pytest.mark.parametrize(
    "changes",
    [
        {"action": "DANCE"},
        {"subject": "two words"},
        {"subject": ""},
        {"detail": ["a"]},
        {"detail": {"long": "x" * 4000}},
    ],
)
def test_what_does_not_belong_into_it_is_refused(changes):
    with pytest.raises(IntegrityError), transaction.atomic():
        append(**changes)

    assert append() == 1


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_what_is_rolled_back_leaves_no_entry_and_no_gap():
    append_many(1)
    with transaction.atomic():
        append()
        transaction.set_rollback(True)
    append_many(1)

    assert list(AuditEntry.objects.order_by("number").values_list("number", flat=True)) == [1, 2]
    assert verify_chain().number == 2


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_many_at_once_write_one_chain():
    failures = []

    def work():
        try:
            for _ in range(10):
                append_many(2)
        except DatabaseError as error:
            failures.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=work) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert failures == []
    assert verify_chain().number == 240


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_a_transaction_that_sees_an_older_log_cannot_fork_it():
    def append_meanwhile():
        append_many(1)
        connection.close()

    with transaction.atomic():
        execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        execute("SELECT 1")
        other = threading.Thread(target=append_meanwhile)
        other.start()
        other.join()
        with pytest.raises(IntegrityError, match="hierarchy_auditentry_pkey"), transaction.atomic():
            append()

    assert verify_chain().number == 1


@pytest.mark.django_db
@pytest.mark.parametrize("write", WRITES)
def test_the_role_of_the_service_appends_by_the_function_and_does_nothing_else(write):
    with as_role(SERVICE):
        execute(APPENDED)
        with pytest.raises(ProgrammingError, match=r"permission denied|must be owner"), transaction.atomic():
            execute(WRITES[write])
        assert AuditEntry.objects.count() == 1


@pytest.mark.django_db
def test_the_service_cannot_put_a_table_of_its_own_in_the_way():
    with as_role(SERVICE):
        execute("CREATE TEMPORARY TABLE hierarchy_auditentry AS SELECT * FROM public.hierarchy_auditentry")
        execute("SET LOCAL search_path = pg_temp, public")
        execute(APPENDED)
    execute("SET LOCAL search_path = public, pg_temp")

    assert AuditEntry.objects.count() == 1


@pytest.mark.django_db
def test_nobody_else_may_call_the_function():
    execute("CREATE ROLE stranger")

    with as_role("stranger"), pytest.raises(ProgrammingError, match="permission denied"), transaction.atomic():
        execute(APPENDED)


@pytest.mark.django_db
@pytest.mark.parametrize("write", ["update", "delete", "truncate"])
@pytest.mark.parametrize("entries", [0, 1])
def test_the_owner_is_refused_too(write, entries):
    append_many(entries)

    with pytest.raises(IntegrityError, match="added, never changed"), transaction.atomic():
        execute(WRITES[write])


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("sql", "place"),
    [
        ("UPDATE hierarchy_auditentry SET actor = 7 WHERE number = 3", "entry 3 was changed"),
        ("UPDATE hierarchy_auditentry SET at = 'infinity' WHERE number = 3", "entry 3 was changed"),
        ("UPDATE hierarchy_auditentry SET detail = '{}' WHERE number = 5", "entry 5 was changed"),
        ("UPDATE hierarchy_auditentry SET hash = sha256('x') WHERE number = 4", "entry 4 was changed"),
        ("UPDATE hierarchy_auditentry SET previous_hash = sha256('x') WHERE number = 4", "entry 4 does not follow"),
        ("DELETE FROM hierarchy_auditentry WHERE number = 1", "entry 1 is missing"),
        ("DELETE FROM hierarchy_auditentry WHERE number = 3", "entry 3 is missing"),
        ("UPDATE hierarchy_auditentry SET number = number + 1 WHERE number = 5", "entry 5 is missing"),
    ],
)
def test_what_the_owner_changed_is_found(sql, place):
    append_many(5)
    tamper(sql)

    with pytest.raises(ChainBroken, match=place):
        verify_chain()


@pytest.mark.django_db
def test_an_end_that_was_cut_off_is_found_by_a_head_that_was_kept():
    append_many(5)
    kept = verify_chain()
    tamper("DELETE FROM hierarchy_auditentry WHERE number > 3")

    assert verify_chain().number == 3
    with pytest.raises(ChainBroken, match="entry 4 is missing"):
        verify_chain(kept=kept)


@pytest.mark.django_db
def test_an_end_that_was_written_anew_is_found_by_a_head_that_was_kept():
    append_many(5)
    kept = verify_chain()
    tamper("DELETE FROM hierarchy_auditentry WHERE number > 3")
    append_many(4)

    assert verify_chain().number == 7
    with pytest.raises(ChainBroken, match="entry 5 is"):
        verify_chain(kept=kept)


@pytest.mark.django_db
def test_a_head_that_was_kept_stays_part_of_a_log_that_grows(monkeypatch):
    monkeypatch.setattr("hierarchy.queries.audit.ROWS_AT_ONCE", 2)
    heads = [verify_chain()]
    for _ in range(3):
        append_many(2)
        heads.append(verify_chain())

    assert [head.number for head in heads] == [0, 2, 4, 6]
    assert {verify_chain(kept=kept) for kept in heads} == {heads[-1]}


@pytest.mark.django_db
def test_roles_that_were_given_rights_later_are_named():
    assert list_writers() == []
    execute(f"GRANT UPDATE (actor) ON hierarchy_auditentry TO {SERVICE}")
    execute("GRANT INSERT ON hierarchy_auditentry TO PUBLIC")

    assert list_writers() == ["PUBLIC", SERVICE]
