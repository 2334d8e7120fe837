"""Votes, labels and parameters in files: CSV and JSON, plain or packed with gzip, of which nothing is trusted."""

import csv
import json
import os
import sys
from array import array
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn, Self, TextIO

import numpy as np
from numpy.typing import NDArray

from annotation.consensus.rows import FileError, Names, open_unpacked, read_rows, show

VOTE_COLUMNS = ("task", "worker", "label")
LABEL_COLUMNS = ("task", "label")
STANDARD_OUTPUT = Path("-")


@dataclass(frozen=True, kw_only=True, eq=False)
class VoteFile:
    """V votes as they stand in a file.

    `tasks`, `workers` and `labels` are the names, each once, in order of first appearance; `task[V]`, `worker[V]` and
    `label[V]` number them, and `line[V]` is the line on which the vote begins, all in file order. Sixteen bytes a vote.
    """

    path: Path
    tasks: list[str]
    workers: list[str]
    labels: list[str]
    task: NDArray[np.int32]
    worker: NDArray[np.int32]
    label: NDArray[np.int32]
    line: NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.task)

    def without_tasks(self, left_out: Iterable[str]) -> Self:
        """The votes on other tasks than these, and only the names that those votes mention."""
        names = set(left_out)
        chosen = np.array([task not in names for task in self.tasks], dtype=np.bool_)[self.task]
        tasks, task = _drop_unused(self.tasks, self.task[chosen])
        workers, worker = _drop_unused(self.workers, self.worker[chosen])
        labels, label = _drop_unused(self.labels, self.label[chosen])
        return type(self)(
            path=self.path,
            tasks=tasks,
            workers=workers,
            labels=labels,
            task=task,
            worker=worker,
            label=label,
            line=self.line[chosen],
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class LabelFile:
    """What a file says of tasks: the label of each, and the line on which it begins."""

    path: Path
    labels: dict[str, str]
    lines: dict[str, int]


def read_votes_file(*, path: Path) -> VoteFile:
    """The votes of a CSV file with the columns task, worker and label.

    The file is UTF-8 with or without a byte order mark, lines end in LF or CRLF, and it may be packed with gzip, whatever
    its name. The first line that is not blank names the columns, in any order. Further columns are ignored, whatever they
    hold, and so are blank lines and blanks around a value. Values may be quoted, but hold no line break. A header alone
    is a file of no votes.

    Raises FileError for a file that cannot be read or lacks its header, for any line that breaks these rules, and for a
    worker's second vote on a task.
    """
    tasks, workers, labels = (Names(column) for column in VOTE_COLUMNS)
    task_codes, worker_codes, label_codes, lines = (array("i") for _ in range(4))
    for line, (task, worker, label) in read_rows(path=path, columns=VOTE_COLUMNS):
        try:
            task_codes.append(tasks[task])
            worker_codes.append(workers[worker])
            label_codes.append(labels[label])
        except ValueError as error:
            raise FileError(path=path, line=line, problem=str(error)) from error
        lines.append(line)
    votes = VoteFile(
        path=path,
        tasks=tasks.names,
        workers=workers.names,
        labels=labels.names,
        task=np.asarray(task_codes, dtype=np.int32),
        worker=np.asarray(worker_codes, dtype=np.int32),
        label=np.asarray(label_codes, dtype=np.int32),
        line=np.asarray(lines, dtype=np.int32),
    )
    _refuse_second_votes(votes)
    return votes


def read_labels_file(*, path: Path) -> LabelFile:
    """The labels of a CSV file with the columns task and label, under the rules of `read_votes_file`.

    Raises FileError as that does, and for a task's second label, even if it is the same.
    """
    tasks, labels = (Names(column) for column in LABEL_COLUMNS)
    lines: list[int] = []
    label_codes: list[int] = []
    for line, (task, label) in read_rows(path=path, columns=LABEL_COLUMNS):
        try:
            number, code = tasks[task], labels[label]
        except ValueError as error:
            raise FileError(path=path, line=line, problem=str(error)) from error
        if number < len(lines):
            problem = f"a second label for task {show(tasks.names[number])}, the first is in line {lines[number]}"
            raise FileError(path=path, line=line, problem=problem)
        lines.append(line)
        label_codes.append(code)
    return LabelFile(
        path=path,
        labels=dict(zip(tasks.names, [labels.names[code] for code in label_codes], strict=True)),
        lines=dict(zip(tasks.names, lines, strict=True)),
    )


def read_parameters_file(*, path: Path) -> object:
    """The content of a JSON file, UTF-8, plain or packed with gzip. Raises FileError with the place of the mistake."""
    with open_unpacked(path) as file:
        content = file.read()
    try:
        return json.loads(content.decode("utf-8-sig"), parse_constant=_refuse_constant)
    except json.JSONDecodeError as error:
        problem = f"not JSON: {error.msg} (column {error.colno})"
        raise FileError(path=path, line=error.lineno, problem=problem) from error
    except (ValueError, RecursionError) as error:
        raise FileError(path=path, problem=f"not JSON: {error}") from error


def write_labels_file(
    *,
    path: Path,
    tasks: Sequence[str],
    labels: Sequence[str],
    probability: NDArray[np.float64],
    votes_used: NDArray[np.integer],
    decided: NDArray[np.bool_] | None = None,
) -> None:
    """One line for each task: task, label, probability, votes and, where `decided` is given, decided (true or false).

    All have the length of `tasks`. Numbers are written so that they read back as the same bits. `-` is standard output.
    Any other file appears whole or not at all. Raises FileError when it cannot be written.
    """
    columns: dict[str, Sequence[object]] = {
        "task": tasks,
        "label": labels,
        "probability": probability.tolist(),
        "votes": votes_used.tolist(),
    }
    if decided is not None:
        columns["decided"] = ["true" if value else "false" for value in decided]
    try:
        with open_output(path) as file:
            rows = csv.writer(file, lineterminator="\n")
            rows.writerow(columns)
            rows.writerows(zip(*columns.values(), strict=True))
    except OSError as error:
        raise FileError(path=path, problem=f"cannot be written: {error.strerror or error}") from error


def _drop_unused(names: list[str], codes: NDArray[np.int32]) -> tuple[list[str], NDArray[np.int32]]:
    used = np.bincount(codes, minlength=len(names)) > 0
    renumbered = np.cumsum(used, dtype=np.int32) - np.int32(1)
    return [name for name, is_used in zip(names, used, strict=True) if is_used], renumbered[codes]


def _refuse_second_votes(votes: VoteFile) -> None:
    pairs = votes.task.astype(np.int64) * len(votes.workers) + votes.worker
    order = np.argsort(pairs, kind="stable")
    repeats = np.flatnonzero(pairs[order[1:]] == pairs[order[:-1]])
    if len(repeats):
        place = repeats[np.argmin(order[repeats + 1])]
        first, second = order[place], order[place + 1]
        problem = (
            f"a second vote of worker {show(votes.workers[votes.worker[second]])} "
            f"on task {show(votes.tasks[votes.task[second]])}, the first is in line {votes.line[first]}"
        )
        raise FileError(path=votes.path, line=int(votes.line[second]), problem=problem)


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number")


@contextmanager
def open_output(path: Path) -> Iterator[TextIO]:
    """A file to write text to, which is there under its name whole or, where anything is raised, not at all.

    `-` is standard output. Devices and pipes are written to as they are. Raises OSError where it cannot be written.
    """
    if path == STANDARD_OUTPUT:
        yield sys.stdout
    elif path.exists() and not path.is_file():
        # A device or a pipe is written to: a file in its place would be the end of it.
        with path.open("w", encoding="utf-8", newline="") as file:
            yield file
    else:
        target = path.resolve()
        part = target.with_name(f".{target.name}.{os.getpid()}.part")
        try:
            with part.open("w", encoding="utf-8", newline="") as file:
                yield file
            part.replace(target)
        finally:
            part.unlink(missing_ok=True)
