"""Between ASGI and WSGI: what Django is told about a request, and what it answers."""

import logging
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache
from tempfile import SpooledTemporaryFile
from typing import IO, Any
from urllib.parse import unquote_to_bytes

Environ = dict[str, Any]
Application = Callable[[Environ, Callable[..., Any]], Iterable[bytes]]

logger = logging.getLogger(__name__)

LARGE = 1 << 20  # bytes of a streamed answer that are kept in memory


@dataclass(frozen=True)
class Answer:
    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes | IO[bytes]


@lru_cache(512)
def _key(name: bytes) -> str:
    key = name.decode("latin-1").upper().replace("-", "_")
    return key if key in {"CONTENT_TYPE", "CONTENT_LENGTH"} else f"HTTP_{key}"


def environ_of(scope: dict[str, Any], body: IO[bytes], length: int | None) -> Environ:
    """Returns the environ of PEP 3333. `length` is that of the body, None without one.

    Headers that were sent more than once are joined. One with an underscore in its name is dropped, because it would
    look like another one that only our proxy may set. A body in chunks is whole by now, and has a length like others.
    """
    server, port = scope["server"]
    environ = {
        "GATEWAY_INTERFACE": "CGI/1.1",
        "SERVER_SOFTWARE": "myDESKlive",
        "SERVER_NAME": server,
        "SERVER_PORT": str(port),
        "SERVER_PROTOCOL": f"HTTP/{scope['http_version']}",
        "REMOTE_ADDR": scope["client"][0],
        "REQUEST_METHOD": scope["method"],
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote_to_bytes(scope["raw_path"]).decode("latin-1"),
        "QUERY_STRING": scope["query_string"].decode("latin-1"),
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": scope["scheme"],
        "wsgi.input": body,
        "wsgi.input_terminated": True,
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
    }
    for name, value in scope["headers"]:
        if b"_" in name or name == b"transfer-encoding":
            continue
        key, text = _key(name), value.decode("latin-1")
        if key in environ:
            text = environ[key] + ("; " if name == b"cookie" else ",") + text
        environ[key] = text
    if length is not None:
        environ["CONTENT_LENGTH"] = str(length)
    return environ


def ask(application: Application, environ: Environ) -> Answer:
    """Runs the application to its end. An answer that it streams goes to a temporary file when it is large.

    So no thread waits for a client that reads slowly.
    """
    started: list[tuple[str, list[tuple[str, str]]]] = []
    written: list[bytes] = []

    def start_response(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Callable[[bytes], None]:
        started[:] = [(status, headers)]
        return written.append

    result = application(environ, start_response)
    try:
        body = _collected(written, result)
    finally:
        _close(result)
    status, headers = started[0]
    encoded = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers]
    return Answer(int(status[:3]), encoded, body)


def _close(result: Iterable[bytes]) -> None:
    """Lets the application tidy up. If that fails, the answer is whole all the same."""
    try:
        getattr(result, "close", lambda: None)()
    except Exception:
        logger.exception("The application failed after its answer")


def _collected(written: list[bytes], result: Iterable[bytes]) -> bytes | IO[bytes]:
    if isinstance(result, list) or not getattr(result, "streaming", True):
        chunks = list(result)  # may call `write`
        return b"".join(written + chunks)
    spool = SpooledTemporaryFile(max_size=LARGE)  # noqa: SIM115 - whoever sends it closes it
    for chunk in result:
        spool.write(chunk)
    spool.seek(0)
    return spool
