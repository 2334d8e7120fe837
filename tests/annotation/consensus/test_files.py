import csv
import gzip
import io
import json
import os
import threading
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from annotation.consensus.files import (
    VoteFile,
    read_labels_file,
    read_parameters_file,
    read_votes_file,
    write_labels_file,
)
from annotation.consensus.rows import FileError

# Whatever a spreadsheet may put into a cell; blanks around it and line breaks are not part of a name.
names = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\n\0"), min_size=1, max_size=8).filter(
    lambda name: name == name.strip()
)
vote_lists = st.lists(st.tuples(names, names, names), max_size=20, unique_by=lambda vote: vote[:2])


def write(folder: Path, content: str | bytes, name: str = "votes.csv") -> Path:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def list_votes(votes: VoteFile) -> list[tuple[str, str, str]]:
    return [
        (votes.tasks[task], votes.workers[worker], votes.labels[label])
        for task, worker, label in zip(votes.task, votes.worker, votes.label, strict=True)
    ]


def write_rows(rows: Sequence[Sequence[str]], header: Sequence[str]) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerows([header, *rows])
    return text.getvalue().encode()


def refuse(path: Path, problem: str) -> None:
    """Both readers of CSV must say so; the file has the columns of both."""
    for read in (read_votes_file, read_labels_file):
        with pytest.raises(FileError) as refusal:
            read(path=path)
        assert str(refusal.value) == f"{path}{problem}"


def test_votes_are_numbered_by_first_appearance(tmp_path: Path) -> None:
    votes = read_votes_file(path=write(tmp_path, "task,worker,label\nb,ann,yes\na,bob,no\nb,bob,yes\n"))

    assert (votes.tasks, votes.workers, votes.labels) == (["b", "a"], ["ann", "bob"], ["yes", "no"])
    assert votes.task.tolist() == [0, 1, 0]
    assert votes.worker.tolist() == [0, 1, 1]
    assert votes.label.tolist() == [0, 1, 0]
    assert votes.line.tolist() == [2, 3, 4]
    assert {array.dtype for array in (votes.task, votes.worker, votes.label, votes.line)} == {np.dtype(np.int32)}


@pytest.mark.parametrize(
    "content",
    [
        "task,worker,label\n1,a,yes\n2,b,no\n",
        "task,worker,label\r\n1,a,yes\r\n2,b,no\r\n",
        "task,worker,label\r1,a,yes\r2,b,no",
        "\ufefftask,worker,label\n1,a,yes\n2,b,no",
        '\ufeff"task","worker","label"\n"1","a","yes"\n"2","b","no"\n',
        " task , worker,\tlabel\n 1,a ,yes\n2 ,\tb,\xa0no\n",
        ' "task", "worker", "label"\n "1", "a", " yes "\n2, b, no\n',
        "\n\nlabel,extra,task,worker\n\nyes,x,1,a\n   \nno,,2,b\n\n",
        'comment,task,worker,label\n"two\nlines",1,a,yes\n"said ""no""",2,b,no\n',
    ],
)
def test_every_spelling_of_a_file_gives_the_same_votes(tmp_path: Path, content: str) -> None:
    votes = read_votes_file(path=write(tmp_path, content))

    assert list_votes(votes) == [("1", "a", "yes"), ("2", "b", "no")]


def test_blanks_around_a_name_do_not_make_another_name(tmp_path: Path) -> None:
    votes = read_votes_file(path=write(tmp_path, "task,worker,label\n 1,a,yes\n1 ,b,yes\n1,c, yes\n"))

    assert (votes.tasks, votes.labels) == (["1"], ["yes"])


def test_a_vote_below_a_value_of_two_lines_has_its_own_line(tmp_path: Path) -> None:
    votes = read_votes_file(path=write(tmp_path, 'x,task,worker,label\n"1\n2\n3",a,b,c\n\nx,d,e,f\n'))

    assert votes.line.tolist() == [2, 6]


@pytest.mark.parametrize("name", ["votes.csv.gz", "votes.csv"])
@pytest.mark.parametrize("pack", [gzip.compress, bytes])
def test_gzip_is_told_by_content_not_by_name(tmp_path: Path, name: str, pack: type[bytes]) -> None:
    votes = read_votes_file(path=write(tmp_path, pack(b"task,worker,label\n1,a,yes\n"), name))

    assert list_votes(votes) == [("1", "a", "yes")]


