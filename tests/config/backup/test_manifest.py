import json

import pytest

from config.backup.errors import BackupError
from config.backup.manifest import MANIFEST, Manifest, read_manifest, write_manifest

WRITTEN = Manifest(
    taken_at="2026-11-28T12:00:00+00:00",
    postgresql="18.1",
    migrations=["annotation.0001_initial"],
    roles=["veriset_app"],
    rows={"public.annotation_vote": 3},
    files=2,
    bytes=100,
    list_sha256="0" * 64,
)


def test_a_manifest_is_read_as_it_was_written(tmp_path):
    write_manifest(tmp_path, WRITTEN)

    assert read_manifest(tmp_path) == WRITTEN


@pytest.mark.parametrize("content", ["", "[]", "{}", "null", '{"format": 1, "sha256": ""}', "\udcff"])
def test_what_is_no_manifest_is_damaged(tmp_path, content):
    (tmp_path / MANIFEST).write_bytes(content.encode(errors="surrogateescape"))

    with pytest.raises(BackupError, match="is damaged"):
        read_manifest(tmp_path)


def test_a_changed_number_is_noticed(tmp_path):
    write_manifest(tmp_path, WRITTEN)
    values = json.loads((tmp_path / MANIFEST).read_text())
    values["rows"]["public.annotation_vote"] = 4
    (tmp_path / MANIFEST).write_text(json.dumps(values))

    with pytest.raises(BackupError, match="checksum differs"):
        read_manifest(tmp_path)


def test_a_format_of_a_later_version_is_refused(tmp_path):
    write_manifest(tmp_path, WRITTEN)
    text = (tmp_path / MANIFEST).read_text()
    (tmp_path / MANIFEST).write_text(text.replace('"format": 1', '"format": 2'))

    with pytest.raises(BackupError, match="format 2; this version reads format 1"):
        read_manifest(tmp_path)


def test_a_folder_without_one_is_no_backup(tmp_path):
    with pytest.raises(BackupError, match="is no backup"):
        read_manifest(tmp_path)
