"""What goes into and comes out of the processing of one picture."""

from dataclasses import dataclass
from enum import StrEnum

MAX_BYTES = 20_000_000
MAX_PIXELS = 50_000_000
MAX_SIDE = 30_000
MAX_SECONDS = 20.0
MAX_MEMORY_BYTES = 1_500_000_000

FORMAT_OF_SUFFIX = {".jpg": "JPEG", ".jpeg": "JPEG", ".png": "PNG", ".webp": "WEBP", ".gif": "GIF"}
"""File name suffix in lower case -> the only decoder that a file of that name may reach."""


class RefusalReason(StrEnum):
    EMPTY = "EMPTY"
    TOO_LARGE = "TOO_LARGE"
    UNSUPPORTED_FORMAT = "UNSUPPORTED_FORMAT"
    NOT_AN_IMAGE = "NOT_AN_IMAGE"
    WRONG_EXTENSION = "WRONG_EXTENSION"
    TOO_MANY_PIXELS = "TOO_MANY_PIXELS"
    TRUNCATED = "TRUNCATED"
    DAMAGED = "DAMAGED"
    TOO_MUCH_MEMORY = "TOO_MUCH_MEMORY"
    TOO_SLOW = "TOO_SLOW"
    CRASHED = "CRASHED"


class ImageRefused(Exception):
    """This one picture is not taken; `detail` is for the person who imports it."""

    def __init__(self, reason: RefusalReason, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail


@dataclass(frozen=True)
class ImageLimits:
    """What one picture may cost. `memory_bytes` is the whole address space of a worker process, about 200 MB of
    which are its own; `seconds` holds for elapsed and for processor time alike."""

    max_bytes: int = MAX_BYTES
    max_pixels: int = MAX_PIXELS
    max_side: int = MAX_SIDE
    seconds: float = MAX_SECONDS
    memory_bytes: int = MAX_MEMORY_BYTES


@dataclass(frozen=True)
class ProcessedImage:
    """A picture made anew: `large` and `small` are JPEG files without metadata, each with its width and height.

    `sha256` is the digest of the original bytes, `format` the original's (JPEG, PNG, WEBP, GIF), and
    `perceptual_hash` imagehash's 64-bit pHash as a signed integer, which fits PostgreSQL's bigint.
    """

    sha256: bytes
    perceptual_hash: int
    width: int
    height: int
    small_width: int
    small_height: int
    format: str
    large: bytes
    small: bytes
