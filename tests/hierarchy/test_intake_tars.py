import gzip
import lzma
import random
import tarfile
import tracemalloc
from io import BytesIO

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hierarchy.intake.values import IntakeLimits
from tests.hierarchy.picture_files import read_all, reasons


def member(name, **attributes):
    header = tarfile.TarInfo(name)
    for attribute, value in attributes.items():
        setattr(header, attribute, value)
    return header


def tar_of(*members, mode="w"):
    """An archive of (header or name, content) pairs, as bytes."""
    buffer = BytesIO()
    with tarfile.open(fileobj=buffer, mode=mode) as archive:
        for header, content in members:
            header = header if isinstance(header, tarfile.TarInfo) else member(header)
            header.size = len(content)
            archive.addfile(header, BytesIO(content))
    return buffer.getvalue()


@pytest.fixture
def read(tmp_path):
    def write_and_read(data, name="archive.tar", **limits):
        path = tmp_path / name
        path.write_bytes(data)
        return read_all(path, limits=IntakeLimits(**limits))

    return write_and_read


@pytest.mark.parametrize(
    ("mode", "name"), [("w", "a.tar"), ("w:gz", "a.tgz"), ("w:bz2", "a.tar.bz2"), ("w:xz", "a.tar.xz")]
)
def test_members_come_in_order_whatever_the_compression(read, mode, name):
    data = tar_of(("any/n02084071/b.jpg", b"first"), ("n01440764_18.JPEG", b"second" * 9999), mode=mode)

    items, refusals = read(data, name)

    assert [(item.wnid, item.name, item.data) for item in items] == [
        ("n02084071", "b.jpg", b"first"),
        ("n01440764", "n01440764_18.JPEG", b"second" * 9999),
    ]
    assert items[0].place == f"{name}: any/n02084071/b.jpg"
    assert refusals == []


def test_the_wnid_is_the_archives_when_the_member_names_none(read):
    items, _ = read(tar_of(("a.jpg", b"1"), ("n01440764/b.jpg", b"2")), "n02084071.tar")

    assert [item.wnid for item in items] == ["n02084071", "n01440764"]


def test_only_regular_files_are_read(read):
    kinds = [
        tarfile.SYMTYPE,
        tarfile.LNKTYPE,
        tarfile.CHRTYPE,
        tarfile.BLKTYPE,
        tarfile.FIFOTYPE,
        tarfile.GNUTYPE_SPARSE,
    ]
    links = [
        (member(f"n02084071/{number}.jpg", type=kind, linkname="/etc/passwd"), b"") for number, kind in enumerate(kinds)
    ]

    items, refusals = read(tar_of(*links, ("n02084071/good.jpg", b"good")))

    assert [item.name for item in items] == ["good.jpg"]
    assert reasons(refusals) == ["NOT_A_REGULAR_FILE"] * len(kinds)


def test_a_path_that_would_escape_is_a_name_like_any_other(read, tmp_path):
    link = member("n02084071", type=tarfile.SYMTYPE, linkname=str(tmp_path / "elsewhere"))
    data = tar_of((link, b""), ("n02084071/a.jpg", b"1"), ("../../n02084071/b.jpg", b"2"), ("/n02084071/c.jpg", b"3"))

    items, refusals = read(data)

    assert [(item.wnid, item.name) for item in items] == [("n02084071", f"{letter}.jpg") for letter in "abc"]
    assert reasons(refusals) == ["NOT_A_REGULAR_FILE"]
    assert [path.name for path in tmp_path.iterdir()] == ["archive.tar"]


def test_each_unwanted_member_is_refused_by_itself(read):
    data = tar_of(
        ("n02084071/inner.tar", b"x"),
        ("n02084071/readme.txt", b"x"),
        ("dogs/a.jpg", b"x"),
        ("n02084071/large.jpg", b"x" * 101),
        ("n02084071/a.jpg", b"x"),
        ("n02084071/a.jpg", b"y"),
        ("__MACOSX/n02084071/._a.jpg", b"x"),
    )

    items, refusals = read(data, max_item_bytes=100)

    assert [item.data for item in items] == [b"x"]
    assert reasons(refusals) == ["NESTED_ARCHIVE", "NOT_A_PICTURE", "NO_WNID", "TOO_LARGE", "DUPLICATE", "HIDDEN_FILES"]


