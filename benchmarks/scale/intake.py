"""python -m benchmarks.scale.intake [--pictures N] [--rows N] [--folder FOLDER]

`import_images` at the size of ImageNet: pictures beside a bare Pillow loop over the same files with as many processes,
and manifest rows without pictures beside COPY of the same rows into the same table. Prints one JSON object.
"""

import argparse
import csv
import hashlib
import io
import json
import os
import resource
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing import Pool
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from django.core.management import call_command
from django.db import connection, transaction
from django.test.utils import override_settings

from benchmarks.child import run_child
from benchmarks.images import SIZE, draw
from benchmarks.measure import MB, measure_peak_growth
from benchmarks.servers import start_servers
from hierarchy.imaging.processor import count_processes

REPEATS = 3
SYNSETS = 21_841
FEW_ROWS = 10_000
FOLDER = Path(__file__).resolve().parents[2] / "var" / "bench"
CANDIDATE = "hierarchy_candidate (image_id, synset_id, collected_at, prior)"


@dataclass(frozen=True)
class Run:
    """What importing once, or the bare loop, took."""

    pictures: int
    seconds: float
    processor_seconds: float

    @property
    def rate(self) -> float:
        return self.pictures / self.seconds

    @property
    def processor_share(self) -> float:
        return self.processor_seconds / self.seconds / len(os.sched_getaffinity(0))


def measure_intake(*, pictures: int, manifest_rows: int) -> dict[str, Any]:
    """Both figures, measured on empty tables, which are left filled. Django must have been set up on a database."""
    return {
        "pictures": measure_pictures(pictures),
        "rows": measure_rows(manifest_rows),
        "load": os.getloadavg(),
    }


def measure_pictures(count: int) -> dict[str, Any]:
    """Ours, from the start of its workers to the end, and the bare loop, in turn; medians."""
    runs, peaks = [], []
    with TemporaryDirectory(prefix="intake-") as name:
        folder = Path(name)
        size = draw_pictures(folder / "source", count)
        for repeat in range(REPEATS):
            with override_settings(MEDIA_ROOT=folder / f"media-{repeat}"):
                ours: list[Run] = []
                peaks.append(measure_peak_growth(lambda: ours.append(time_import(folder / "source", count))))  # noqa: B023 (called at once)
            arguments = (str(folder / "source"), str(folder / f"bare-{repeat}"), str(count_processes()))
            runs.append((ours[0], Run(**run_child("benchmarks.scale.bare", *arguments))))
    assert {bare.pictures for _, bare in runs} == {count}
    return {
        "count": count,
        "picture": f"{SIZE[0]} x {SIZE[1]} JPEG, {size / count / 1000:.0f} kB",
        "processes": count_processes(),
        "cores": len(os.sched_getaffinity(0)),
        "ours_per_second": statistics.median(ours.rate for ours, _ in runs),
        "bare_per_second": statistics.median(bare.rate for _, bare in runs),
        "ratio": statistics.median(ours.rate / bare.rate for ours, bare in runs),
        "ratios": [ours.rate / bare.rate for ours, bare in runs],
        "ours_processor_share": statistics.median(ours.processor_share for ours, _ in runs),
        "bare_processor_share": statistics.median(bare.processor_share for _, bare in runs),
        # Tells more than the rates where others use the machine, too. The database's is not in it.
        "ours_processor_ms_each": statistics.median(ours.processor_seconds for ours, _ in runs) / count * 1000,
        "bare_processor_ms_each": statistics.median(bare.processor_seconds for _, bare in runs) / count * 1000,
        "peak_mb": max(peaks) / MB,
        "bare_does_not": "limit time, memory or formats; turn upright; convert colours; write rows; start processes",
    }


def draw_pictures(folder: Path, count: int) -> int:
    """Under the wnids of ten synsets that are to be made; returns the bytes of all."""
    for number in range(10):
        (folder / f"n{number + 1:08d}").mkdir(parents=True)
    with Pool() as pool:
        drawn = pool.imap(draw, range(count))
        return sum(
            (folder / f"n{number % 10 + 1:08d}" / picture.name).write_bytes(picture.data)
            for number, picture in enumerate(drawn)
        )


def time_import(source: Path, count: int) -> Run:
    prepare_tables(synsets=10)
    before = read_processor_seconds()
    seconds = time_command(source)
    run = Run(count, seconds, read_processor_seconds() - before)
    assert count_rows("hierarchy_candidate") == count
    return run


