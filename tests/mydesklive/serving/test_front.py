"""The web server as it is started everywhere, with slow, broken, greedy and waiting clients.

The server is `tests.mydesklive.serving.stand_in` with one process, whose limits are about a second.
"""

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Coroutine, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from threading import Event
from typing import Any
from unittest.mock import Mock

import psutil
import pytest

from mydesklive.serving import bodies, front
from mydesklive.serving.wsgi import Environ, ask, environ_of
from tests.mydesklive.serving import environs, stand_in

SOON = 2.0  # seconds: what must not wait for anybody answers within them, on a busy machine too
END = b"\r\n\r\n"


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes
    seconds: float


def run(call: Coroutine[Any, Any, None]) -> None:
    """Runs it in a thread of its own, because a browser test may have left a loop running in this one."""
    with ThreadPoolExecutor(1) as other:
        other.submit(asyncio.run, call).result()


class Line:
    """A connection to the server."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), 10)
        self.started = time.monotonic()
        self.left = b""

    def send(self, data: bytes) -> "Line":
        self.socket.sendall(data)
        return self

    def hear(self, *, head: bool = False) -> Answer:
        """Reads one answer."""
        while END not in self.left:
            self._more()
        top, _, self.left = self.left.partition(END)
        first, *lines = top.decode("latin-1").split("\r\n")
        headers: dict[str, str] = {}
        for name, value in (line.split(": ", 1) for line in lines):
            headers[name] = f"{headers[name]}, {value}" if name in headers else value
        body = b"" if head else self._body(headers)
        return Answer(int(first.split()[1]), headers, body, time.monotonic() - self.started)

    def _body(self, headers: dict[str, str]) -> bytes:
        if "content-length" in headers:
            return self._take(int(headers["content-length"]))
        body = b""
        while size := int(self._line(), 16):
            body += self._take(size)
            self._line()
        self._line()
        return body

    def _line(self) -> bytes:
        while b"\r\n" not in self.left:
            self._more()
        line, _, self.left = self.left.partition(b"\r\n")
        return line

    def _take(self, size: int) -> bytes:
        while len(self.left) < size:
            self._more()
        taken, self.left = self.left[:size], self.left[size:]
        return taken

    def _more(self) -> None:
        chunk = self.socket.recv(1 << 16)
        if not chunk:
            raise EOFError(self.left)
        self.left += chunk

    def is_closed(self) -> bool:
        self.socket.settimeout(SOON)
        try:
            return self.socket.recv(1) == b""
        except ConnectionResetError:
            return True


@dataclass(frozen=True)
class Server:
    port: int
    process: psutil.Process
    lock: Path
    lines: list[Line] = field(default_factory=list)

    def line(self, port: int = 0) -> Line:
        line = Line(port or self.port)
        self.lines.append(line)
        return line

    def ask(self, request: bytes, *, head: bool = False) -> Answer:
        line = Line(self.port)
        try:
            return line.send(request).hear(head=head)
        finally:
            line.socket.close()

    def hang_up(self) -> None:
        while self.lines:
            self.lines.pop().socket.close()

    def get(self, path: str) -> Answer:
        return self.ask(wanted("GET", path))

    def worker(self) -> int:
        return int(self.get("/stand-in/process").body)


def wanted(method: str, path: str, body: bytes | None = None, **headers: str) -> bytes:
    """A request. Keywords such as `content_type` become headers."""
    lines = [f"{method} {path} HTTP/1.1", "Host: localhost"]
    lines += [] if body is None else [f"Content-Length: {len(body)}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join(lines).encode("latin-1") + END + (body or b"")


def soon(condition: Callable[[], bool]) -> None:
    """Waits until the condition holds."""
    until = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.02)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="module")
def plain() -> Iterator[int]:
    """The port of granian's own WSGI server."""
    port = free_port()
    options = f"--interface wsgi --workers 1 --blocking-threads 1 --no-ws --log-level error --port {port}"
    words = [
        str(Path(sys.executable).parent / "granian"),
        *options.split(),
        "tests.mydesklive.serving.environs:application",
    ]
    with subprocess.Popen(words) as process:
        soon(lambda: is_open(port))
        yield port
        process.terminate()


