"""A real SMTP server for tests, on a free port. It keeps accepted mails, and can refuse or stall."""

import asyncio
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from email import message_from_bytes, policy
from email.message import Message
from typing import Any

from aiosmtpd.controller import Controller

ACCEPTED = "250 OK"


class MailServer:
    """`answer` decides by the recipient. While `stalls_at` names a command, the server does not answer that command.

    With `stalls_at = "ACCEPTED"` the server accepts a mail, but does not confirm it.
    """

    def __init__(self) -> None:
        self.port = 0
        self.mails: list[Message] = []
        self.recipients: list[str] = []
        self.answer: Callable[[str], str] = lambda _recipient: ACCEPTED
        self.stalls_at = ""
        self.largest = 30_000_000  # bytes of a mail (RFC 1870)
        self.stalled = threading.Event()

    @property
    def url(self) -> str:
        return f"smtp://127.0.0.1:{self.port}"

    async def handle_MAIL(self, server: Any, session: Any, envelope: Any, address: str, options: Any) -> str:  # noqa: N802
        size = next((int(one[5:]) for one in options if one.upper().startswith("SIZE=")), 0)
        if size > self.largest:
            return "552 5.3.4 message size exceeds fixed limit"
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return ACCEPTED

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: Any) -> str:  # noqa: N802
        await self._stall("RCPT")
        answer = self.answer(address)
        if answer == ACCEPTED:
            envelope.rcpt_tos.append(address)
        return answer

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
        self.mails.append(message_from_bytes(envelope.content, policy=policy.default))
        self.recipients += envelope.rcpt_tos
        await self._stall("ACCEPTED")
        return ACCEPTED

    async def _stall(self, command: str) -> None:
        while self.stalls_at == command:
            self.stalled.set()
            await asyncio.sleep(0.02)


class _Controller(Controller):
    """A controller on a port that the system chooses. aiosmtpd connects to its server at the start, so it needs the port."""

    def _trigger_server(self) -> None:
        assert self.server is not None
        self.port = self.server.sockets[0].getsockname()[1]
        super()._trigger_server()


@contextmanager
def running() -> Iterator[MailServer]:
    server = MailServer()
    controller = _Controller(server, hostname="127.0.0.1", port=0)
    controller.start()
    server.port = controller.port
    try:
        yield server
    finally:
        server.stalls_at = ""
        controller.stop()


# What ill servers say: on connecting, and then after each line of the client. Afterwards they close the connection.
MOODS = {
    "closes at once": (),
    "talks garbage": (b"\xff\x00 What?\r\n", b"No.\r\n"),
    "closes after its greeting": (b"220 mail.example.org ESMTP\r\n",),
    "is overloaded": (b"421 mail.example.org Too busy\r\n",),
    "closes half-way": (b"220 mail.example.org ESMTP\r\n", b"250 mail.example.org\r\n", b"250 OK\r\n"),
    "talks garbage half-way": (b"220 mail.example.org ESMTP\r\n", b"250 mail.example.org\r\n", b"\xff\xfe?\r\n"),
}


@contextmanager
def ill(mood: str) -> Iterator[int]:
    """A server in one of MOODS, or one that "refuses" or "hangs". Yields its port."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        if mood == "refuses":
            yield listening.getsockname()[1]
            return
        listening.listen(50)
        if mood != "hangs":
            threading.Thread(target=_speak, args=(listening, MOODS[mood]), daemon=True).start()
        yield listening.getsockname()[1]
        with suppress(OSError):
            listening.shutdown(socket.SHUT_RDWR)  # wakes the thread, which then ends


def _speak(listening: socket.socket, said: tuple[bytes, ...]) -> None:
    with suppress(OSError):
        while True:
            client, _address = listening.accept()
            with client, suppress(OSError):
                for number, line in enumerate(said):
                    if number:
                        client.recv(1000)
                    client.sendall(line)


# How a healthy server answers the first word of each line, and which stage that is.
HEALTHY = {b"EHLO": "250 mail.example.org", b"HELO": "250 mail.example.org", b"MAIL": "250 OK", b"RCPT": "250 OK"}
HEALTHY |= {b"DATA": "354 Go on", b"RSET": "250 OK", b"QUIT": "221 Bye"}


@contextmanager
def moody(stage: str, answer: str) -> Iterator[tuple[int, list[Message]]]:
    """A server that is healthy until this stage: EHLO, MAIL, RCPT, DATA, or BODY, which is the end of the mail.

    There it gives the answer, or "hangs", or "closes". Yields its port and the mails that it has read to their end.
    """
    taken: list[Message] = []
    with socket.create_server(("127.0.0.1", 0)) as listening:
        threading.Thread(target=_be_moody, args=(listening, stage, answer, taken), daemon=True).start()
        yield listening.getsockname()[1], taken
        with suppress(OSError):
            listening.shutdown(socket.SHUT_RDWR)  # wakes the thread, which then ends


def _be_moody(listening: socket.socket, stage: str, answer: str, taken: list[Message]) -> None:
    with suppress(OSError):
        while True:
            client, _address = listening.accept()
            threading.Thread(target=_converse, args=(client, stage, answer, taken), daemon=True).start()


def _converse(client: socket.socket, stage: str, answer: str, taken: list[Message]) -> None:
    with client, suppress(OSError), client.makefile("rwb", buffering=0) as stream:
        stream.write(b"220 mail.example.org ESMTP\r\n")
        while line := stream.readline():
            word = line[:4].upper()
            asked = "EHLO" if word == b"HELO" else word.decode()
            said = answer if asked == stage else HEALTHY.get(word, "500 What?")
            if not _say(stream, said):
                return
            if said.startswith("354"):
                body = b"".join(iter(stream.readline, b".\r\n"))
                taken.append(message_from_bytes(body, policy=policy.default))
                if not _say(stream, answer if stage == "BODY" else "250 OK"):
                    return


def _say(stream: Any, answer: str) -> bool:
    """Give the answer. Return whether the conversation goes on."""
    if answer == "hangs":
        stream.readline()  # until the other side closes
    if answer in {"hangs", "closes"}:
        return False
    stream.write(f"{answer}\r\n".encode())
    return not answer.startswith("421")
