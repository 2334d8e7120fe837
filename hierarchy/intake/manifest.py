"""A CSV file that names a picture on each line, by file or by sha256, its wnid and, if known, where it came from."""

import csv
import hashlib
import math
import re
import unicodedata
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from hierarchy.intake.files import read_contained
from hierarchy.intake.gate import Gate
from hierarchy.intake.values import (
    WNID,
    IntakeError,
    IntakeLimits,
    ItemRefused,
    KnownImage,
    Refusal,
    RefusalReason,
    SourceItem,
    check_picture_name,
    clean_text,
    has_unprintable,
)

if TYPE_CHECKING:
    from _csv import Reader as CsvReader

PROVENANCE_COLUMNS = ("source", "author", "licence", "consent_basis")
MAX_LINE_LENGTH = 100_000
MAX_FIELD_LENGTH = 2_000

_SHA256 = re.compile(r"[0-9a-fA-F]{64}")


class ManifestError(IntakeError):
    """The manifest cannot be read at all, or no further; the message names the line."""


def read_manifest(*, path: Path, root: Path, gate: Gate) -> Iterator[SourceItem | KnownImage | Refusal]:
    """The picture of each line. A bad line is refused with its number, and the next one read.

    The first line names the columns: file (relative to `root`, never out of it), wnid, sha256 and prior (the probability
    that the picture shows the synset, such as a classifier's score; empty where unknown), and any of source, author,
    licence and consent_basis, in any order; others are ignored. A line without a file, or a manifest without that
    column, is about a known image, named by sha256. Raises ManifestError for a header without wnid, or without both
    file and sha256, before anything is given, and for a line of more than MAX_LINE_LENGTH characters.
    """
    name = clean_text(path.name)
    # Bytes that are not UTF-8 are kept as surrogates, so that only their own line is refused.
    with path.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as file:
        reader = csv.reader(_bounded_lines(file, path.name), strict=True)
        header = _read_header(reader, path.name)
        for line, row in _numbered_rows(reader):
            place = f"{name} line {line}"
            fields = dict(zip(header, row, strict=False)) if len(row) == len(header) else {}
            if fields and not fields.get("file"):
                yield gate.take_known(place=place, read=partial(_read_known, fields, place))
                continue
            key = "\0".join((fields.get("file", f"line {line}"), fields.get("wnid", "")))
            yield from gate.take(place=place, key=key, read=partial(_read, gate.limits, root, fields, place))


def _bounded_lines(file: TextIO, name: str) -> Iterator[str]:
    for number, line in enumerate(iter(partial(file.readline, MAX_LINE_LENGTH + 1), ""), start=1):
        if len(line) > MAX_LINE_LENGTH:
            raise ManifestError(f"{name} line {number}: more than {MAX_LINE_LENGTH} characters")
        yield line


def _read_header(reader: "CsvReader", name: str) -> list[str]:
    try:
        header = [cell.strip() for cell in next(reader, [])]
    except csv.Error as error:
        raise ManifestError(f"{name} line 1: {error}") from error
    missing = ["file"] if "file" not in header and "sha256" not in header else []
    missing += ["wnid"] if "wnid" not in header else []
    if missing:
        detail = f"the header lacks {' and '.join(missing)}; it must name wnid, and file or sha256"
        raise ManifestError(f"{name} line 1: {detail}")
    if len(set(header)) < len(header):
        raise ManifestError(f"{name} line 1: the header names a column twice")
    return header


def _numbered_rows(reader: "CsvReader") -> Iterator[tuple[int, list[str]]]:
    """Each row that is not blank with the number of its first line; an empty row for what is not CSV."""
    while True:
        line = reader.line_num + 1
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error:
            yield line, []
            continue
        if row:
            yield line, [cell.strip() for cell in row]


def _read(limits: IntakeLimits, root: Path, fields: dict[str, str], place: str) -> SourceItem:
    _check_fields(fields)
    name, prior = fields["file"], _read_prior(fields)
    check_picture_name(name)
    data = read_contained(root=root, name=name, limits=limits)
    expected = fields.get("sha256", "").lower()
    if expected and hashlib.sha256(data).hexdigest() != expected:
        raise ItemRefused(RefusalReason.WRONG_CHECKSUM, "the file's SHA-256 is not the one in the manifest")
    provenance = {column: unicodedata.normalize("NFC", fields.get(column, "")) for column in PROVENANCE_COLUMNS}
    base = clean_text(name.rpartition("/")[2])
    return SourceItem(place=place, name=base, wnid=fields["wnid"], data=data, prior=prior, **provenance)


def _read_known(fields: dict[str, str], place: str) -> KnownImage:
    digest = fields.get("sha256", "")
    if not digest:
        raise ItemRefused(RefusalReason.NO_PICTURE, "neither a file nor a sha256")
    _check_fields(fields)
    if not _SHA256.fullmatch(digest):
        raise ItemRefused(RefusalReason.BAD_LINE, "sha256: must be 64 hexadecimal digits")
    return KnownImage(place, fields["wnid"], bytes.fromhex(digest), _read_prior(fields))


def _check_fields(fields: dict[str, str]) -> None:
    if not fields:
        raise ItemRefused(RefusalReason.BAD_LINE, "not as many fields as the header, or quotes that do not match")
    for column in PROVENANCE_COLUMNS:
        value = fields.get(column, "")
        if len(value) > MAX_FIELD_LENGTH or has_unprintable(value):
            detail = f"{column}: longer than {MAX_FIELD_LENGTH} characters, not UTF-8, or with control characters"
            raise ItemRefused(RefusalReason.BAD_LINE, detail)
    if not WNID.fullmatch(fields["wnid"]):
        raise ItemRefused(RefusalReason.NO_WNID, "the column wnid must be an n and eight digits")


def _read_prior(fields: dict[str, str]) -> float | None:
    text = fields.get("prior", "")
    if not text:
        return None
    try:
        prior = float(text)
    except ValueError:
        prior = math.nan
    # Written so that NaN fails it.
    if not 0 < prior < 1:
        raise ItemRefused(RefusalReason.BAD_LINE, "prior: must be a number above 0 and below 1, or empty")
    return prior