def test_the_limits_of_the_whole_archive_end_the_reading(read):
    data = tar_of(*[(f"n02084071/{number}.jpg", bytes(400)) for number in range(9)])

    items, refusals = read(data, max_members=3)
    assert (len(items), reasons(refusals)) == (3, ["TOO_MANY_MEMBERS"])

    items, refusals = read(data, max_total_bytes=1000)
    assert len(items) < 3
    assert reasons(refusals) == ["TOO_MANY_BYTES"]


def test_a_bomb_is_given_up_while_it_is_skipped(read):
    data = tar_of(("n02084071/bomb.jpg", bytes(60_000_000)), ("n02084071/a.jpg", b"x"))

    items, refusals = read(gzip.compress(data), "bomb.tar.gz")

    assert items == []
    assert reasons(refusals) == ["TOO_LARGE", "SUSPICIOUS_RATIO"]


def test_a_header_as_long_as_a_film_is_not_read_into_memory(read):
    header = member("././@PaxHeader", type=tarfile.XHDTYPE)
    data = tar_of((header, bytes(30_000_000)), ("n02084071/a.jpg", b"x"))

    tracemalloc.start()
    items, refusals = read(data)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert (items, reasons(refusals)) == ([], ["DAMAGED"])
    assert peak < 10_000_000


def test_an_xz_file_cannot_ask_for_any_amount_of_memory(read):
    filters = [{"id": lzma.FILTER_LZMA2, "preset": 0, "dict_size": 1_000_000_000}]
    data = lzma.compress(tar_of(("n02084071/a.jpg", b"x")), filters=filters)

    items, refusals = read(data, "a.tar.xz")

    assert (items, reasons(refusals)) == ([], ["DAMAGED"])
    assert "emory" in refusals[0].detail


@pytest.mark.parametrize(
    ("mode", "name"), [("w", "a.tar"), ("w:gz", "a.tar.gz"), ("w:xz", "a.tar.xz"), ("w:bz2", "a.tbz2")]
)
def test_a_truncated_archive_gives_what_was_readable_and_names_the_place(read, mode, name):
    noise = [noise_of(number) for number in range(60)]
    data = tar_of(*[(f"n02084071/{number}.jpg", content) for number, content in enumerate(noise)], mode=mode)

    items, (refusal,) = read(data[: int(len(data) * 0.97)], name)

    assert [item.data for item in items] == noise[: len(items)]
    assert (refusal.place, refusal.reason) == (name, "DAMAGED")
    assert refusal.detail.startswith("unreadable after ")


def noise_of(seed):
    """20,000 bytes that do not compress."""
    return random.Random(seed).randbytes(20_000)


def test_an_archive_cut_between_two_members_is_not_taken_for_whole(read):
    data = tar_of(("n02084071/a.jpg", b"x"), ("n02084071/b.jpg", b"x"))

    items, (refusal,) = read(data[:1024])

    assert len(items) == 1
    assert (refusal.reason, refusal.detail) == ("DAMAGED", "unreadable after n02084071/a.jpg: empty header")


def test_a_member_of_negative_size_does_not_turn_the_reader_round(read):
    header = member("n02084071/b.jpg", size=-512).tobuf(tarfile.GNU_FORMAT)

    items, (refusal,) = read(tar_of(("n02084071/a.jpg", b"x"))[:1024] + header)

    assert len(items) == 1
    assert refusal.detail == "unreadable after n02084071/a.jpg: a negative size"


@pytest.mark.parametrize("data", [b"", b"not a tar at all" * 100])
def test_what_is_no_archive_gives_one_refusal(read, data):
    for name in ("a.tar", "a.tar.gz", "a.tar.xz", "a.tar.bz2"):
        items, refusals = read(data, name)

        assert (items, reasons(refusals)) == ([], ["DAMAGED"])


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_wrong_bytes_anywhere_never_raise(read, data):
    long_name = f"n02084071/{'x' * 150}.jpg"
    archive = bytearray(tar_of(("n02084071/a.jpg", b"x" * 600), (long_name, b"y"), mode="w"))
    for place in data.draw(st.lists(st.integers(0, 4096), min_size=1, max_size=8)):
        archive[place] = data.draw(st.integers(0, 255))

    items, _ = read(bytes(archive))

    assert len(items) <= 2
