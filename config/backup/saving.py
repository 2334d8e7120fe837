"""Makes a backup: the database at one moment, then its files, then the manifest. The service goes on meanwhile."""

import os
import shutil
import tempfile
from pathlib import Path

from django.conf import settings

from config.backup.database import Described, dump_database, hold_snapshot
from config.backup.errors import BackupError
from config.backup.files import (
    LIST,
    EarlierFiles,
    FileList,
    Listed,
    Report,
    copy_file,
    digest_file,
    walk_files,
)
from config.backup.manifest import Manifest, read_manifest, write_manifest
from hierarchy.actions.renditions import sync_folder

DUMP = "database.dump"
LEDGER = "deletions.jsonl"
MEDIA, RELEASES = "media", "releases"


def make_backup(*, folder: Path, previous: Path | None, report: Report) -> tuple[Manifest, Listed]:
    """A whole backup in `folder`, or none: it is written under another name beside it. Files that `previous`, an earlier backup, has as well
    become the same files on the disk. BackupError, OSError."""
    _check_place(folder)
    if previous is not None:
        read_manifest(previous)
    work = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", suffix=".part", dir=folder.parent))
    try:
        with hold_snapshot(report) as described:
            dump_database(file=work / DUMP, snapshot=described.snapshot, report=report)
        # A row's files are there before the row: copied after the snapshot, none can be missing.
        manifest, listed = _add_files(work, previous, described, report)
        write_manifest(work, manifest)
        report("waiting for the disk")
        os.sync()
        work.rename(folder)
        sync_folder(folder.parent)
    except BaseException:
        shutil.rmtree(work, ignore_errors=True)
        raise
    return manifest, listed


def _check_place(folder: Path) -> None:
    if not folder.parent.is_dir():
        raise BackupError(f"{folder.parent} is no folder")
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise BackupError(f"{folder} is there already and not empty")


def _add_files(work: Path, previous: Path | None, described: Described, report: Report) -> tuple[Manifest, Listed]:
    earlier, ledger = EarlierFiles(previous), Path(settings.DELETION_LEDGER)
    with (work / LIST).open("wb") as output:
        files = FileList(output)
        files.add(DUMP, digest_file(work / DUMP), (work / DUMP).stat().st_size)
        if ledger.exists():
            files.add(LEDGER, copy_file(ledger, work / LEDGER), (work / LEDGER).stat().st_size)
        for name, root in ((MEDIA, settings.MEDIA_ROOT), (RELEASES, settings.RELEASE_ROOT)):
            add_folder(work, name, Path(root), earlier, files, report)
    manifest = Manifest(
        taken_at=described.taken_at,
        postgresql=described.postgresql,
        migrations=described.migrations,
        roles=described.roles,
        rows=described.rows,
        files=files.listed.files,
        bytes=files.listed.bytes,
        list_sha256=files.sha256,
    )
    return manifest, files.listed


def add_folder(work: Path, name: str, root: Path, earlier: EarlierFiles, files: FileList, report: Report) -> None:
    """Copies or links what is below `root` into `work`/`name`, and lists it. FileNotFoundError for a picture that goes meanwhile."""
    made = None
    for parts in walk_files(root):
        source, target = root.joinpath(*parts), work.joinpath(name, *parts)
        if target.parent != made:
            target.parent.mkdir(parents=True, exist_ok=True)
            made = target.parent
        sha256 = earlier.link((name, *parts), source, target)
        files.listed.linked += sha256 is not None
        try:
            sha256 = sha256 or copy_file(source, target)
        except FileNotFoundError:
            # Files of drafts are written anew; those of whatever was published, and pictures, stay.
            if name != RELEASES:
                raise
            continue
        files.add("/".join((name, *parts)), sha256, target.stat().st_size)
        report(f"{name}: {files.listed.files:,} files, {files.listed.bytes:,} bytes")
