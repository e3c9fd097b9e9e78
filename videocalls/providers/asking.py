"""Asks a provider's server. Whatever the server does, the answer comes within seconds, and is short.

A server that does not work is left alone for a while (accounts/peers.py), so that only the first ones wait for it.
"""

import json
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import cache
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from socket import SHUT_RDWR
from threading import Timer
from time import time
from typing import Any
from urllib.parse import urlencode, urlsplit

from accounts.peers import Ask, Peer, PeerAway
from videocalls.providers.base import ProviderAway, ProviderError, ProviderRefused, ProviderShut

CONNECT = 2.0  # seconds until the server takes the connection
READ = 3.0  # seconds between two parts of an answer
WHOLE = 5.0  # seconds for all of it, so that a server that sends byte by byte keeps nobody waiting
LONGEST = 256 * 1024  # bytes of an answer
BUSY = {408, 425, 429}  # "try again later"
SHUT = {401, 403}
# Seconds for which a server that does not work is left alone, and how long one worker may take to ask it again.
PAUSES, PROBE = (15, 30, 60), timedelta(minutes=1)
OF_VIDEO = "video "
GOOD, ELSEWHERE, PROBLEM = range(200, 300), range(300, 400), range(500, 600)


@dataclass(frozen=True)
class Answer:
    """What a server said. The host is named in errors; addresses have secrets and are not."""

    host: str
    status: int
    body: bytes = field(repr=False)
    ahead: timedelta = timedelta()  # how far the server's clock is ahead of ours

    @property
    def is_good(self) -> bool:
        return self.status in GOOD

    def require_good(self, what: str) -> None:
        """Raises ProviderAway for a redirect, which could lead anywhere, and ProviderRefused or ProviderShut for a refusal."""
        if self.status in ELSEWHERE:
            raise ProviderAway(f"{self.host} leads somewhere else ({self.status})")
        if not self.is_good:
            error = ProviderShut if self.status in SHUT else ProviderRefused
            raise error(f"{self.host} refuses {what} ({self.status})")

    def garbage(self) -> ProviderAway:
        return ProviderAway(f"{self.host} gives an answer that cannot be read ({self.status})")

    def json(self) -> dict[str, Any]:
        try:
            found = json.loads(self.body)
        except (ValueError, RecursionError):
            raise self.garbage() from None
        if not isinstance(found, dict):
            raise self.garbage()
        return found

    def require_clock(self, *, ahead: timedelta, behind: timedelta) -> None:
        """Raises ProviderShut if the server's clock is so far off that it would not admit people with our tokens."""
        if not -behind <= self.ahead <= ahead:
            off = round(self.ahead.total_seconds())
            raise ProviderShut(f"the clock of {self.host} differs by {off} seconds")


@dataclass
class _Talk:
    """What is said to one kind of provider about one room. `rights` are to ask its servers, by host."""

    kind: str
    now: datetime
    insists: bool
    rights: dict[str, Ask] = field(default_factory=dict)

    def turn_to(self, host: str) -> None:
        """Raises ProviderAway if the server is left alone."""
        if host in self.rights:
            return
        peer = Peer(peer_name(self.kind, host), PAUSES, PROBE)
        right = peer.ask(now=self.now) or (Ask(peer) if self.insists else None)
        if right is None:
            raise ProviderAway(f"{host} does not work, and is left alone for a while")
        self.rights[host] = right

    def ended(self, error: Exception | None) -> None:
        """Tells what was heard. An error is of the server that was asked last."""
        asked = [*self.rights.values()]
        for right in asked[:-1]:
            right.answered()
        for right in asked[-1:]:
            if error is None or _is_answer(error):
                right.answered()
            elif isinstance(error, ProviderError):
                right.failed(PeerAway(str(error)), now=self.now)
            else:
                right.passed_up(now=self.now)


def _is_answer(error: Exception) -> bool:
    return isinstance(error, ProviderRefused) and not isinstance(error, ProviderShut)


_talk: ContextVar[_Talk | None] = ContextVar("talk", default=None)


@contextmanager
def talking(kind: str, *, now: datetime, insists: bool = False) -> Iterator[None]:
    """Notes whether the servers that are asked in this block work. One that does not is left alone, unless `insists`."""
    talk = _Talk(kind, now, insists)
    token = _talk.set(talk)
    try:
        yield
    except Exception as error:
        talk.ended(error)
        raise
    else:
        talk.ended(None)
    finally:
        _talk.reset(token)


def peer_name(kind: str, host: str) -> str:
    """Returns the name under which a server is known that does not work."""
    return f"{OF_VIDEO}{kind} {host}"


def ask(
    method: str,
    url: str,
    *,
    data: dict[str, Any] | None = None,
    form: dict[str, str] | None = None,
    token: str = "",
) -> Answer:
    """Sends one request, with JSON or a form, and returns the answer. Redirects are not followed.

    Raises ProviderAway if there is no whole answer in time, or if the server says that it has a problem or is busy.
    """
    headers = {"Accept": "application/json, application/xml;q=0.9, */*;q=0.5", "Connection": "close"}
    body = None
    if data is not None:
        body, headers["Content-Type"] = json.dumps(data), "application/json"
    elif form is not None:
        body, headers["Content-Type"] = urlencode(form), "application/x-www-form-urlencoded"
    if token:
        headers["Authorization"] = f"Bearer {token}"
    host = urlsplit(url).hostname or "the provider"
    if talk := _talk.get():
        talk.turn_to(host)
    try:
        answer = _exchange(method, url, host, body, headers)
    except (OSError, HTTPException, ValueError) as error:
        raise ProviderAway(f"{host} does not answer ({type(error).__name__})") from None
    if answer.status in PROBLEM or answer.status in BUSY:
        raise ProviderAway(f"{host} has a problem ({answer.status})")
    return answer


def _exchange(method: str, url: str, host: str, body: str | None, headers: dict[str, str]) -> Answer:
    parts = urlsplit(url)
    connection = _connection(parts.scheme, host, parts.port)
    connection.connect()
    sock = connection.sock
    sock.settimeout(READ)
    guard = Timer(WHOLE, _cut, [sock])
    guard.daemon = True
    guard.start()
    try:
        target = f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/"
        connection.request(method, target, body and body.encode(), headers)
        answer = connection.getresponse()
        return Answer(host, answer.status, _read(answer, guard), _ahead(answer.headers.get("Date", "")))
    finally:
        guard.cancel()
        connection.close()


def _connection(scheme: str, host: str, port: int | None) -> HTTPConnection:
    if scheme == "https":
        return HTTPSConnection(host, port, timeout=CONNECT, context=_tls())
    return HTTPConnection(host, port, timeout=CONNECT)


def _read(answer: HTTPResponse, guard: Timer) -> bytes:
    """Returns the body. Raises ValueError if it is too long, not whole, or not there in time."""
    body = answer.read(LONGEST + 1)
    if len(body) > LONGEST or answer.length or guard.finished.is_set():
        raise ValueError("too long, or not whole")
    return body


def _ahead(date: str) -> timedelta:
    """Returns how far the server's clock is ahead of this machine's. Without a readable time it counts as right."""
    try:
        theirs = parsedate_to_datetime(date)
    except (ValueError, TypeError):
        return timedelta()
    theirs = theirs if theirs.tzinfo else theirs.replace(tzinfo=UTC)
    return timedelta(seconds=theirs.timestamp() - time())


def _cut(sock: Any) -> None:
    with suppress(OSError):
        sock.shutdown(SHUT_RDWR)


@cache
def _tls() -> ssl.SSLContext:
    return ssl.create_default_context()