def test_a_pipe_can_be_read(tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    writer = threading.Thread(target=path.write_bytes, args=[gzip.compress(b"task,worker,label\n1,a,yes\n", mtime=0)])
    writer.start()

    votes = read_votes_file(path=path)
    writer.join()

    assert list_votes(votes) == [("1", "a", "yes")]


def test_a_header_alone_is_a_file_of_no_votes(tmp_path: Path) -> None:
    path = write(tmp_path, "task,worker,label\n")

    votes = read_votes_file(path=path)

    assert (len(votes), votes.tasks, votes.workers, votes.labels) == (0, [], [], [])
    assert read_labels_file(path=path).labels == {}


@given(rows=vote_lists, packed=st.booleans())
def test_votes_come_back_as_they_were_written(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, str, str]], packed: bool
) -> None:
    content = write_rows(rows, header=["task", "worker", "label"])

    votes = read_votes_file(
        path=write(tmp_path_factory.getbasetemp(), gzip.compress(content) if packed else content, "round_trip.csv")
    )

    assert list_votes(votes) == rows
    assert votes.tasks == list(dict.fromkeys(row[0] for row in rows))


@pytest.mark.parametrize(
    ("content", "line", "found"),
    [
        (b"", 1, "but the file is empty"),
        (b"\n \n", 1, "but the file is empty"),
        (b"\n1,a,yes\n", 2, "is '1,a,yes'"),
        (b"task;worker;label\n", 1, "is 'task;worker;label'"),
        (b"task,worker,label,task,label\n", 1, "is 'task,worker,label,task,label'"),
        (b"\xff\xfet\0a\0s\0k\0,\0", 1, "is '\\udcff\\udcfet\\x00a\\x00s\\x00k\\x00,\\x00'"),
    ],
)
def test_a_missing_header_is_named(tmp_path: Path, content: bytes, line: int, found: str) -> None:
    path = write(tmp_path, content)

    for read, columns in ((read_votes_file, "task, worker, label"), (read_labels_file, "task, label")):
        with pytest.raises(FileError) as refusal:
            read(path=path)
        assert str(refusal.value) == f"{path} line {line}: the header must name each of {columns} once, {found}"


@pytest.mark.parametrize(
    ("lines", "problem"),
    [
        (b"2,b\n", " line 4: has 2 fields, the header has 3"),
        (b"2,b,no,\n", " line 4: has 4 fields, the header has 3"),
        (b"junk\n", " line 4: has 1 fields, the header has 3"),
        (b",b,no\n", " line 4: empty task"),
        (b"2,b, \n", " line 4: empty label"),
        (b"\n2,b,\n", " line 5: empty label"),
        (b"2\0,b,no\n", " line 4: a line break or NUL in the task '2\\x00'"),
        (b'"2\n2",b,no\n', " line 4: a line break or NUL in the task '2\\n2'"),
        (b"2,b,n\xf6\n", " line 4: the label 'n\\udcf6' is not UTF-8"),
        (b"2,b,no\n3,c,\xed\xa0\x80\n", " line 5: the label '\\udced\\udca0\\udc80' is not UTF-8"),
        (b'2,b,"no\n3,c,yes\n', " line 4: not CSV, perhaps an unbalanced quote: unexpected end of data"),
        (b'2,b,"no\n3,c,"yes"\n', " line 4: not CSV, perhaps an unbalanced quote: ',' expected after '\"'"),
        (b"2,b," + b"x" * 200_000, " line 4: not CSV, perhaps an unbalanced quote: field larger than field limit (131072)"),
        (b" " + b"x" * 100 + b"\0,b,no\n", " line 4: a line break or NUL in the task '" + "x" * 60 + "...'"),
    ],
)  # fmt: skip
def test_a_bad_line_is_named(tmp_path: Path, lines: bytes, problem: str) -> None:
    refuse(write(tmp_path, b"task,worker,label\n1,a,yes\n\n" + lines), problem)


def test_an_empty_worker_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileError, match=r"votes\.csv line 2: empty worker$"):
        read_votes_file(path=write(tmp_path, "task,worker,label\n1,,yes\n"))


