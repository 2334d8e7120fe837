"""The files of a backup and their list."""

import io
import os
import subprocess

import pytest

from config.backup.errors import BackupError
from config.backup.files import LIST, EarlierFiles, FileList, copy_file, digest_file, read_list, walk_files

SHA256 = "0" * 64


def write(folder, *names):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(name)


def make_backup(folder, *names):
    write(folder, *names)
    with (folder / LIST).open("wb") as output:
        files = FileList(output)
        for name in names:
            files.add(name, digest_file(folder / name), 1)
    return folder


def test_files_come_in_the_order_of_the_parts_of_their_names(tmp_path):
    write(tmp_path, "b", "a.b/z", "a/z", "a/b/c")

    found = list(walk_files(tmp_path))

    assert found == sorted(found) == [("a", "b", "c"), ("a", "z"), ("a.b", "z"), ("b",)]


def test_what_is_not_whole_yet_is_left_out_and_a_missing_folder_holds_nothing(tmp_path):
    write(tmp_path, "whole.jpg", "half.jpg.part")

    assert list(walk_files(tmp_path)) == [("whole.jpg",)]
    assert list(walk_files(tmp_path / "absent")) == []


def test_a_link_is_no_file_to_back_up(tmp_path):
    (tmp_path / "link").symlink_to(tmp_path)

    with pytest.raises(BackupError, match="link is neither"):
        list(walk_files(tmp_path))


def test_the_list_is_one_that_sha256sum_checks(tmp_path):
    make_backup(tmp_path, "a", "b/c d")

    done = subprocess.run(["sha256sum", "--check", "--strict", LIST], cwd=tmp_path, capture_output=True, check=False)

    assert done.returncode == 0, done.stderr
    assert [parts for parts, _ in read_list(tmp_path)] == [("a",), ("b", "c d")]


@pytest.mark.parametrize("name", ["two\nlines", "back\\slash", "\x00"])
def test_a_name_that_would_break_the_list_is_refused(name):
    with pytest.raises(BackupError, match="cannot be listed"):
        FileList(io.BytesIO()).add(name, SHA256, 1)


@pytest.mark.parametrize("line", ["", SHA256, f"{SHA256}  ", f"{SHA256}  ../up", f"{SHA256}  /root", f"{SHA256} x"])
def test_a_line_that_is_none_is_named(tmp_path, line):
    (tmp_path / LIST).write_text(f"{SHA256}  good\n{line}\n")

    with pytest.raises(BackupError, match="line 2 is damaged"):
        list(read_list(tmp_path))


def test_a_copy_keeps_bytes_and_time(tmp_path):
    write(tmp_path, "a")
    os.utime(tmp_path / "a", ns=(1, 10**18))

    assert copy_file(tmp_path / "a", tmp_path / "b") == digest_file(tmp_path / "b") == digest_file(tmp_path / "a")
    assert (tmp_path / "b").stat().st_mtime_ns == 10**18


def test_files_that_kept_size_and_time_are_linked_and_others_are_not(tmp_path):
    names = ("a", "b", "c/d")
    earlier = EarlierFiles(make_backup(tmp_path / "earlier", *names))
    write(tmp_path, *names, "bb")
    for name in names:
        os.utime(tmp_path / "earlier" / name, ns=(1, 10**18))
        os.utime(tmp_path / name, ns=(1, 10**18))
    os.utime(tmp_path / "b", ns=(1, 2 * 10**18))

    found = {
        name: earlier.link(tuple(name.split("/")), tmp_path / name, tmp_path / f"new-{name[0]}{number}")
        for number, name in enumerate(("a", "b", "bb", "c/d"))
    }

    assert found == {"a": digest_file(tmp_path / "a"), "b": None, "bb": None, "c/d": digest_file(tmp_path / "c/d")}
    assert (tmp_path / "new-a0").samefile(tmp_path / "earlier" / "a")
