"""`python -m hierarchy.imaging.worker LIMITS`: decodes the pictures that come in on standard input, one by one.

Started by `processor.ImageProcessor` only. Knows nothing of Django, settings or storage, and has no secrets to lose.
"""

import json
import os
import resource
import sys
from dataclasses import asdict
from io import BytesIO
from typing import Any, BinaryIO

import imagehash
from PIL import Image

from hierarchy.imaging.decode import process_image
from hierarchy.imaging.frames import read_frame, read_json, write_frame, write_json
from hierarchy.imaging.values import ImageLimits, ImageRefused, RefusalReason


def main() -> None:
    limits = ImageLimits(**json.loads(sys.argv[1]))
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever a library prints must not land among the answers
    _warm_up()
    _set_limit(resource.RLIMIT_AS, limits.memory_bytes)
    _set_limit(resource.RLIMIT_CORE, 0)
    _set_limit(resource.RLIMIT_FSIZE, 0)
    write_json(stream=answers, value={"ready": True})
    try:
        while True:
            _answer_one(requests=sys.stdin.buffer, answers=answers, limits=limits)
    except (EOFError, BrokenPipeError):
        return  # the processor has closed, or died


def _answer_one(*, requests: BinaryIO, answers: BinaryIO, limits: ImageLimits) -> None:
    name = read_json(stream=requests)["name"]
    answer: dict[str, Any]
    try:
        data = read_frame(stream=requests)
        _allow_processor_time(limits.seconds)
        answer = asdict(process_image(data, name=name, limits=limits))
    except ImageRefused as refused:
        write_json(stream=answers, value={"reason": refused.reason, "detail": refused.detail})
        return
    except MemoryError:
        write_json(stream=answers, value={"reason": RefusalReason.TOO_MUCH_MEMORY, "detail": "no memory to answer"})
        return
    large, small = answer.pop("large"), answer.pop("small")
    write_json(stream=answers, value=answer | {"sha256": answer["sha256"].hex()})
    write_frame(stream=answers, payload=large)
    write_frame(stream=answers, payload=small)


def _warm_up() -> None:
    """Load what is loaded on first use: the decoders, and scipy for the hash. None of it fits under the limits later."""
    Image.init()
    imagehash.phash(Image.new("RGB", (8, 8)))
    Image.new("RGB", (8, 8)).save(BytesIO(), "JPEG")


def _set_limit(kind: int, wanted: int) -> None:
    _, hard = resource.getrlimit(kind)
    value = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    resource.setrlimit(kind, (value, value))


def _allow_processor_time(seconds: float) -> None:
    """RLIMIT_CPU counts from the start of the process, so it moves on with every picture."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    soft = int(usage.ru_utime + usage.ru_stime + seconds) + 1
    resource.setrlimit(resource.RLIMIT_CPU, (soft if hard == resource.RLIM_INFINITY else min(soft, hard), hard))


if __name__ == "__main__":
    main()
