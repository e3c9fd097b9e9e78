"""A Redis of a test's own, which can be stopped so that it accepts connections and never answers."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkdtemp

from redis import Redis

from mydesklive.local import places, redis
from mydesklive.local.places import Place


@dataclass
class HangingRedis:
    place: Place
    url: str
    pid: int

    def hang(self) -> None:
        os.kill(self.pid, signal.SIGSTOP)

    def go_on(self) -> None:
        os.kill(self.pid, signal.SIGCONT)


@contextmanager
def running() -> Iterator[HangingRedis]:
    folder = Path(mkdtemp(prefix="mydesklive-test-"))
    place = places.prepare(folder)
    try:
        with redis.running(place, throw_away=True) as url:
            with Redis.from_url(url) as client:
                server = HangingRedis(place, url, client.info()["process_id"])
            try:
                yield server
            finally:
                server.go_on()
    finally:
        place.remove()
