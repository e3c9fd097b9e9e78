"""How providers are asked. Whatever a provider does, the answer comes within seconds, and is short.

`requests` alone would wait for ever for a server that sends byte by byte.
"""

import ssl
from contextlib import suppress
from datetime import timedelta
from functools import cache
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from socket import SHUT_RDWR
from threading import Timer
from typing import Any, cast
from urllib.parse import urlsplit

from django.utils import timezone
from requests import ConnectionError as Unreachable
from requests import PreparedRequest, Response, Session
from requests.adapters import BaseAdapter
from requests.structures import CaseInsensitiveDict

from accounts.peers import Peer, PeerAway

CONNECT = 3.0  # seconds until the server takes the connection
WHOLE = 6.0  # seconds for all of the answer; a sign-in asks twice
LONGEST = 128 * 1024  # bytes of an answer
# Seconds for which a provider that does not answer is left alone, and how long one request may take to ask it again.
PAUSES, PROBE = (5, 15, 30), timedelta(minutes=1)
OF_SIGN_IN = "sign-in "


def session() -> Session:
    """Return a session for allauth. It takes no cookies, follows nobody, and needs no proxy of the environment."""
    asking = Session()
    asking.trust_env = False
    asking.headers.clear()
    asking.headers["Accept"] = "application/json, application/xml;q=0.9, */*;q=0.5"
    asking.max_redirects = 0
    for scheme in ("https://", "http://"):
        asking.mount(scheme, Bounded())
    return asking


class Bounded(BaseAdapter):
    """Sends a request on a connection of its own, and cuts it off when the time is over."""

    def send(self, request: PreparedRequest, *args: Any, **kwargs: Any) -> Response:
        """Send it, unless the provider is left alone: so only the first ones wait for one that does not answer."""
        host = urlsplit(request.url or "").hostname or "the provider"
        right = Peer(f"{OF_SIGN_IN}{host}", PAUSES, PROBE).ask(now=timezone.now())
        if right is None:
            raise Unreachable(f"{host} does not work, and is left alone for a while")
        try:
            response = _exchange(request)
        except (OSError, HTTPException, ValueError) as error:
            told = f"{host} does not answer ({type(error).__name__})"
            right.failed(PeerAway(told), now=timezone.now())
            raise Unreachable(told) from None
        right.answered()
        return response

    def close(self) -> None:
        """There is nothing to close: each request has closed its connection."""


def _exchange(request: PreparedRequest) -> Response:
    parts = urlsplit(str(request.url))
    connection = _connection(parts.scheme, parts.hostname or "", parts.port)
    guard = None
    try:
        connection.connect()
        guard = Timer(WHOLE, _cut, [connection.sock])
        guard.daemon = True
        guard.start()
        connection.sock.settimeout(WHOLE)
        headers = {name: _text(value) for name, value in request.headers.items()} | {"Connection": "close"}
        connection.request(str(request.method), request.path_url, cast(Any, request.body), headers)
        return _response(request, connection.getresponse(), guard)
    finally:
        if guard:
            guard.cancel()
        connection.close()


def _connection(scheme: str, host: str, port: int | None) -> HTTPConnection:
    if scheme == "https":
        return HTTPSConnection(host, port, timeout=CONNECT, context=_tls())
    return HTTPConnection(host, port, timeout=CONNECT)


def _response(request: PreparedRequest, answer: HTTPResponse, guard: Timer) -> Response:
    """Return the whole answer. Raises ValueError if it is too long, not whole, not there in time, or a redirect."""
    body = answer.read(LONGEST + 1)
    if len(body) > LONGEST or answer.length or guard.finished.is_set():
        raise ValueError("too long, or not whole")
    if answer.status // 100 == 3:  # noqa: PLR2004 (it leads elsewhere, and could lead anywhere)
        raise ValueError("leads somewhere else")
    response = Response()
    response.status_code, response.reason = answer.status, answer.reason
    response.headers = CaseInsensitiveDict({"content-type": "", **dict(answer.getheaders())})
    response.url, response.request, response.encoding = str(request.url), request, "utf-8"
    response._content = body  # noqa: SLF001 (as the adapters of requests do)
    return response


def _text(value: str | bytes) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else value


def _cut(sock: Any) -> None:
    with suppress(OSError):
        sock.shutdown(SHUT_RDWR)


@cache
def _tls() -> ssl.SSLContext:
    return ssl.create_default_context()
