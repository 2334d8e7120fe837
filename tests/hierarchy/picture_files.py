"""Small pictures and damaged archives, made when a test needs them."""

from io import BytesIO
from pathlib import Path

from PIL import Image

from hierarchy.intake.source import open_source
from hierarchy.intake.values import Refusal


def make_image(*, size=(60, 40), mode="RGB", colour="red"):
    """A picture whose left half is of one colour and whose right half is black."""
    image = Image.new(mode, size)
    image.paste(colour, (0, 0, size[0] // 2, size[1]))
    return image


def encode(image, image_format="JPEG", **options):
    buffer = BytesIO()
    image.save(buffer, image_format, **options)
    return buffer.getvalue()


def jpeg(**options):
    return encode(make_image(**options))


def decoded(data):
    image = Image.open(BytesIO(data))
    image.load()
    return image


def read_all(path: Path, **options):
    """What a source gives: its items and its refusals, each in order."""
    outcomes = list(open_source(path, **options))
    items = [outcome for outcome in outcomes if not isinstance(outcome, Refusal)]
    return items, [outcome for outcome in outcomes if isinstance(outcome, Refusal)]


def reasons(refusals):
    return [str(refusal.reason) for refusal in refusals]
