"""SMS gateways over real sockets, in every mood, and what they took. Each takes JSON over HTTP, as a national one does."""

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Gateway:
    """`taken` are the requests that arrived as a whole: their headers (in small letters) and the fields of the text."""

    port: int
    taken: list[dict[str, Any]] = field(default_factory=list)
    connections: int = 0

    @property
    def url(self) -> str:
        return f"json://127.0.0.1:{self.port}/sms?rto=0.3&cto=2&:to={{phone}}&:reference={{id}}"


Mood = Callable[[socket.socket, Gateway], None]


def answers(status: str, *headers: str) -> Mood:
    """A gateway that takes the whole request and answers, "200 OK" for example."""

    def mood(client: socket.socket, gateway: Gateway) -> None:
        _take(client, gateway)
        head = "\r\n".join([f"HTTP/1.1 {status}", "Content-Length: 0", "Connection: close", *headers])
        client.sendall(f"{head}\r\n\r\n".encode())

    return mood


def closes_unread(client: socket.socket, gateway: Gateway) -> None:
    """The whole request has arrived, and nobody has read it. The other side cannot know that."""
    while b"}" not in client.recv(10_000, socket.MSG_PEEK):
        time.sleep(0.01)


def hangs_at_once(client: socket.socket, gateway: Gateway) -> None:
    time.sleep(1)


def hangs_after_the_body(client: socket.socket, gateway: Gateway) -> None:
    _take(client, gateway)
    time.sleep(1)


def closes_after_the_body(client: socket.socket, gateway: Gateway) -> None:
    _take(client, gateway)


def hangs_half_way_through_the_answer(client: socket.socket, gateway: Gateway) -> None:
    _take(client, gateway)
    client.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nOK")
    time.sleep(1)


def talks_garbage(client: socket.socket, gateway: Gateway) -> None:
    _take(client, gateway)
    client.sendall(b"\xff\x00 What?\r\n\r\n")


def _take(client: socket.socket, gateway: Gateway) -> None:
    """Read one request, and keep it if it is whole."""
    stream = client.makefile("rb")
    headers: dict[str, Any] = {}
    for line in iter(stream.readline, b"\r\n"):
        name, _colon, value = line.decode().partition(":")
        headers[name.lower()] = value.strip()
    body = stream.read(int(headers["content-length"]))
    gateway.taken.append(headers | json.loads(body))


@contextmanager
def running(mood: Mood) -> Iterator[Gateway]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        gateway = Gateway(listening.getsockname()[1])
        threading.Thread(target=_serve, args=(listening, mood, gateway), daemon=True).start()
        yield gateway
        with suppress(OSError):
            listening.shutdown(socket.SHUT_RDWR)  # wakes the thread, which then ends


def refusing() -> Gateway:
    """A gateway that is down: nobody listens on its port."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return Gateway(listening.getsockname()[1])


def _serve(listening: socket.socket, mood: Mood, gateway: Gateway) -> None:
    with suppress(OSError):
        while True:
            client, _address = listening.accept()
            gateway.connections += 1
            threading.Thread(target=_answer, args=(client, mood, gateway), daemon=True).start()


def _answer(client: socket.socket, mood: Mood, gateway: Gateway) -> None:
    with client, suppress(OSError):
        mood(client, gateway)
