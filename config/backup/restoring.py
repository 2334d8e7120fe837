"""Restores a backup into an empty database and its files into their folders. Nothing is touched before all of it has been looked at."""

import os
from collections.abc import Iterator
from pathlib import Path

from django.conf import settings
from django.db import connection
from django.db.migrations.loader import MigrationLoader

from annotation.actions.ledger import add_deletions, read_deletions
from config.backup.database import (
    count_rows,
    drop_default_privileges,
    find_missing_role,
    list_tables,
    load_database,
)
from config.backup.errors import BackupError
from config.backup.files import LIST, Report, copy_file, digest_file, read_list
from config.backup.manifest import Manifest, read_manifest
from config.backup.saving import DUMP, LEDGER, MEDIA, RELEASES
from hierarchy.actions.renditions import PART_SUFFIX


def restore_backup(*, folder: Path, report: Report) -> Manifest:
    """The database as it was, and the files that are not there yet. What remains to be done then: migrations, and the deletion ledger.

    BackupError, before anything is touched, for a damaged backup, one of a newer version, a database that is not empty, or a file that
    differs from the backup's; and for a load that failed, after which the database is as it was.
    """
    manifest = read_manifest(folder)
    _check_known(manifest)
    _check_database(manifest)
    _check_files(folder, manifest, report)
    _place_files(folder, report)
    _join_ledgers(folder)
    drop_default_privileges()
    load_database(file=folder / DUMP, report=report)
    _check_rows(manifest, report)
    with connection.cursor() as cursor:
        report("gathering statistics")
        cursor.execute("ANALYZE")
    return manifest


def _check_known(manifest: Manifest) -> None:
    known = {f"{app}.{name}" for app, name in MigrationLoader(None).disk_migrations}
    for migration in manifest.migrations:
        if migration not in known:
            raise BackupError(f"The backup is of another version: migration {migration} is not known here")


def _check_database(manifest: Manifest) -> None:
    tables = list_tables()
    if tables:
        raise BackupError(f"The database is not empty: it has the table {tables[0]}")
    role = find_missing_role(manifest.roles)
    if role is not None:
        raise BackupError(f"The backup grants rights to the role {role}, which this server does not have")


def _check_files(folder: Path, manifest: Manifest, report: Report) -> None:
    if not (folder / LIST).is_file() or digest_file(folder / LIST) != manifest.list_sha256:
        raise BackupError(f"{folder / LIST} is missing or damaged")
    for number, (parts, sha256) in enumerate(read_list(folder), start=1):
        path = folder.joinpath(*parts)
        report(f"checking {number:,} of {manifest.files:,} files")
        try:
            damaged = digest_file(path) != sha256
        except OSError as error:
            raise BackupError(f"{path} cannot be read: {error.strerror or error}") from error
        if damaged:
            raise BackupError(f"{path} is damaged: its checksum differs")
        place = _find_place(parts)
        if place is not None and place.exists() and digest_file(place) != sha256:
            raise BackupError(f"{place} is there already and differs from {path}")
    read_deletions(folder / LEDGER)
    read_deletions(Path(settings.DELETION_LEDGER))


def _find_place(parts: tuple[str, ...]) -> Path | None:
    """Where a picture's or release's file goes."""
    roots = {MEDIA: settings.MEDIA_ROOT, RELEASES: settings.RELEASE_ROOT}
    return Path(roots[parts[0]]).joinpath(*parts[1:]) if parts[0] in roots else None


def _list_missing(folder: Path) -> Iterator[tuple[Path, Path]]:
    for parts, _ in read_list(folder):
        place = _find_place(parts)
        if place is not None and not place.exists():
            yield folder.joinpath(*parts), place


def _place_files(folder: Path, report: Report) -> None:
    """Before the rows that name them. Each has a name of its own until it is whole."""
    for number, (source, place) in enumerate(_list_missing(folder), start=1):
        place.parent.mkdir(parents=True, exist_ok=True)
        part = place.with_name(place.name + PART_SUFFIX)
        copy_file(source, part)
        part.replace(place)
        report(f"{number:,} files restored")
    os.sync()


def _join_ledgers(folder: Path) -> None:
    """The ledger may have been lost with the machine; then the backup's own knows at least who was deleted before it."""
    ledger = Path(settings.DELETION_LEDGER)
    known = {deletion.mark for deletion in read_deletions(ledger)}
    missing = [deletion for deletion in read_deletions(folder / LEDGER) if deletion.mark not in known]
    if missing:
        add_deletions(ledger, missing)


def _check_rows(manifest: Manifest, report: Report) -> None:
    found = count_rows(report)
    for table in sorted({*found, *manifest.rows}):
        if found.get(table) != manifest.rows.get(table):
            raise BackupError(f"{table} has {found.get(table)} rows; the backup says {manifest.rows.get(table)}")
