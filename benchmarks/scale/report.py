"""What was measured at each size, as a table and as a drawing."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.report import format_columns

Size = Mapping[str, Any]
# A line of the table: what it is called, the way to it in the JSON, and how it is written.
LINES: tuple[tuple[str, tuple[str, ...], str], ...] = (
    ("lease in a synset of usual size, median ms", ("leases", "usual synset", "lease_median_ms"), ".1f"),
    ("lease in the largest synset, median ms", ("leases", "largest synset", "lease_median_ms"), ".1f"),
    ("votes that one annotator is ahead", ("leases", "far ahead", "votes"), ",.0f"),
    ("  lease of the one far ahead, median ms", ("leases", "far ahead", "last", "lease_median_ms"), ".1f"),
    ("pages held by others", ("leases", "many open", "leases"), ",.0f"),
    ("  lease of a newcomer beside those held, median ms", ("leases", "many open", "last", "lease_median_ms"), ".1f"),
    ("bare rows of a lease, median ms", ("leases", "bare", "lease_median_ms"), ".1f"),
    ("page of 24 votes sent, median ms", ("leases", "usual synset", "submit_median_ms"), ".1f"),
    ("bare rows of a page sent, median ms", ("leases", "bare", "submit_median_ms"), ".1f"),
    ("HTTP, pages of 24: votes/s", ("load", "pages of 24", "votes_per_second"), ",.0f"),
    ("  lease, p99 ms", ("load", "pages of 24", "lease_p99_ms"), ".0f"),
    ("  at half of it: lease, p99 ms", ("load", "half", "lease_p99_ms"), ".0f"),
    ("  at half of it: oldest vote not estimated, p95 s", ("load", "half", "lag_p95_s"), ".2f"),
    ("HTTP, pages of 1: votes/s", ("load", "pages of 1", "votes_per_second"), ",.0f"),
    ("top of the tree, ms", ("pages", "tree, curator", "median_ms"), ".0f"),
    ("page of the root synset, ms", ("pages", "root synset, curator", "median_ms"), ".0f"),
    ("dispute in the largest synset, ms", ("pages", "dispute in the largest synset, curator", "median_ms"), ".0f"),
    ("slowest of the pages and API addresses, ms", ("pages", "slowest", "median_ms"), ".0f"),
    ("votes that were estimated from", ("estimation", "votes"), ",.0f"),
    ("  to a new snapshot and open questions scored again, s", ("estimation", "seconds", "total"), ".0f"),
    ("  passes", ("estimation", "passes"), ",.0f"),
    ("  processor time of workers, s", ("estimation", "processor_seconds", "worker", "total"), ".0f"),
    ("  processor time of PostgreSQL, s", ("estimation", "processor_seconds", "postgres", "total"), ".0f"),
    ("  questions scored again a second", ("estimation", "scored_again_a_second"), ",.0f"),
    ("  largest worker, bytes", ("estimation", "largest_worker_bytes"), ",.0f"),
    ("  all of the same votes by COPY alone, s", ("estimation", "bare_copy_seconds"), ".1f"),
)


def read_sizes(folder: Path) -> list[Size]:
    """All that have been measured there, the smallest first."""
    found = [json.loads(path.read_text()) for path in folder.glob("[0-9]*.json")]
    return sorted(found, key=lambda size: int(size["questions"]))


def format_sizes(sizes: Sequence[Size]) -> str:
    """A column for each size; what was not measured is left blank."""
    heading = ["questions", *(f"{size['questions']:,}" for size in sizes)]
    lines = [[name, *(_write(size, way, form) for size in sizes)] for name, way, form in LINES]
    return format_columns([heading, *lines], numbers=range(1, len(heading)))


def find_figure(size: Size, way: Sequence[str]) -> float | None:
    found: Any = size
    for step in way:
        if not isinstance(found, Mapping) or step not in found:
            return None
        found = found[step]
    return float(found)


def _write(size: Size, way: Sequence[str], form: str) -> str:
    figure = find_figure(size, way)
    return "" if figure is None else format(figure, form)


def plot_sizes(sizes: Sequence[Size], path: Path) -> None:
    """Milliseconds of a lease, and votes a second over HTTP, by the number of questions."""
    from matplotlib import rcParams  # noqa: PLC0415 (of `make bench` only)
    from matplotlib.figure import Figure  # noqa: PLC0415

    rcParams["svg.hashsalt"] = "veriset"
    drawing = Figure(figsize=(9, 3.6), layout="constrained")
    left, right = drawing.subplots(1, 2)
    for name, way, _ in LINES[:9]:
        if name.endswith("median ms") and "sent" not in name:
            _draw(left, sizes, way, name.strip().removesuffix(", median ms"))
    left.set(xscale="log", xlabel="questions", ylabel="milliseconds", title="Leasing a page of 24")
    _draw(right, sizes, ("load", "pages of 24", "votes_per_second"), "pages of 24")
    _draw(right, sizes, ("load", "pages of 1", "votes_per_second"), "pages of 1")
    right.set(
        xscale="log", yscale="log", xlabel="questions", ylabel="votes a second", title="Eight annotators over HTTP"
    )
    for part in (left, right):
        part.legend(frameon=False, fontsize="small")
        part.spines[["top", "right"]].set_visible(False)
    left.set_ylim(bottom=0)
    drawing.savefig(path, format="svg", metadata={"Date": None})


def _draw(part: Any, sizes: Sequence[Size], way: Sequence[str], label: str) -> None:
    points = [(size["questions"], figure) for size in sizes if (figure := find_figure(size, way)) is not None]
    if points:
        part.plot(*zip(*points, strict=True), marker="o", label=label)
