from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from annotation.consensus.files import LabelFile, VoteFile
from annotation.consensus.labels import CLASS_LIMIT, Encoded, encode_files
from annotation.consensus.model import Answer
from annotation.consensus.rows import FileError
from annotation.consensus.votes import Votes

Vote = tuple[str, str, str]

FIRST_LINE = 2
TEN_LABELS = ["c00", "c01", "c02", "c03", "c04", "c05", "c06", "c07", "c08", "c09"]
tasks = st.sampled_from(["10", "9", "b", "a", "ä"])
workers = st.sampled_from(["w1", "w10", "w2", "W"])
labels = st.sampled_from(["dog", "cat", "eel"])
vote_lists = st.lists(st.tuples(tasks, workers, labels), max_size=15, unique_by=lambda vote: vote[:2])
known_labels = st.dictionaries(tasks, labels, max_size=4)


def make_votes(votes: Sequence[Vote], path: str = "votes.csv") -> VoteFile:
    columns = [[vote[column] for vote in votes] for column in range(3)]
    names = [list(dict.fromkeys(column)) for column in columns]
    task, worker, label = (
        np.array([names[place].index(value) for value in column], dtype=np.int32)
        for place, column in enumerate(columns)
    )
    return VoteFile(
        path=Path(path),
        tasks=names[0],
        workers=names[1],
        labels=names[2],
        task=task,
        worker=worker,
        label=label,
        line=np.arange(FIRST_LINE, FIRST_LINE + len(votes), dtype=np.int32),
    )


def make_labels(known: dict[str, str] | None, path: str = "truth.csv") -> LabelFile | None:
    if known is None:
        return None
    return LabelFile(
        path=Path(path), labels=known, lines={task: line for line, task in enumerate(known, start=FIRST_LINE)}
    )


def encode(
    votes: Sequence[Vote],
    train: Sequence[Vote] | None = None,
    truth: dict[str, str] | None = None,
    gold: dict[str, str] | None = None,
    **options: Any,
) -> Encoded:
    return encode_files(
        votes=make_votes(votes),
        train=None if train is None else make_votes(train, path="train.csv"),
        truth=make_labels(truth),
        gold=make_labels(gold, path="gold.csv"),
        **options,
    )


def list_votes(votes: Votes | None, tasks: Sequence[str], encoded: Encoded) -> list[Vote]:
    """Back to names, of K classes."""
    return [
        (tasks[item], encoded.workers[worker], encoded.classes[answer])
        for item, worker, answer in zip(votes.item, votes.worker, votes.answer, strict=True)
    ]


def freeze(encoded: Encoded) -> list[object]:
    arrays = [
        array
        for votes in (encoded.votes, encoded.train)
        if votes is not None
        for array in (votes.item, votes.worker, votes.answer)
    ]
    known = [encoded.truth, encoded.gold, encoded.train_gold]
    return [encoded.tasks, encoded.workers, encoded.classes, *(array.tobytes() for array in [*arrays, *known])]


def test_yes_no_and_unsure_are_the_answers_of_the_service() -> None:
    encoded = encode(
        [("2", "b", "ja"), ("1", "b", "nein"), ("1", "a", "hm"), ("2", "a", "nein")],
        truth={"2": "ja", "7": "nein"},
        gold={"1": "nein"},
        positive="ja",
        unsure="hm",
    )

    assert encoded.votes.item.tolist() == [0, 0, 1, 1]
    assert encoded.votes.worker.tolist() == [1, 0, 1, 0]
    assert encoded.votes.answer.tolist() == [Answer.NO, Answer.UNSURE, Answer.YES, Answer.NO]
    assert (encoded.votes.items, encoded.votes.workers, encoded.votes.answers) == (2, 2, 3)
    assert (encoded.tasks, encoded.workers, encoded.classes) == (["1", "2"], ["a", "b"], ["nein", "ja"])
    assert (encoded.truth.tolist(), encoded.gold.tolist()) == ([-1, 1], [0, -1])
    assert encoded.binary
    assert encoded.train is None


