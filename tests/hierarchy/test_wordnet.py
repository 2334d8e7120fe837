import gzip
import io
import tarfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hierarchy import wordnet
from hierarchy.wordnet import Noun, ParentLink, WordNetError, open_noun_file, read_nouns
from tests.hierarchy.wordnet_files import EXCERPT, LICENCE_LINE, build_noun_lines, build_synset_line, number_lines

#   1
#   | \
#   2  3
#    \ | .      . = instance link
#      4  5
FIVE = {1: [], 2: [("@", 1)], 3: [("@", 1)], 4: [("@", 2), ("@", 3)], 5: [("@i", 3)]}


def read_path(path: Path) -> tuple[Noun, ...]:
    with open_noun_file(path) as lines:
        return read_nouns(lines)


def write_tar(path: Path, members: dict[str, bytes]) -> Path:
    with tarfile.open(path, "w:gz") if path.suffix == ".gz" else tarfile.open(path, "w") as archive:
        for name, content in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return path


def assert_refused(lines: list[str], line: int | None, problem: str) -> None:
    with pytest.raises(WordNetError, match=problem) as refusal:
        read_nouns(number_lines(lines))

    assert refusal.value.line == line


def test_nouns_keep_words_gloss_parents_and_line():
    nouns = {noun.offset: noun for noun in read_path(EXCERPT)}

    dog, paris = nouns[2084071], nouns[8932568]
    assert len(nouns) == 39
    assert dog.words == ("dog", "domestic dog", "Canis familiaris")
    assert dog.gloss.startswith("a member of the genus Canis")
    assert dog.gloss.endswith('"the dog barked all night"')
    assert dog.parents == (ParentLink(2083346, instance=False), ParentLink(1317541, instance=False))
    assert (dog.lexicographer_file, dog.line) == (5, 49)
    assert paris.parents == (ParentLink(8691669, instance=True),)


def test_word_count_is_hexadecimal_and_pointer_count_decimal():
    #       1
    #   2 3 ... 11
    lines = build_noun_lines({1: [], **{child: [("@", 1)] for child in range(2, 12)}})
    ten_words = " ".join(f"word_{number} 0" for number in range(10))
    lines[1] = lines[1].replace("01 thing_1 0", f"0a {ten_words}")

    root = read_nouns(number_lines(lines))[0]

    assert " 010 ~ " in lines[1]
    assert root.words == tuple(f"word {number}" for number in range(10))


def test_pointers_of_other_parts_of_speech_may_point_anywhere():
    lines = [LICENCE_LINE, build_synset_line(1, ["+ 99999999 v 0101", "@ 99999999 a 0000"])]

    assert read_nouns(number_lines(lines))[0].parents == ()


def test_progress_is_told_now_and_then(monkeypatch):
    monkeypatch.setattr(wordnet, "NOUNS_PER_PROGRESS", 2)
    told: list[int] = []

    read_nouns(number_lines(build_noun_lines(FIVE)), progress=told.append)

    assert told == [2, 4]


@pytest.mark.parametrize("line_end", [b"\n", b"\r\n"])
@pytest.mark.parametrize("shape", ["folder", "gz folder", "plain", "gz", "tar", "tar.gz"])
def test_every_shape_of_the_file_gives_the_same_nouns(tmp_path, shape, line_end):
    content = EXCERPT.read_bytes().replace(b"\n", line_end)
    name = "data.noun.gz" if shape in ("gz", "gz folder") else "data.noun"
    if shape.startswith("tar"):
        path = write_tar(tmp_path / f"WNdb-3.0.{shape}", {"dict/index.noun": b"x" * 5000, "dict/data.noun": content})
    else:
        (tmp_path / name).write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
        path = tmp_path if shape.endswith("folder") else tmp_path / name

    assert read_path(path) == read_path(EXCERPT)


def test_lines_come_numbered_and_without_their_ends(tmp_path):
    (tmp_path / "data.noun").write_bytes(b"  1 first\r\n  2 second\n")

    with open_noun_file(tmp_path) as lines:
        assert list(lines) == [(1, "  1 first"), (2, "  2 second")]


def test_archive_of_several_versions_gives_the_right_one(tmp_path):
    content = EXCERPT.read_bytes()
    other = content.replace(b"WordNet 3.0", b"WordNet 3.1").replace(b"entity", b"nonsense")
    members = {"wn/data/wordnet-3.3/data.noun": other, "wn/data/wordnet-3.0/data.noun": content}

    assert read_path(write_tar(tmp_path / "wn.tar.gz", members)) == read_path(EXCERPT)


