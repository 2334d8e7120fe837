import gzip
import json
import os
import re
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from annotation.consensus import replayrules
from benchmarks.__main__ import GROUPS, main, run_groups
from benchmarks.child import ChildError, ChildTimeout, run_child
from benchmarks.generate import generate_votes
from benchmarks.measure import Pair, Row, compare, measure_peak_growth
from benchmarks.replays import RULES, Replay, SetError, find_sets, format_replays, name_labels
from benchmarks.report import format_table
from benchmarks.scale.intake import measure_intake

CHECKOUT = Path(__file__).resolve().parents[1]
FOUND = {"name", "ours", "limit", "unit", "against", "ratio"}


def read_report(folder):
    """The only report there."""
    (path,) = folder.glob("*.json")
    return json.loads(path.read_text())


def test_a_rate_is_set_beside_its_limit():
    row = Pair(ours=2.0, limit=0.5).as_rate("it", amount=100, unit="things/s", against="bare")

    assert (row.ours, row.limit, row.ratio) == (50, 200, 4)


def test_a_cost_is_set_beside_its_limit():
    row = Pair(ours=2.0, limit=0.5).as_nanoseconds("it", amount=1e9, unit="ns", against="bare")

    assert (row.ours, row.limit, row.ratio) == (2, 0.5, 4)


def test_ours_and_the_limit_run_in_turn_on_each_input():
    calls = []

    compare(
        ours=lambda each: calls.append(("ours", each)), limit=lambda each: calls.append(("limit", each)), inputs="ab"
    )

    assert calls == [("ours", "a"), ("limit", "a"), ("ours", "b"), ("limit", "b")]


def test_memory_that_is_let_go_again_counts():
    size = 50_000_000

    growth = measure_peak_growth(lambda: bytes(b"x" * size)[:1])

    assert size * 0.9 < growth < size * 3


def test_a_table_has_a_line_for_each_figure():
    row = Row(name="it", ours=1234.5, limit=0.0123, unit="things/s", against="bare", ratio=0.004)

    heading, line = format_table([row]).splitlines()

    assert heading.split() == ["benchmark", "ours", "limit", "unit", "ratio", "limit", "is"]
    assert line.split() == ["it", "1,234", "0.0123", "things/s", "0.004", "bare"]


def test_an_unknown_group_is_named(capsys):
    with pytest.raises(SystemExit):
        main(["--quick", "vote"])

    assert "there is no group 'vote'" in capsys.readouterr().err


@pytest.mark.functional
@pytest.mark.django_db
def test_a_group_gives_rows_and_writes_them_down(tmp_path, capsys):
    rows = run_groups(["labels"], folder=tmp_path, quick=True)

    assert [row.name for row in rows if not (row.ours > 0 and row.limit > 0 and row.ratio > 0)] == []
    assert format_table(rows) in capsys.readouterr().out
    report = read_report(tmp_path)
    assert [figure.keys() for figure in report["figures"]] == [FOUND] * len(rows)
    assert {"machine", "versions", "postgresql", "at", "quick", "seconds"} < report.keys()


@pytest.mark.functional
def test_the_command_measures_on_durable_servers_of_its_own():
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        command = [sys.executable, "-m", "benchmarks", "--quick", "--folder", name, "images"]
        outside = {**os.environ, "DATABASE_URL": "postgres://nobody@localhost/elsewhere"}

        done = subprocess.run(command, cwd=CHECKOUT, env=outside, capture_output=True, text=True, check=False)

        assert done.returncode == 0, done.stderr
        report = read_report(Path(name))
        assert report["postgresql"] | {"server_version": ""} == {
            "server_version": "",
            "fsync": "on",
            "full_page_writes": "on",
            "synchronous_commit": "on",
        }
        assert [path.suffix for path in Path(name).iterdir()] == [".json"]
        assert datetime.fromisoformat(report["at"]).tzinfo == UTC


@pytest.mark.functional
@pytest.mark.django_db
def test_the_intake_of_pictures_and_of_rows_is_measured_beside_its_limits():
    figures = json.loads(json.dumps(measure_intake(pictures=4, manifest_rows=50)))

    pictures, rows = figures["pictures"], figures["rows"]
    assert (pictures["count"], rows["count"]) == (4, 50)
    assert pictures["ratio"] > 0 < rows["ratio"]
    assert pictures["ours_processor_ms_each"] > 0 < pictures["bare_processor_ms_each"]
    assert rows["peak_mb"] > 0 < rows["seconds_for_a_million"]


def write_set(folder, *, votes="task,worker,label\n1,a,no\n1,b,yes\n", truth="task,label\n1,yes\n"):
    folder.mkdir(parents=True)
    (folder / "votes.csv").write_text(votes)
    (folder / "truth.csv").write_text(truth)
    return folder


