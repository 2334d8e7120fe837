"""The figures as a table for people and as JSON for machines."""

import json
import os
import platform
from collections.abc import Container, Sequence
from dataclasses import asdict
from datetime import datetime
from importlib.metadata import distributions, version
from pathlib import Path
from typing import Any

from django.db import connection

from benchmarks.measure import Row

HEADINGS = ("benchmark", "ours", "limit", "unit", "ratio", "limit is")
NUMBERS = (1, 2, 4)
# Installed by `make bench` only.
PEERS = ("crowd-kit", "numba", "pandas")
LIBRARIES = ("django", "numpy", "scipy", "pillow", "psycopg2-binary", *PEERS)
SERVER_SETTINGS = ("server_version", "fsync", "full_page_writes", "synchronous_commit")


def format_table(rows: Sequence[Row]) -> str:
    """A line for each figure."""
    cells = [
        (
            row.name,
            _format_number(row.ours),
            _format_number(row.limit),
            row.unit,
            _format_number(row.ratio),
            row.against,
        )
        for row in rows
    ]
    return format_columns([HEADINGS, *cells], numbers=NUMBERS)


def format_columns(lines: Sequence[Sequence[str]], *, numbers: Container[int]) -> str:
    """The cells, each column as wide as its widest; the columns in `numbers` stand to the right."""
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join(
            cell.rjust(width) if column in numbers else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    )


def _format_number(number: float) -> str:
    return f"{number:,.0f}" if number >= 100 else f"{number:.3g}"


def write_report(
    *,
    rows: Sequence[Row],
    replays: Sequence[dict[str, Any]],
    splits: dict[str, Any],
    folder: Path,
    at: datetime,
    quick: bool,
    seconds: float,
) -> Path:
    """The new file `<at>.json` in `folder`: when, where, with what, and every figure unrounded."""
    path = folder / f"{at:%Y%m%dT%H%M%SZ}.json"
    content = {
        "at": at.isoformat(timespec="seconds"),
        "quick": quick,
        "seconds": round(seconds, 1),
        **describe_machine(),
        "postgresql": _describe_server(),
        "figures": [asdict(row) for row in rows],
        "replays": list(replays),
        "splits": splits,
    }
    path.write_text(json.dumps(content, indent=2) + "\n")
    return path


def describe_machine() -> dict[str, Any]:
    """Where and with what something was measured."""
    return {"machine": _describe_machine(), "versions": {"python": platform.python_version(), **_find_versions()}}


def _find_versions() -> dict[str, str]:
    installed = {distribution.name for distribution in distributions()}
    return {name: version(name) for name in LIBRARIES if name in installed}


def _describe_machine() -> dict[str, Any]:
    """`load` is the number of waiting programs, ours among them, over the last 1, 5 and 15 minutes."""
    return {
        "system": platform.platform(),
        "processor": _find_processor(),
        "cores": len(os.sched_getaffinity(0)),
        "memory_mb": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 1_000_000,
        "load": [round(number, 2) for number in os.getloadavg()],
    }


def _find_processor() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.machine())


def _describe_server() -> dict[str, str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT name, setting FROM pg_settings WHERE name = ANY(%s)", [list(SERVER_SETTINGS)])
        return dict(cursor.fetchall())
