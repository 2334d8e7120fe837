"""Writes the files of images, many at a time, so that a power cut leaves each of them whole or not there."""

import os
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from django.core.files.base import ContentFile
from django.core.files.storage import default_storage

from hierarchy.imaging.values import ProcessedImage
from hierarchy.models import Image

# They wait for the disk, or for an object store, most of the time.
WRITERS = 8
# A rendition has it until it is whole; what a killed import left is written over.
PART_SUFFIX = ".part"


def has_renditions(image: Image) -> bool:
    return all(default_storage.exists(image.storage_name(rendition)) for rendition in Image.Rendition)


def store_renditions(processed: Iterable[ProcessedImage]) -> None:
    """Write what is missing. When this returns, files and folders are on the disk and survive a power cut.

    The caller sees to it that nobody else does the same meanwhile. Raises OSError, after which each file is whole or
    not there all the same.
    """
    files: dict[str, bytes] = {}
    for each in processed:
        image = Image(sha256=each.sha256)
        files[image.storage_name(Image.Rendition.LARGE)] = each.large
        files[image.storage_name(Image.Rendition.SMALL)] = each.small
    _store_files(files)


def _store_files(files: Mapping[str, bytes]) -> None:
    with ThreadPoolExecutor(max_workers=WRITERS, thread_name_prefix="renditions") as writers:
        written = list(writers.map(_store_missing, files.keys(), files.values()))
        # Each folder once, after all its files; those of files that were there, too: who wrote them may have been killed.
        list(writers.map(sync_folder, set().union(*written)))


def _store_missing(name: str, data: bytes) -> set[Path]:
    """The folders that lead to the file; none in an object store, which keeps whole objects only."""
    stored = default_storage.exists(name)
    try:
        path = Path(default_storage.path(name))
    except NotImplementedError:
        if not stored:
            default_storage.save(name, ContentFile(data))
        return set()
    if not stored:
        _store_whole(path, data)
    return set(path.parents[: name.count("/") + 1])


def _store_whole(path: Path, data: bytes) -> None:
    """The name appears when all bytes are on the disk."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + PART_SUFFIX)
    with part.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)


def sync_folder(folder: Path) -> None:
    """What was written into it, renamed or deleted there, outlasts a power cut."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
