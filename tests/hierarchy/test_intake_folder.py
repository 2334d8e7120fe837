import os
import shutil

import pytest

from hierarchy.intake.source import open_source
from hierarchy.intake.values import IntakeLimits, Refusal
from tests.hierarchy.picture_files import jpeg, read_all, reasons


@pytest.fixture
def folder(tmp_path):
    root = tmp_path / "pictures"
    (root / "n02084071").mkdir(parents=True)
    return root


def test_pictures_come_in_the_order_of_names_with_their_wnid(folder):
    (folder / "n01440764").mkdir()
    for name in ("n02084071/b.jpg", "n02084071/a.PNG", "n01440764/c.jpeg"):
        (folder / name).write_bytes(name.encode())

    items, refusals = read_all(folder)

    assert [(item.wnid, item.name, item.data) for item in items] == [
        ("n01440764", "c.jpeg", b"n01440764/c.jpeg"),
        ("n02084071", "a.PNG", b"n02084071/a.PNG"),
        ("n02084071", "b.jpg", b"n02084071/b.jpg"),
    ]
    assert items[0].place == "pictures/n01440764/c.jpeg"
    assert refusals == []


def test_links_are_refused_and_never_followed(folder, tmp_path):
    outside = tmp_path / "n01440764"
    outside.mkdir()
    (outside / "secret.jpg").write_bytes(jpeg())
    (folder / "n02084071" / "a.jpg").symlink_to(outside / "secret.jpg")
    (folder / "n01440764").symlink_to(outside)

    items, refusals = read_all(folder)

    assert items == []
    assert [(refusal.place, str(refusal.reason)) for refusal in refusals] == [
        ("pictures/n01440764", "NOT_A_REGULAR_FILE"),
        ("pictures/n02084071/a.jpg", "NOT_A_REGULAR_FILE"),
    ]


def test_a_named_pipe_is_refused_without_waiting_for_its_writer(folder):
    os.mkfifo(folder / "n02084071" / "a.jpg")

    assert reasons(read_all(folder)[1]) == ["NOT_A_REGULAR_FILE"]


def test_whatever_is_not_a_picture_in_a_wnid_folder_is_refused(folder):
    (folder / "cats").mkdir()
    (folder / "loose.jpg").write_bytes(jpeg())
    (folder / "n02084071" / "deeper").mkdir()
    (folder / "n02084071" / "notes.txt").write_text("notes")
    (folder / "n02084071" / "more.zip").write_bytes(b"PK")

    items, refusals = read_all(folder)

    assert items == []
    assert reasons(refusals) == ["NO_WNID", "NO_WNID", "NESTED_FOLDER", "NESTED_ARCHIVE", "NOT_A_PICTURE"]


def test_hidden_files_are_counted_and_otherwise_ignored(folder):
    (folder / ".git").mkdir()
    (folder / "n02084071" / "._a.jpg").write_bytes(b"x")
    (folder / "n02084071" / "a.jpg").write_bytes(jpeg())

    items, (refusal,) = read_all(folder)

    assert len(items) == 1
    assert (refusal.reason, refusal.detail) == ("HIDDEN_FILES", "2 hidden files ignored")


def test_a_name_that_is_not_utf8_is_shown_with_replacement_characters(folder):
    (folder / "n02084071" / os.fsdecode(b"caf\xe9\n.jpg")).write_bytes(jpeg())

    ((item,), _) = read_all(folder)

    assert item.name == "caf\N{REPLACEMENT CHARACTER}\N{REPLACEMENT CHARACTER}.jpg"


def test_a_file_of_more_bytes_than_the_limit_is_refused(folder):
    (folder / "n02084071" / "a.jpg").write_bytes(b"x" * 101)
    (folder / "n02084071" / "b.jpg").write_bytes(b"x" * 100)

    items, refusals = read_all(folder, limits=IntakeLimits(max_item_bytes=100))

    assert ([item.name for item in items], reasons(refusals)) == (["b.jpg"], ["TOO_LARGE"])


def test_a_folder_that_vanishes_meanwhile_is_refused(folder):
    (folder / "n01440764").mkdir()
    (folder / "n01440764" / "a.jpg").write_bytes(jpeg())
    outcomes = open_source(folder)
    next(outcomes)
    shutil.rmtree(folder / "n02084071")

    (refusal,) = outcomes

    assert isinstance(refusal, Refusal)
    assert (refusal.place, refusal.reason) == ("pictures/n02084071", "UNREADABLE")
