"""On the path of a service's Python: its processes live in different times, by SKEW_SECONDS=web:90,labeller:-90."""

import datetime
import os
import sys
import time


def find_skew() -> float:
    arguments = " ".join(sys.orig_argv)
    name = next((name for name, word in WORDS.items() if word in arguments), "")
    given = dict(part.split(":") for part in os.environ.get("SKEW_SECONDS", "").split(",") if part)
    return float(given.get(name, 0))


WORDS = {"web": "granian", "labeller": "labeller@", "worker": "config worker", "beat": "config beat"}
SKEW = find_skew()

if SKEW:
    real_time, real_datetime = time.time, datetime.datetime

    class Skewed(real_datetime):
        @classmethod
        def now(cls, tz=None):
            return real_datetime.fromtimestamp(real_time() + SKEW, tz)

        @classmethod
        def utcnow(cls):
            return cls.now(datetime.timezone.utc).replace(tzinfo=None)

    time.time = lambda: real_time() + SKEW
    datetime.datetime = Skewed
