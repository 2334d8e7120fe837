"""What is wrong with a file, line by line."""

from dataclasses import dataclass, field
from typing import NamedTuple

SHOWN = 20
SHOWN_CHARACTERS = 40


class Problem(NamedTuple):
    """`column` is empty where the whole line is meant."""

    line: int
    column: str
    text: str


@dataclass
class Problems:
    """All problems of a file are counted; the first SHOWN by line are kept."""

    file: str
    count: int = 0
    kept: list[Problem] = field(default_factory=list)

    def add(self, *, line: int, text: str, column: str = "") -> None:
        self.count += 1
        self.kept = sorted([*self.kept, Problem(line, column, text)], key=lambda problem: problem.line)[:SHOWN]

    def describe(self) -> dict[str, str]:
        """What is wrong by place: how much in the whole file first, then the lines."""
        number = "1 problem" if self.count == 1 else f"{self.count:,} problems"
        shown = f", of which the first {SHOWN} are shown" if self.count > SHOWN else ""
        found = {self.file: f"{number}{shown}; nothing was imported"}
        for line, column, text in self.kept:
            found[f"{self.file} line {line}" + (f", column {column}" if column else "")] = text
        return found


def quote(text: str) -> str:
    """A value from the file as a message shows it: printable and short."""
    return ascii(text if len(text) <= SHOWN_CHARACTERS else f"{text[:SHOWN_CHARACTERS]}...")
