import stat
import struct
import tracemalloc
import zipfile
from io import BytesIO

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hierarchy.intake import zips
from hierarchy.intake.values import IntakeLimits
from tests.hierarchy.picture_files import read_all, reasons

LOCAL, CENTRAL = b"PK\3\4", b"PK\1\2"


def zip_of(*members, compression=zipfile.ZIP_STORED):
    """An archive of (name or ZipInfo, content) pairs, as bytes."""
    buffer = BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return bytearray(buffer.getvalue())


@pytest.fixture
def read(tmp_path):
    def write_and_read(data, name="archive.zip", **limits):
        path = tmp_path / name
        path.write_bytes(data)
        return read_all(path, limits=IntakeLimits(**limits))

    return write_and_read


@pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_members_come_in_the_order_of_the_file(read, compression):
    data = zip_of(("any/n02084071/b.jpg", b"first"), ("n01440764_18.JPEG", b"second"), compression=compression)

    items, refusals = read(data)

    assert [(item.wnid, item.name, item.data) for item in items] == [
        ("n02084071", "b.jpg", b"first"),
        ("n01440764", "n01440764_18.JPEG", b"second"),
    ]
    assert items[0].place == "archive.zip: any/n02084071/b.jpg"
    assert refusals == []


def test_each_unwanted_member_is_refused_by_itself(read):
    link = zipfile.ZipInfo("n02084071/link.jpg")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    packed = zipfile.ZipInfo("n02084071/packed.jpg")
    packed.compress_type = zipfile.ZIP_LZMA
    data = zip_of(
        ("n02084071/", b""),
        (link, b"/etc/passwd"),
        (packed, b"x"),
        ("n02084071/inner.zip", b"x"),
        ("n02084071/readme.txt", b"x"),
        ("dogs/a.jpg", b"x"),
        ("n02084071/large.jpg", b"x" * 101),
        ("../n02084071/a.jpg", b"x"),
        ("n02084071/.DS_Store", b"x"),
    )

    items, refusals = read(data, max_item_bytes=100)

    assert [(item.wnid, item.name) for item in items] == [("n02084071", "a.jpg")]
    assert reasons(refusals) == [
        "NOT_A_REGULAR_FILE",
        "UNSUPPORTED_COMPRESSION",
        "NESTED_ARCHIVE",
        "NOT_A_PICTURE",
        "NO_WNID",
        "TOO_LARGE",
        "HIDDEN_FILES",
    ]


def test_an_encrypted_member_is_refused(read):
    data = zip_of(("n02084071/a.jpg", b"x"))
    data[data.index(CENTRAL) + 8] |= 1

    assert reasons(read(data)[1]) == ["ENCRYPTED"]


def test_a_bomb_is_refused_by_its_ratio(read):
    data = zip_of(("n02084071/a.jpg", bytes(10_000_000)), ("n02084071/b.jpg", b"b"), compression=zipfile.ZIP_DEFLATED)

    items, refusals = read(data)

    assert ([item.name for item in items], reasons(refusals)) == (["b.jpg"], ["SUSPICIOUS_RATIO"])


def test_a_member_that_lies_about_its_size_is_not_unpacked_beyond_it(read):
    data = zip_of(("n02084071/a.jpg", bytes(50_000_000)), compression=zipfile.ZIP_DEFLATED)
    for header, offset in ((LOCAL, 22), (CENTRAL, 24)):
        struct.pack_into("<I", data, data.index(header) + offset, 10)

    tracemalloc.start()
    items, refusals = read(data)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert (items, reasons(refusals)) == ([], ["DAMAGED"])
    assert peak < 5_000_000


def test_two_entries_with_the_same_data_are_refused(read):
    data = zip_of(("n02084071/a.jpg", b"x" * 50), ("n02084071/b.jpg", b"y" * 50))
    second = data.index(CENTRAL, data.index(CENTRAL) + 1)
    struct.pack_into("<I", data, second + 42, 0)

    items, refusals = read(data)

    assert items == []
    assert set(reasons(refusals)) == {"OVERLAPPING", "DAMAGED"}


def test_an_entry_that_reaches_into_the_next_is_refused(read):
    data = zip_of(("n02084071/a.jpg", b"x" * 50), ("n02084071/b.jpg", b"y" * 50))
    for size in (20, 24):
        struct.pack_into("<I", data, data.index(CENTRAL) + size, 90)

    items, refusals = read(data)

    assert ([item.name for item in items], reasons(refusals)) == (["b.jpg"], ["OVERLAPPING"])


def test_a_name_that_differs_between_the_two_headers_is_refused(read):
    data = zip_of(("n02084071/a.jpg", b"x"))
    place = data.index(b"n02084071", data.index(CENTRAL))
    data[place : place + 9] = b"n01440764"

    items, (refusal,) = read(data)

    assert (items, refusal.reason) == ([], "DAMAGED")
    assert "differ" in refusal.detail


def test_a_member_whose_checksum_is_wrong_costs_itself_only(read):
    data = zip_of(("n02084071/a.jpg", b"xyz"), ("n02084071/b.jpg", b"fine"))
    data[data.index(b"xyz")] = 0

    items, refusals = read(data)

    assert ([item.name for item in items], reasons(refusals)) == (["b.jpg"], ["DAMAGED"])


def test_the_limits_of_the_whole_archive_end_the_reading(read):
    data = zip_of(*[(f"n02084071/{number}.jpg", bytes(400)) for number in range(9)])

    items, refusals = read(data, max_members=3)
    assert (len(items), reasons(refusals)) == (3, ["TOO_MANY_MEMBERS"])

    items, refusals = read(data, max_total_bytes=1000)
    assert (len(items), reasons(refusals)) == (2, ["TOO_MANY_BYTES"])


@pytest.mark.parametrize("cut", [0, 10, 200])
def test_a_zip_without_its_end_gives_one_refusal(read, cut):
    data = zip_of(("n02084071/a.jpg", b"x" * 300))

    items, refusals = read(data[:cut])

    assert (items, reasons(refusals)) == ([], ["DAMAGED"])


def test_a_directory_too_large_to_hold_is_not_read(read, monkeypatch):
    monkeypatch.setattr(zips, "MAX_DIRECTORY_BYTES", 100)

    items, (refusal,) = read(zip_of(("n02084071/a.jpg", b"x"), ("n02084071/b.jpg", b"x")))

    assert (items, refusal.reason) == ([], "DAMAGED")
    assert "split the archive" in refusal.detail


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_wrong_bytes_anywhere_never_raise(read, data):
    archive = zip_of(("n02084071/a.jpg", b"x" * 60), ("n02084071/b.jpg", b"y"), compression=zipfile.ZIP_DEFLATED)
    for place in data.draw(st.lists(st.integers(0, len(archive) - 1), min_size=1, max_size=8)):
        archive[place] = data.draw(st.integers(0, 255))

    items, _ = read(archive)

    assert len(items) <= 2
