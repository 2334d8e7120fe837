from io import BytesIO

import pytest

from config.backup.files import EarlierFiles, FileList
from config.backup.saving import MEDIA, RELEASES, add_folder


def add(tmp_path, name):
    """The list of a folder of three files, of which the second goes when the first has been copied."""
    root, listed = tmp_path / "source", BytesIO()
    root.mkdir()
    for file in "abc":
        (root / file).write_text(file)

    def report(_):
        (root / "b").unlink(missing_ok=True)

    add_folder(tmp_path / "work", name, root, EarlierFiles(None), FileList(listed), report)
    return [line.split()[1] for line in listed.getvalue().decode().splitlines()]


def test_a_release_that_is_built_anew_meanwhile_does_not_end_the_backup(tmp_path):
    assert add(tmp_path, RELEASES) == ["releases/a", "releases/c"]
    assert sorted(path.name for path in (tmp_path / "work" / RELEASES).iterdir()) == ["a", "c"]


def test_a_picture_that_goes_meanwhile_ends_it(tmp_path):
    with pytest.raises(FileNotFoundError, match="source/b"):
        add(tmp_path, MEDIA)
