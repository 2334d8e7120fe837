"""A folder whose sub-folders are named by wnid: n02084071/a.jpg."""

import os
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from hierarchy.intake.files import read_contained
from hierarchy.intake.gate import Gate
from hierarchy.intake.values import (
    WNID,
    IntakeLimits,
    ItemRefused,
    Refusal,
    RefusalReason,
    SourceItem,
    check_picture_name,
    clean_text,
    is_hidden,
)


def read_folder(*, path: Path, gate: Gate) -> Iterator[SourceItem | Refusal]:
    """The pictures of each sub-folder, in the order of names. Whatever else there is, is refused; no link is followed."""
    for outer in _sorted_entries(path):
        if _is_wnid_folder(outer):
            yield from _read_wnid_folder(gate, path, outer)
        else:
            yield from _take(gate, path, outer.name, outer)


def _read_wnid_folder(gate: Gate, root: Path, folder: "os.DirEntry[str]") -> Iterator[SourceItem | Refusal]:
    try:
        entries = _sorted_entries(folder.path)
    except OSError as error:
        yield Refusal(clean_text(f"{root.name}/{folder.name}"), RefusalReason.UNREADABLE, str(error.strerror))
        return
    for entry in entries:
        yield from _take(gate, root, f"{folder.name}/{entry.name}", entry)


def _take(gate: Gate, root: Path, name: str, entry: "os.DirEntry[str]") -> Iterator[SourceItem | Refusal]:
    place = clean_text(f"{root.name}/{name}")
    read = partial(_read, gate.limits, root, name, entry, place)
    yield from gate.take(place=place, key=name, read=read, hidden=is_hidden(name))


def _read(limits: IntakeLimits, root: Path, name: str, entry: "os.DirEntry[str]", place: str) -> SourceItem:
    wnid = name.partition("/")[0]
    if entry.is_dir(follow_symlinks=False):
        detail = "a folder below a wnid folder" if "/" in name else "a folder whose name is not a wnid"
        raise ItemRefused(RefusalReason.NESTED_FOLDER if "/" in name else RefusalReason.NO_WNID, detail)
    if entry.is_symlink():
        raise ItemRefused(RefusalReason.NOT_A_REGULAR_FILE, "a symbolic link")
    if "/" not in name:
        raise ItemRefused(RefusalReason.NO_WNID, "a file outside the wnid folders")
    check_picture_name(name)
    data = read_contained(root=root, name=name, limits=limits)
    return SourceItem(place=place, name=clean_text(entry.name), wnid=wnid, data=data)


def _is_wnid_folder(entry: "os.DirEntry[str]") -> bool:
    return WNID.fullmatch(entry.name) is not None and entry.is_dir(follow_symlinks=False)


def _sorted_entries(folder: Path | str) -> "list[os.DirEntry[str]]":
    with os.scandir(folder) as entries:
        return sorted(entries, key=lambda entry: entry.name)
