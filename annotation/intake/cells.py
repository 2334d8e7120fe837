"""What the cells of an import may hold. Each reader raises ValueError saying what its cell must be."""

import re
import unicodedata
from datetime import UTC, datetime

from annotation.intake.problems import quote

WNID = re.compile("n[0-9]{8}")
SHA256 = re.compile("[0-9a-fA-F]{64}")
NAME_LENGTH = 200
# Nobody voted before; a clock that was never set says so.
EARLIEST = datetime(1971, 1, 1, tzinfo=UTC)
ANSWERS = {"yes": "YES", "unsure": "UNSURE", "no": "NO"}
TRUTHS = {"yes": "YES", "no": "NO"}


def read_wnid(cell: str) -> int:
    """The synset's number, which is its key."""
    if not WNID.fullmatch(cell):
        raise ValueError(f"must be an n and eight digits, not {quote(cell)}")
    return int(cell[1:])


def read_sha256(cell: str) -> str:
    """64 hexadecimal digits in lower case."""
    if not SHA256.fullmatch(cell):
        raise ValueError(f"must be 64 hexadecimal digits, not {quote(cell)}")
    return cell.lower()


def read_name(cell: str) -> str:
    """An annotator's name in Unicode's composed form, so that one name is one annotator however it was typed."""
    name = unicodedata.normalize("NFC", cell)
    if not 1 <= len(name) <= NAME_LENGTH or not name.isprintable():
        raise ValueError(f"must be 1 to {NAME_LENGTH} printable characters in UTF-8, not {quote(cell)}")
    return name


def read_answer(cell: str) -> str:
    answer = ANSWERS.get(cell.lower())
    if answer is None:
        raise ValueError(f"must be YES, UNSURE or NO, not {quote(cell)}")
    return answer


def read_truth(cell: str) -> str:
    truth = TRUTHS.get(cell.lower())
    if truth is None:
        raise ValueError(f"must be YES or NO, not {quote(cell)}")
    return truth


def read_time(cell: str, *, before: datetime) -> datetime:
    """A moment in UTC, earlier than `before`."""
    try:
        written = datetime.fromisoformat(cell)
        moment = written.astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError(f"must be ISO 8601 with an offset, not {quote(cell)}") from None
    if written.tzinfo is None:
        raise ValueError(f"must have an offset from UTC, as +00:00 or Z, not {quote(cell)}")
    if moment < EARLIEST:
        raise ValueError(f"lies before {EARLIEST:%Y}: {quote(cell)}")
    if moment >= before:
        raise ValueError(f"lies in the future: {quote(cell)}")
    return moment


def refuse_withdrawn(cell: str) -> None:
    """An export has this column; a vote that was taken back is no vote."""
    if cell:
        raise ValueError("must be empty: a vote that was withdrawn is not imported")
