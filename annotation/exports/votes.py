"""Votes as research reads them."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NamedTuple


class ExportedVote(NamedTuple):
    """One vote: `image_sha256` in hexadecimal, `annotator` a pseudonym, moments as write_time writes them."""

    wnid: str
    image_sha256: str
    annotator: str
    answer: str
    at: str
    milliseconds: int | None
    late: bool
    withdrawn_at: str | None
    campaign: str


@dataclass(frozen=True)
class VoteFormat:
    """`standing_only`: the format has no place to say that a vote was withdrawn; `counting_only`: nor that an annotator is barred,
    so that the vote counts nothing."""

    header: str
    encode: Callable[[ExportedVote], str]
    standing_only: bool = False
    counting_only: bool = False


_write_json = json.JSONEncoder(separators=(",", ":")).encode


def write_time(at: datetime) -> str:
    """UTC with microseconds, always of the same length."""
    return at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def name_task(*, wnid: str, image_sha256: str) -> str:
    """What a question is called in a replay."""
    return f"{wnid}:{image_sha256}"


def encode_csv(vote: ExportedVote) -> str:
    """No field can hold a comma, a quote or a line end: digests, wnids, numbers, times, closed lists and slugs."""
    milliseconds = "" if vote.milliseconds is None else vote.milliseconds
    late = "true" if vote.late else "false"
    return f"{','.join(vote[:5])},{milliseconds},{late},{vote.withdrawn_at or ''},{vote.campaign}\n"


def encode_json(vote: ExportedVote) -> str:
    return _write_json(vote._asdict()) + "\n"


def encode_replay(vote: ExportedVote) -> str:
    """What `python -m annotation.consensus.replay` reads."""
    task = name_task(wnid=vote.wnid, image_sha256=vote.image_sha256)
    return f"{task},{vote.annotator},{vote.answer.lower()}\n"


FORMATS: Mapping[str, VoteFormat] = {
    "csv": VoteFormat(header=",".join(ExportedVote._fields) + "\n", encode=encode_csv),
    "jsonl": VoteFormat(header="", encode=encode_json),
    "replay": VoteFormat(header="task,worker,label\n", encode=encode_replay, standing_only=True, counting_only=True),
}
