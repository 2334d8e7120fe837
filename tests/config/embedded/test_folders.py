import os
import subprocess
from pathlib import Path

import pytest

from config.embedded.folders import (
    FolderInUseError,
    make_private_folder,
    place_sockets,
    take_lock,
    write_atomically,
)


def test_lock_can_be_taken_once(tmp_path):
    lock = take_lock(tmp_path / "lock")

    with pytest.raises(FolderInUseError, match=str(tmp_path)):
        take_lock(tmp_path / "lock")
    os.close(lock)

    os.close(take_lock(tmp_path / "lock"))


def test_lock_handed_to_a_process_lasts_as_long_as_that_process(tmp_path):
    lock = take_lock(tmp_path / "lock")
    with subprocess.Popen(["sleep", "60"], pass_fds=(lock,)) as process:
        os.close(lock)
        with pytest.raises(FolderInUseError):
            take_lock(tmp_path / "lock")
        process.kill()

    os.close(take_lock(tmp_path / "lock", seconds=10))


@pytest.mark.parametrize("name", ["x" * 120, "with space", "100%", "grün", "what?"])
def test_sockets_get_a_short_plain_folder_when_the_path_would_not_do(tmp_path, name):
    sockets = place_sockets(tmp_path / name)

    assert str(sockets).startswith("/tmp/veriset-")
    assert sockets == place_sockets(tmp_path / name)
    assert sockets != place_sockets(tmp_path / f"{name}2")


def test_sockets_lie_beside_the_data_when_the_path_is_short_and_plain():
    assert place_sockets(Path("/work/Checkout_1")) == Path("/work/Checkout_1/socket")


def test_private_folder_is_for_its_user_only(tmp_path):
    folder = make_private_folder(tmp_path / "above" / "private")

    assert folder.stat().st_mode & 0o777 == 0o700


def test_private_folder_may_not_be_a_link(tmp_path):
    (tmp_path / "link").symlink_to(tmp_path)

    with pytest.raises(PermissionError, match="link must be a folder of the user"):
        make_private_folder(tmp_path / "link")


def test_written_file_is_replaced_whole_and_private(tmp_path):
    write_atomically(tmp_path / "file", "old")
    write_atomically(tmp_path / "file", "new")

    assert (tmp_path / "file").read_text() == "new"
    assert (tmp_path / "file").stat().st_mode & 0o777 == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