def is_open(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    lock = tmp_path_factory.mktemp("server") / "lock"
    port = free_port()
    environment = os.environ | {"WEB_WORKERS": "1", "LOCK": str(lock)}
    environment.pop("DJANGO_SETTINGS_MODULE")  # only pytest sets it
    words = [
        "-m",
        "mydesklive.serving",
        "--log-level",
        "error",
        "--port",
        str(port),
        "tests.mydesklive.serving.stand_in:application",
    ]
    with subprocess.Popen([sys.executable, *words], env=environment) as process:
        server = Server(port, psutil.Process(process.pid), lock)

        soon(lambda: is_open(port))
        yield server
        server.hang_up()
        process.terminate()


@pytest.fixture
def server(served: Server) -> Iterator[Server]:
    """The server with nobody waiting in it, before the test and after."""
    yield served
    served.hang_up()
    served.lock.unlink(missing_ok=True)
    soon(lambda: served.get("/stand-in/slow").status == 200)


def assert_all_else_goes_on(server: Server) -> None:
    for path in ("/health/live", "/robots.txt", "/api/echo"):
        answer = server.get(path)
        assert (path, answer.status) == (path, 200)
        assert answer.seconds < SOON


@pytest.mark.parametrize("clients", [10, 200])
@pytest.mark.parametrize("head", ["Content-Length: 9999", "Transfer-Encoding: chunked"])
def test_bodies_that_stop_hold_up_nobody(server: Server, clients: int, head: str) -> None:
    slow = [server.line() for _number in range(clients)]
    for line in slow:
        line.send(f"POST /stand-in/echo HTTP/1.1\r\nHost: localhost\r\n{head}\r\n\r\n5\r\nabcde".encode())
    assert_all_else_goes_on(server)
    for line in slow:
        answer = line.hear()
        assert answer.status == 408
        assert answer.seconds < stand_in.LIMITS.body + SOON
        assert line.is_closed()


def test_the_time_for_a_body_is_that_of_the_whole(server: Server) -> None:
    line = server.line().send(
        b"POST /api/echo HTTP/1.1\r\nHost: localhost\r\nAccept-Language: en\r\nContent-Length: 99\r\n\r\n"
    )
    for _tenth in range(10):
        line.send(b"a")
        time.sleep(0.1)
    answer = line.hear()
    assert answer.status == 408
    assert answer.seconds < stand_in.LIMITS.body + SOON
    assert json.loads(answer.body) == {"non_field_errors": ["The request did not arrive in time. Please try again."]}


def test_a_body_that_is_too_long_is_refused_before_it_comes(server: Server) -> None:
    line = server.line().send(b"POST /stand-in/echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999\r\n\r\n")
    answer = line.hear()
    assert (answer.status, answer.headers["connection"]) == (413, "close")
    assert answer.seconds < SOON
    assert line.is_closed()


def test_chunks_that_are_too_many_are_refused(server: Server) -> None:
    line = server.line().send(b"POST /api/echo HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n")
    for _piece in range(3):
        line.send(b"100000\r\n" + b"x" * (1 << 20) + b"\r\n")
    answer = line.hear()
    assert answer.status == 413
    assert json.loads(answer.body) == {"non_field_errors": ["Το αίτημα είναι πολύ μεγάλο."]}


@pytest.mark.parametrize("size", [0, 5, 100_000, 2_000_000])
def test_a_body_arrives_whole_in_chunks_or_not(server: Server, size: int) -> None:
    body = (b"0123456789" * (size // 10 + 1))[:size]
    pieces = [body[start : start + 70_000] for start in range(0, size, 70_000)]
    chunked = b"".join(f"{len(piece):x}\r\n".encode() + piece + b"\r\n" for piece in pieces) + b"0\r\n\r\n"
    for request in (
        wanted("POST", "/stand-in/echo", body),
        wanted("POST", "/stand-in/echo", transfer_encoding="chunked") + chunked,
    ):
        told = json.loads(server.ask(request).body)
        assert told["body"] == body.decode()
        assert told["CONTENT_LENGTH"] == str(size)
        assert "HTTP_TRANSFER_ENCODING" not in told


ODD = {
    "path": "GET /stand-in/echo HTTP/1.1\r\nHost: a",
    "query": "GET /stand-in/echo?q=%CE%B1&a=%00&b=%zz&c=+;&&= HTTP/1.1\r\nHost: a:1",
    "no host": "GET /stand-in/echo HTTP/1.1\r\nX: 1",
    "old": "GET /stand-in/echo HTTP/1.1\r\nHost: [::1]:80\r\nConnection: close",
    "absolute": "GET http://b/stand-in/echo?a=http://c HTTP/1.1\r\nHost: a",
    "a body with GET": "GET /stand-in/echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello",
    "an empty body": "POST /stand-in/echo HTTP/1.1\r\nHost: a\r\nContent-Length: 0",
    "no body": "POST /stand-in/echo HTTP/1.1\r\nHost: a",
    "bytes": "PUT /stand-in/echo HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nContent-Type: a/b; c=d\r\n\r\n\xff\0",
    "methods": "delete /stand-in/echo HTTP/1.1\r\nHost: a",
    "proxies": "GET /stand-in/echo HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 1.2.3.4, 5.6.7.8\r\nX-Forwarded-Proto: https",
    "cookies": "GET /stand-in/echo HTTP/1.1\r\nHost: a\r\nCookie: a=b; c=d\r\nAuthorization:   Bearer x  ",
    "empty": "GET /stand-in/echo HTTP/1.1\r\nHost: a\r\nX-Empty:\r\nAccept: */*",
}
OWN = {"SERVER_SOFTWARE", "SERVER_PORT"}


@pytest.mark.parametrize("name", ODD)
def test_a_view_is_told_what_the_plain_server_tells_it(server: Server, plain: int, name: str) -> None:
    head, _, body = ODD[name].partition("\r\n\r\n")
    request = head.encode() + END + body.encode("latin-1")
    lines = [server.line(), server.line(plain)]
    here, there = (json.loads(line.send(request).hear().body) for line in lines)
    assert {**here, **dict.fromkeys(OWN)} == {**there, **dict.fromkeys(OWN)}


@pytest.mark.parametrize("path", ["/caf%C3%A9/%FF/a%2Fb/../x;y", "//x//y", "/a%00b", "/%", "/%zz", "/\xce\xb1", "*"])
def test_a_path_is_the_bytes_that_were_sent(server: Server, plain: int, path: str) -> None:
    there = server.line(plain).send(f"OPTIONS {path} HTTP/1.1\r\nHost: a\r\n\r\n".encode("latin-1")).hear()
    if there.status != 200:
        pytest.skip("the plain server refuses it before the application")
    scope = {
        "method": "OPTIONS",
        "scheme": "http",
        "http_version": "1.1",
        "server": ("127.0.0.1", "80"),
        "client": ("127.0.0.1", "1"),
        "raw_path": path.encode("latin-1"),
        "query_string": b"",
        "headers": [],
    }
    assert environ_of(scope, BytesIO(), None)["PATH_INFO"] == json.loads(there.body)["PATH_INFO"]


def test_headers_are_joined_and_none_poses_as_another(server: Server) -> None:
    """The plain server keeps the last one of a name, and with it what a client sends beside the proxy's own."""
    sent = [
        "X-A: 1",
        "X-A: 2",
        "X_A: 3",
        "X_Forwarded_For: 6.6.6.6",
        "Cookie: a=b",
        "Cookie: c=\xce\xb1",
        "X-Greek: \xce\xb1",
    ]
    request = "\r\n".join(["GET /stand-in/echo HTTP/1.1", "Host: localhost", *sent]).encode("latin-1") + END
    found = json.loads(server.ask(request).body)
    assert (found["HTTP_X_A"], found["HTTP_COOKIE"], found["HTTP_X_GREEK"]) == ("1,2", "a=b; c=\xce\xb1", "\xce\xb1")
    assert "HTTP_X_FORWARDED_FOR" not in found


@pytest.mark.parametrize(
    "rest", [b"Transfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\nzz\r\n", b"Content-Length: 50\r\n\r\nabcde"]
)
def test_a_body_that_breaks_off_reaches_no_view(server: Server, rest: bytes) -> None:
    server.lock.touch()
    line = server.line().send(b"POST /stand-in/lock HTTP/1.1\r\nHost: localhost\r\n" + rest)
    line.socket.shutdown(socket.SHUT_WR)
    assert line.is_closed() or b"400" in line.socket.recv(99)
    assert server.get("/stand-in/slow").seconds < SOON


@pytest.mark.parametrize("length", ["x", "-5", "5, 6", "5 5", "٥", "99999999999999999999999"])
def test_a_length_that_is_no_number_is_refused(server: Server, length: str) -> None:
    head = f"POST /stand-in/echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: {length}\r\n\r\nhello"
    assert server.ask(head.encode()).status in {400, 413}


def test_a_flood_of_headers_is_refused(server: Server) -> None:
    line = server.line()
    try:
        for number in range(200):
            line.send(f"{'' if number else 'GET / HTTP/1.1'}\r\nX-{number}: {'a' * 1000}".encode())
        status = line.hear().status
    except (BrokenPipeError, ConnectionResetError):
        status = 431
    assert status == 431
    assert_all_else_goes_on(server)


def test_requests_that_are_sent_at_once_are_answered_in_order(server: Server) -> None:
    line = server.line()
    bodies = [str(number).encode() for number in range(5)]
    line.send(b"".join(wanted("POST", "/stand-in/echo", body) for body in bodies))
    assert [json.loads(line.hear().body)["body"].encode() for _body in bodies] == bodies
    assert line.send(wanted("GET", "/health/live")).hear().body == b'{"status": "ok"}'


def test_head_has_the_headers_of_get_and_no_body(server: Server) -> None:
    line = server.line()
    for path in ("/health/live", "/stand-in/echo", "/robots.txt"):
        answer = line.send(wanted("HEAD", path)).hear(head=True)
        assert answer.status == 200
    assert server.get("/stand-in/echo").headers["set-cookie"] == "a=1, b=2"


def test_what_waits_holds_up_nobody(server: Server) -> None:
    server.lock.touch()
    waiting = [server.line().send(wanted("GET", "/stand-in/lock")) for _thread in range(stand_in.THREADS - 1)]
    time.sleep(0.3)
    assert_all_else_goes_on(server)
    server.lock.unlink()
    for line in waiting:
        assert line.hear().body == b"unlocked"


def test_when_all_threads_wait_the_next_ones_are_told_so(server: Server) -> None:
    server.lock.touch()
    methods = ["GET", "POST"] * (stand_in.THREADS // 2)
    waiting = [server.line().send(wanted(method, "/stand-in/lock", b"")) for method in methods]
    time.sleep(0.5)
    asked = [("/stand-in/echo", "el"), ("/api/echo", "el"), ("/api/echo", "en-GB, el;q=0.5")]
    with ThreadPoolExecutor(len(asked)) as pool:
        answers = list(pool.map(lambda one: server.ask(wanted("POST", one[0], b"a", accept_language=one[1])), asked))
    assert server.get("/health/live").seconds < SOON
    assert {answer.status for answer in answers} == {503}
    assert max(answer.seconds for answer in answers) < stand_in.LIMITS.start + SOON
    assert {answer.headers["retry-after"] for answer in answers} == {"5"}
    page, greek, english = (answer.body.decode() for answer in answers)
    assert "Please try again in a moment." in page
    assert "Δοκιμάστε ξανά σε λίγο." in page
    assert "Δοκιμάστε ξανά σε λίγο." in json.loads(greek)["detail"]
    assert "Please try again in a moment." in json.loads(english)["detail"]
    for method, line in zip(methods, waiting, strict=True):
        late = line.hear()
        assert late.status == 503
        assert late.seconds < stand_in.LIMITS.answer + SOON
        assert ("we do not know whether this was done" in late.body.decode()) == (method == "POST")
    server.lock.unlink()
    assert_all_else_goes_on(server)


def test_readiness_is_told_in_time(server: Server) -> None:
    server.lock.touch()
    with ThreadPoolExecutor(5) as pool:
        answers = list(pool.map(server.get, ["/health/ready"] * 5))
    assert {answer.status for answer in answers} == {503}
    assert {json.loads(answer.body)["status"] for answer in answers} == {"unavailable"}
    assert max(answer.seconds for answer in answers) < stand_in.LIMITS.ready + SOON
    server.lock.unlink()
    soon(lambda: "zone_data" in json.loads(server.get("/health/ready").body))


def test_short_requests_run_one_after_the_other(server: Server) -> None:
    """A burst does not start a thread for each request: many threads that compute are slower than one."""
    with ThreadPoolExecutor(16) as pool:
        assert {answer.status for answer in pool.map(server.get, ["/stand-in/echo"] * 200)} == {200}
    assert psutil.Process(server.worker()).num_threads() < 16


def test_a_long_answer_is_read_slowly_and_holds_no_thread(server: Server) -> None:
    server.lock.with_name("closed").unlink(missing_ok=True)
    slow = [server.line().send(wanted("GET", "/stand-in/stream")) for _thread in range(stand_in.THREADS + 2)]
    soon(server.lock.with_name("closed").exists)
    time.sleep(stand_in.LIMITS.start)
    assert_all_else_goes_on(server)
    for line in slow:
        assert line.hear().body == b"".join(bytes([number]) * (1 << 20) for number in range(stand_in.MEGABYTES))


def test_an_answer_that_fails_is_closed_and_told(server: Server) -> None:
    server.lock.with_name("closed").unlink(missing_ok=True)
    answer = server.get("/stand-in/broken")
    assert (answer.status, "Something went wrong" in answer.body.decode()) == (500, True)
    assert server.lock.with_name("closed").exists()


def test_a_body_that_cannot_be_kept_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "SpooledTemporaryFile", Mock(return_value=Mock(write=Mock(side_effect=OSError))))
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"a", "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "POST", "path": "/", "headers": [(b"content-length", b"1")]}
    call = front.Front(environs.application)(scope, receive, send)
    run(call)
    assert sent[0]["status"] == 503


def test_a_killed_process_is_replaced(server: Server) -> None:
    killed = server.worker()
    os.kill(killed, signal.SIGKILL)

    def is_replaced() -> bool:
        try:
            return server.worker() != killed
        except (OSError, EOFError):
            return False

    soon(is_replaced)


def test_a_server_that_stops_answers_first(served: Server) -> None:
    """Is the last test, as it ends the server."""
    kept, running, slow, headless = served.line(), served.line(), served.line(), served.line()
    kept.send(wanted("GET", "/health/live")).hear()
    running.send(wanted("GET", "/stand-in/slow"))
    slow.send(b"POST /stand-in/echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\na")
    headless.send(b"POST /stand-in/echo HTTP/1.1\r\nHos")
    time.sleep(0.1)
    served.process.terminate()
    assert running.hear().body == b"slow"
    assert slow.hear().status == 503  # at once, and not when its time is over
    assert kept.is_closed()
    assert headless.is_closed()
    served.process.wait(SOON)


def test_an_answer_is_whole_although_the_application_fails_after_it() -> None:
    class Failing(list[bytes]):
        def close(self) -> None:
            raise OSError

    def application(environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        start_response("200 OK", [])
        return Failing([b"all"])

    assert ask(application, {}).body == b"all"


@pytest.mark.parametrize("seconds", [0.0, 600.0], ids=["done", "hanging"])
def test_process_does_what_is_left_before_it_ends(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    """And does not wait for it for ever."""
    steps: list[object] = []
    given_up = Event()

    def leave() -> None:
        given_up.wait(seconds)
        steps.append("left")

    async def stop() -> None:
        server = front.Front(stand_in.views, at_the_end=leave)
        server._stop()
        await server._ending
        given_up.set()

    monkeypatch.setattr(front, "LINGER", 0.0)
    monkeypatch.setattr(front, "LAST", 0.1)
    monkeypatch.setattr(front.os, "_exit", steps.append)
    run(stop())
    assert steps[0] == ("left" if seconds == 0 else 0)


@pytest.mark.django_db  # an earlier test may have left a connection, which each request looks at
def test_server_that_ends_by_itself_lets_the_process_do_what_is_left() -> None:
    steps: list[str] = []

    async def receive() -> dict[str, Any]:
        return {"type": "lifespan.shutdown"}

    async def send(message: dict[str, Any]) -> None:
        steps.append(message["type"])

    server = front.Front(stand_in.views, at_the_end=lambda: steps.append("left"))
    run(server({"type": "lifespan"}, receive, send))
    assert steps == ["left", "lifespan.shutdown.complete"]
