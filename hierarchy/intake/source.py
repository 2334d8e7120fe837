"""The one way into an import source, whatever kind it is."""

from collections.abc import Iterator
from pathlib import Path

from hierarchy.intake.folder import read_folder
from hierarchy.intake.gate import Gate
from hierarchy.intake.manifest import read_manifest
from hierarchy.intake.tars import TAR_SUFFIXES, read_tar
from hierarchy.intake.values import (
    IntakeError,
    IntakeLimits,
    KnownImage,
    Refusal,
    RefusalReason,
    SourceItem,
    SourceStopped,
    clean_text,
)
from hierarchy.intake.zips import read_zip

DEFAULT_LIMITS = IntakeLimits()


def open_source(
    path: Path, *, root: Path | None = None, limits: IntakeLimits = DEFAULT_LIMITS
) -> Iterator[SourceItem | KnownImage | Refusal]:
    """The items of a folder, a manifest (.csv), a tar or a zip, and why the others are not among them.

    Reads one item at a time, into memory and nowhere else. `root` is the folder below which a manifest's files lie;
    without it, the manifest's own. What exceeds a limit, or is damaged, ends with a Refusal whose place is the source.
    Raises IntakeError at once if `path` is none of these, and ManifestError (an IntakeError) while reading.
    """
    gate = Gate(limits=limits)
    items: Iterator[SourceItem | KnownImage | Refusal]
    if path.is_dir():
        items = read_folder(path=path.resolve(), gate=gate)
    elif not path.is_file():
        raise IntakeError(f"{path}: no such file or folder")
    elif path.name.lower().endswith(".csv"):
        items = read_manifest(path=path, root=root or path.parent, gate=gate)
    elif path.name.lower().endswith(".zip"):
        items = read_zip(path=path, gate=gate)
    elif path.name.lower().endswith(TAR_SUFFIXES):
        items = read_tar(path=path, gate=gate)
    else:
        raise IntakeError(f"{path}: not a folder, and its name ends in none of .csv, .zip, {', '.join(TAR_SUFFIXES)}")
    return _with_last_refusals(items, gate=gate, place=clean_text(path.name))


def _with_last_refusals(
    items: Iterator[SourceItem | KnownImage | Refusal], *, gate: Gate, place: str
) -> Iterator[SourceItem | KnownImage | Refusal]:
    try:
        yield from items
    except SourceStopped as stopped:
        yield Refusal(place, stopped.reason, stopped.detail)
    if gate.hidden:
        yield Refusal(place, RefusalReason.HIDDEN_FILES, f"{gate.hidden} hidden files ignored")
