"""The cache's clients are kept."""

from typing import Any

from django.core.cache import cache, caches


def find_client(**options):
    kept: Any = caches["default"]
    return kept._cache.get_client(**options)


def test_a_client_is_kept_from_one_call_to_the_next():
    cache.add("kept", 1, timeout=10)

    assert find_client(write=True) is find_client(write=True)
    assert find_client() is find_client()


def test_what_was_written_is_read():
    cache.delete("written")

    assert [cache.add("written", "first", timeout=10), cache.add("written", "second", timeout=10)] == [True, False]
    assert cache.get("written") == "first"
