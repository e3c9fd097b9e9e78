"""A mail server and an SMS gateway that write down what they take: `python -m bench.soak.peers mail|sms PORT FILE`.

Each is a process of its own, so that it can be stopped and killed like the real one.
"""

import asyncio
import json
import sys
from email import message_from_bytes, policy
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from aiosmtpd.smtp import SMTP


class Mails:
    def __init__(self, file: Path) -> None:
        self._file = file

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802 - aiosmtpd names it
        mail = message_from_bytes(envelope.content, policy=policy.default)
        told = {"id": str(mail["Message-ID"]), "to": envelope.rcpt_tos, "subject": str(mail["Subject"])}
        with self._file.open("a") as file:
            file.write(json.dumps(told) + "\n")
        return "250 OK"


async def take_mail(port: int, file: Path) -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: SMTP(Mails(file), loop=loop), "127.0.0.1", port)
    await server.serve_forever()


def take_sms(port: int, file: Path) -> None:
    class Gateway(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            text = self.rfile.read(int(self.headers["Content-Length"]))
            told = {"to": parse_qs(urlsplit(self.path).query).get("to"), "text": json.loads(text).get("message")}
            told["id"] = self.headers["Idempotency-Key"]
            with file.open("a") as kept:
                kept.write(json.dumps(told) + "\n")
            self.send_response(200)
            self.end_headers()

        def log_message(self, *args: Any) -> None:
            """Stays quiet."""

    ThreadingHTTPServer(("127.0.0.1", port), Gateway).serve_forever()


if __name__ == "__main__":
    kind, port, path = sys.argv[1], int(sys.argv[2]), Path(sys.argv[3])
    if kind == "mail":
        asyncio.run(take_mail(port, path))
    else:
        take_sms(port, path)
