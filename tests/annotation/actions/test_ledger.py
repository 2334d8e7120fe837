"""The deletion ledger: written before a deletion is, and read whole."""

import fcntl
import uuid

import pytest
from django.utils.timezone import now

from annotation.actions.ledger import Deletion, LedgerError, add_deletions, read_deletions


def make_deletions(count):
    return [Deletion(uuid.uuid4(), now()) for _ in range(count)]


def test_what_was_added_is_read_in_its_order(tmp_path):
    path, deletions = tmp_path / "new" / "ledger", make_deletions(3)

    add_deletions(path, deletions[:2])
    add_deletions(path, deletions[2:])

    assert read_deletions(path) == deletions
    assert path.stat().st_mode & 0o777 == 0o600


def test_where_there_is_no_ledger_nobody_was_deleted(tmp_path):
    assert read_deletions(tmp_path / "ledger") == []


def test_the_part_of_a_line_that_a_killed_process_left_is_nothing_and_is_cut_off(tmp_path):
    path, deletions = tmp_path / "ledger", make_deletions(2)
    add_deletions(path, deletions[:1])
    with path.open("a") as file:
        file.write('{"format": 1, "dele')

    assert read_deletions(path) == deletions[:1]
    add_deletions(path, deletions[1:])
    assert read_deletions(path) == deletions


@pytest.mark.parametrize(
    "line", ["", "null", "{}", '{"format": 2}', '{"format": 1, "deleted": "no", "at": "2026-01-01"}', "\x00\x00"]
)
def test_any_other_line_that_cannot_be_read_is_named(tmp_path, line):
    path = tmp_path / "ledger"
    add_deletions(path, make_deletions(1))
    with path.open("a") as file:
        file.write(f"{line}\n")
    add_deletions(path, make_deletions(1))

    with pytest.raises(LedgerError, match="ledger, line 2"):
        read_deletions(path)


def test_a_full_disk_leaves_the_ledger_as_it_was(tmp_path, monkeypatch):
    path, deletions = tmp_path / "ledger", make_deletions(1)
    add_deletions(path, deletions)
    monkeypatch.setattr("annotation.actions.ledger.os.write", lambda descriptor, content: 3)

    with pytest.raises(LedgerError, match="the disk is full"):
        add_deletions(path, make_deletions(1))

    assert read_deletions(path) == deletions


def test_a_place_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("in the way")

    with pytest.raises(LedgerError, match="file/ledger"):
        add_deletions(tmp_path / "file" / "ledger", make_deletions(1))


def test_who_holds_the_ledger_is_not_waited_for_long(tmp_path, monkeypatch):
    path = tmp_path / "ledger"
    add_deletions(path, make_deletions(1))
    monkeypatch.setattr("annotation.actions.ledger.LOCK_SECONDS", 0.1)

    with path.open("rb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(LedgerError, match="ledger"):
            add_deletions(path, make_deletions(1))

    assert len(read_deletions(path)) == 1


def test_a_folder_that_cannot_be_synced_gets_no_line(tmp_path, monkeypatch):
    def fail(folder):
        raise OSError(5, "Input/output error")

    monkeypatch.setattr("annotation.actions.ledger.sync_folder", fail)

    with pytest.raises(LedgerError, match="Input/output"):
        add_deletions(tmp_path / "ledger", make_deletions(1))
    assert read_deletions(tmp_path / "ledger") == []
