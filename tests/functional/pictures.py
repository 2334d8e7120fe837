"""Pictures to ask about, drawn on the spot: a coloured shape with a number, and what is true of it."""

import csv
import hashlib
import io
import random
from pathlib import Path

from PIL import Image, ImageDraw

NOUNS = Path(__file__).resolve().parents[1] / "data" / "wordnet-small"
COLUMNS = ("file", "sha256", "wnid", "source", "author", "licence", "consent_basis", "truth_wnid", "truth")
SIZE = (240, 180)
SHARE_TRUE = 0.6
SHAPES = ("ellipse", "rectangle", "rounded_rectangle")


def draw_candidates(folder: Path, *, wnids, each: int, seed: int = 1, share_true: float = SHARE_TRUE) -> Path:
    """Draws `each` pictures for every synset; the manifest says with `truth` whether it is shown. Returns the manifest."""
    folder.mkdir(parents=True, exist_ok=True)
    manifest = folder / "candidates.csv"
    with manifest.open("w", newline="") as file:
        rows = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        rows.writeheader()
        for kind, wnid in enumerate(wnids):
            for number in range(each):
                shown = number < each * share_true
                rows.writerow(_draw(folder, wnid, kind if shown else kind + 1, f"{seed}.{number}", shown=shown))
    return manifest


def read_truths(manifest: Path) -> dict[tuple[str, str], str]:
    """Truth by (wnid, SHA-256 of the picture)."""
    with manifest.open(newline="") as file:
        return {(row["wnid"], row["sha256"]): row["truth"] for row in csv.DictReader(file)}


def _draw(folder: Path, wnid: str, kind: int, number: str, *, shown: bool) -> dict[str, str]:
    chance = random.Random(f"{wnid} {number}")
    picture = Image.new(
        "RGB", SIZE, (chance.randrange(200, 256), chance.randrange(200, 256), chance.randrange(200, 256))
    )
    canvas = ImageDraw.Draw(picture)
    left, top = chance.randrange(10, 60), chance.randrange(10, 40)
    colour = f"hsl({(kind * 67) % 360}, 70%, {chance.randrange(35, 60)}%)"
    getattr(canvas, SHAPES[kind % len(SHAPES)])((left, top, left + 150, top + 120), fill=colour)
    canvas.text((left + 40, top + 40), number, fill="white", font_size=36)
    stored = io.BytesIO()
    picture.save(stored, "PNG")
    name = f"{wnid}-{number}.png"
    (folder / name).write_bytes(stored.getvalue())
    truth = "YES" if shown else "NO"
    return dict(
        zip(
            COLUMNS,
            (
                name,
                hashlib.sha256(stored.getvalue()).hexdigest(),
                wnid,
                "drawn by the tests",
                "the tests",
                "CC0",
                "none shown",
                wnid if shown else "",
                truth,
            ),
            strict=True,
        )
    )