def test_archive_of_another_version_is_named_with_its_member(tmp_path):
    other = EXCERPT.read_bytes().replace(b"WordNet 3.0", b"WordNet 3.1")
    archive = write_tar(tmp_path / "wn.tar", {"/dict/data.noun": other})

    with pytest.raises(WordNetError) as refusal:
        read_path(archive)

    assert str(refusal.value).startswith(f"{archive}/dict/data.noun: line 14: is WordNet 3.1; only 3.0")


def test_archive_of_other_versions_only_is_refused_at_its_first_noun_file(tmp_path):
    texts = {version: f"  1 WordNet {version} Copyright\n".encode() for version in ("2.1", "3.1")}
    archive = write_tar(tmp_path / "wn.tar", {f"{version}/data.noun": text for version, text in texts.items()})

    with pytest.raises(WordNetError, match=r"2\.1/data\.noun: line 1: is WordNet 2\.1"):
        read_path(archive)


def test_archive_without_nouns_is_refused(tmp_path):
    with pytest.raises(WordNetError, match=r"wn\.tar: holds no data\.noun"):
        read_path(write_tar(tmp_path / "wn.tar", {"dict/data.verb": b"", "dict/data.noun.txt": b""}))


def test_link_in_an_archive_is_not_followed(tmp_path):
    archive = tmp_path / "wn.tar"
    with tarfile.open(archive, "w") as tar:
        link = tarfile.TarInfo("dict/data.noun")
        link.type, link.linkname = tarfile.SYMTYPE, str(EXCERPT)
        tar.addfile(link)

    with pytest.raises(WordNetError, match=r"holds no data\.noun"):
        read_path(archive)


@pytest.mark.parametrize(
    ("limit", "value", "problem"),
    [
        ("MAX_ARCHIVE_BYTES", 5000, "unpacks to more than 5000 bytes"),
        ("MAX_ARCHIVE_MEMBERS", 1, "has more than 1 members"),
        ("MAX_NOUN_FILE_BYTES", 5000, "dict/data.noun is larger than 5000 bytes"),
    ],
)
def test_archive_beyond_a_limit_is_refused(tmp_path, monkeypatch, limit, value, problem):
    archive = write_tar(tmp_path / "wn.tar.gz", {"README": b"x" * 5000, "dict/data.noun": EXCERPT.read_bytes()})
    monkeypatch.setattr(wordnet, limit, value)

    with pytest.raises(WordNetError, match=problem):
        read_path(archive)


@pytest.mark.parametrize(("limit", "value", "line"), [("MAX_NOUN_FILE_BYTES", 200, 3), ("MAX_LINE_BYTES", 100, 30)])
def test_file_beyond_a_limit_is_refused_at_its_line(monkeypatch, limit, value, line):
    monkeypatch.setattr(wordnet, limit, value)

    with pytest.raises(WordNetError, match=f"line {line}: the line or the file is too long"):
        read_path(EXCERPT)


@pytest.mark.parametrize("lost", [1, 10, 100])
def test_last_line_without_its_end_is_refused(tmp_path, lost):
    (tmp_path / "data.noun").write_bytes(EXCERPT.read_bytes()[:-lost])

    with pytest.raises(WordNetError, match=r"data\.noun: line 68: the file is cut off inside this line"):
        read_path(tmp_path)


def test_truncation_at_a_line_border_is_found_at_the_pointing_synset(tmp_path):
    whole = EXCERPT.read_bytes().splitlines(keepends=True)
    (tmp_path / "data.noun").write_bytes(b"".join(whole[:-1]))

    with pytest.raises(WordNetError, match=r"line 67: points \(~i\) to 08932568, which is missing"):
        read_path(tmp_path)


@given(keep=st.floats(0, 1, exclude_max=True))
def test_file_cut_off_anywhere_is_refused(tmp_path_factory, keep):
    content = EXCERPT.read_bytes()
    path = tmp_path_factory.getbasetemp() / "cut.noun"
    path.write_bytes(content[: int(keep * len(content))])

    with pytest.raises(WordNetError):
        read_path(path)


@pytest.mark.parametrize("name", ["data.noun.gz", "wn.tar.gz"])
def test_damaged_compression_is_refused(tmp_path, name):
    whole = write_tar(tmp_path / name, {"data.noun": EXCERPT.read_bytes()}) if "tar" in name else tmp_path / name
    if "tar" not in name:
        whole.write_bytes(gzip.compress(EXCERPT.read_bytes()))
    whole.write_bytes(whole.read_bytes()[:-2000])

    with pytest.raises(WordNetError, match="cannot be read"):
        read_path(whole)


def test_bytes_beyond_ascii_are_refused_at_their_line(tmp_path):
    (tmp_path / "data.noun").write_bytes(EXCERPT.read_bytes().replace(b"a young dog", "a young d\u00f6g".encode()))

    with pytest.raises(WordNetError, match=r"line 42: byte \d+ is not ASCII"):
        read_path(tmp_path)


