import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import pytest

from hierarchy.imaging.decode import process_image
from hierarchy.imaging.processor import ImageProcessor
from hierarchy.imaging.values import ImageLimits, ImageRefused, ProcessedImage
from tests.hierarchy.picture_files import encode, jpeg, make_image

pytestmark = pytest.mark.functional


@dataclass(frozen=True)
class Picture:
    name: str
    data: bytes


GOOD = Picture("good.jpg", jpeg())


@pytest.fixture(scope="module")
def shared():
    with ImageProcessor(processes=1, limits=ImageLimits()) as processor:
        list(processor.process_images([GOOD]))
        yield processor


def process(pictures, **limits):
    with ImageProcessor(processes=1, limits=ImageLimits(**limits)) as processor:
        return list(processor.process_images(pictures))


def reason_of(result):
    assert isinstance(result, ImageRefused)
    return result.reason


def children_of(processor):
    return [worker.child for worker in processor.workers if worker.child is not None]


def slow_picture():
    """25 million pixels in 25 KB: well within the limits, but far from done in a few milliseconds."""
    return Picture("slow.png", encode(make_image(size=(5000, 5000), mode="1", colour=1), "PNG"))


def test_results_come_in_the_order_of_the_pictures_and_equal_those_of_this_process():
    pictures = [Picture(f"{width}.jpg", jpeg(size=(width, 40))) for width in range(50, 62)]

    with ImageProcessor(processes=2, limits=ImageLimits()) as processor:
        results = list(processor.process_images(pictures))
        children = children_of(processor)

    assert len(children) == 2
    assert all(child.returncode is not None for child in children)
    assert results == [(picture, process_image(picture.data, name=picture.name)) for picture in pictures]


def test_a_refusal_names_its_reason_and_the_next_picture_is_taken(shared):
    results = list(shared.process_images([Picture("a.jpg", b"junk"), Picture("a.jpg", b""), GOOD]))

    assert [reason_of(result) for _, result in results[:2]] == ["NOT_AN_IMAGE", "EMPTY"]
    assert isinstance(results[2][1], ProcessedImage)


def test_a_picture_that_takes_too_long_is_given_up():
    results = process([slow_picture(), slow_picture()], seconds=0.05)

    assert [reason_of(result) for _, result in results] == ["TOO_SLOW"] * 2


def test_a_picture_that_needs_too_much_memory_is_refused_and_the_next_is_taken():
    greedy = Picture("greedy.png", encode(make_image(size=(7000, 7000), mode="P", colour=1), "PNG", transparency=0))

    results = process([GOOD, greedy, GOOD], memory_bytes=380_000_000)

    assert reason_of(results[1][1]) == "TOO_MUCH_MEMORY"
    assert isinstance(results[2][1], ProcessedImage)


def test_a_worker_that_dies_costs_one_picture(shared):
    (child,) = children_of(shared)
    os.kill(child.pid, signal.SIGSEGV)

    results = [result for _, result in shared.process_images([GOOD, GOOD])]

    assert reason_of(results[0]) == "CRASHED"
    assert isinstance(results[1], ProcessedImage)


def test_a_picture_beyond_the_limit_of_bytes_is_not_sent_to_a_worker():
    with ImageProcessor(processes=1, limits=ImageLimits(max_bytes=10)) as processor:
        ((_, result),) = processor.process_images([GOOD])

        assert reason_of(result) == "TOO_LARGE"
        assert children_of(processor) == []


def test_only_a_few_pictures_are_read_ahead(shared):
    numbers = count()
    endless = (Picture(f"{number}.jpg", GOOD.data) for number in numbers)

    results = shared.process_images(endless)
    for _ in range(10):
        next(results)

    assert next(numbers) <= 10 + 2


def test_a_worker_gets_nothing_of_the_environment(shared):
    (child,) = children_of(shared)
    environment = Path(f"/proc/{child.pid}/environ").read_bytes()

    names = {line.partition(b"=")[0] for line in environment.split(b"\0") if line}
    assert names <= {b"PYTHONPATH", b"OPENBLAS_NUM_THREADS", b"LC_CTYPE"}


def test_a_worker_does_not_know_django():
    code = "import sys, hierarchy.imaging.worker, hierarchy.imaging.processor; sys.exit('django' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
