"""Mistakes that the harness must find, each in a copy of the code or in the database."""

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from tests.functional.service import CHECKOUT


@dataclass(frozen=True)
class Edit:
    """In `file`, `old`, which is there once, becomes `new`."""

    file: str
    old: str
    new: str


@dataclass(frozen=True)
class Mutant:
    """A mistake, and the scenarios of which at least one must fail for it."""

    scenarios: tuple[str, ...]
    edits: tuple[Edit, ...] = ()
    sql: str = ""

    def copy(self, folder: Path) -> Path:
        """The code with the mistake, in a new folder."""
        listed = subprocess.run(["git", "ls-files", "-z"], cwd=CHECKOUT, capture_output=True, check=True).stdout
        for name in filter(None, listed.decode().split("\0")):
            if (CHECKOUT / name).is_file():
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(CHECKOUT / name, folder / name)
        for edit in self.edits:
            text = (folder / edit.file).read_text()
            assert text.count(edit.old) == 1, (
                f"{edit.file} has changed: {edit.old!r} is there {text.count(edit.old)} times"
            )
            (folder / edit.file).write_text(text.replace(edit.old, edit.new))
        return folder


MUTANTS: dict[str, Mutant] = {
    "constraint-dropped": Mutant(("none",), sql="DROP INDEX vote_once_per_annotator"),
}
