"""Hearing what was said between us and a gateway, which apprise keeps to itself: `notify` tells only yes or no.

All gateways of apprise that take SMS over HTTP use `requests`. While a conversation is listened to, each request carries its
id, and it is noted whether a whole request has left this machine and what was answered. That decides whether the message
may be sent again.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

import requests.sessions
from requests import PreparedRequest, Response
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

# By which a gateway can tell that it has this message already (draft-ietf-httpapi-idempotency-key-header).
ID_HEADER = "Idempotency-Key"
# The longest pause that a gateway may ask for.
LONGEST_PAUSE = timedelta(hours=12)


@dataclass
class Conversation:
    """What is known of one message. `open` are the requests that have left as a whole and were not answered."""

    key: str
    asked: int = 0
    open: int = 0
    answer: Response | None = None

    @property
    def status(self) -> int:
        """The status of the last answer, or 0."""
        return self.answer.status_code if self.answer is not None else 0

    def pause(self, *, now: datetime) -> timedelta | None:
        """Returns how long the gateway asks to be left alone, by Retry-After (RFC 9110, 10.2.3), or None."""
        told = (self.answer.headers.get("Retry-After", "") if self.answer is not None else "").strip()
        if told.isascii() and told.isdigit():
            return min(timedelta(seconds=min(int(told), 10**6)), LONGEST_PAUSE)
        try:
            until = parsedate_to_datetime(told)
        except ValueError:
            return None
        if until.tzinfo is None:  # "-0000": UTC, of an unknown place
            until = until.replace(tzinfo=now.tzinfo)
        return min(max(until - now, timedelta()), LONGEST_PAUSE)


_current: ContextVar[Conversation | None] = ContextVar("conversation", default=None)


@contextmanager
def listening(key: str) -> Iterator[Conversation]:
    """Listens to all that this thread asks with `requests` in the block."""
    conversation = Conversation(key)
    token = _current.set(conversation)
    try:
        yield conversation
    finally:
        _current.reset(token)


class _Listening:
    """A part of urllib3's connections. Their `request` returns when the whole request has left."""

    def request(self, *args: Any, **kwargs: Any) -> None:
        super().request(*args, **kwargs)  # type: ignore[misc]  # of the connection that this is a part of
        if conversation := _current.get():
            conversation.open += 1


class _Connection(_Listening, HTTPConnection):
    pass


class _SecureConnection(_Listening, HTTPSConnection):
    pass


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection


class _SecurePool(HTTPSConnectionPool):
    ConnectionCls = _SecureConnection


class Adapter(HTTPAdapter):
    """The adapter of `requests`. It does nothing else than listen, and that only while somebody asks for it."""

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self._listen(self.poolmanager)

    def proxy_manager_for(self, *args: Any, **kwargs: Any) -> Any:
        return self._listen(super().proxy_manager_for(*args, **kwargs))

    @staticmethod
    def _listen(manager: Any) -> Any:
        manager.pool_classes_by_scheme = {"http": _Pool, "https": _SecurePool}
        return manager

    def send(self, request: PreparedRequest, *args: Any, **kwargs: Any) -> Response:
        conversation = _current.get()
        if conversation is None:
            return super().send(request, *args, **kwargs)
        conversation.asked += 1
        request.headers[ID_HEADER] = conversation.key
        answer = super().send(request, *args, **kwargs)
        conversation.open -= 1
        conversation.answer = answer
        return answer


# Sessions take the adapter from here, and apprise makes a session for each request.
requests.sessions.HTTPAdapter = Adapter  # type: ignore[attr-defined]
