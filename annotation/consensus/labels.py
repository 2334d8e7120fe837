"""Names become numbers: the votes, truth and gold of several files over the same items, workers and classes."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from annotation.consensus.files import LabelFile, VoteFile
from annotation.consensus.model import Answer
from annotation.consensus.rows import FileError, show
from annotation.consensus.votes import UNKNOWN, Votes

# The greatest number an int8 holds: the count of classes fits as well as their numbers.
CLASS_LIMIT = 127
SHOWN_LABELS = 10


@dataclass(frozen=True, kw_only=True, eq=False)
class Encoded:
    """Votes of one or two files, and what is known of their tasks.

    `votes` has an item for each name in `tasks`; `train`, if there is such a file, has items of its own, none of them in
    `tasks`, and the same `workers` and answers. Tasks and workers stand in the order of their names, an item's votes in
    the order of the file: the order of lines otherwise changes nothing. `train_left_out` counts the votes of the train
    file on `tasks`, which are in neither.

    `binary`: the answers are `Answer`s and `classes` are the labels for no and yes. Otherwise the answers are the
    classes, in the order of their names. `truth` and `gold` are the class of each item of `votes`, `train_gold` of each
    item of `train`, -1 where it is not known.
    """

    votes: Votes
    train: Votes | None
    tasks: list[str]
    workers: list[str]
    classes: list[str]
    binary: bool
    truth: NDArray[np.int8]
    gold: NDArray[np.int8]
    train_gold: NDArray[np.int8]
    train_left_out: int


@dataclass(frozen=True, kw_only=True)
class Numbering:
    """The column of each label among the answers, and the number of each label that is a class."""

    answers: Mapping[str, int]
    classes: Mapping[str, int]
    binary: bool


@dataclass(frozen=True, kw_only=True)
class Place:
    path: Path
    line: int


def encode_files(
    *,
    votes: VoteFile,
    train: VoteFile | None = None,
    truth: LabelFile | None = None,
    gold: LabelFile | None = None,
    positive: str | None = None,
    unsure: str | None = None,
) -> Encoded:
    """The files as arrays over the same workers and classes.

    With `positive`, the votes say yes, no or unsure: `positive` is yes, `unsure` (if given) unsure, and at most one other
    label may occur in the files, which is no. Without it, all labels of the files are classes. Votes of `train` on tasks
    of `votes` count for nothing, not even for their labels; tasks of `truth` and `gold` without votes are passed over.

    Raises FileError at the line of a label too many, or of one that says unsure in `truth` or `gold`, ValueError for an
    `unsure` without or equal to `positive`.
    """
    if unsure is not None and (positive is None or positive == unsure):
        raise ValueError("unsure: needs another label as positive")
    kept = None if train is None else train.without_tasks(votes.tasks)
    vote_files = [votes] if kept is None else [votes, kept]
    label_files = [file for file in (truth, gold) if file is not None]
    numbering = _number_labels(vote_files, label_files, positive=positive, unsure=unsure)
    workers = _number(sorted({name for file in vote_files for name in file.workers}))
    tasks = _number(sorted(votes.tasks))
    train_tasks = _number([] if kept is None else sorted(kept.tasks))
    return Encoded(
        votes=_encode_votes(votes, tasks=tasks, workers=workers, numbering=numbering),
        train=None if kept is None else _encode_votes(kept, tasks=train_tasks, workers=workers, numbering=numbering),
        tasks=list(tasks),
        workers=list(workers),
        classes=list(numbering.classes),
        binary=numbering.binary,
        truth=_encode_labels(truth, tasks=tasks, numbering=numbering),
        gold=_encode_labels(gold, tasks=tasks, numbering=numbering),
        train_gold=_encode_labels(gold, tasks=train_tasks, numbering=numbering),
        train_left_out=0 if train is None or kept is None else len(train) - len(kept),
    )


def _number(names: Iterable[str]) -> dict[str, int]:
    return {name: number for number, name in enumerate(names)}


def _number_labels(
    vote_files: Sequence[VoteFile], label_files: Sequence[LabelFile], *, positive: str | None, unsure: str | None
) -> Numbering:
    for file in label_files:
        _refuse_unsure(file, unsure)
    places = _find_labels(vote_files, label_files)
    if positive is None:
        return _number_classes(places)
    return _number_answers(places, path=vote_files[0].path, positive=positive, unsure=unsure)


def _refuse_unsure(file: LabelFile, unsure: str | None) -> None:
    for task, label in file.labels.items():
        if label == unsure:
            problem = f"{show(label)} (unsure) is a vote's answer, not what a task can be known to be"
            raise FileError(path=file.path, line=file.lines[task], problem=problem)


def _find_labels(vote_files: Iterable[VoteFile], label_files: Iterable[LabelFile]) -> dict[str, Place]:
    """Where each label stands first, in the order of the files and of their lines."""
    places: dict[str, Place] = {}
    for votes in vote_files:
        codes, first = np.unique(votes.label, return_index=True)
        for vote, code in sorted(zip(first.tolist(), codes.tolist(), strict=True)):
            places.setdefault(votes.labels[code], Place(path=votes.path, line=int(votes.line[vote])))
    for known in label_files:
        for task, label in known.labels.items():
            places.setdefault(label, Place(path=known.path, line=known.lines[task]))
    return places


def _number_classes(places: Mapping[str, Place]) -> Numbering:
    if len(places) > CLASS_LIMIT:
        label, place = list(places.items())[CLASS_LIMIT]
        problem = f"label {show(label)} is one too many: there may be {CLASS_LIMIT}"
        raise FileError(path=place.path, line=place.line, problem=problem)
    numbers = _number(sorted(places))
    return Numbering(answers=numbers, classes=numbers, binary=False)


def _number_answers(places: Mapping[str, Place], *, path: Path, positive: str, unsure: str | None) -> Numbering:
    others = [label for label in places if label not in (positive, unsure)]
    if len(others) > 1 and positive not in places:
        shown = ", ".join(show(label) for label in sorted(places)[:SHOWN_LABELS])
        more = f" and {len(places) - SHOWN_LABELS} more" if len(places) > SHOWN_LABELS else ""
        raise FileError(path=path, problem=f"no label is {show(positive)} (positive): the labels are {shown}{more}")
    if len(others) > 1:
        place = places[others[1]]
        named = show(positive) if unsure is None else f"{show(positive)} (positive) and {show(unsure)} (unsure)"
        problem = f"label {show(others[1])} is one too many: beside {named} only {show(others[0])} can be no"
        raise FileError(path=place.path, line=place.line, problem=problem)
    # Nobody ever said no: the label still needs a name that is not the positive one.
    negative = others[0] if others else f"not {positive}"
    answers = {negative: int(Answer.NO), positive: int(Answer.YES)}
    if unsure is not None:
        answers[unsure] = int(Answer.UNSURE)
    return Numbering(answers=answers, classes=_number([negative, positive]), binary=True)


def _encode_votes(
    file: VoteFile, *, tasks: Mapping[str, int], workers: Mapping[str, int], numbering: Numbering
) -> Votes:
    answers = numbering.answers
    return Votes.from_arrays(
        item=np.array([tasks[name] for name in file.tasks], dtype=np.int32)[file.task],
        worker=np.array([workers[name] for name in file.workers], dtype=np.int32)[file.worker],
        answer=np.array([answers[name] for name in file.labels], dtype=np.int8)[file.label],
        items=len(tasks),
        workers=len(workers),
        answers=len(Answer) if numbering.binary else len(answers),
    )


def _encode_labels(file: LabelFile | None, *, tasks: Mapping[str, int], numbering: Numbering) -> NDArray[np.int8]:
    known = np.full(len(tasks), UNKNOWN, dtype=np.int8)
    if file is not None:
        for task, label in file.labels.items():
            if task in tasks:
                known[tasks[task]] = numbering.classes[label]
    return known