def read_processor_seconds() -> float:
    """Of this process and of the workers that it has waited for."""
    both = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    return sum(usage.ru_utime + usage.ru_stime for usage in both)


def measure_rows(count: int) -> dict[str, Any]:
    """A few rows first, then all: memory must not grow with them."""
    with TemporaryDirectory(prefix="intake-") as name:
        few, manifest = Path(name) / "few.csv", Path(name) / "manifest.csv"
        prepare_tables(synsets=min(count, SYNSETS), images=count)
        write_manifest(few, min(FEW_ROWS, count))
        write_manifest(manifest, count)
        few_peak = measure_peak_growth(lambda: time_command(few))
        empty_candidates()
        times: list[float] = []
        peak = measure_peak_growth(lambda: times.append(time_command(manifest)))
        assert count_rows("hierarchy_candidate") == count
        again = time_command(manifest)
        bare = time_copy(Path(name) / "rows.csv")
    return {
        "count": count,
        "synsets": min(count, SYNSETS),
        "seconds": times[0],
        "ours_per_second": count / times[0],
        "seconds_for_a_million": times[0] / count * 1_000_000,
        "seconds_again": again,
        "copy_per_second": count / bare,
        "ratio": bare / times[0],
        "peak_mb": peak / MB,
        f"peak_mb_at_{min(FEW_ROWS, count)}": few_peak / MB,
    }


def write_manifest(path: Path, count: int) -> None:
    wnids = list_wnids()
    with path.open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(("file", "wnid", "sha256", "prior"))
        for number in range(count):
            digest = hashlib.sha256(str(number).encode()).hexdigest()
            rows.writerow(("", wnids[number % len(wnids)], digest, f"{(number % 999 + 1) / 1000:.3f}"))


def prepare_tables(*, synsets: int, images: int = 0) -> None:
    """Synsets n00000001 and following, and images that are known by the digests of their numbers, without files."""
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("TRUNCATE hierarchy_synset, hierarchy_image CASCADE")
        cursor.execute(
            """INSERT INTO hierarchy_synset (id, wnid, words, gloss, safety)
            SELECT number, 'n' || lpad(number::text, 8, '0'), ARRAY['thing'], 'something', 'UNSET'
            FROM generate_series(1, %s) AS number""",
            [synsets],
        )
        cursor.execute(
            """INSERT INTO hierarchy_image (sha256, perceptual_hash, width, height, small_width, small_height, source,
                author, licence, consent_basis, imported_at)
            SELECT sha256(number::text::bytea), 0, 500, 375, 320, 240, 'benchmark', '', '', '', now()
            FROM generate_series(0, %s) AS number""",
            [images - 1],
        )
        cursor.execute("ANALYZE hierarchy_synset, hierarchy_image")


def empty_candidates() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("TRUNCATE hierarchy_candidate CASCADE")


def list_wnids() -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT wnid FROM hierarchy_synset ORDER BY id")
        return [wnid for (wnid,) in cursor.fetchall()]


def count_rows(table: str) -> int:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT count(*) FROM {table}")
        return int(cursor.fetchone()[0])


def time_command(source: Path) -> float:
    report = source.with_name("refused.csv")
    return time_call(
        lambda: call_command("import_images", str(source), report=report, stdout=io.StringIO(), stderr=io.StringIO())
    )


def time_copy(path: Path) -> float:
    """The rows that are there, emptied and copied back in one transaction, keys and references checked."""
    with connection.cursor() as cursor:
        with path.open("w") as file:
            cursor.copy_expert(f"COPY {CANDIDATE} TO STDOUT (FORMAT csv)", file)
        empty_candidates()
        with path.open() as file:
            return time_call(lambda: copy_back(cursor, file))


def copy_back(cursor: Any, file: io.TextIOBase) -> None:
    with transaction.atomic():
        cursor.execute("SET LOCAL statement_timeout = 0")
        cursor.copy_expert(f"COPY {CANDIDATE} FROM STDIN (FORMAT csv)", file)
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")


def time_call(run: Callable[[], object]) -> float:
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pictures", type=int, default=400)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--folder", type=Path, default=FOLDER, help="where the servers' data are kept")
    options = parser.parse_args()
    with start_servers(options.folder.resolve()):
        json.dump(measure_intake(pictures=options.pictures, manifest_rows=options.rows), sys.stdout, indent=1)


if __name__ == "__main__":
    main()
