"""The front of the web server: an ASGI application that gives whole requests to a WSGI application in threads."""

import asyncio
import ctypes
import json
import logging
import os
import resource
import signal
import sys
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from io import BytesIO
from typing import Any

from django.db import connections

from mydesklive.serving import refusals
from mydesklive.serving.bodies import Bodies, Receive, Refused, Scope
from mydesklive.serving.refusals import Refusals
from mydesklive.serving.threads import Job, Threads
from mydesklive.serving.wsgi import Answer, Application, Environ, ask, environ_of

LIVE, READY = "/health/live", "/health/ready"
SAFE = {"GET", "HEAD"}
LOOK = 0.025  # seconds between two looks at the threads
LINGER = 1.0  # seconds without a request until a process that stops ends: the last answers reach their clients
LAST = 3.0  # seconds for what is done at the end
PIECE = 1 << 18  # bytes of a long answer that are sent at once
PR_SET_PDEATHSIG = 1

Send = Callable[[dict[str, Any]], Awaitable[None]]

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Limits:
    """Seconds: until the whole body is there, until a thread is free, until the answer with both, until a probe's answer."""

    body: float = 10.0
    start: float = 4.0
    answer: float = 9.0
    ready: float = 3.0


class Front:
    """Reads requests and sends answers in one loop, and runs `application` in threads.

    A slow client costs a socket and no thread. The loop itself answers LIVE, with what the application answered at
    the start, and READY has a thread of its own: no load and no lock makes a probe wait. `at_the_end` is called before the
    process ends, and perhaps twice.
    """

    def __init__(
        self,
        application: Application,
        threads: int = 16,
        limits: Limits = Limits(),
        at_the_end: Callable[[], object] = lambda: None,
    ) -> None:
        self._application, self._limits, self._at_the_end = application, limits, at_the_end
        self._threads, self._prober = Threads(threads, connections.close_all), Threads(1, connections.close_all)
        self._bodies, self._refusals = Bodies(limits.body), Refusals()
        self._live = ask(application, _probe(LIVE))
        self._readiness: asyncio.Future[Answer] | None = None
        self._is_looking = False
        self._running = 0  # requests

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await _live_on(receive, send, self._stop, self._leave)
            return
        self._running += 1
        try:
            await _send(await self._answer(scope, receive), send)
        finally:
            self._running -= 1

    def _stop(self) -> None:
        """Ends the process once its requests are answered. The server would wait longer for clients that send no request."""
        self._bodies.stop()
        self._ending = asyncio.create_task(self._end())

    async def _end(self) -> None:
        quiet = 0.0
        while quiet < LINGER:
            await asyncio.sleep(LOOK)
            quiet = 0.0 if self._running else quiet + LOOK
        await self._leave()
        os._exit(0)

    async def _leave(self) -> None:
        """Does what is left to do. The server ends the process itself if no connection is open, and without waiting for us."""
        with suppress(TimeoutError):
            async with asyncio.timeout(LAST):
                await asyncio.to_thread(self._at_the_end)

    async def _answer(self, scope: Scope, receive: Receive) -> Answer:
        is_probe = scope["method"] in SAFE
        if is_probe and scope["path"] == LIVE:
            return self._live
        try:
            if is_probe and scope["path"] == READY:
                return await self._ready()
            body, length = await self._bodies.read(scope, receive)
            return await self._asked(environ_of(scope, body, length))
        except Refused as refused:
            return self._refusals.answer(str(refused), scope)

    async def _ready(self) -> Answer:
        """Asks once at a time: whoever comes meanwhile gets the same answer."""
        if self._readiness is None or self._readiness.done():
            self._readiness = self._give(self._prober, _probe(READY))
        try:
            async with asyncio.timeout(self._limits.ready):
                return await asyncio.shield(self._readiness)
        except TimeoutError:
            return _unready()

    async def _asked(self, environ: Environ) -> Answer:
        answer = self._give(self._threads, environ)
        if not self._is_looking:
            self._is_looking = True
            asyncio.get_running_loop().call_later(LOOK, self._look)
        try:
            async with asyncio.timeout(self._limits.answer):
                return await answer
        except TimeoutError:
            asked = environ["REQUEST_METHOD"], environ["PATH_INFO"]
            logger.warning("No answer within %s s: %s %r", self._limits.answer, *asked)
            raise Refused(refusals.LATE if asked[0] in SAFE else refusals.UNKNOWN) from None

    def _give(self, threads: Threads, environ: Environ) -> asyncio.Future[Answer]:
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Answer] = loop.create_future()

        def work() -> None:
            try:
                settle = partial(answer.set_result, ask(self._application, environ))
            except BaseException:
                logger.exception("The application failed")
                settle = partial(answer.set_exception, Refused(refusals.FAILED))
            finally:
                environ["wsgi.input"].close()
            with suppress(RuntimeError):  # the loop has ended
                loop.call_soon_threadsafe(_if_wanted, answer, settle)

        drop = partial(answer.set_exception, Refused(refusals.BUSY))
        threads.add(Job(work, partial(_if_wanted, answer, drop)))
        return answer

    def _look(self) -> None:
        dropped = self._threads.look(self._limits.start)
        for job in dropped:
            job.drop()
        if dropped:
            logger.warning("%d requests found no free thread within %s s", len(dropped), self._limits.start)
        self._is_looking = self._threads.has_work
        if self._is_looking:
            asyncio.get_running_loop().call_later(LOOK, self._look)


def _unready() -> Answer:
    told = refusals.headers() | {"content-type": "application/json"}
    text = json.dumps({"status": "unavailable", "database": "no answer in time"})
    return Answer(503, [(name.encode(), value.encode()) for name, value in told.items()], text.encode())


def _if_wanted(answer: asyncio.Future[Answer], settle: Callable[[], None]) -> None:
    if not answer.done():
        settle()


async def _send(answer: Answer, send: Send) -> None:
    await send({"type": "http.response.start", "status": answer.status, "headers": answer.headers})
    if isinstance(answer.body, bytes):
        await send({"type": "http.response.body", "body": answer.body})
        return
    with answer.body as body:
        while piece := body.read(PIECE):
            await send({"type": "http.response.body", "body": piece, "more_body": True})
    await send({"type": "http.response.body", "body": b""})


def _probe(path: str) -> Environ:
    """Returns the environ of a probe. Its host is one that is always allowed, as probes name the machine by its number."""
    scope = {
        "method": "GET",
        "scheme": "http",
        "http_version": "1.1",
        "server": ("localhost", 80),
        "client": ("127.0.0.1", 0),
        "raw_path": path.encode(),
        "query_string": b"",
        "headers": [(b"host", b"localhost")],
    }
    return environ_of(scope, BytesIO(), None)


async def _live_on(
    receive: Receive, send: Send, stop: Callable[[], None], leave: Callable[[], Awaitable[None]]
) -> None:
    """Prepares the process of a worker: it may open as many files as the system allows, and ends with its parent.

    `stop` is called as soon as the process is told to end, and `leave` when the server does not need it any more.
    """
    while (message := await receive())["type"] == "lifespan.startup":
        _soft, most = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
        if sys.platform == "linux":
            ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
        _when_told_to_end(stop)
        await send({"type": "lifespan.startup.complete"})
    await leave()
    await send({"type": f"{message['type']}.complete"})


def _when_told_to_end(stop: Callable[[], None]) -> None:
    """Calls `stop` in the loop. The server's own handler runs too, because the loop hears of signals in another way."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: loop.call_soon_threadsafe(stop))
