"""What reading an import source gives: items, refusals, and the limits of both."""

import re
import unicodedata
from dataclasses import dataclass
from enum import StrEnum
from pathlib import PurePosixPath
from typing import NamedTuple

# What was taken is remembered, in about 80 bytes each; known images are not, so that ImageNet's 14.2 million fit.
MAX_MEMBERS = 2_000_000
MAX_KNOWN_IMAGES = 20_000_000
MAX_ITEM_BYTES = 20_000_000
MAX_TOTAL_BYTES = 500_000_000_000
MAX_RATIO = 100
MAX_NAME_LENGTH = 200
PICTURE_SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".gif")
ARCHIVE_SUFFIXES = (".zip", ".tar", ".gz", ".tgz", ".bz2", ".tbz2", ".xz", ".txz", ".7z", ".rar", ".zst")

WNID = re.compile(r"n[0-9]{8}")
_IMAGENET_STEM = re.compile(r"(n[0-9]{8})_[0-9]+")


class RefusalReason(StrEnum):
    # One item of the source
    NO_WNID = "NO_WNID"
    NOT_A_PICTURE = "NOT_A_PICTURE"
    NESTED_ARCHIVE = "NESTED_ARCHIVE"
    NESTED_FOLDER = "NESTED_FOLDER"
    NOT_A_REGULAR_FILE = "NOT_A_REGULAR_FILE"
    OUTSIDE_ROOT = "OUTSIDE_ROOT"
    UNREADABLE = "UNREADABLE"
    TOO_LARGE = "TOO_LARGE"
    DUPLICATE = "DUPLICATE"
    ENCRYPTED = "ENCRYPTED"
    UNSUPPORTED_COMPRESSION = "UNSUPPORTED_COMPRESSION"
    SUSPICIOUS_RATIO = "SUSPICIOUS_RATIO"
    OVERLAPPING = "OVERLAPPING"
    BAD_LINE = "BAD_LINE"
    NO_PICTURE = "NO_PICTURE"
    WRONG_CHECKSUM = "WRONG_CHECKSUM"
    # Said once for the whole source
    HIDDEN_FILES = "HIDDEN_FILES"
    DAMAGED = "DAMAGED"
    TOO_MANY_MEMBERS = "TOO_MANY_MEMBERS"
    TOO_MANY_BYTES = "TOO_MANY_BYTES"


class IntakeError(ValueError):
    """The source as a whole cannot be read; nothing of it has been taken."""


class ItemRefused(Exception):
    def __init__(self, reason: RefusalReason, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail


class SourceStopped(ItemRefused):
    """Becomes the last Refusal of the source: nothing after this point can be read, or should be."""


@dataclass(frozen=True)
class IntakeLimits:
    """`max_ratio` is unpacked over packed bytes; pictures hardly compress, so that a high one is a bomb."""

    max_members: int = MAX_MEMBERS
    max_item_bytes: int = MAX_ITEM_BYTES
    max_total_bytes: int = MAX_TOTAL_BYTES
    max_ratio: int = MAX_RATIO
    max_known_images: int = MAX_KNOWN_IMAGES


@dataclass(frozen=True)
class SourceItem:
    """A picture proposed for a synset. `place` and `name` are for people's eyes and never a path to open; `prior` is the
    probability that it is true as its source has it, above 0 and below 1."""

    place: str
    name: str
    wnid: str
    data: bytes
    source: str = ""
    author: str = ""
    licence: str = ""
    consent_basis: str = ""
    prior: float | None = None


class KnownImage(NamedTuple):
    """An image that is in the database already, proposed for one more synset without its bytes. A tuple, because millions
    of them are made one after another."""

    place: str
    wnid: str
    sha256: bytes
    prior: float | None = None


@dataclass(frozen=True)
class Refusal:
    place: str
    reason: RefusalReason
    detail: str


def is_unprintable(char: str) -> bool:
    """Control characters, line separators, and the surrogates that stand for bytes of another encoding."""
    return unicodedata.category(char) in ("Cc", "Cs", "Zl", "Zp")


def has_unprintable(text: str) -> bool:
    # What isprintable lets pass holds none of them; it is one call for a whole text, and most texts pass.
    return not text.isprintable() and any(map(is_unprintable, text))


def clean_text(text: str) -> str:
    """NFC, on one line, fit for a database and a terminal; the end of a long text, because it tells files apart."""
    printable = text
    if has_unprintable(text):
        printable = "".join("\N{REPLACEMENT CHARACTER}" if is_unprintable(char) else char for char in text)
    normal = unicodedata.normalize("NFC", printable)
    return normal if len(normal) <= MAX_NAME_LENGTH else "\N{HORIZONTAL ELLIPSIS}" + normal[1 - MAX_NAME_LENGTH :]


def check_picture_name(name: str) -> None:
    """Raises ItemRefused for a name that no picture has, before a byte of it is read."""
    suffix = PurePosixPath(name).suffix.lower()
    if suffix in ARCHIVE_SUFFIXES:
        raise ItemRefused(
            RefusalReason.NESTED_ARCHIVE, "an archive inside the source: unpack it and import it by itself"
        )
    if suffix not in PICTURE_SUFFIXES:
        raise ItemRefused(RefusalReason.NOT_A_PICTURE, f"the suffix is none of {', '.join(PICTURE_SUFFIXES)}")


def is_hidden(name: str) -> bool:
    """Leftovers of file managers, such as .DS_Store, ._a.jpg and __MACOSX/, and whatever else people hide."""
    return any(part.startswith(".") or part == "__MACOSX" for part in PurePosixPath(name).parts if part != "..")


def find_wnid(*, name: str, archive_stem: str) -> str:
    """The wnid of a member: its folder's name, else ImageNet's file name n02084071_18.JPEG, else the archive's name."""
    path = PurePosixPath(name)
    if WNID.fullmatch(path.parent.name):
        return path.parent.name
    if match := _IMAGENET_STEM.fullmatch(path.stem):
        return match[1]
    if WNID.fullmatch(archive_stem):
        return archive_stem
    raise ItemRefused(RefusalReason.NO_WNID, "neither its folder, nor its name, nor the archive's name is a wnid")
