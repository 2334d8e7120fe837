"""From draft to published: a release is built, read back and compared before anybody sees it.

A process killed on the way leaves a draft and perhaps files that nobody can reach; publishing the same name again takes
the draft up with its moment and writes the files anew.
"""

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.core.files import File
from django.core.files.storage import FileSystemStorage, Storage, storages
from django.core.validators import validate_slug
from django.db import connection, transaction

from hierarchy.actions.audit import append_entry
from hierarchy.errors import Conflict, InvalidInput
from hierarchy.exports.labels import FORMATS, LabelCounts, LabelRow, WrittenFile, count_labels, write_labels
from hierarchy.exports.manifest import MANIFEST_NAME, describe_manifest_file, encode_manifest, make_manifest
from hierarchy.models import AuditAction, Label, Release, ReleaseCount, ReleaseFile
from hierarchy.queries.labels import FrozenLabel, stream_labels_at
from hierarchy.queries.releases import RELEASE_STORAGE
from hierarchy.queries.synsets import parse_wnid

NAME_LENGTH = 100
CHUNK_BYTES = 1 << 20
COUNTS_AT_ONCE = 5000


def publish_release(*, name: str, by: User | None, at: datetime) -> Release:
    """Draft, build, verify and publish the labels as they stand at `at`; a draft left behind keeps its own moment.

    Raises Conflict when the name is published already, or when another process is building it.
    """
    release = draft_release(name=name, by=by, at=at)
    with transaction.atomic():
        built = build_release(release=release)
        verify_release(release=built)
        built.state = Release.State.PUBLISHED
        built.published_at = at
        built.save(update_fields=["state", "published_at"])
        manifest = built.files.get(name=MANIFEST_NAME)
        detail = {"manifest_sha256": bytes(manifest.sha256).hex()}
        append_entry(action=AuditAction.PUBLISH_RELEASE, subject=f"release:{name}", detail=detail, by=by)
    return built


@transaction.atomic
def draft_release(*, name: str, by: User | None, at: datetime) -> Release:
    """The draft of this name: a new one that freezes the labels at `at`, or the one that a killed build left."""
    try:
        validate_slug(name)
    except ValidationError:
        raise InvalidInput({"name": "letters, digits, hyphens and underscores only"}) from None
    if len(name) > NAME_LENGTH:
        raise InvalidInput({"name": f"at most {NAME_LENGTH} characters"})
    release, _ = Release.objects.get_or_create(name=name, defaults={"frozen_at": at, "drafted_by": by})
    if release.state == Release.State.PUBLISHED:
        raise Conflict(f"Release {name} is published already.")
    return release


@transaction.atomic
def build_release(*, release: Release) -> Release:
    """Write the files of a draft and its manifest, in place of what an earlier build left.

    The labels are read by one query, hence of one state of the database; they go through local files, so that memory
    does not grow with them. The same labels, name and moment give the same bytes.
    """
    draft = _lock_draft(release)
    _lift_time_limits()
    draft.files.all().delete()
    draft.counts.all().delete()
    counts = LabelCounts()
    with TemporaryDirectory(prefix="veriset-release-") as folder:
        manifest, files = _write_files(draft, Path(folder), counts=counts)
        for file in files:
            _store(Path(folder) / file.name, name=f"{draft.name}/{file.name}")
    ReleaseFile.objects.bulk_create(
        ReleaseFile(release=draft, name=file.name, sha256=bytes.fromhex(file.sha256), size=file.size, rows=file.rows)
        for file in files
    )
    ReleaseCount.objects.bulk_create(_list_counts(draft, counts.by_synset), batch_size=COUNTS_AT_ONCE)
    draft.manifest = manifest
    draft.save(update_fields=["manifest"])
    return draft


