"""Every rule, ours and crowd-kit's, on every set of votes of a folder: how good the labels are.

A set is a sub-folder with votes.csv and truth.csv. Where golden_votes.csv lies there, too (more votes on the tasks that have
a truth), it makes a second set whose workers may be learned from the first one's votes. Each file may be compressed (.csv.gz).
"""

import csv
import gzip
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.child import ChildError, ChildTimeout, run_child
from benchmarks.report import format_columns

SECONDS = 120
POSITIVE, NEGATIVE, UNSURE = "yes", "no", "maybe"
RULES = ("majority", "dawid-skene", "published-2009", "section-3", "all-votes", "sequential")
# These stop by themselves, which takes a yes and a no.
BINARY_RULES = ("published-2009", "section-3", "sequential")
PEERS = ("DawidSkene", "OneCoinDawidSkene", "GLAD", "MACE")
FIGURES = ("accuracy", "precision", "recall", "f1", "ece", "nll", "votes_per_task", "seconds")
HEADINGS = ("votes", "rule", "accuracy", "P", "R", "F1", "ECE", "NLL", "votes/task", "seconds")
DECIMALS = (4, 3, 3, 3, 3, 3, 2, 1)
NOTES = f"""\
P, R and F1 of classes (no yes among them) are means over the classes. Seconds include reading the files for ours, not for crowd-kit's;
a rule is stopped after {SECONDS} s. crowd-kit's rules know no unsure answer: it is a class to them, and P(yes) / (P(yes) + P(no)) is scored.
golden: workers are learned from the same set's votes on other tasks; crowd-kit's rules get both together."""


class SetError(Exception):
    """A folder does not hold sets of votes; the text says which and why."""


@dataclass(frozen=True, kw_only=True)
class VoteSet:
    """Votes on tasks some of which have a truth. `positive` and `unsure` are labels; without `positive`, K classes."""

    name: str
    votes: Path
    truth: Path
    train: Path | None = None
    positive: str | None = None
    unsure: str | None = None

    @property
    def arguments(self) -> list[str]:
        """What the replay command and benchmarks.peers are told of it."""
        given = {"votes": self.votes, "truth": self.truth, "train": self.train, "positive": self.positive}
        return [f"--{name}={value}" for name, value in {**given, "unsure": self.unsure}.items() if value is not None]


@dataclass(frozen=True, kw_only=True)
class Replay:
    """One rule on one set: what it printed, or why it printed nothing: `failure` in a word, `error` in its own words."""

    votes: str
    rule: str
    printed: dict[str, Any] | None = None
    failure: str | None = None
    error: str | None = None


def find_sets(folder: Path) -> list[VoteSet]:
    """The sets in the folder's sub-folders, by name. SetError where a file is missing or none is there."""
    folders = sorted(path for path in folder.resolve().iterdir() if path.is_dir()) if folder.is_dir() else []
    if not folders:
        raise SetError(f"{folder}: has no sub-folder with votes.csv and truth.csv")
    return [found for path in folders for found in _find_sets_of(path)]


def _find_sets_of(folder: Path) -> Iterator[VoteSet]:
    votes, truth, golden = (_find_file(folder, name) for name in ("votes", "truth", "golden_votes"))
    if votes is None or truth is None:
        raise SetError(f"{folder}: {'votes' if votes is None else 'truth'}.csv or .csv.gz is missing")
    positive, unsure = name_labels(read_labels(votes) | read_labels(truth))
    yield VoteSet(name=folder.name, votes=votes, truth=truth, positive=positive, unsure=unsure)
    if golden:
        name = f"{folder.name} golden"
        yield VoteSet(name=name, votes=golden, truth=truth, train=votes, positive=positive, unsure=unsure)


def _find_file(folder: Path, name: str) -> Path | None:
    paths = (folder / f"{name}.csv", folder / f"{name}.csv.gz")
    return next((path for path in paths if path.is_file()), None)


def read_labels(path: Path) -> set[str]:
    """The different labels of a file of votes or truth."""
    with gzip.open(path, "rt", newline="") if path.suffix == ".gz" else path.open(newline="") as file:
        rows = csv.DictReader(file)
        if "label" not in (rows.fieldnames or ()):
            raise SetError(f"{path}: line 1: has no column label")
        return {row["label"] for row in rows}


def name_labels(labels: set[str]) -> tuple[str | None, str | None]:
    """Which label is positive and which unsure; None where there is no such label."""
    if labels == {NEGATIVE, POSITIVE}:
        return POSITIVE, None
    if labels == {NEGATIVE, UNSURE, POSITIVE}:
        return POSITIVE, UNSURE
    return None, None


def replay_sets(sets: Sequence[VoteSet]) -> Iterator[Replay]:
    """Each rule on each set, one after another, in processes of their own."""
    for given in sets:
        for rule in RULES:
            if given.positive or rule not in BINARY_RULES:
                yield _replay(given, rule, program=["annotation.consensus.replay", f"--rule={rule}"])
        for rule in PEERS:
            yield _replay(given, f"crowd-kit {rule}", program=["benchmarks.peers", "score", rule])


def _replay(given: VoteSet, rule: str, *, program: list[str]) -> Replay:
    try:
        printed = run_child(*program, *given.arguments, seconds=SECONDS)
    except ChildTimeout:
        return Replay(votes=given.name, rule=rule, failure=f"> {SECONDS}")
    except ChildError as error:
        return Replay(votes=given.name, rule=rule, failure="failed", error=str(error))
    return Replay(votes=given.name, rule=rule, printed=printed)


def format_replays(replays: Sequence[Replay]) -> str:
    """The table and what has to be known to read it."""
    lines = [(replay.votes, replay.rule, *_format_figures(replay)) for replay in replays]
    table = format_columns([HEADINGS, *lines], numbers=range(2, len(HEADINGS)))
    errors = [f"{replay.votes}, {replay.rule}: {replay.error}" for replay in replays if replay.error]
    return "\n".join([table, "", NOTES, *errors])


def _format_figures(replay: Replay) -> list[str]:
    if replay.printed is None:
        return ["-"] * (len(FIGURES) - 1) + [replay.failure or "-"]
    figures = [replay.printed.get(name) for name in FIGURES]
    return [
        "-" if figure is None else f"{figure:.{decimals}f}" for figure, decimals in zip(figures, DECIMALS, strict=True)
    ]
