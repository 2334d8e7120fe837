"""python -m benchmarks.scale.fill --questions 1000000 --folder var/bench/scale [--wnids FILE]

Fills an embedded PostgreSQL with a campaign of so many questions and three votes on each, as the product itself would have
left it; ImageNet has 14,197,122 pictures in 21,841 synsets. What is there whole already is left as it is. FILE lists the
wnids to choose from; without it, all nouns. Prints figures as JSON.
"""

import argparse
import importlib
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.scale.servers import FOLDER, Progress, start_filled
from config.embedded.process import StartError
from config.fetch import FetchError


def fill_database(*, questions: int, progress: Progress, wnids: Sequence[str] | None = None) -> dict[str, Any]:
    """Fills the empty tables of Django's connection, which must be a superuser's, and returns figures: rows and seconds of
    each table, bytes of each table and index. The synsets must be there; `wnids` says which to choose from."""
    # Models can be imported only after Django has been set up.
    filling = importlib.import_module("benchmarks.scale.filling")
    figures: dict[str, Any] = filling.fill_database(questions=questions, progress=progress, wnids=wnids)
    return figures


def make_progress() -> Progress:
    """Writes each line with the seconds since now."""
    start = time.perf_counter()
    return lambda line: print(f"{time.perf_counter() - start:7.1f} s  {line}", file=sys.stderr, flush=True)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What says which database is meant."""
    parser.add_argument("--questions", type=int, required=True)
    parser.add_argument(
        "--folder", type=Path, default=FOLDER, help="where the servers' data are kept, in folders by size"
    )
    parser.add_argument("--wnids", type=Path, help="a file with the wnids to choose from, one a line")


def read_wnids(path: Path | None) -> list[str] | None:
    return None if path is None else path.read_text(encoding="utf-8").split()


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.scale.fill",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_arguments(parser)
    options = parser.parse_args(arguments)
    try:
        with start_filled(
            folder=options.folder,
            questions=options.questions,
            wnids=read_wnids(options.wnids),
            fill=fill_database,
            progress=make_progress(),
        ) as filled:
            print(json.dumps(filled.figures, indent=2))
    except (StartError, FetchError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