def test_made_up_votes_are_the_same_for_the_same_seed():
    (first, truth), (second, same_truth) = (generate_votes(votes=500, seed=3, graded=True) for _ in range(2))

    assert (first.worker.tolist(), first.answer.tolist()) == (second.worker.tolist(), second.answer.tolist())
    assert truth.tolist() == same_truth.tolist()


def test_made_up_votes_come_from_five_workers_an_item_who_know_more_than_chance():
    votes, truth = generate_votes(votes=10_000)

    assert [len(set(row)) for row in votes.worker.reshape(-1, 5).tolist()] == [5] * votes.items
    assert np.mean(votes.answer == np.repeat(truth, 5)) > 0.65


def test_some_made_up_votes_are_unsure():
    votes, _ = generate_votes(votes=10_000, graded=True)

    no, unsure, yes = np.bincount(votes.answer) / len(votes)
    assert (no > yes > unsure, unsure) == (True, pytest.approx(0.1, abs=0.05))


@pytest.mark.functional
def test_a_program_is_believed_what_it_prints(tmp_path):
    path = tmp_path / "content.json"
    path.write_text('{"seconds": 1.5}')

    assert run_child("json.tool", str(path)) == {"seconds": 1.5}


@pytest.mark.functional
def test_a_program_that_fails_is_named_with_its_last_line():
    with pytest.raises(ChildError, match=r"^timeit x: NameError: name 'x' is not defined$"):
        run_child("timeit", "x")


@pytest.mark.functional
def test_a_program_that_takes_too_long_is_stopped():
    with pytest.raises(ChildTimeout, match=r"took more than 0\.2 s$"):
        run_child("timeit", "-s", "import time", "time.sleep(600)", seconds=0.2)


def test_a_folder_of_votes_with_golden_ones_is_two_sets(tmp_path):
    folder = write_set(tmp_path / "any")
    (folder / "golden_votes.csv.gz").write_bytes(gzip.compress((folder / "votes.csv").read_bytes()))

    plain, golden = find_sets(tmp_path)

    assert plain.arguments == [f"--votes={folder}/votes.csv", f"--truth={folder}/truth.csv", "--positive=yes"]
    assert (golden.name, golden.votes.name, golden.train) == ("any golden", "golden_votes.csv.gz", plain.votes)


@pytest.mark.parametrize(
    ("labels", "named"),
    [
        ({"yes", "no"}, ("yes", None)),
        ({"yes", "no", "maybe"}, ("yes", "maybe")),
        ({"0", "1"}, (None, None)),
        ({"yes", "no", "both"}, (None, None)),
    ],
)
def test_yes_and_no_are_binary_and_anything_else_is_classes(labels, named):
    assert name_labels(labels) == named


def test_a_folder_without_truth_is_refused(tmp_path):
    (write_set(tmp_path / "any") / "truth.csv").unlink()

    with pytest.raises(SetError, match=r"any: truth\.csv or \.csv\.gz is missing$"):
        find_sets(tmp_path)


def test_votes_without_labels_are_refused(tmp_path):
    write_set(tmp_path / "any", votes="task,worker\n1,a\n")

    with pytest.raises(SetError, match=r"votes\.csv: line 1: has no column label$"):
        find_sets(tmp_path)


def test_data_without_sets_is_refused_before_anything_is_measured(tmp_path, capsys):
    with pytest.raises(SystemExit):
        main(["--data", str(tmp_path)])

    assert f"{tmp_path}: has no sub-folder" in capsys.readouterr().err


def test_every_rule_of_the_replay_command_is_in_the_table():
    assert sorted(RULES) == sorted(replayrules.RULES)


def test_the_replays_table_shows_figures_caps_and_errors():
    printed = {"accuracy": 0.9, "precision": None, "votes_per_task": 3, "seconds": 0.04}

    table = format_replays(
        [
            Replay(votes="any", rule="quick", printed=printed),
            Replay(votes="any", rule="slow", failure="> 120"),
            Replay(votes="any", rule="broken", failure="failed", error="it broke"),
        ]
    ).splitlines()

    assert table[1].split() == ["any", "quick", "0.9000", "-", "-", "-", "-", "-", "3.00", "0.0"]
    assert [line.split()[-2:] for line in table[2:4]] == [[">", "120"], ["-", "failed"]]
    assert table[-1] == "any, broken: it broke"


def test_what_only_the_benchmarks_install_is_imported_in_programs_of_their_own():
    peers = re.compile(r"^(from|import) (crowdkit|numba|pandas|benchmarks\.(peers|loop))\b", re.MULTILINE)

    importing = {path.name for path in (CHECKOUT / "benchmarks").glob("*.py") if peers.search(path.read_text())}

    assert importing == {"peers.py", "loop.py"}


def test_every_group_is_a_module():
    assert {f"{group}.py" for group in GROUPS} <= {path.name for path in (CHECKOUT / "benchmarks").iterdir()}
