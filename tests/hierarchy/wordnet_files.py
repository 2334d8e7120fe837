"""Builds small noun files in WordNet's format."""

from collections.abc import Mapping, Sequence
from pathlib import Path

EXCERPT = Path(__file__).parents[1] / "data" / "wordnet-small" / "data.noun"
LICENCE_LINE = "  1 WordNet 3.0 Copyright 2006 by Princeton University.  All rights reserved.  "

Parents = Mapping[int, Sequence[tuple[str, int]]]


def build_noun_lines(parents: Parents) -> list[str]:
    """Return a one-line licence and one line per synset, from its ("@" or "@i", offset) pairs, with back-pointers."""
    pointers: dict[int, list[str]] = {offset: [] for offset in sorted(parents)}
    for offset, links in parents.items():
        for symbol, parent in links:
            pointers[offset].append(f"{symbol} {parent:08d} n 0000")
            pointers[parent].append(f"{symbol.replace('@', '~')} {offset:08d} n 0000")
    return [LICENCE_LINE, *(build_synset_line(offset, found) for offset, found in pointers.items())]


def build_synset_line(offset: int, pointers: Sequence[str] = ()) -> str:
    return " ".join([f"{offset:08d} 03 n 01 thing_{offset} 0 {len(pointers):03d}", *pointers, f"| thing {offset}  "])


def number_lines(lines: Sequence[str]) -> list[tuple[int, str]]:
    return list(enumerate(lines, start=1))