def test_a_packed_file_cut_short_is_named_with_the_line_where_it_ends(tmp_path: Path) -> None:
    rows = "".join(f"{task},{os.urandom(3).hex()},yes\n" for task in range(20_000))
    packed = gzip.compress(f"task,worker,label\n{rows}".encode())

    with pytest.raises(FileError, match=r"votes\.csv line \d+: damaged gzip: Compressed file ended") as refusal:
        read_votes_file(path=write(tmp_path, packed[: len(packed) // 2]))

    assert 8_000 < int(str(refusal.value).split(" line ")[1].split(":")[0]) < 12_000


@pytest.mark.parametrize("position", [3, -8, 30])
def test_a_damaged_packed_file_is_refused(tmp_path: Path, position: int) -> None:
    packed = bytearray(gzip.compress(write_rows([("1", "a", "yes")], ["task", "worker", "label"])))
    packed[position] ^= 0xFF

    with pytest.raises(FileError, match=r"votes\.csv"):
        read_votes_file(path=write(tmp_path, bytes(packed)))


def test_a_file_that_cannot_be_opened_is_named(tmp_path: Path) -> None:
    refuse(tmp_path, ": cannot be read: Is a directory")
    refuse(tmp_path / "none.csv", ": cannot be read: No such file or directory")


def test_a_second_vote_names_both_lines(tmp_path: Path) -> None:
    path = write(tmp_path, "task,worker,label\n1,a,yes\n2,a,yes\n\n2,b,no\n2,a,no\n1,a,yes\n1,a,yes\n")

    with pytest.raises(FileError) as refusal:
        read_votes_file(path=path)

    assert str(refusal.value) == f"{path} line 6: a second vote of worker 'a' on task '2', the first is in line 3"


@given(votes=st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from("xyz")), max_size=8))
def test_the_second_vote_found_is_the_first_in_the_file(
    tmp_path_factory: pytest.TempPathFactory, votes: list[tuple[str, str]]
) -> None:
    content = write_rows([(*vote, "yes") for vote in votes], header=["task", "worker", "label"])
    path = write(tmp_path_factory.getbasetemp(), content, "second.csv")
    second = next((place for place, vote in enumerate(votes) if vote in votes[:place]), None)

    if second is None:
        assert len(read_votes_file(path=path)) == len(votes)
    else:
        with pytest.raises(FileError, match=rf" line {second + 2}: .* line {votes.index(votes[second]) + 2}$"):
            read_votes_file(path=path)


def test_votes_on_other_tasks_keep_only_the_names_they_mention(tmp_path: Path) -> None:
    votes = read_votes_file(path=write(tmp_path, "task,worker,label\n1,a,yes\n2,b,no\n3,b,maybe\n2,c,maybe\n"))

    kept = votes.without_tasks(["1", "3", "5"])

    assert (kept.tasks, kept.workers, kept.labels) == (["2"], ["b", "c"], ["no", "maybe"])
    assert list_votes(kept) == [("2", "b", "no"), ("2", "c", "maybe")]
    assert kept.line.tolist() == [3, 5]
    assert len(votes.without_tasks(["1", "2", "3"])) == 0


def test_labels_come_with_their_lines(tmp_path: Path) -> None:
    known = read_labels_file(path=write(tmp_path, "label,task\n yes,2\n\nno,1\nyes,3\n"))

    assert known.labels == {"2": "yes", "1": "no", "3": "yes"}
    assert known.lines == {"2": 2, "1": 4, "3": 5}


@pytest.mark.parametrize("label", ["yes", "no"])
def test_a_second_label_of_a_task_names_both_lines(tmp_path: Path, label: str) -> None:
    path = write(tmp_path, f"task,label\n1,yes\n2,yes\n1,{label}\n", "truth.csv")

    with pytest.raises(FileError) as refusal:
        read_labels_file(path=path)

    assert str(refusal.value) == f"{path} line 4: a second label for task '1', the first is in line 2"


@pytest.mark.parametrize("pack", [gzip.compress, bytes])
def test_parameters_come_back_as_they_were_written(tmp_path: Path, pack: type[bytes]) -> None:
    content = {"version": 1, "state_shares": [0.1, 1 / 3], "names": {"é": None}}

    path = write(tmp_path, pack(b"\xef\xbb\xbf" + json.dumps(content).encode()), "snapshot.json")

    assert read_parameters_file(path=path) == content


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", " line 1: not JSON: Expecting value (column 1)"),
        (b'{"a": 1,\n "b" 2}', " line 2: not JSON: Expecting ':' delimiter (column 6)"),
        (b'{"a": NaN}', ": not JSON: NaN is no number"),
        (b'"\xff"', ": not JSON: 'utf-8' codec can't decode byte 0xff in position 1: invalid start byte"),
        (gzip.compress(b"{}", mtime=0)[:-4], ": damaged gzip: Compressed file ended before the end-of-stream marker was reached"),
    ],
)  # fmt: skip
def test_bad_parameters_are_refused_with_their_place(tmp_path: Path, content: bytes, problem: str) -> None:
    path = write(tmp_path, content, "snapshot.json")

    with pytest.raises(FileError) as refusal:
        read_parameters_file(path=path)

    assert str(refusal.value) == f"{path}{problem}"


