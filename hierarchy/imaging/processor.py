"""A pool of child processes that decode pictures, so that a bomb, a hang or a crash costs one picture."""

import fcntl
import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import IO, Protocol, Self, TypeVar

from hierarchy.imaging.frames import read_frame, read_json, write_frame, write_json
from hierarchy.imaging.values import ImageLimits, ImageRefused, ProcessedImage, RefusalReason

START_SECONDS = 60.0
# A picture goes through at once, instead of 64 kB at a time with both sides waking each other in between.
PIPE_BYTES = 512 * 1024
IN_FLIGHT_PER_PROCESS = 2
# More would wait for this process, which reads, hands out and stores what they decode: about 1 ms of each 30 ms.
MAX_PROCESSES = 24
ROOT = Path(__file__).resolve().parents[2]


def count_processes() -> int:
    """As many as keep busy the processors that this process may use."""
    return min(len(os.sched_getaffinity(0)), MAX_PROCESSES)


class NamedBytes(Protocol):
    """A picture to process: its file name, whose suffix must fit the content, and its bytes."""

    @property
    def name(self) -> str: ...
    @property
    def data(self) -> bytes: ...


Picture = TypeVar("Picture", bound=NamedBytes)


class ImageProcessor:
    """Context manager: `with ImageProcessor(processes=2, limits=ImageLimits()) as processor`.

    Workers start when first needed, are killed when a picture takes longer than its limit, and are replaced.
    Raises RuntimeError if a worker cannot start at all.
    """

    def __init__(self, *, processes: int, limits: ImageLimits) -> None:
        self.processes = processes
        self.workers = [_Worker(limits) for _ in range(processes)]
        self.idle: queue.SimpleQueue[_Worker] = queue.SimpleQueue()
        for worker in self.workers:
            self.idle.put(worker)
        self.threads = ThreadPoolExecutor(max_workers=processes, thread_name_prefix="imaging")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.threads.shutdown(wait=False, cancel_futures=True)
        for worker in self.workers:
            worker.close()
        self.threads.shutdown(wait=True)

    def submit(self, picture: NamedBytes) -> Future[ProcessedImage | ImageRefused]:
        """The result that is to come. Whoever submits sees to it that not too many pictures wait in memory."""
        return self.threads.submit(self._process, picture)

    def process_images(self, pictures: Iterable[Picture]) -> Iterator[tuple[Picture, ProcessedImage | ImageRefused]]:
        """Each picture with its result, in the order given. Reads a few pictures ahead, never more."""
        waiting: deque[tuple[Picture, Future[ProcessedImage | ImageRefused]]] = deque()
        for picture in pictures:
            waiting.append((picture, self.submit(picture)))
            if len(waiting) >= self.processes * IN_FLIGHT_PER_PROCESS:
                yield _settled(waiting)
        while waiting:
            yield _settled(waiting)

    def _process(self, picture: NamedBytes) -> ProcessedImage | ImageRefused:
        worker = self.idle.get()
        try:
            return worker.process(picture)
        finally:
            self.idle.put(worker)


def _settled(
    waiting: deque[tuple[Picture, Future[ProcessedImage | ImageRefused]]],
) -> tuple[Picture, ProcessedImage | ImageRefused]:
    picture, future = waiting.popleft()
    return picture, future.result()


class _Worker:
    """One child process after another, each used by one thread at a time."""

    def __init__(self, limits: ImageLimits) -> None:
        self.limits = limits
        self.child: subprocess.Popen[bytes] | None = None
        self.closed = False
        self.starting = threading.Lock()

    def process(self, picture: NamedBytes) -> ProcessedImage | ImageRefused:
        if len(picture.data) > self.limits.max_bytes:  # not worth sending
            detail = f"{len(picture.data)} bytes, at most {self.limits.max_bytes} are taken"
            return ImageRefused(RefusalReason.TOO_LARGE, detail)
        child = self.child or self._start()
        started = time.monotonic()
        deadline = threading.Timer(self.limits.seconds, child.kill)
        deadline.start()
        result: ProcessedImage | ImageRefused | None = None
        with suppress(EOFError, OSError, ValueError, TypeError, KeyError):  # it died, or does not make sense any more
            result = _ask(child, picture)
        deadline.cancel()
        too_slow = time.monotonic() - started >= self.limits.seconds  # then the deadline has, or may have, killed it
        if result is None or too_slow or getattr(result, "reason", None) == RefusalReason.TOO_MUCH_MEMORY:
            self._stop()
        return result or self._refusal_of_death(child.returncode, too_slow=too_slow)

    def _refusal_of_death(self, code: int, *, too_slow: bool) -> ImageRefused:
        if too_slow or code == -signal.SIGXCPU:
            return ImageRefused(RefusalReason.TOO_SLOW, f"not decoded within {self.limits.seconds:g} seconds")
        return ImageRefused(RefusalReason.CRASHED, f"the decoder ended with code {code}")

    def close(self) -> None:
        with self.starting:
            self.closed = True
        self._stop()

    def _start(self) -> subprocess.Popen[bytes]:
        with self.starting:
            if self.closed:
                raise RuntimeError("the image processor is closed")
            self.child = child = subprocess.Popen(
                [sys.executable, "-m", "hierarchy.imaging.worker", json.dumps(asdict(self.limits))],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                cwd=ROOT,
                # Only what Python needs: no database address or key of the parent's reaches a decoder. One thread for
                # numpy, because each would take address space that counts against the limit.
                env={"PYTHONPATH": os.pathsep.join([str(ROOT), *filter(None, sys.path)]), "OPENBLAS_NUM_THREADS": "1"},
            )
        for pipe in (child.stdin, child.stdout):
            with suppress(OSError):  # where this user's pipes hold too much already, smaller ones do as well
                fcntl.fcntl(_opened(pipe), fcntl.F_SETPIPE_SZ, PIPE_BYTES)
        deadline = threading.Timer(START_SECONDS, child.kill)
        deadline.start()
        try:
            read_json(stream=_opened(child.stdout))
        except (EOFError, ValueError, TypeError) as error:
            self._stop()
            raise RuntimeError("an image worker did not start: try python -m hierarchy.imaging.worker '{}'") from error
        finally:
            deadline.cancel()
        return child

    def _stop(self) -> None:
        child, self.child = self.child, None
        if child is None:
            return
        child.kill()
        child.wait()
        for pipe in (child.stdin, child.stdout):
            with suppress(OSError):
                _opened(pipe).close()


def _ask(child: subprocess.Popen[bytes], picture: NamedBytes) -> ProcessedImage | ImageRefused:
    requests, answers = _opened(child.stdin), _opened(child.stdout)
    write_json(stream=requests, value={"name": picture.name})
    write_frame(stream=requests, payload=picture.data)
    answer = read_json(stream=answers)
    if "reason" in answer:
        return ImageRefused(RefusalReason(answer["reason"]), str(answer["detail"]))
    large, small = read_frame(stream=answers), read_frame(stream=answers)
    return ProcessedImage(**answer | {"sha256": bytes.fromhex(answer["sha256"]), "large": large, "small": small})


def _opened(pipe: IO[bytes] | None) -> IO[bytes]:
    assert pipe is not None  # Popen was told to make it
    return pipe