def test_missing_path_and_empty_folder_are_refused(tmp_path):
    with pytest.raises(WordNetError, match="nowhere: is not a file"):
        read_path(tmp_path / "nowhere")
    with pytest.raises(WordNetError, match=r"holds neither data\.noun nor data\.noun\.gz"):
        read_path(tmp_path)


def test_other_version_is_refused_at_the_licence():
    assert_refused(["  1 Licence", "  2 WordNet 3.1 Copyright 2011"], 2, "is WordNet 3.1; only 3.0")


def test_file_without_a_licence_is_refused():
    assert_refused(build_noun_lines(FIVE)[1:], 1, "does not name WordNet's version")


def test_licence_alone_is_refused():
    assert_refused([LICENCE_LINE], None, "has no synsets")


@pytest.mark.parametrize(
    ("right", "wrong", "problem"),
    [
        ("03 n 01 thing_4 0", "03 n 02 thing_4 0", "states 2 words but has 1"),
        ("03 n 01 thing_4 0", "03 n 0g thing_4 0", "not a whole noun synset"),
        ("03 n 01 thing_4 0", "03 v 01 thing_4 0", "not a whole noun synset"),
        ("03 n 01 thing_4 0", "03 n 01 thing 4 0", "not a whole noun synset"),
        (" 002 @", " 003 @", "states 3 pointers but has 2"),
        (" 002 @", " 00a @", "not a whole noun synset"),
        (" 002 @", "  002 @", "not a whole noun synset"),
        ("00000004", "0000004", "not a whole noun synset"),
        ("00000004", "0000000\u0664", "not a whole noun synset"),
        ("@ 00000003 n 0000", "@ 00000003 n", "not a whole noun synset"),
        ("@ 00000003 n", "@ 00000002 n", "names a hypernym twice"),
        ("| thing 4  ", "thing 4", "not a whole noun synset"),
        ("| thing 4  ", "|   ", "not a whole noun synset"),
        ("00000004", "00000003", "offset 00000003 does not ascend"),
        ("00000004", "00000002", "offset 00000002 does not ascend"),
        ("00000004", "  000004", "not a whole noun synset"),
    ],
)
def test_malformed_line_is_refused_at_its_number(right, wrong, problem):
    lines = build_noun_lines(FIVE)
    assert right in lines[4]
    lines[4] = lines[4].replace(right, wrong, 1)

    assert_refused(lines, 5, problem)


@pytest.mark.parametrize("symbol", ["@", "~", "#m", "!"])
def test_pointer_to_a_missing_noun_is_refused_at_the_pointing_synset(symbol):
    lines = build_noun_lines(FIVE)
    lines[5] = build_synset_line(5, ["@i 00000003 n 0000", f"{symbol} 00000009 n 0000"])

    assert_refused(lines, 6, rf"points \({symbol}\) to 00000009, which is missing")


@pytest.mark.parametrize(
    ("line", "pointer", "problem"),
    [
        (4, "@ 00000001 n 0000", r"line 2: points \(~\) to 00000003, which does not point back \(@\)"),
        (2, "~ 00000003 n 0000", r"line 4: points \(@\) to 00000001, which does not point back \(~\)"),
        (6, "@i 00000003 n 0000", r"line 4: points \(~i\) to 00000005, which does not point back \(@i\)"),
    ],
)
def test_pointer_without_its_back_pointer_is_refused(line, pointer, problem):
    lines = build_noun_lines(FIVE)
    stated = int(lines[line - 1].split()[6])
    assert f" {pointer}" in lines[line - 1]
    without = lines[line - 1].replace(f" {pointer}", "").replace(f" {stated:03d} ", f" {stated - 1:03d} ", 1)
    lines[line - 1] = without

    with pytest.raises(WordNetError, match=problem):
        read_nouns(number_lines(lines))


def test_cycle_is_refused_with_a_line_on_it():
    #   1    2 > 4 > 3 > 2
    lines = build_noun_lines({1: [], 2: [("@", 4)], 3: [("@", 2)], 4: [("@", 3), ("@", 1)]})

    with pytest.raises(WordNetError, match="hypernyms run in a circle: ") as refusal:
        read_nouns(number_lines(lines))

    assert refusal.value.line in {3, 4, 5}
    assert all(offset in str(refusal.value) for offset in ("00000002", "00000003", "00000004"))


def test_second_root_is_refused_at_its_line():
    #   1   3
    #   |   |
    #   2   4
    lines = build_noun_lines({1: [], 2: [("@", 1)], 3: [], 4: [("@", 3)]})

    assert_refused(lines, 4, r"2 synsets have no hypernym, the first are 00000001 \(line 2\), 00000003 \(line 4\)")
