"""A cache that may be lost: when Redis does not answer, nothing is found and nothing is kept, and the page still comes."""

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


class ForgivingRedisCache(RedisCache):
    get = _forgiving(RedisCache.get, _default)
    set = _forgiving(RedisCache.set, lambda *a, **k: None)
    add = _forgiving(RedisCache.add, lambda *a, **k: True)
    touch = _forgiving(RedisCache.touch, lambda *a, **k: False)
    delete = _forgiving(RedisCache.delete, lambda *a, **k: False)
    has_key = _forgiving(RedisCache.has_key, lambda *a, **k: False)
    incr = _forgiving(RedisCache.incr, lambda key, delta=1, version=None: delta)
    get_many = _forgiving(RedisCache.get_many, lambda *a, **k: {})
    set_many = _forgiving(RedisCache.set_many, lambda data, *a, **k: list(data))
    delete_many = _forgiving(RedisCache.delete_many, lambda *a, **k: None)
    clear = _forgiving(RedisCache.clear, lambda *a, **k: False)
