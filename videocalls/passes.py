"""The way into the built-in room: a pass in an address, for a minute, and then a cookie of that room's pages.

Both are sealed: nobody reads, changes or makes one. Neither opens anything by itself: the rows of the call and the
participant say what is open now.
"""

import json
from dataclasses import dataclass
from datetime import datetime, timedelta

from cryptography.fernet import InvalidToken

from accounts.sealing import opened, sealed

ENTRY = timedelta(minutes=1)  # from the click to the room
PASS, COOKIE = "videocalls.pass", "videocalls.cookie"


@dataclass(frozen=True)
class Holder:
    """Whose pass or cookie it is: which participant (`key`) of which room, and the path to go `back` to."""

    room: str
    key: str
    back: str


def pass_for(holder: Holder, *, now: datetime) -> str:
    return _sealed([holder.room, holder.key, holder.back, (now + ENTRY).timestamp()], PASS)


def read_pass(text: str, room: str, *, now: datetime) -> tuple[Holder | None, bool]:
    """Returns the holder, if it is a pass of the room, and whether it is still valid."""
    found = _opened(text, PASS)
    if found is None or found[0] != room:
        return None, False
    return Holder(*found[:3]), now.timestamp() < found[3]


def cookie_for(holder: Holder) -> str:
    return _sealed([holder.room, holder.key, holder.back], COOKIE)


def read_cookie(text: str, room: str) -> Holder | None:
    found = _opened(text, COOKIE)
    return Holder(*found) if found and found[0] == room else None


def _sealed(parts: list[str | float], purpose: str) -> str:
    return sealed(json.dumps(parts), purpose).decode()


def _opened(text: str, purpose: str) -> list | None:
    try:
        return json.loads(opened(text.encode(), purpose))
    except InvalidToken:
        return None
