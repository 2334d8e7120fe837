"""How PostgreSQL's programs are called."""

import pytest

from config.backup import database
from config.backup.errors import BackupError

PASSWORD = "not to be seen"


@pytest.fixture
def called(monkeypatch, settings, tmp_path):
    """A program in pg_dump's place that notes its arguments and environment, and fails where it is told to."""
    settings.OWNER_DATABASE = {
        "HOST": "db.example",
        "PORT": 5433,
        "USER": "owner",
        "PASSWORD": PASSWORD,
        "NAME": "veriset",
        "OPTIONS": {"sslmode": "verify-full"},
    }
    for name in ("pg_dump", "pg_restore"):
        program = tmp_path / name
        program.write_text(
            f'#!/bin/sh\necho "$@" > {tmp_path}/arguments\nenv > {tmp_path}/environment\n'
            f"if [ -e {tmp_path}/fail ]; then echo cannot connect >&2; exit 1; fi\n"
        )
        program.chmod(0o700)
    monkeypatch.setattr(database, "find_programs", lambda: tmp_path)
    monkeypatch.setenv("PGHOST", "elsewhere")
    monkeypatch.setenv("PGSERVICE", "elsewhere")
    return tmp_path


def dump(folder):
    database.dump_database(file=folder / "dump", snapshot="1", report=lambda text: None)


def test_a_password_stands_in_the_environment_and_not_among_the_arguments(called):
    dump(called)

    environment = (called / "environment").read_text().splitlines()
    assert PASSWORD not in (called / "arguments").read_text()
    assert {f"PGPASSWORD={PASSWORD}", "PGHOST=db.example", "PGPORT=5433", "PGSSLMODE=verify-full"} <= {*environment}
    assert not any(line.startswith("PGSERVICE") for line in environment)


def test_a_load_is_one_transaction(called):
    database.load_database(file=called / "dump", report=lambda text: None)

    assert {"--single-transaction", "--exit-on-error", "--no-owner"} <= {*(called / "arguments").read_text().split()}


def test_what_a_program_complained_about_is_told(called):
    (called / "fail").touch()

    with pytest.raises(BackupError, match=r"(?s)pg_dump ended with code 1.*cannot connect"):
        dump(called)
