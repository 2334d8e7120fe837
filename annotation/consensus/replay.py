"""python -m annotation.consensus.replay: labels from a file of votes, scored where the truth is known.

It runs the rule that the service runs, or an older one to compare with, on votes of any origin. It prints one JSON object.
"""

import argparse
import json
import os
import resource
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from annotation.consensus.decide import HIGHEST_TARGET_ERROR, HIGHEST_VOTE_CAP
from annotation.consensus.files import (
    open_output,
    read_labels_file,
    read_parameters_file,
    read_votes_file,
    write_labels_file,
)
from annotation.consensus.labels import Encoded, encode_files
from annotation.consensus.replayrules import RULES, Outcome, RuleError, Settings
from annotation.consensus.replayscore import score_outcome
from annotation.consensus.rows import FileError
from annotation.consensus.stored import StoredSnapshot


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit 0; 2 for arguments or files that are wrong, with one line on standard error that says where."""
    began = time.perf_counter()
    options = build_parser().parse_args(arguments)
    try:
        encoded = read_files(options)
        settings = read_settings(options)
        outcome = RULES[options.rule](encoded, settings)
        if options.write_parameters is not None:
            write_parameters(options.write_parameters, outcome)
        if options.output is not None:
            write_outcome(options.output, encoded, outcome)
        print_figures({"rule": options.rule, **score_outcome(encoded, outcome)}, began=began)
    except BrokenPipeError:
        # Nobody reads on, as behind `head`: nor may Python write what is left when it ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 2
    except (ValueError, OSError) as error:
        sys.stderr.write(f"error: {error}\n")
        return 2
    return 0


def print_figures(figures: dict[str, Any], *, began: float) -> None:
    figures["seconds"] = round(time.perf_counter() - began, 3)
    figures["peak_mb"] = round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1)
    # Where standard output is closed, print says nothing.
    print(json.dumps(figures), flush=True)  # noqa: T201 - what the command is for


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m annotation.consensus.replay", description=__doc__, allow_abbrev=False
    )
    parser.add_argument("--votes", type=Path, required=True, help="CSV or CSV.gz with task,worker,label")
    parser.add_argument("--truth", type=Path, help="CSV with task,label: only for scoring")
    parser.add_argument("--gold", type=Path, help="CSV with task,label: known, teaches, is not scored")
    parser.add_argument(
        "--train", type=Path, help="more votes, to learn workers from; its tasks of --votes are ignored"
    )
    parser.add_argument("--positive", help="the label that means yes; without it every label is a class")
    parser.add_argument("--unsure", help="the label that means neither yes nor no")
    parser.add_argument("--parameters", type=Path, help="a stored snapshot to use instead of fitting")
    parser.add_argument("--rule", choices=sorted(RULES), default="all-votes")
    parser.add_argument("--target-error", type=float, default=0.05, help="share of wrong automatic decisions (0.05)")
    parser.add_argument("--max-votes", type=int, default=10, help="votes after which a task is left undecided (10)")
    parser.add_argument("--seed", type=int, default=0, help="of the random order of votes (0)")
    parser.add_argument("--output", type=Path, help="CSV of labels; - for standard output")
    parser.add_argument("--write-parameters", type=Path, help="stores what was fitted, for --parameters")
    return parser


def read_settings(options: argparse.Namespace) -> Settings:
    if not 0 < options.target_error < HIGHEST_TARGET_ERROR:
        raise ValueError(f"--target-error: must be above 0 and below {HIGHEST_TARGET_ERROR}, is {options.target_error}")
    if not 2 <= options.max_votes <= HIGHEST_VOTE_CAP:
        raise ValueError(f"--max-votes: must be from 2 to {HIGHEST_VOTE_CAP}, is {options.max_votes}")
    if options.seed < 0:
        raise ValueError(f"--seed: must not be negative, is {options.seed}")
    stored = None
    if options.parameters is not None:
        content = read_parameters_file(path=options.parameters)
        try:
            stored = StoredSnapshot.from_json(content)
        except ValueError as error:
            raise FileError(path=options.parameters, problem=str(error)) from error
    return Settings(
        target_error=options.target_error,
        vote_cap=options.max_votes,
        seed=options.seed,
        stored=stored,
        store=options.write_parameters is not None,
    )


def read_files(options: argparse.Namespace) -> Encoded:
    return encode_files(
        votes=read_votes_file(path=options.votes),
        train=read_votes_file(path=options.train) if options.train is not None else None,
        truth=read_labels_file(path=options.truth) if options.truth is not None else None,
        gold=read_labels_file(path=options.gold) if options.gold is not None else None,
        positive=options.positive,
        unsure=options.unsure,
    )


def write_outcome(path: Path, encoded: Encoded, outcome: Outcome) -> None:
    chosen = outcome.probability.argmax(axis=1) if encoded.classes else []
    write_labels_file(
        path=path,
        tasks=encoded.tasks,
        labels=[encoded.classes[each] for each in chosen],
        probability=outcome.probability[:, 1] if encoded.binary else outcome.probability.max(axis=1, initial=0.0),
        votes_used=outcome.votes,
        decided=outcome.decided if encoded.binary else None,
    )


def write_parameters(path: Path, outcome: Outcome) -> None:
    if outcome.learned is None:
        raise RuleError("--write-parameters: this rule has no parameters to store")
    try:
        with open_output(path) as file:
            file.write(json.dumps(outcome.learned.to_json()))
    except OSError as error:
        raise FileError(path=path, problem=f"cannot be written: {error.strerror or error}") from error


if __name__ == "__main__":
    sys.exit(main())
