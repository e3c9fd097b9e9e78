"""Reading a mailbox over IMAP (RFC 9051, RFC 3501) from a server that may hang, drop, drip, lie, or send without end.

A conversation has a deadline, and a limit of bytes. imaplib speaks the protocol; what it reads comes through `_Limited`,
because its own timeout begins anew with each byte. Errors are told in words of ours: a server's could contain addresses.
"""

import imaplib
import io
import re
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from itertools import pairwise
from time import monotonic
from typing import Any, cast
from urllib.parse import unquote, urlsplit

TIMEOUT = 10.0  # seconds that the server may be silent
# Bytes that are read of one mail, and in one conversation. Notices and answers are far smaller.
LARGEST, MOST = 2**18, 2**26
# Numbers of mails that are asked for at once. imaplib refuses answers of more than a million characters.
WINDOW = 50_000
UIDS = range(1, 2**32)  # RFC 9051 allows no others
PORTS = {"imaps": 993, "imap+tls": 143, "imap": 143}
DROP = r"(\Deleted \Seen)"


class Away(Exception):
    """The mailbox cannot be read at the moment."""


@dataclass(frozen=True)
class Place:
    """Where a mailbox is. `scheme` is one of PORTS."""

    scheme: str
    host: str
    port: int
    user: str
    password: str = field(repr=False)
    folder: str


def place(url: str) -> Place:
    """Return the parts of `imaps://user:password@host/INBOX`, or with `imap+tls` for STARTTLS. Raise ValueError if wrong."""
    parts = urlsplit(url)
    user, password = unquote(parts.username or ""), unquote(parts.password or "")
    folder = unquote(parts.path[1:]) or "INBOX"
    told = user + password + folder
    if parts.scheme not in PORTS or not (parts.hostname and user and password) or parts.query or parts.fragment:
        raise ValueError
    if not (user + folder).isascii() or any(ord(letter) < ord(" ") for letter in told):
        raise ValueError
    return Place(parts.scheme, parts.hostname, parts.port or PORTS[parts.scheme], user, password, folder)


@contextmanager
def opened(where: Place, *, patience: float) -> Iterator["Box"]:
    """Open the mailbox for at most so many seconds. Raise Away as soon as the server does not do its part."""
    server = None
    try:
        with _step("connecting"):
            server = _Server(where, monotonic() + patience)
        with _step("signing in"):
            _sign_in(server, where)
        with _step("opening the folder"):
            box = _open(server, where.folder)
        yield box
    finally:
        if server:
            with suppress(Exception):  # whatever it says now, all is done
                server.logout()
            with suppress(Exception):
                server.shutdown()


@dataclass(frozen=True)
class Box:
    """An open mailbox. Mails have numbers that grow, and that mean something while `validity` stays the same."""

    server: "_Server"
    validity: int
    coming: int  # the number of the mail that comes next; 0 if the server does not tell

    def after(self, uid: int) -> list[int]:
        """Return the numbers of mails that came after this one, in order. Of very many, return the first ones."""
        with _step("looking for new mails"):
            for begin in range(uid + 1, max(self.coming, uid + 2), WINDOW):
                end = str(begin + WINDOW - 1) if self.coming else "*"
                found = _done(self.server.uid("SEARCH", f"UID {begin}:{end}"))
                numbers = {int(one) for line in found if isinstance(line, bytes) for one in line.split()}
                if new := sorted(one for one in numbers if one > uid and one in UIDS):
                    return new
        return []

    def read(self, uid: int) -> bytes | None:
        """Return the beginning of the mail, without marking it as read. None if it is gone."""
        with _step("reading a mail"):
            found = _done(self.server.uid("FETCH", str(uid), f"(UID BODY.PEEK[]<0.{LARGEST}>)"))
        wanted = re.compile(rb"\bUID %d\b" % uid)
        for one, rest in pairwise([*found, b""]):
            # The number stands before the mail or after it.
            if isinstance(one, tuple) and (wanted.search(one[0]) or (isinstance(rest, bytes) and wanted.search(rest))):
                return cast(bytes, one[1])
        return None

    def drop(self, uid: int) -> None:
        """Delete the mail. If the server cannot delete a single one, it stays marked as deleted."""
        with _step("deleting a mail"):
            _done(self.server.uid("STORE", str(uid), "+FLAGS.SILENT", DROP))
            if "UIDPLUS" in self.server.capabilities:
                _done(self.server.uid("EXPUNGE", str(uid)))


