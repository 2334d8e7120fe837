"""The demo's files: which picture is asked of which synset, and what is true."""

import csv
from pathlib import Path

from annotation.queries.truths import Truths

FOLDER = Path(__file__).resolve().parents[2] / "demo"
CANDIDATES = FOLDER / "candidates.csv"
CAMPAIGN = "demo"


def read_truths(file: Path = CANDIDATES) -> Truths:
    """Truth by (wnid, SHA-256 of the picture). ValueError names the line."""
    truths = {}
    with file.open(newline="", encoding="utf-8") as stream:
        for line, row in enumerate(csv.DictReader(stream), start=2):
            if row.get("truth") not in {"YES", "NO"} or not row.get("sha256"):
                raise ValueError(f"{file}: line {line}: needs the columns wnid, sha256 and truth (YES or NO)")
            truths[row["wnid"], row["sha256"]] = row["truth"]
    return truths
