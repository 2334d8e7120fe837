"""Reads of releases. Visitors see published ones only."""

from dataclasses import dataclass
from typing import Any

from django.core.files import File
from django.core.files.storage import storages
from django.db.models import QuerySet

from hierarchy.errors import NotFound
from hierarchy.models import Release, ReleaseFile

RELEASE_STORAGE = "releases"


@dataclass(frozen=True)
class OpenReleaseFile:
    """A file of a published release, open for reading bytes; whoever asked for it closes `content`."""

    file: ReleaseFile
    content: "File[Any]"


def list_published() -> QuerySet[Release]:
    """Published releases with their files, the newest first."""
    return (
        Release.objects.filter(state=Release.State.PUBLISHED).order_by("-published_at", "-id").prefetch_related("files")
    )


def find_published(*, name: str) -> Release:
    """The published release of this name with its files, or NotFound."""
    release = list_published().filter(name=name).first()
    if release is None:
        raise NotFound(f"There is no published release {name}.")
    return release


def find_release_file(*, name: str, file: str) -> ReleaseFile:
    """The row of one file of a published release; NotFound when there is no such release or file."""
    release = find_published(name=name)
    found = next((known for known in release.files.all() if known.name == file), None)
    if found is None:
        raise NotFound(f"Release {name} has no such file.")
    return found


def open_release_file(*, name: str, file: str) -> OpenReleaseFile:
    """Open one file of a published release; NotFound when there is no such release or file."""
    found = find_release_file(name=name, file=file)
    return OpenReleaseFile(file=found, content=storages[RELEASE_STORAGE].open(found.storage_name))