def verify_release(*, release: Release) -> None:
    """Read every file back and compare size, SHA-256 and rows with the tables; Conflict names the first difference."""
    files = {file.name: file for file in release.files.all()}
    if set(files) != {*FORMATS, MANIFEST_NAME}:
        raise Conflict(f"Release {release.name} lacks files: it has {', '.join(sorted(files)) or 'none'}.")
    storage = storages[RELEASE_STORAGE]
    for file in files.values():
        found = _measure(storage, file)
        expected = WrittenFile(file.name, file.size, file.rows, bytes(file.sha256).hex())
        if found != expected:
            raise Conflict(f"{file.storage_name} was read back as {found}, not as {expected}.")
    with storage.open(files[MANIFEST_NAME].storage_name) as content:
        if json.load(content) != release.manifest:
            raise Conflict(f"{files[MANIFEST_NAME].storage_name} differs from the manifest in the database.")


def _lock_draft(release: Release) -> Release:
    draft = Release.objects.select_for_update(skip_locked=True).filter(pk=release.pk).first()
    if draft is None:
        raise Conflict(f"Release {release.name} is being built at this moment.")
    if draft.state == Release.State.PUBLISHED:
        raise Conflict(f"Release {release.name} is published already.")
    return draft


def _lift_time_limits() -> None:
    """Sorting all labels and storing a large file may take longer than any page may; this transaction only."""
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL statement_timeout = 0")
        cursor.execute("SET LOCAL idle_in_transaction_session_timeout = 0")


def _write_files(draft: Release, folder: Path, *, counts: LabelCounts) -> tuple[dict[str, Any], list[WrittenFile]]:
    with ExitStack() as stack:
        sinks = {name: stack.enter_context((folder / name).open("wb")) for name in FORMATS}
        rows = _drop_withheld(stream_labels_at(frozen_at=draft.frozen_at), counts=counts)
        files = write_labels(count_labels(rows, counts=counts), sinks=sinks)
    manifest = make_manifest(name=draft.name, frozen_at=draft.frozen_at, counts=counts, files=files)
    encoded = encode_manifest(manifest)
    (folder / MANIFEST_NAME).write_bytes(encoded)
    return manifest, [*files, describe_manifest_file(encoded)]


def _drop_withheld(labels: Iterator[FrozenLabel], *, counts: LabelCounts) -> Iterator[LabelRow]:
    for label in labels:
        counts.by_synset[label.row.wnid, label.row.verdict] += 1
        if label.withheld:
            counts.withheld += 1
        else:
            yield label.row


def _list_counts(draft: Release, found: Mapping[tuple[str, str], int]) -> Iterator[ReleaseCount]:
    for wnid in sorted({wnid for wnid, _ in found}):
        yield ReleaseCount(
            release=draft,
            synset_id=parse_wnid(wnid),
            accepted=found.get((wnid, Label.Verdict.ACCEPTED), 0),
            rejected=found.get((wnid, Label.Verdict.REJECTED), 0),
        )


def _store(path: Path, *, name: str) -> None:
    storage = storages[RELEASE_STORAGE]
    storage.delete(name)
    with path.open("rb") as content:
        saved = storage.save(name, File(content))
    if saved != name:
        raise Conflict(f"The storage kept {name} as {saved}: somebody else writes there.")
    _flush_to_disk(storage, name)


def _flush_to_disk(storage: Storage, name: str) -> None:
    """A release whose row survives a power cut has files that do; a remote storage answers for itself."""
    if not isinstance(storage, FileSystemStorage):
        return
    path = Path(storage.path(name))
    for place in (path, path.parent):
        descriptor = os.open(place, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _measure(storage: Storage, file: ReleaseFile) -> WrittenFile:
    digest, size, lines = hashlib.sha256(), 0, 0
    try:
        with storage.open(file.storage_name) as content:
            for chunk in content.chunks(CHUNK_BYTES):
                digest.update(chunk)
                size += len(chunk)
                lines += chunk.count(b"\n")
    except FileNotFoundError:
        raise Conflict(f"{file.storage_name} is missing.") from None
    rows = lines - FORMATS[file.name].header.count(b"\n") if file.name in FORMATS else 0
    return WrittenFile(file.name, size, rows, digest.hexdigest())
