"""Measures what pages cost the server that ask again and again, at the intervals of their scripts."""

import http.client
import time
from collections.abc import Callable, Iterator, Sequence
from itertools import count, takewhile
from typing import Protocol

import psutil
from django.conf import settings
from django.contrib.sessions.backends.db import SessionStore


class Page(Protocol):
    """An open page. `interval` is the seconds between two of its polls."""

    @property
    def interval(self) -> float: ...
    def poll(self) -> object: ...


def share(pages: Sequence[Page], seconds: float, between: Callable[[], object] = lambda: None) -> float:
    """Returns the processor time of web server and database, divided by the `seconds` for which the pages ask in turn.

    A machine that is too busy takes longer for the same polls. That does not change the share.
    """
    for page in pages:
        page.poll()
    started, used = time.perf_counter(), _processor_time()
    for moment, page in sorted(_moments(pages, seconds), key=lambda turn: turn[0]):
        time.sleep(max(started + moment - time.perf_counter(), 0))
        between()
        page.poll()
    return (_processor_time() - used) / seconds


def _moments(pages: Sequence[Page], seconds: float) -> Iterator[tuple[float, Page]]:
    """Yields each poll with its time after the beginning. The pages spread over their interval."""
    for place, page in enumerate(pages):
        turns = (page.interval * (place / len(pages) + number) for number in count())
        for moment in takewhile(lambda moment: moment < seconds, turns):
            yield moment, page


def ask(
    connection: http.client.HTTPConnection, address: str, *, body: str | None = None, **headers: str
) -> tuple[http.client.HTTPResponse, str]:
    """Sends a request (a POST if it has a body) and returns the answer and its text."""
    sent = {name.replace("_", "-").title(): value for name, value in headers.items()}
    connection.request("GET" if body is None else "POST", address, body, sent)
    answer = connection.getresponse()
    text = answer.read().decode(errors="replace")
    assert answer.status in (200, 204), (address, answer.status)
    return answer, text


def session(**kept: object) -> str:
    """Returns the key of a new session that keeps this."""
    made = SessionStore()
    made.update(kept)
    made.create()
    return str(made.session_key)


def cookie(session_key: str) -> str:
    return f"{settings.SESSION_COOKIE_NAME}={session_key}"


def _processor_time() -> float:
    """Returns the seconds that web server and database have used. The database's housekeeping after loading does not count."""
    total = 0.0
    for process in psutil.Process().children(recursive=True):
        if "autovacuum" not in " ".join(process.cmdline()):
            times = process.cpu_times()
            total += times.user + times.system
    return total