def test_without_a_positive_label_two_labels_are_two_classes() -> None:
    encoded = encode([("1", "a", "yes"), ("2", "a", "no")], truth={"2": "yes"})

    assert not encoded.binary
    assert encoded.classes == ["no", "yes"]
    assert encoded.votes.answer.tolist() == [1, 0]
    assert encoded.votes.answers == 2
    assert encoded.truth.tolist() == [-1, 1]


def test_labels_of_every_file_are_classes() -> None:
    encoded = encode([("1", "a", "d")], train=[("2", "a", "b")], truth={"1": "c"}, gold={"9": "a"})

    assert encoded.classes == ["a", "b", "c", "d"]
    assert encoded.votes.answers == encoded.train.answers == 4


@pytest.mark.parametrize(("votes", "classes"), [([], []), ([("1", "a", "yes")], ["yes"])])
def test_no_label_and_one_label_are_classes_too(votes: list[Vote], classes: list[str]) -> None:
    encoded = encode(votes)

    assert encoded.classes == classes
    assert encoded.votes.answers == len(classes)
    assert len(encoded.votes) == len(votes)


def test_votes_to_learn_from_share_workers_and_leave_out_tasks_to_decide() -> None:
    encoded = encode(
        [("5", "b", "yes")],
        train=[("6", "c", "no"), ("5", "a", "perhaps"), ("6", "b", "yes"), ("4", "b", "no"), ("5", "b", "no")],
        gold={"6": "yes", "5": "no"},
        positive="yes",
    )

    assert (encoded.workers, encoded.tasks) == (["b", "c"], ["5"])
    assert encoded.train_left_out == 2
    assert encoded.votes.worker.tolist() == [0]
    assert encoded.train.item.tolist() == [0, 1, 1]
    assert encoded.train.worker.tolist() == [0, 1, 0]
    assert encoded.train.answer.tolist() == [Answer.NO, Answer.NO, Answer.YES]
    assert (encoded.train.items, encoded.train.workers, encoded.train.answers) == (2, 2, 3)
    assert (encoded.gold.tolist(), encoded.train_gold.tolist()) == ([0], [-1, 1])


def test_a_train_file_of_the_same_tasks_adds_nothing() -> None:
    votes = [("1", "a", "yes"), ("2", "a", "no")]

    encoded = encode(votes, train=votes)

    assert (encoded.train.item.tolist(), encoded.train.items, encoded.train_left_out) == ([], 0, 2)


@pytest.mark.parametrize(
    ("said", "classes"),
    [(["no"], ["no", "yes"]), (["maybe"], ["not yes", "yes"]), (["yes"], ["not yes", "yes"]), ([], ["not yes", "yes"])],
)
def test_answers_that_nobody_gave_keep_their_place(said: list[str], classes: list[str]) -> None:
    encoded = encode([(str(place), "a", label) for place, label in enumerate(said)], positive="yes", unsure="maybe")

    assert encoded.classes == classes
    assert encoded.votes.answers == len(Answer)


