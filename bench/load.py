"""A load generator. Each client has one connection, and sends its next request when it has the answer to the last.

It uses only sockets and bytes in one thread, so that the server gets nearly all the processor time of a small machine.
"""

import selectors
import socket
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

END_OF_HEAD = b"\r\n\r\n"


@dataclass
class Load:
    """The answers: the seconds that each one took, by status."""

    seconds: float = 0.0
    latencies: dict[int, list[float]] = field(default_factory=dict)

    def rate(self, status: int) -> float:
        return len(self.latencies.get(status, [])) / self.seconds

    def p99(self, status: int) -> float:
        """Returns the seconds within which 99 of 100 answers with this status came."""
        found = sorted(self.latencies.get(status, [0.0]))
        return found[min(len(found) - 1, int(len(found) * 0.99))]

    @property
    def statuses(self) -> Counter[int]:
        return Counter({status: len(found) for status, found in self.latencies.items()})


@runtime_checkable
class Conversation(Protocol):
    """Requests of which each depends on the answer to the one before."""

    def __iter__(self) -> Iterator[bytes]: ...
    def __next__(self) -> bytes: ...
    def heard(self, answer: bytes) -> None: ...


@dataclass
class Client:
    """Sends the requests one by one, each after the answer to the one before."""

    requests: Iterator[bytes] | Conversation
    connection: socket.socket
    sent_at: float = 0.0
    received: bytes = b""

    def send(self) -> bool:
        request = next(self.requests, None)
        if request is None:
            return False
        self.sent_at = time.perf_counter()
        self.connection.sendall(request)
        return True

    def receive(self) -> int | None:
        """Returns the status when the answer is complete, or None before."""
        chunk = self.connection.recv(1 << 18)
        if not chunk:
            raise ConnectionError("The server closed the connection.")
        self.received += chunk
        if not _is_whole(self.received):
            return None
        status = int(self.received[9:12])
        if isinstance(self.requests, Conversation):
            self.requests.heard(self.received)
        self.received = b""
        return status


def _is_whole(received: bytes) -> bool:
    head_ends = received.find(END_OF_HEAD)
    if head_ends < 0:
        return False
    head = received[:head_ends].lower()
    at = head.find(b"\r\ncontent-length:")
    if at < 0:
        return received.endswith(b"0\r\n\r\n")  # the end of an answer in chunks
    length = int(head[at + 17 :].split(b"\r\n", 1)[0])
    return len(received) >= head_ends + len(END_OF_HEAD) + length


def run(port: int, streams: Sequence[Iterator[bytes] | Conversation], seconds: float) -> Load:
    """Loads the server with one client for each stream of requests, for `seconds` or until the streams end."""
    load = Load()
    with selectors.DefaultSelector() as selector:
        clients = [Client(stream, socket.create_connection(("127.0.0.1", port))) for stream in streams]
        started = time.perf_counter()
        for client in clients:
            client.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if client.send():
                selector.register(client.connection, selectors.EVENT_READ, client)
        while selector.get_map():
            for key, _events in selector.select():
                _step(key.data, selector, load, started + seconds)
        load.seconds = time.perf_counter() - started
        for client in clients:
            client.connection.close()
    return load


def _step(client: Client, selector: selectors.BaseSelector, load: Load, until: float) -> None:
    status = client.receive()
    if status is None:
        return
    now = time.perf_counter()
    load.latencies.setdefault(status, []).append(now - client.sent_at)
    if now >= until or not client.send():
        selector.unregister(client.connection)


def request(method: str, path: str, body: bytes = b"", **headers: str) -> bytes:
    """Returns an HTTP/1.1 request as bytes. Keywords such as `content_type` become headers."""
    lines = [f"{method} {path} HTTP/1.1", "Host: localhost", f"Content-Length: {len(body)}"]
    lines += [f"{name.replace('_', '-').title()}: {value}" for name, value in headers.items()]
    return "\r\n".join(lines).encode() + END_OF_HEAD + body
