import json
import os
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

import pytest

from benchmarks.__main__ import GROUPS, main, run_groups
from benchmarks.measure import Pair, Row, compare, measure_peak_growth
from benchmarks.report import format_table

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


def test_every_group_is_a_module():
    assert {f"{group}.py" for group in GROUPS} <= {path.name for path in (CHECKOUT / "benchmarks").iterdir()}
