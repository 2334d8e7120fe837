import csv
import json
import math
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from annotation.consensus.replay import main
from tests.annotation.consensus.strategies import simulate_votes, split_rows

ROOT = Path(__file__).parents[3]
FIELDS = [
    *("rule", "tasks", "workers", "votes_available", "votes_used", "votes_per_task", "decided", "undecided"),
    *("accuracy", "precision", "recall", "f1", "ece", "nll", "realised_error", "seconds", "peak_mb"),
]
SAYS = ("no", "maybe", "yes")
BINARY = ("--positive", "yes", "--unsure", "maybe")
Rows = Sequence[tuple[str, str, str]]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """votes.csv with 80 tasks, truth.csv, and gold.csv with the truth of the first 30."""
    chance = np.random.default_rng(1)
    truth = (np.random.default_rng(2).random(80) < 0.4).astype(np.int8)
    tables = np.stack([chance.dirichlet([16, 1, 2], 12), chance.dirichlet([2, 1, 16], 12)], axis=1)
    votes, _ = simulate_votes(seed=3, truth=truth, worker_tables=tables, votes_per_item=5)
    rows = [
        (f"t{item}", f"w{worker}", SAYS[said]) for item, row in enumerate(split_rows(votes)) for worker, said in row
    ]
    write_votes(tmp_path / "votes.csv", rows)
    labels = {f"t{item}": SAYS[2 * kind] for item, kind in enumerate(truth)}
    write_labels(tmp_path / "truth.csv", labels)
    write_labels(tmp_path / "gold.csv", dict(list(labels.items())[:30]))
    return tmp_path


def write_votes(path: Path, rows: Rows) -> Path:
    path.write_text("\n".join(["task,worker,label", *map(",".join, rows)]) + "\n")
    return path


def write_labels(path: Path, labels: Mapping[str, str]) -> Path:
    path.write_text("\n".join(["task,label", *map(",".join, labels.items())]) + "\n")
    return path


def start(*arguments: str | Path, **options: Any) -> subprocess.CompletedProcess[str]:
    """The command as people start it."""
    command = [sys.executable, "-m", "annotation.consensus.replay", *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, text=True, capture_output=True, check=False, timeout=100, **options)


