"""Counts that take long are kept, others are not."""

import time
from uuid import uuid4

import pytest
from django.core.cache import cache

from annotation.queries import kept
from annotation.queries.kept import keep


@pytest.fixture
def name():
    """A name of the test's own, for tests in other processes have the same Redis."""
    name = f"test-{uuid4()}"
    yield name
    cache.delete(name)


def count(name, value):
    return keep(name, lambda: [value])


def test_what_is_counted_quickly_is_counted_each_time(name, monkeypatch):
    monkeypatch.setattr(kept, "QUICK_SECONDS", 60.0)

    assert [count(name, 1), count(name, 2)] == [[1], [2]]


def test_what_takes_long_is_kept_for_a_while(name, monkeypatch):
    monkeypatch.setattr(kept, "QUICK_SECONDS", 0.0)
    monkeypatch.setattr(kept, "KEPT", 1000)

    def count_slowly():
        time.sleep(0.01)
        return "first"

    assert [keep(name, count_slowly), keep(name, lambda: "second")] == ["first", "first"]
    cache.delete(name)
    assert keep(name, lambda: "third") == "third"


def test_without_redis_everything_is_counted(settings, monkeypatch):
    monkeypatch.setattr(kept, "QUICK_SECONDS", 0.0)
    settings.CACHES = {"default": {**settings.CACHES["default"], "LOCATION": "redis://127.0.0.1:1/0"}}

    assert [count("nowhere", 1), count("nowhere", 2)] == [[1], [2]]
