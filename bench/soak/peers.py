"""A mail server and an SMS gateway that write down what they take: `python -m bench.soak.peers mail|sms PORT FILE`.

Each is a process of its own, so that it can be stopped and killed like the real one. FILE.mood says how it behaves; without
it, it is well. FILE.deeds counts what the mood has done, one character each.

Moods of the mail server: `refuses` (nobody listens), `silent` (it takes the connection and says nothing), `RCPT 451 …` and
`DATA 554 …` (an answer to the recipient, or to the whole mail, which is not taken), `RCPT hangs`, `taken hangs` and
`taken dies` (it takes the mail, and does not say so).
Moods of the gateway: a status such as `503`, and `taken hangs` and `taken dies`.
"""

import asyncio
import json
import sys
import time
from contextlib import suppress
from email import message_from_bytes, policy
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from aiosmtpd.smtp import SMTP

LOOKING = 0.05  # seconds
LONGEST_HANG = 40.0  # seconds, longer than the product waits for an answer


class Temper:
    """The mood of a peer. It is read anew at each question, so it changes while the peer runs."""

    def __init__(self, file: Path) -> None:
        self._mood, self._deeds = moods_of(file)

    @property
    def mood(self) -> str:
        with suppress(FileNotFoundError):
            return self._mood.read_text()
        return ""

    def at(self, stage: str) -> str:
        """Returns what the peer does at this stage, and counts it, or ""."""
        named, _, deed = self.mood.partition(" ")
        if named != stage:
            return ""
        self.count()
        return deed

    def count(self) -> None:
        with self._deeds.open("a") as deeds:
            deeds.write(".")


def moods_of(file: Path) -> tuple[Path, Path]:
    return file.with_name(f"{file.name}.mood"), file.with_name(f"{file.name}.deeds")


class Mails:
    def __init__(self, file: Path) -> None:
        self._file, self._temper = file, Temper(file)

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: Any) -> str:  # noqa: N802
        deed = self._temper.at("RCPT")
        if deed == "hangs":
            await self._hang()
        elif deed:
            return deed
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802 - aiosmtpd names it
        if refused := self._temper.at("DATA"):
            return refused
        mail = message_from_bytes(envelope.content, policy=policy.default)
        told = {"id": str(mail["Message-ID"]), "to": envelope.rcpt_tos, "subject": str(mail["Subject"])}
        with self._file.open("a") as file:
            file.write(json.dumps(told) + "\n")
        deed = self._temper.at("taken")
        if deed == "dies":
            server.transport.abort()
        elif deed:
            await self._hang()
        return "250 OK"

    async def _hang(self) -> None:
        """Says nothing until the mood is over. The other side has gone by then, or was killed."""
        until = time.monotonic() + LONGEST_HANG
        while self._temper.mood and time.monotonic() < until:  # noqa: ASYNC110 - a file tells it
            await asyncio.sleep(LOOKING)


async def take_mail(port: int, file: Path) -> None:
    loop, temper, server, heard = asyncio.get_running_loop(), Temper(file), None, None

    async def say_nothing(reader: Any, writer: Any) -> None:
        temper.count()
        while temper.mood == "silent" and not reader.at_eof():  # noqa: ASYNC110 - a file tells it
            await asyncio.sleep(LOOKING)
        writer.close()

    while True:
        mood = temper.mood if temper.mood in {"refuses", "silent"} else ""
        if mood != heard:
            heard = mood
            if server:
                server.close()
            if mood == "refuses":
                server = None
            elif mood == "silent":
                server = await asyncio.start_server(say_nothing, "127.0.0.1", port)
            else:
                server = await loop.create_server(lambda: SMTP(Mails(file), loop=loop), "127.0.0.1", port)
        await asyncio.sleep(LOOKING)


def take_sms(port: int, file: Path) -> None:
    temper = Temper(file)

    class Gateway(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            status = int(temper.mood) if temper.mood.isdigit() else 200
            if status == 200:
                told = {"id": self.headers["Idempotency-Key"], "to": [asked["to"]], "text": asked["message"]}
                with file.open("a") as kept:
                    kept.write(json.dumps(told) + "\n")
            else:
                temper.count()
            if deed := temper.at("taken"):
                self._hang(0 if deed == "dies" else LONGEST_HANG)
                self.close_connection = True
                return
            self.send_response(status)
            self.end_headers()

        def _hang(self, seconds: float) -> None:
            until = time.monotonic() + seconds
            while temper.mood and time.monotonic() < until:
                time.sleep(LOOKING)

        def log_message(self, *args: Any) -> None:
            """Stays quiet."""

    ThreadingHTTPServer(("127.0.0.1", port), Gateway).serve_forever()


if __name__ == "__main__":
    kind, port, path = sys.argv[1], int(sys.argv[2]), Path(sys.argv[3])
    if kind == "mail":
        asyncio.run(take_mail(port, path))
    else:
        take_sms(port, path)
