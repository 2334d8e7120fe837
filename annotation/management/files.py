"""Files that commands write."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

# What is being written has it until it is whole.
PART_SUFFIX = ".part"


@contextmanager
def write_whole(path: Path) -> Iterator[TextIO]:
    """A file to write text to, which is there under its name whole or, where anything is raised, not at all."""
    part = path.with_name(path.name + PART_SUFFIX)
    try:
        with part.open("w", encoding="utf-8", newline="") as file:
            yield file
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
