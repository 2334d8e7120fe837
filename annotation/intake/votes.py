"""Files of votes and files of gold."""

from collections.abc import Iterator
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import NamedTuple

from annotation.intake import cells
from annotation.intake.problems import Problems
from annotation.intake.tables import ReadCell, read_table


class VoteLine(NamedTuple):
    """`sha256` is hexadecimal, `annotator` the name in the file, `at` in UTC."""

    line: int
    synset_id: int
    sha256: str
    annotator: str
    answer: str
    at: datetime


class GoldLine(NamedTuple):
    line: int
    synset_id: int
    sha256: str
    truth: str


def read_votes(*, path: Path, before: datetime, problems: Problems) -> Iterator[VoteLine]:
    """The votes of a CSV file with the columns wnid, image_sha256, annotator, answer and at (see read_table).

    Moments must be earlier than `before`; a line whose column withdrawn_at is not empty is a problem.
    """
    readers: dict[str, ReadCell] = {
        "wnid": cells.read_wnid,
        "image_sha256": cells.read_sha256,
        "annotator": cells.read_name,
        "answer": cells.read_answer,
        "at": partial(cells.read_time, before=before),
    }
    checks = {"withdrawn_at": cells.refuse_withdrawn}
    for line, values in read_table(path=path, readers=readers, checks=checks, problems=problems):
        yield VoteLine(line, *values)


def read_gold(*, path: Path, problems: Problems) -> Iterator[GoldLine]:
    """The truths of a CSV file with the columns wnid, image_sha256 and answer (see read_table)."""
    readers = {"wnid": cells.read_wnid, "image_sha256": cells.read_sha256, "answer": cells.read_truth}
    for line, values in read_table(path=path, readers=readers, checks={}, problems=problems):
        yield GoldLine(line, *values)
