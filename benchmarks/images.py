"""Pictures through the guarded processor, against Pillow alone."""

from dataclasses import dataclass
from io import BytesIO

import numpy as np
from PIL import Image

from benchmarks.measure import Row, compare
from hierarchy.imaging.decode import JPEG_QUALITY, SMALL_SIDE
from hierarchy.imaging.processor import ImageProcessor
from hierarchy.imaging.values import ImageLimits, ProcessedImage

PROCESSES = 2
SIZE = (800, 600)


@dataclass(frozen=True)
class Picture:
    name: str
    data: bytes


def measure(*, quick: bool) -> list[Row]:
    count, repeats = (10, 2) if quick else (40, 3)
    pictures = [draw(seed) for seed in range(count)]
    with ImageProcessor(processes=PROCESSES, limits=ImageLimits()) as processor:
        # The workers start with their first picture.
        _process(processor, pictures[: 2 * PROCESSES])
        pair = compare(
            ours=lambda _: _process(processor, pictures), limit=lambda _: _convert(pictures), inputs=range(repeats)
        )
    return [
        pair.as_rate(
            f"ImageProcessor, {PROCESSES} processes, {SIZE[0]} x {SIZE[1]} JPEG",
            amount=count,
            unit="pictures/s",
            against="Pillow in one process: decode, resize, encode twice",
        )
    ]


def draw(seed: int) -> Picture:
    """Soft shapes with some grain: as large in bytes as a photograph of its size."""
    random = np.random.default_rng(seed)
    shapes = Image.fromarray(random.integers(0, 256, (12, 16, 3), dtype=np.uint8)).resize(
        SIZE, Image.Resampling.BICUBIC
    )
    grain = random.normal(0, 6, (SIZE[1], SIZE[0], 1))
    pixels = np.clip(np.asarray(shapes) + grain, 0, 255).astype(np.uint8)
    file = BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", quality=90)
    return Picture(f"{seed}.jpg", file.getvalue())


def _process(processor: ImageProcessor, pictures: list[Picture]) -> None:
    for picture, result in processor.process_images(pictures):
        assert isinstance(result, ProcessedImage), f"{picture.name}: {result}"


def _convert(pictures: list[Picture]) -> None:
    """The same two renditions, without limits, colour profile, hash or a process of their own."""
    for picture in pictures:
        with Image.open(BytesIO(picture.data)) as large:
            large.save(BytesIO(), "JPEG", quality=JPEG_QUALITY)
            large.thumbnail((SMALL_SIDE, SMALL_SIDE), Image.Resampling.LANCZOS)
            large.save(BytesIO(), "JPEG", quality=JPEG_QUALITY)