class _Limited(io.RawIOBase):
    """What the server sends, until the deadline (of `monotonic`) and up to MOST bytes."""

    def __init__(self, server: "_Server") -> None:
        self.server = server

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        server = self.server
        server.wait()
        number = server.sock.recv_into(buffer)
        server.received += number
        if server.received > MOST:
            raise OSError("too much")
        return number


class _Server(imaplib.IMAP4):
    def __init__(self, where: Place, deadline: float) -> None:
        self.deadline, self.received = deadline, 0
        self.where, self.tls = where, ssl.create_default_context()
        super().__init__(where.host, where.port, timeout=TIMEOUT)
        if where.scheme == "imap+tls":
            self.starttls(self.tls)

    def wait(self) -> None:
        """Let the socket wait as long as it may. Raise TimeoutError if the deadline is over."""
        left = self.deadline - monotonic()
        if left <= 0:
            raise TimeoutError
        self.sock.settimeout(min(left, TIMEOUT))

    def open(self, host: str = "", port: int = 143, timeout: float | None = None) -> None:
        super().open(host, port, timeout)
        self._limit()

    def _create_socket(self, timeout: float | None) -> socket.socket:
        """Encrypt from the first byte with `imaps`, as imaplib's own IMAP4_SSL does."""
        plain: socket.socket = super()._create_socket(timeout)  # type: ignore[misc]
        return self.tls.wrap_socket(plain, server_hostname=self.where.host) if self.where.scheme == "imaps" else plain

    def starttls(self, ssl_context: Any = None) -> Any:
        answer = super().starttls(ssl_context)
        self._limit()  # what was said before the encryption counts for nothing
        return answer

    def _limit(self) -> None:
        self.heard = io.BufferedReader(_Limited(self))

    def read(self, size: int) -> bytes:
        if size > LARGEST:
            raise OSError("too much")
        return self.heard.read(size)

    def readline(self) -> bytes:
        line = self.heard.readline(imaplib._MAXLINE + 1)  # type: ignore[attr-defined]  # noqa: SLF001
        if len(line) > imaplib._MAXLINE:  # type: ignore[attr-defined]  # noqa: SLF001
            raise OSError("too much")
        return line

    def send(self, data: Any) -> None:
        self.wait()
        super().send(data)


@contextmanager
def _step(doing: str) -> Iterator[None]:
    """Turn whatever goes wrong into Away, which tells in which step."""
    try:
        yield
    except Exception as error:  # noqa: BLE001 (the server decides what goes wrong)
        raise Away(f"{doing}: {type(error).__name__}") from None


def _sign_in(server: _Server, where: Place) -> None:
    if server.state != "NONAUTH":  # the server knows who we are
        return
    if "AUTH=PLAIN" in server.capabilities:
        server.authenticate("PLAIN", lambda _challenge: f"\0{where.user}\0{where.password}".encode())
    else:
        server.login(_quoted(where.user), where.password)
    server.capabilities = tuple(_done(server.capability())[-1].decode("ascii").upper().split())  # there are more now


def _open(server: _Server, folder: str) -> Box:
    _done(server.select(_quoted(folder)))
    validity, coming = (server.response(name)[1][-1] for name in ("UIDVALIDITY", "UIDNEXT"))
    return Box(server, int(validity), int(coming or 0))


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _done(answer: tuple[str, list[Any]]) -> list[Any]:
    """Return what the server answered. Raise an error if it did not do what it was asked."""
    kind, found = answer
    if kind != "OK":
        raise OSError("refused")
    return [one for one in found if one is not None]