@pytest.mark.parametrize(
    ("files", "options", "message"),
    [
        (
            {"votes": [("1", "a", "no"), ("1", "b", "yes"), ("1", "c", "eh")]},
            {"positive": "yes"},
            "votes.csv line 4: label 'eh' is one too many: beside 'yes' only 'no' can be no",
        ),
        (
            {"votes": [("1", "a", "no"), ("1", "b", "yes"), ("1", "c", "eh")], "truth": {"9": "yes", "8": "No"}},
            {"positive": "yes", "unsure": "eh"},
            "truth.csv line 3: label 'No' is one too many: beside 'yes' (positive) and 'eh' (unsure) only 'no' can be no",
        ),
        (
            {"votes": [("1", "a", "no"), ("1", "b", "yes")], "train": [("3", "b", "yes"), ("2", "b", "eh")]},
            {"positive": "yes"},
            "train.csv line 3: label 'eh' is one too many: beside 'yes' only 'no' can be no",
        ),
        (
            {"votes": [("1", "a", "no"), ("1", "b", "yes")]},
            {"positive": "ja"},
            "votes.csv: no label is 'ja' (positive): the labels are 'no', 'yes'",
        ),
        (
            {"votes": [("1", f"w{place}", f"c{place:02}") for place in range(12)]},
            {"positive": "ja"},
            "votes.csv: no label is 'ja' (positive): the labels are " + repr(TEN_LABELS)[1:-1] + " and 2 more",
        ),
        (
            {"votes": [("1", "a", "no")], "truth": {"1": "no", "7": "eh"}},
            {"positive": "yes", "unsure": "eh"},
            "truth.csv line 3: 'eh' (unsure) is a vote's answer, not what a task can be known to be",
        ),
        (
            {"votes": [("1", "a", "no")], "gold": {"1": "eh"}},
            {"positive": "yes", "unsure": "eh"},
            "gold.csv line 2: 'eh' (unsure) is a vote's answer, not what a task can be known to be",
        ),
        (
            {"votes": [("1", f"w{place}", f"c{place}") for place in range(CLASS_LIMIT + 1)]},
            {},
            "votes.csv line 129: label 'c127' is one too many: there may be 127",
        ),
    ],
)
def test_a_label_that_cannot_be_is_named_with_its_line(
    files: dict[str, Any], options: dict[str, Any], message: str
) -> None:
    with pytest.raises(FileError) as refusal:
        encode(**files, **options)

    assert str(refusal.value) == message


@pytest.mark.parametrize("options", [{"unsure": "eh"}, {"unsure": "eh", "positive": "eh"}])
def test_unsure_needs_another_label_as_positive(options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"^unsure: needs another label as positive$"):
        encode([("1", "a", "eh")], **options)


def test_as_many_classes_as_there_may_be_are_encoded() -> None:
    encoded = encode([("1", f"w{place}", f"c{place:03}") for place in range(CLASS_LIMIT)])

    assert encoded.votes.answers == CLASS_LIMIT
    assert sorted(encoded.votes.answer.tolist()) == list(range(CLASS_LIMIT))


@given(votes=vote_lists, train=vote_lists, truth=known_labels, gold=known_labels)
def test_names_come_back_as_the_files_have_them(
    votes: list[Vote], train: list[Vote], truth: dict[str, str], gold: dict[str, str]
) -> None:
    encoded = encode(votes, train, truth, gold)

    own = sorted({vote[0] for vote in votes})
    kept = [vote for vote in train if vote[0] not in own]
    learned = sorted({vote[0] for vote in kept})
    assert encoded.tasks == own
    assert list_votes(encoded.votes, own, encoded) == sorted(votes, key=lambda vote: vote[0])
    assert list_votes(encoded.train, learned, encoded) == sorted(kept, key=lambda vote: vote[0])
    assert encoded.train_left_out == len(train) - len(kept)
    assert encoded.workers == sorted({vote[1] for vote in votes + kept})
    for array, known, names in (
        (encoded.truth, truth, own),
        (encoded.gold, gold, own),
        (encoded.train_gold, gold, learned),
    ):
        assert array.dtype == np.int8
        assert [None if code < 0 else encoded.classes[code] for code in array] == [known.get(name) for name in names]


@given(votes=vote_lists, train=vote_lists, data=st.data())
def test_the_order_of_lines_across_tasks_changes_nothing_bit_for_bit(
    votes: list[Vote], train: list[Vote], data: st.DataObject
) -> None:
    order = data.draw(st.permutations(["10", "9", "b", "a", "ä"]))

    shuffled = [sorted(rows, key=lambda vote: order.index(vote[0])) for rows in (votes, train)]

    assert freeze(encode(shuffled[0], shuffled[1])) == freeze(encode(votes, train))
