"""python -m benchmarks.scale.bare FILES OUTPUT PROCESSES: a plain Pillow loop over the pictures of a folder.

It reads, decodes, hashes, computes the perceptual hash, encodes both renditions and writes them to disk as the import
does. It does not limit time, memory or formats, turn pictures upright, convert their colours, or write rows; nor is the start of
its processes measured.
"""

import hashlib
import json
import multiprocessing
import os
import sys
import time
from functools import partial
from io import BytesIO
from pathlib import Path

import imagehash
from PIL import Image

from hierarchy.imaging.decode import JPEG_QUALITY, LARGE_SIDE, SMALL_SIDE


def main() -> None:
    source, output, processes = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
    files = sorted(source.rglob("*.jpg"))
    imagehash.phash(Image.new("RGB", (8, 8)))
    # Forked with Pillow and scipy loaded: unlike the import's workers, these start at once.
    start, used = time.perf_counter(), sum(os.times()[:4])
    with multiprocessing.get_context("fork").Pool(processes) as pool:
        for _ in pool.imap_unordered(partial(convert, output=output), files):
            pass
        pool.close()
        pool.join()
    seconds = time.perf_counter() - start
    figures = {"pictures": len(files), "seconds": seconds, "processor_seconds": sum(os.times()[:4]) - used}
    json.dump(figures, sys.stdout)


def convert(path: Path, *, output: Path) -> None:
    data = path.read_bytes()
    digest = hashlib.sha256(data).hexdigest()
    with Image.open(BytesIO(data)) as opened:
        opened.thumbnail((LARGE_SIDE, LARGE_SIDE), Image.Resampling.LANCZOS, reducing_gap=2.0)
        large = opened.convert("RGB")
    imagehash.phash(large)
    small = large.copy()
    small.thumbnail((SMALL_SIDE, SMALL_SIDE), Image.Resampling.LANCZOS, reducing_gap=2.0)
    for name, image in (("large", large), ("small", small)):
        write(image, folder=output / name / digest[:2] / digest[2:4], name=f"{digest}.jpg")


def write(image: Image.Image, *, folder: Path, name: str) -> None:
    encoded = BytesIO()
    image.save(encoded, "JPEG", quality=JPEG_QUALITY, optimize=True)
    folder.mkdir(parents=True, exist_ok=True)
    part = folder / f"{name}.part"
    with part.open("wb") as file:
        file.write(encoded.getvalue())
        file.flush()
        os.fsync(file.fileno())
    part.replace(folder / name)
    descriptor = os.open(folder, os.O_RDONLY)
    os.fsync(descriptor)
    os.close(descriptor)


if __name__ == "__main__":
    main()
