"""On the path of a service's Python: its processes live in different times, by SKEW_SECONDS=web:90,labeller:-90.

Python's clocks alone: those of libraries in C, and of the kernel, stay as they are.
"""

import datetime as dt
import os
import sys
import time
from typing import Any

WORDS = {"web": "granian", "labeller": "labeller@", "worker": "config worker", "beat": "config beat"}


def find_skew() -> float:
    arguments = " ".join(sys.orig_argv)
    name = next((name for name, word in WORDS.items() if word in arguments), "")
    given = dict(part.split(":") for part in os.environ.get("SKEW_SECONDS", "").split(",") if part)
    return float(given.get(name, 0))


def skew_clocks(seconds: float) -> None:
    real_time = time.time
    real_datetime: Any = dt.datetime
    kind: Any = type(real_datetime)

    class AnyDatetime(kind):  # type: ignore[misc]  # of what kind, the real class says
        def __instancecheck__(self, instance):
            return isinstance(instance, real_datetime)

    class Skewed(real_datetime, metaclass=AnyDatetime):  # type: ignore[misc]
        @classmethod
        def now(cls, tz=None):
            return cls.fromtimestamp(real_time() + seconds, tz)

        @classmethod
        def utcnow(cls):
            return cls.now(dt.UTC).replace(tzinfo=None)

    time.time = lambda: real_time() + seconds
    dt.datetime = Skewed  # type: ignore[misc]  # this is what it is for


if skew := find_skew():
    skew_clocks(skew)
