"""How often something was tried lately: what keeps programs from guessing references and from holding every time."""

from django.core.cache import cache


def count(what: str, *, seconds: int) -> int:
    """One more try; answers how many there were since the first of the last `seconds`. One where the cache is away."""
    key = f"tries:{what}"
    cache.add(key, 0, seconds)
    try:
        return cache.incr(key)
    except ValueError:  # it ran out between the two calls
        return 1


def so_far(what: str) -> int:
    """How many were counted, without one more."""
    return cache.get(f"tries:{what}", 0)


def forget(what: str) -> None:
    cache.delete(f"tries:{what}")