def replay(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> dict[str, Any]:
    """What the command prints, without a process of its own."""
    assert main([str(argument) for argument in arguments]) == 0
    figures = json.loads(capsys.readouterr().out)
    assert list(figures) == FIELDS
    return dict(figures)


def refuse(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> str:
    assert main([str(argument) for argument in arguments]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("error: ")
    return said.err


def read_output(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def leave_time(figures: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in figures.items() if name not in ("seconds", "peak_mb")}


@pytest.mark.functional
def test_the_command_prints_one_object_with_every_field_of_the_contract(folder: Path) -> None:
    done = start("--votes", folder / "votes.csv", "--truth", folder / "truth.csv", *BINARY, "--rule", "sequential")

    assert (done.returncode, done.stderr) == (0, "")
    figures = json.loads(done.stdout)
    assert list(figures) == FIELDS
    assert figures["seconds"] > 0
    assert figures["peak_mb"] > 10


@pytest.mark.functional
def test_a_malformed_line_is_named_without_a_trace(folder: Path) -> None:
    votes = folder / "votes.csv"
    votes.write_text(votes.read_text() + "t1,w1\n")

    done = start("--votes", votes, *BINARY)

    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"error: {votes} line 402: has 2 fields, the header has 3\n"


@pytest.mark.functional
def test_it_needs_neither_django_nor_settings(folder: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("DJANGO", "VERISET"))}
    script = "import sys, annotation.consensus.replay; sys.exit('django' in sys.modules)"

    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, env=environment, check=False, timeout=100)

    assert done.returncode == 0


@pytest.mark.functional
@pytest.mark.parametrize("output", [[], ["--output", "-"]])
def test_nobody_reading_on_leaves_no_trace(folder: Path, output: list[str]) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as closed:
        command = [sys.executable, "-m", "annotation.consensus.replay", "--votes", str(folder / "votes.csv"), *BINARY]
        done = subprocess.run(
            [*command, *output], cwd=ROOT, stdout=closed, stderr=subprocess.PIPE, text=True, check=False, timeout=100
        )

    assert done.returncode == 2
    assert "Traceback" not in done.stderr


def test_figures_are_those_computed_by_hand_from_the_labels(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = ("--votes", folder / "votes.csv", "--truth", folder / "truth.csv", "--gold", folder / "gold.csv")

    figures = replay(capsys, *files, *BINARY, "--rule", "sequential", "--output", folder / "out.csv")

    truth = {row["task"]: row["label"] for row in read_output(folder / "truth.csv")}
    gold = {row["task"] for row in read_output(folder / "gold.csv")}
    rows = [row for row in read_output(folder / "out.csv") if row["task"] not in gold]
    assert figures["tasks"] == len(rows) == 50
    assert figures["votes_available"] == 250
    assert figures["votes_used"] == sum(int(row["votes"]) for row in rows)
    assert figures["votes_per_task"] == figures["votes_used"] / 50
    assert figures["decided"] == sum(row["decided"] == "true" for row in rows) == 50 - figures["undecided"]
    check_scores(figures, rows, truth)


def check_scores(figures: Mapping[str, Any], rows: Sequence[Mapping[str, str]], truth: Mapping[str, str]) -> None:
    right = [row["label"] == truth[row["task"]] for row in rows]
    said_yes = [truth[row["task"]] == "yes" for row in rows if row["label"] == "yes"]
    was_yes = [row["label"] == "yes" for row in rows if truth[row["task"]] == "yes"]
    decided = [good for good, row in zip(right, rows, strict=True) if row["decided"] == "true"]
    precision, recall = sum(said_yes) / len(said_yes), sum(was_yes) / len(was_yes)
    of_truth = [
        float(row["probability"]) if truth[row["task"]] == "yes" else 1 - float(row["probability"]) for row in rows
    ]
    expected = {
        "accuracy": sum(right) / len(right),
        "precision": precision,
        "recall": recall,
        "f1": 2 * precision * recall / (precision + recall),
        "nll": -sum(map(math.log, of_truth)) / len(of_truth),
        "realised_error": 1 - sum(decided) / len(decided),
    }
    assert {name: figures[name] for name in expected} == pytest.approx(expected, abs=1e-6)


def test_all_votes_uses_all_and_leaves_nothing_undecided(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    figures = replay(capsys, "--votes", folder / "votes.csv", "--truth", folder / "truth.csv", *BINARY)

    assert figures["rule"] == "all-votes"
    assert (figures["tasks"], figures["workers"]) == (80, 12)
    assert (figures["votes_available"], figures["votes_used"], figures["votes_per_task"]) == (400, 400, 5.0)
    assert (figures["decided"], figures["undecided"]) == (80, 0)
    assert figures["realised_error"] == pytest.approx(1 - figures["accuracy"])


@pytest.mark.parametrize("rule", ["all-votes", "sequential"])
def test_the_same_seed_gives_the_same_figures(folder: Path, capsys: pytest.CaptureFixture[str], rule: str) -> None:
    files = ("--votes", folder / "votes.csv", "--truth", folder / "truth.csv", "--gold", folder / "gold.csv")

    first, second = (replay(capsys, *files, *BINARY, "--rule", rule, "--seed", "7") for _ in range(2))

    assert leave_time(first) == leave_time(second)


def test_a_stored_snapshot_gives_the_figures_of_the_fit(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = ("--votes", folder / "votes.csv", "--truth", folder / "truth.csv", "--gold", folder / "gold.csv")
    common = (*files, *BINARY, "--rule", "sequential")
    stored = folder / "snapshot.json"

    fitted = replay(capsys, *common, "--write-parameters", stored, "--output", folder / "fitted.csv")
    again = replay(capsys, *common, "--parameters", stored, "--output", folder / "again.csv")

    assert leave_time(again) == leave_time(fitted)
    for row, same in zip(read_output(folder / "fitted.csv"), read_output(folder / "again.csv"), strict=True):
        assert float(row["probability"]) == pytest.approx(float(same["probability"]), abs=1e-9)


def test_workers_may_be_learned_from_other_votes(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [(f"x{row['task']}", row["worker"], row["label"]) for row in read_output(folder / "votes.csv")]
    train = write_votes(folder / "train.csv", rows)

    figures = replay(
        capsys, "--votes", folder / "votes.csv", "--train", train, "--truth", folder / "truth.csv", *BINARY
    )

    assert figures["tasks"] == 80
    assert figures["accuracy"] > 0.85


def test_two_labels_without_positive_are_classes(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [(f"t{item}", f"w{worker}", "ab"[item % 2]) for item in range(8) for worker in range(3)]
    votes = write_votes(folder / "two.csv", rows)

    figures = replay(capsys, "--votes", votes, "--rule", "sequential", "--output", folder / "out.csv")

    assert (figures["votes_used"], figures["undecided"]) == (24, 0)
    assert [row["label"] for row in read_output(folder / "out.csv")] == list("abababab")
    assert "decided" not in read_output(folder / "out.csv")[0]


def test_means_over_classes_are_those_computed_by_hand(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [(f"t{item}", f"w{worker}", "abc"[item % 3]) for item in range(9) for worker in range(3)]
    votes = write_votes(folder / "three.csv", rows)
    truth = write_labels(
        folder / "three_truth.csv", {f"t{item}": "abc"[item % 3] if item else "b" for item in range(9)}
    )

    figures = replay(capsys, "--votes", votes, "--truth", truth)

    # One b was called a: of three called a two are, of four that are b three were found.
    assert figures["accuracy"] == pytest.approx(8 / 9, abs=1e-6)
    assert figures["precision"] == pytest.approx((2 / 3 + 1 + 1) / 3, abs=1e-6)
    assert figures["recall"] == pytest.approx((1 + 3 / 4 + 1) / 3, abs=1e-6)


@pytest.mark.parametrize("rule", ["all-votes", "sequential", "majority", "dawid-skene", "published-2009", "section-3"])
def test_a_header_alone_is_no_votes(folder: Path, capsys: pytest.CaptureFixture[str], rule: str) -> None:
    figures = replay(capsys, "--votes", write_votes(folder / "none.csv", []), *BINARY, "--rule", rule)

    assert (figures["tasks"], figures["votes_used"], figures["votes_per_task"]) == (0, 0, None)
    assert figures["accuracy"] is figures["realised_error"] is None


@pytest.mark.parametrize("rule", ["all-votes", "sequential"])
def test_where_all_is_gold_there_is_nothing_to_score(
    folder: Path, capsys: pytest.CaptureFixture[str], rule: str
) -> None:
    truth = folder / "truth.csv"

    figures = replay(
        capsys, "--votes", folder / "votes.csv", "--truth", truth, "--gold", truth, *BINARY, "--rule", rule
    )

    assert (figures["tasks"], figures["decided"], figures["votes_available"]) == (0, 0, 0)
    assert figures["accuracy"] is None


def test_truth_and_gold_of_unknown_tasks_are_passed_over(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    unknown = write_labels(folder / "unknown.csv", {"nowhere": "yes"})

    figures = replay(capsys, "--votes", folder / "votes.csv", "--truth", unknown, "--gold", unknown, *BINARY)

    assert figures["tasks"] == 80
    assert figures["accuracy"] is None


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--target-error", "0"], "--target-error: must be above 0 and below 0.5, is 0.0"),
        (["--target-error", "nan"], "--target-error: must be above 0 and below 0.5, is nan"),
        (["--max-votes", "1"], "--max-votes: must be from 2 to 1000, is 1"),
        (["--max-votes", "1001"], "--max-votes: must be from 2 to 1000, is 1001"),
        (["--seed", "-1"], "--seed: must not be negative, is -1"),
        (["--positive", "nobody"], "no label is 'nobody' (positive): the labels are 'maybe', 'no', 'yes'"),
        (["--positive", "maybe"], "unsure: needs another label as positive"),
        (["--rule", "majority", "--write-parameters", "x.json"], "this rule has no parameters to store"),
        (["--parameters", "nowhere.json"], "nowhere.json: cannot be read: No such file or directory"),
        (["--truth", "nowhere.csv"], "nowhere.csv: cannot be read: No such file or directory"),
        (["--output", "nowhere/out.csv"], "out.csv: cannot be written: No such file or directory"),
        (["--write-parameters", "nowhere/x.json"], "nowhere/x.json: cannot be written: No such file or directory"),
    ],
)
def test_wrong_arguments_are_refused_by_name(
    folder: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    assert message in refuse(capsys, "--votes", folder / "votes.csv", *BINARY, *arguments)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("t1,w1,yes,more", "line 402: has 4 fields, the header has 3"),
        ("t0,w99,perhaps", "line 402: label 'perhaps' is one too many"),
        (",w1,yes", "line 402: empty task"),
        ('t1,w1,"yes', "line 402: not CSV, perhaps an unbalanced quote"),
    ],
)
def test_a_bad_line_of_votes_is_refused_by_its_number(
    folder: Path, capsys: pytest.CaptureFixture[str], line: str, message: str
) -> None:
    with (folder / "votes.csv").open("a") as file:
        file.write(line + "\n")

    assert message in refuse(capsys, "--votes", folder / "votes.csv", *BINARY)


def test_a_second_vote_of_a_worker_is_refused_by_its_line(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first = read_output(folder / "votes.csv")[0]
    with (folder / "votes.csv").open("a") as file:
        file.write(f"{first['task']},{first['worker']},no\n")

    said = refuse(capsys, "--votes", folder / "votes.csv", *BINARY)

    assert f"line 402: a second vote of worker '{first['worker']}' on task 't0', the first is in line 2" in said


@pytest.mark.parametrize("content", ["", "{", "[]", "null", '{"parameters": NaN}', '{"workers": {}}'])
def test_a_bad_snapshot_is_refused_by_its_file(folder: Path, capsys: pytest.CaptureFixture[str], content: str) -> None:
    stored = folder / "snapshot.json"
    stored.write_text(content)

    said = refuse(capsys, "--votes", folder / "votes.csv", *BINARY, "--parameters", stored)

    assert said.count(str(stored)) == 1


def test_nothing_is_written_where_something_is_wrong(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = folder / "out.csv"

    refuse(
        capsys, "--votes", folder / "votes.csv", *BINARY, "--output", out, "--write-parameters", folder / "none" / "x"
    )

    assert not out.exists()
