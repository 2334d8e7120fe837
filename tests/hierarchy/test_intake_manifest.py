import hashlib
import unicodedata

import pytest

from hierarchy.intake.manifest import MAX_LINE_LENGTH, ManifestError
from hierarchy.intake.values import IntakeLimits, KnownImage
from tests.hierarchy.picture_files import jpeg, read_all, reasons


@pytest.fixture
def write(tmp_path):
    (tmp_path / "a.jpg").write_bytes(jpeg())
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "b.jpg").write_bytes(b"other")

    def write_manifest(text):
        path = tmp_path / "manifest.csv"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return write_manifest


def test_a_line_gives_a_picture_with_where_it_came_from(write):
    digest = hashlib.sha256(jpeg()).hexdigest().upper()
    text = f"\ufeffwnid,file,author,licence,source,consent_basis,sha256,colour\r\nn02084071,a.jpg,Zoe\u0308,CC0,https://x,own,{digest},red\r\n"

    (item,), refusals = read_all(write(text))

    assert (item.wnid, item.name, item.data, item.place) == ("n02084071", "a.jpg", jpeg(), "manifest.csv line 2")
    assert item.author == unicodedata.normalize("NFC", "Zoe\u0308")
    assert (item.licence, item.source, item.consent_basis) == ("CC0", "https://x", "own")
    assert refusals == []


def test_one_picture_may_be_proposed_for_two_synsets_but_not_twice_for_one(write):
    items, refusals = read_all(write("file,wnid\na.jpg,n02084071\na.jpg,n01440764\na.jpg,n02084071\n"))

    assert [item.wnid for item in items] == ["n02084071", "n01440764"]
    assert [(refusal.place, refusal.reason) for refusal in refusals] == [("manifest.csv line 4", "DUPLICATE")]


@pytest.mark.parametrize("text", ["", "n02084071,a.jpg\n", "file,class\n", "file,wnid,file\n", '"file,wnid\n'])
def test_a_wrong_header_stops_before_anything_is_taken(write, text):
    with pytest.raises(ManifestError, match=r"manifest.csv line 1: "):
        read_all(write(text))


@pytest.mark.parametrize("name", ["../a.jpg", "/etc/a.jpg", "sub/../../a.jpg", "a\0.jpg"])
def test_no_path_leads_out_of_the_root(write, tmp_path, name):
    path = write(f"file,wnid\n{name},n02084071\nb.jpg,n02084071\n")

    items, refusals = read_all(path, root=tmp_path / "sub")

    assert [item.data for item in items] == [b"other"]
    assert [(refusal.place, refusal.reason) for refusal in refusals] == [("manifest.csv line 2", "OUTSIDE_ROOT")]


def test_links_are_refused_at_any_level(write, tmp_path):
    (tmp_path / "link.jpg").symlink_to("a.jpg")
    (tmp_path / "folder").symlink_to("sub")

    items, refusals = read_all(write("file,wnid\nlink.jpg,n02084071\nfolder/b.jpg,n02084071\n"))

    assert items == []
    assert reasons(refusals) == ["NOT_A_REGULAR_FILE"] * 2


def test_each_bad_line_is_refused_by_its_number_and_the_next_is_read(write):
    lines = [
        b"file,wnid,author,sha256",
        b"missing.jpg,n02084071,,",
        b"a.jpg,dog,,",
        b"a.jpg,n02084071,,0000",
        b"a.jpg,n02084071",
        b"",
        b"sub,n02084071,,",
        b"a.jpg,n02084072,caf\xe9,",
        b'"a"x.jpg,n02084071,,',
        b'sub/b.jpg,n02084071,"Two\nlines",',
        b"sub/b.jpg,n02084071,Ann,",
    ]

    items, refusals = read_all(write(b"\n".join(lines)))

    assert [(item.place, item.author) for item in items] == [("manifest.csv line 12", "Ann")]
    assert [(refusal.place.rpartition(" ")[2], str(refusal.reason)) for refusal in refusals] == [
        ("2", "UNREADABLE"),
        ("3", "NO_WNID"),
        ("4", "WRONG_CHECKSUM"),
        ("5", "BAD_LINE"),
        ("7", "NOT_A_PICTURE"),
        ("8", "BAD_LINE"),
        ("9", "BAD_LINE"),
        ("10", "BAD_LINE"),
    ]


def test_a_prior_is_a_probability_strictly_between_0_and_1_or_nothing(write):
    good = ["0.25", "1e-3", ""]
    bad = ["0", "1", "-0.1", "1.5", "nan", "inf", "high", "0,5"]
    lines = [f'a.jpg,n{number:08d},"{prior}"' for number, prior in enumerate([*good, *bad])]

    items, refusals = read_all(write("\n".join(["file,wnid,prior", *lines])))

    assert [item.prior for item in items] == [0.25, 0.001, None]
    assert reasons(refusals) == ["BAD_LINE"] * len(bad)
    assert "prior: must be a number above 0 and below 1" in refusals[0].detail


def test_an_endless_line_is_not_read_into_memory(write):
    with pytest.raises(ManifestError, match=r"manifest.csv line 2: more than"):
        read_all(write("file,wnid\n" + "a" * (MAX_LINE_LENGTH + 1)))


DIGEST = "0f" * 32


def test_a_line_without_a_file_is_about_a_known_image(write):
    (item,), refusals = read_all(write(f"file,wnid,prior,sha256\n,n02084071,0.7,{DIGEST.upper()}\n"))

    assert item == KnownImage("manifest.csv line 2", "n02084071", bytes.fromhex(DIGEST), 0.7)
    assert refusals == []


def test_a_manifest_of_known_images_needs_no_column_for_files(write):
    items, refusals = read_all(write(f"wnid,sha256\nn02084071,{DIGEST}\nn01440764,{DIGEST}\n"))

    assert [(item.wnid, item.prior) for item in items] == [("n02084071", None), ("n01440764", None)]
    assert refusals == []


def test_pictures_and_known_images_come_in_the_order_of_their_lines(write):
    items, _ = read_all(write(f"file,wnid,sha256\n,n02084071,{DIGEST}\na.jpg,n02084071,\n,n01440764,{DIGEST}\n"))

    assert [item.place.rpartition(" ")[2] for item in items] == ["2", "3", "4"]


def test_each_bad_line_without_a_file_is_refused_by_its_number(write):
    lines = [
        "file,wnid,sha256,prior,author",
        ",n02084071,,,",
        f",dog,{DIGEST},,",
        f",n02084071,{DIGEST}0,,",
        f",n02084071,{'g' * 64},,",
        f",n02084071,{DIGEST},2,",
        f",n02084071,{DIGEST},,a\x07b",
        f",n02084071,{DIGEST}",
    ]

    items, refusals = read_all(write("\n".join(lines)))

    assert items == []
    assert [refusal.place for refusal in refusals] == [f"manifest.csv line {line}" for line in range(2, 9)]
    assert reasons(refusals) == ["NO_PICTURE", "NO_WNID", *["BAD_LINE"] * 5]


def test_known_images_have_a_limit_of_their_own(write):
    path = write("wnid,sha256\n" + f"n02084071,{DIGEST}\n" * 4)

    items, refusals = read_all(path, limits=IntakeLimits(max_members=1, max_known_images=3))

    assert len(items) == 3
    assert [(refusal.place, refusal.reason) for refusal in refusals] == [("manifest.csv", "TOO_MANY_MEMBERS")]


def test_a_header_that_names_no_picture_is_wrong(write):
    with pytest.raises(ManifestError, match="the header lacks file; it must name wnid, and file or sha256"):
        read_all(write("wnid,prior\n"))
