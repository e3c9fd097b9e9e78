"""Citizens who are booked by an agency's system, and are owed a mail and an SMS each."""

import json
import random
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from http.client import HTTPException
from itertools import count
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from bench import world

PATIENCE = 60  # seconds until a booking must have been made
DAYS = range(6, 20)  # days from today: too far for a reminder
TAKEN, TRY_AGAIN = 409, frozenset({429, 500, 502, 503})
_persons = count(1)


@dataclass(frozen=True)
class Citizen:
    """Somebody who was promised an appointment, and is owed a confirmation by mail and by SMS."""

    email: str
    phone: str  # E.164


def book(port: int, number: int) -> Iterator[Citizen]:
    """Books so many citizens, one after the other. The system asks again with the same key until it is answered."""
    for _ in range(number):
        yield _book_one(port, next(_persons))


def _book_one(port: int, person: int) -> Citizen:
    citizen = Citizen(f"owed-{person}@example.org", f"+3069{person:08}")
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        try:
            slots = _ask(port, _times())
            if _is_booked(port, random.choice(slots)["id"], person, citizen):  # noqa: S311 - no secret
                return citizen
        except HTTPError as error:
            if error.code not in TRY_AGAIN | {TAKEN}:
                raise
        except (OSError, HTTPException):
            pass
        time.sleep(0.2)
    raise RuntimeError("Nobody could book")


def _times() -> str:
    day = date.today() + timedelta(days=random.choice(DAYS))  # noqa: S311, DTZ011 - any day will do
    return f"/api/v1/slots/?procedure={world.PROCEDURE}&branch={world.BRANCH}&channel=in_person&from={day}&to={day}"


def _is_booked(port: int, slot: int, person: int, citizen: Citizen) -> bool:
    """Asks for the time until there is an answer. The key makes sure that it is booked once."""
    wanted = {
        "slot": slot, "procedure": world.PROCEDURE, "channel": "in_person", "name": "Ελένη Παπαδάκη",
        "email": citizen.email, "phone": citizen.phone, "language": "el",
    }  # fmt: skip
    until = time.monotonic() + PATIENCE
    while True:
        try:
            return bool(_ask(port, "/api/v1/appointments/", wanted, f"owed-{person}-{slot}"))
        except HTTPError as error:
            if error.code == TAKEN:
                return False
            if error.code not in TRY_AGAIN or time.monotonic() > until:
                raise
        except (OSError, HTTPException):
            if time.monotonic() > until:
                raise
        time.sleep(0.2)


def _ask(port: int, path: str, sent: dict[str, Any] | None = None, key: str = "") -> Any:
    head = {"Accept": "application/json"}
    if sent is not None:
        head |= {"Content-Type": "application/json", "Idempotency-Key": key}
        head |= {"Authorization": f"Bearer {world.token('kep', 0)}"}
    body = None if sent is None else json.dumps(sent).encode()
    with urlopen(Request(f"http://127.0.0.1:{port}{path}", body, head), timeout=20) as answer:
        return json.load(answer)
