"""A server for tests: the product behind its front, with short limits, and a few views that wait, stream or fail.

`python -m mydesklive.serving tests.mydesklive.serving.stand_in:application` starts it. `/stand-in/lock` waits while the file
LOCK exists.
"""

import os
import time
from collections.abc import Callable, Iterable, Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

from mydesklive.serving.front import Front, Limits
from mydesklive.wsgi import Request
from mydesklive.wsgi import application as product
from tests.mydesklive.serving.environs import told

THREADS = 6
LIMITS = Limits(body=1.5, start=1.0, answer=2.5, ready=1.0)
MEGABYTES = 8
LOCK = Path(os.environ.get("LOCK", "/nonexistent"))

Environ = dict[str, Any]


def echo(environ: Environ) -> bytes:
    """Reads the body as a view does, and tells it with the environ."""
    return told(environ | {"wsgi.input": BytesIO(Request(environ).body)})


def lock(_environ: Environ) -> bytes:
    while LOCK.exists():
        time.sleep(0.02)
    return b"unlocked"


def slow(_environ: Environ) -> bytes:
    time.sleep(0.5)
    return b"slow"


def process(_environ: Environ) -> bytes:
    return str(os.getpid()).encode()


class Stream:
    """Counts in a file beside LOCK that it was closed."""

    def __iter__(self) -> Iterator[bytes]:
        for number in range(MEGABYTES):
            yield bytes([number]) * (1 << 20)

    def close(self) -> None:
        LOCK.with_name("closed").write_text("closed")


class Broken(Stream):
    def __iter__(self) -> Iterator[bytes]:
        yield b"a"
        raise ValueError


VIEWS: dict[str, Callable[[Environ], bytes]] = {
    "/stand-in/echo": echo,
    "/api/echo": echo,
    "/stand-in/lock": lock,
    "/api/lock": lock,
    "/stand-in/slow": slow,
    "/stand-in/process": process,
}
STREAMS = {"/stand-in/stream": Stream, "/stand-in/broken": Broken}


def views(environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
    path = environ["PATH_INFO"]
    if path in STREAMS:
        start_response("200 OK", [("Content-Type", "text/plain")])
        return STREAMS[path]()
    if path in VIEWS:
        body = VIEWS[path](environ)
        start_response("200 OK", [("Content-Type", "text/plain"), ("Set-Cookie", "a=1"), ("Set-Cookie", "b=2")])
        return [body]
    if path == "/health/ready":
        lock(environ)
    return product(environ, start_response)


application = Front(views, THREADS, LIMITS)
