"""manage.py, the door of every command: what its caller can mend is one line on standard error."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[1]
NOBODY = "postgres://nobody@127.0.0.1:1/nothing"


def manage(*arguments, given, standard_input=b""):
    return subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=CHECKOUT,
        env=os.environ | given,
        input=standard_input,
        capture_output=True,
    )


def assert_one_line(done, beginning):
    problem = done.stderr.decode()
    assert done.returncode == 1
    assert problem.startswith(beginning)
    assert problem.count("\n") == 1


@pytest.mark.parametrize("arguments", [["verify_integrity"], ["create_token", "ann", "--scope", "read"]])
def test_a_database_that_is_away_is_told_in_one_line(arguments):
    assert_one_line(manage(*arguments, given={"DATABASE_URL": NOBODY}), "The database cannot be reached: ")


def test_a_bad_variable_is_told_in_one_line():
    assert_one_line(manage("verify_integrity", given={"REDIS_URL": "redis://h:abc"}), "REDIS_URL is no URL: ")


def test_a_password_that_is_not_text_is_told_in_one_line():
    done = manage("create_user", "x", "--role", "annotator", "--password-stdin", given={}, standard_input=b"\xff\xfe\n")

    assert_one_line(done, "CommandError: --password-stdin")


def test_an_argument_that_is_not_text_is_told_in_one_line():
    done = manage("create_token", b"\xff", "--scope", "read", given={})

    assert_one_line(done, "The input is not text in UTF-8: ")
