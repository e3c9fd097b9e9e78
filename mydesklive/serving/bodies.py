"""Reads the bodies of requests: whole, within a size and a time."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from io import BytesIO
from tempfile import SpooledTemporaryFile
from typing import IO, Any

from django.conf import settings

from mydesklive.serving import refusals

SMALL = 1 << 15  # bytes of a body that are kept in memory

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]

logger = logging.getLogger(__name__)


class Refused(Exception):
    """The request goes no further. The argument is one of the messages in `refusals`."""


class Bodies:
    """Reads bodies. Each must arrive in `limit` seconds, and at once when the server stops."""

    def __init__(self, limit: float) -> None:
        self._limit = limit
        self._clocks: set[asyncio.Timeout] = set()
        self._is_stopping = False

    def stop(self) -> None:
        """Gives up the bodies that are not here yet, so that slow clients do not hold up a server that stops."""
        self._is_stopping = True
        for clock in self._clocks:
            clock.reschedule(0)

    async def read(self, scope: Scope, receive: Receive) -> tuple[IO[bytes], int | None]:
        """Returns the body, sent in chunks or not, with its length, which is None if the request has none.

        Raises Refused.
        """
        headers = dict(scope["headers"])
        length = headers.get(b"content-length")
        if length is None and b"transfer-encoding" not in headers:
            return BytesIO(), None
        if length is not None and int(length) > settings.DATA_UPLOAD_MAX_MEMORY_SIZE:
            raise Refused(refusals.TOO_LONG)
        body = SpooledTemporaryFile(max_size=SMALL)  # noqa: SIM115 - the view reads it later
        try:
            await self._fill(body, receive)
        except TimeoutError:
            raise Refused(refusals.BUSY if self._is_stopping else refusals.LATE_BODY) from None
        except OSError as error:  # no room for temporary files
            logger.exception("A body could not be kept")
            raise Refused(refusals.BUSY) from error
        read = body.tell()
        body.seek(0)
        return body, read

    async def _fill(self, body: IO[bytes], receive: Receive) -> None:
        async with asyncio.timeout(0 if self._is_stopping else self._limit) as clock:
            self._clocks.add(clock)
            try:
                more = True
                while more:
                    message = await receive()
                    if message["type"] == "http.disconnect":
                        raise Refused(refusals.BROKEN)
                    body.write(message.get("body", b""))
                    if body.tell() > settings.DATA_UPLOAD_MAX_MEMORY_SIZE:
                        raise Refused(refusals.TOO_LONG)
                    more = message.get("more_body", False)
            finally:
                self._clocks.discard(clock)
