"""A cache that may be lost: without an answer from Redis nothing is found or kept, and the page still comes."""

import logging
from collections.abc import Callable
from functools import wraps
from typing import Any

from django.core.cache.backends.redis import RedisCache
from redis.exceptions import RedisError

logger = logging.getLogger(__name__)


def _forgiving(method: Callable[..., Any], lost: Callable[..., Any]) -> Callable[..., Any]:
    """The method, answering `lost(*its arguments)` when Redis fails."""

    @wraps(method)
    def wrapper(self: RedisCache, *args: Any, **kwargs: Any) -> Any:
        try:
            return method(self, *args, **kwargs)
        except RedisError as error:
            logger.warning("Cache unavailable (%s): %s", method.__name__, error)
            return lost(*args, **kwargs)

    return wrapper


def _default(key: str, default: Any = None, version: int | None = None) -> Any:
    return default


def _keys(value: Any, *args: Any, **kwargs: Any) -> list[Any]:
    return list(value)


def _always(answer: Any) -> Callable[..., Any]:
    return lambda *args, **kwargs: answer  # noqa: ARG005 - whatever the method is called with


class ForgivingRedisCache(RedisCache):
    get = _forgiving(RedisCache.get, _default)
    set = _forgiving(RedisCache.set, _always(None))
    add = _forgiving(RedisCache.add, _always(True))
    touch = _forgiving(RedisCache.touch, _always(False))
    delete = _forgiving(RedisCache.delete, _always(False))
    has_key = _forgiving(RedisCache.has_key, _always(False))
    incr = _forgiving(RedisCache.incr, _always(1))
    get_many = _forgiving(RedisCache.get_many, _always({}))
    set_many = _forgiving(RedisCache.set_many, _keys)  # answers the keys that were not kept
    delete_many = _forgiving(RedisCache.delete_many, _always(None))
    clear = _forgiving(RedisCache.clear, _always(False))
