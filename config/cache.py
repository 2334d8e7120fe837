"""Django's cache in Redis with clients that are kept: it makes a new one for each call, which takes as long as the call."""

from typing import Any

from django.core.cache.backends import redis


class _KeepingClient(redis.RedisCacheClient):
    """Of one server (settings.REDIS_URL)."""

    def __init__(self, *servers: Any, **options: Any) -> None:
        super().__init__(*servers, **options)
        self._kept: dict[bool, Any] = {}

    def get_client(self, key: Any = None, *, write: bool = False) -> Any:
        if write not in self._kept:
            self._kept[write] = super().get_client(key, write=write)
        return self._kept[write]


class RedisCache(redis.RedisCache):
    def __init__(self, server: str, params: dict[str, Any]) -> None:
        super().__init__(server, params)
        self._class = _KeepingClient
