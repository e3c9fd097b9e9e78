"""A cache that survives an outage. Without an answer from Redis nothing is found or kept, but pages still work."""

import logging
from collections.abc import Callable
from functools import cached_property, wraps
from time import monotonic
from typing import Any, cast

from django.core.cache import caches
from django.core.cache.backends.redis import RedisCache, RedisCacheClient
from redis import Redis, exceptions

from accounts.work import breaker

logger = logging.getLogger(__name__)

INCREMENT = "if redis.call('EXISTS', KEYS[1]) == 1 then return redis.call('INCRBY', KEYS[1], ARGV[1]) end"


def _forgiving(method: Callable[..., Any], lost: Callable[..., Any]) -> Callable[..., Any]:
    """Wraps the method. If Redis fails or is not asked, it returns `lost(*args)` with the arguments of the call."""

    @wraps(method)
    def wrapper(self: "ForgivingRedisCache", *args: Any, **kwargs: Any) -> Any:
        if breaker.redis.is_open:
            return lost(*args, **kwargs)
        since = monotonic()
        try:
            return method(self, *args, **kwargs)
        except exceptions.RedisError as error:
            logger.warning("Cache unavailable (%s): %s", method.__name__, error)
            breaker.redis.failed(since, self._cache.get_client().ping)
            return lost(*args, **kwargs)

    return wrapper


def _default(key: str, default: Any = None, version: int | None = None) -> Any:
    return default


def _keys(value: Any, *args: Any, **kwargs: Any) -> list[Any]:
    return list(value)


def _always(answer: Any) -> Callable[..., Any]:
    return lambda *args, **kwargs: answer  # noqa: ARG005 - whatever the method is called with


class KeptClient(RedisCacheClient):
    """Keeps its client of the one server. Django makes a new one for every command, which costs as much as the command."""

    @cached_property
    def _kept(self) -> Redis:
        return super().get_client(write=True)

    def get_client(self, key: Any = None, *, write: bool = False) -> Redis:
        return self._kept


class ForgivingRedisCache(RedisCache):
    def __init__(self, server: str, params: dict[str, Any]) -> None:
        super().__init__(server, params)
        self._class = KeptClient

    def _increased(self, key: str, delta: int = 1, version: int | None = None) -> int:
        """Increases the key in one round trip. Django's own method first checks that the key exists."""
        name = self.make_and_validate_key(key, version=version)
        value = self._cache.get_client(name, write=True).eval(INCREMENT, 1, name, delta)
        if value is None:
            raise ValueError(f"Key '{key}' not found.")
        return value

    def _list_length(self, name: str) -> int:
        return self._cache.get_client().llen(name)

    get = _forgiving(RedisCache.get, _default)
    set = _forgiving(RedisCache.set, _always(None))
    add = _forgiving(RedisCache.add, _always(True))
    touch = _forgiving(RedisCache.touch, _always(False))
    delete = _forgiving(RedisCache.delete, _always(False))
    has_key = _forgiving(RedisCache.has_key, _always(False))
    incr = _forgiving(_increased, _always(1))
    get_many = _forgiving(RedisCache.get_many, _always({}))
    set_many = _forgiving(RedisCache.set_many, _keys)  # returns the keys that were not stored
    delete_many = _forgiving(RedisCache.delete_many, _always(None))
    clear = _forgiving(RedisCache.clear, _always(False))
    list_length = _forgiving(_list_length, _always(None))


def queue_length(name: str) -> int | None:
    """Returns the length of a list in the same Redis that is no key of the cache, or None if Redis does not answer."""
    return cast(ForgivingRedisCache, caches["default"]).list_length(name)
