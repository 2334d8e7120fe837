"""Mistakes that the harness must find, each in a copy of the code or in the database."""

import argparse
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from tests.functional.service import CHECKOUT


@dataclass(frozen=True)
class Edit:
    """In `file`, `old`, which is there once, becomes `new`."""

    file: str
    old: str
    new: str


@dataclass(frozen=True)
class Mutant:
    """A mistake, and the scenarios of which at least one must fail for it."""

    scenarios: tuple[str, ...]
    edits: tuple[Edit, ...] = ()
    sql: str = ""
    # The crowd sends each page once, where repeating it would find the mistake without a fault.
    polite: bool = False

    def copy(self, folder: Path) -> Path:
        """The code with the mistake, in a new folder."""
        listed = subprocess.run(["git", "ls-files", "-z"], cwd=CHECKOUT, capture_output=True, check=True).stdout
        for name in filter(None, listed.decode().split("\0")):
            if (CHECKOUT / name).is_file():
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(CHECKOUT / name, folder / name)
        for edit in self.edits:
            text = (folder / edit.file).read_text()
            assert text.count(edit.old) == 1, (
                f"{edit.file} has changed: {edit.old!r} is there {text.count(edit.old)} times"
            )
            (folder / edit.file).write_text(text.replace(edit.old, edit.new))
        return folder


def copy_earlier(commit: str, folder: Path) -> Path:
    """The code of an earlier commit, in a new folder, with the tests of this one, which drive it."""
    folder.mkdir(parents=True)
    archive = subprocess.run(["git", "archive", commit], cwd=CHECKOUT, capture_output=True, check=True).stdout
    subprocess.run(["tar", "-x", "-C", str(folder)], input=archive, check=True)
    shutil.rmtree(folder / "tests")
    shutil.copytree(CHECKOUT / "tests", folder / "tests")
    return folder


SETTINGS = "config/settings.py"
ESTIMATES = "annotation/actions/estimates.py"
VIEWS = "annotation/api/views/batches.py"
SUBMIT_LATER = """def submit_later(**given):
    import threading
    from annotation.actions.votes import Receipt
    from django.db import connection

    def submit():
        votes.submit_batch(**given)
        ring_doorbell()
        connection.close()

    threading.Timer(0.2, submit).start()
    return Receipt(given["batch_id"], len(given["votes"]), False)


class BatchVotesView(APIView):
"""
MUTANTS: dict[str, Mutant] = {
    "constraint-dropped": Mutant(("none",), sql="DROP INDEX vote_once_per_annotator"),
    "count-then-insert": Mutant(
        ("crowd",),
        (
            Edit(
                "annotation/actions/drawing.py",
                "LIMIT %(size)s::int FOR NO KEY UPDATE OF question SKIP LOCKED",
                "LIMIT %(size)s::int",
            ),
        ),
    ),
    "acknowledged-before-commit": Mutant(
        ("postgres", "web"),
        (
            Edit(VIEWS, "receipt = votes.submit_batch(", "receipt = submit_later("),
            Edit(VIEWS, "class BatchVotesView(APIView):\n", SUBMIT_LATER),
        ),
        polite=True,
    ),
    "no-sweep-acknowledged-early": Mutant(
        ("flushed",),
        (
            Edit(SETTINGS, "CELERY_TASK_ACKS_LATE = True", "CELERY_TASK_ACKS_LATE = False"),
            Edit(SETTINGS, "CELERY_TASK_REJECT_ON_WORKER_LOST = True", "CELERY_TASK_REJECT_ON_WORKER_LOST = False"),
            Edit(SETTINGS, "float(SWEEP_SECONDS)", "86_400.0"),
        ),
    ),
    # Readiness would tell at once, and is silenced here.
    "asynchronous-commit": Mutant(
        ("postgres",),
        (
            Edit("config/reading.py", '"synchronous_commit": "on"', '"synchronous_commit": "off"'),
            Edit("config/health.py", '"full_page_writes", "synchronous_commit")', '"full_page_writes")'),
        ),
    ),
    "tally-bumped-in-task": Mutant(
        ("workers",),
        (
            Edit(
                "annotation/actions/votes.py",
                "question.votes_in_time + CASE WHEN kept.id IS NULL OR clock.late THEN 0 ELSE 1 END",
                "question.votes_in_time",
            ),
            Edit(
                ESTIMATES,
                "        tried += [question.id for question in claimed]\n",
                "        tried += [question.id for question in claimed]\n"
                "        _execute('UPDATE annotation_question SET votes_in_time = votes_in_time + 1 WHERE id = ANY(%(ids)s)',"
                " {'ids': [question.id for question in claimed if question.due]})\n",
            ),
        ),
    ),
    "one-failure-stops-all": Mutant(
        ("poison",),
        (Edit(ESTIMATES, "except FAILURES:\n            if not tried", "except ():\n            if not tried"),),
    ),
    "broker-waited-for-without-end": Mutant(("swallowed",), (Edit(SETTINGS, '    "socket_timeout": 5,\n', ""),)),
    "messages-expire-by-wrong-clocks": Mutant(
        ("clocks",), (Edit(SETTINGS, "MESSAGE_SECONDS = 3600", "MESSAGE_SECONDS = 30"),)
    ),
}


def main() -> int:
    """Each mistake in turn; 0 when the harness failed for all of them, as it must."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults.mutants", description=main.__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", nargs="+", choices=sorted(MUTANTS))
    options = parser.parse_args()
    survived = []
    for name in options.only or MUTANTS:
        print(f"--- {name}", flush=True)
        command = [sys.executable, "-m", "tests.faults", "--seed", str(options.seed), "--mutant", name]
        if subprocess.run(command, cwd=CHECKOUT, check=False).returncode != 1:
            survived.append(name)
    print(f"not found: {', '.join(survived)}" if survived else "every mistake was found")
    return len(survived)


if __name__ == "__main__":
    sys.exit(main())