def test_parameters_nested_too_deep_are_refused(tmp_path: Path) -> None:
    with pytest.raises(FileError, match=r"snapshot\.json: not JSON: maximum recursion depth"):
        read_parameters_file(path=write(tmp_path, "[" * 100_000, "snapshot.json"))


def write_two(path: Path) -> None:
    write_labels_file(
        path=path,
        tasks=["1", "a,b"],
        labels=["yes", "no"],
        probability=np.array([1 / 3, 1e-300]),
        votes_used=np.array([3, 0], dtype=np.int32),
        decided=np.array([True, False]),
    )


TWO_LINES = 'task,label,probability,votes,decided\n1,yes,0.3333333333333333,3,true\n"a,b",no,1e-300,0,false\n'


def test_labels_are_written_whole_and_leave_nothing_beside_them(tmp_path: Path) -> None:
    path = write(tmp_path, "old", "labels.csv")
    link = tmp_path / "link.csv"
    link.symlink_to(path)

    write_two(link)

    assert path.read_text() == TWO_LINES
    assert link.is_symlink()
    assert sorted(tmp_path.iterdir()) == [path, link]


def test_labels_of_k_classes_have_no_column_decided(tmp_path: Path) -> None:
    path = tmp_path / "labels.csv"

    write_labels_file(
        path=path, tasks=["1"], labels=["cat"], probability=np.array([0.5]), votes_used=np.array([2], dtype=np.int64)
    )

    assert path.read_text() == "task,label,probability,votes\n1,cat,0.5,2\n"


def test_a_dash_is_standard_output(capsys: pytest.CaptureFixture[str]) -> None:
    write_two(Path("-"))

    assert capsys.readouterr().out == TWO_LINES


def test_a_device_stays_a_device() -> None:
    write_two(Path("/dev/null"))

    assert Path("/dev/null").is_char_device()


def test_columns_of_unlike_length_leave_the_old_file(tmp_path: Path) -> None:
    path = write(tmp_path, "old", "labels.csv")

    with pytest.raises(ValueError, match="zip"):
        write_labels_file(
            path=path, tasks=["1", "2"], labels=["a"], probability=np.array([1.0]), votes_used=np.array([1])
        )

    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("name", ["none/labels.csv", "file/labels.csv", ""])
def test_a_place_that_cannot_be_written_is_named(tmp_path: Path, name: str) -> None:
    write(tmp_path, "", "file")

    with pytest.raises(FileError, match="cannot be written"):
        write_two(tmp_path / name)


@given(probabilities=st.lists(st.floats(0, 1), max_size=6))
def test_probabilities_read_back_as_the_same_bits(
    tmp_path_factory: pytest.TempPathFactory, probabilities: list[float]
) -> None:
    path = tmp_path_factory.getbasetemp() / "bits.csv"
    count = len(probabilities)

    write_labels_file(
        path=path,
        tasks=[str(task) for task in range(count)],
        labels=["yes"] * count,
        probability=np.array(probabilities, dtype=np.float64),
        votes_used=np.zeros(count, dtype=np.int32),
    )

    with path.open(newline="") as file:
        read = [float(row["probability"]) for row in csv.DictReader(file)]
    assert np.array(read).tobytes() == np.array(probabilities).tobytes()
