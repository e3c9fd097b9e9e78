"""Rooms at a Jitsi server that admits only people with a token signed by us (its `token` authentication)."""

from datetime import datetime, timedelta
from urllib.parse import urlsplit

import jwt
from django.conf import settings

from videocalls.models import VideoCall
from videocalls.providers import asking
from videocalls.providers.base import Provider, Visitor

MIN_SECRET = 32  # bytes: HS256 needs a key as long as its hash (RFC 7518, 3.2)
ENTRY = timedelta(minutes=5)  # from the click to the room; the server checks the token only at entry
SKEW = timedelta(seconds=30)  # allowed difference of the two servers' clocks


class Jitsi(Provider):
    """A Jitsi server. It makes a room when the first person enters, so nothing has to be made in advance."""

    def host(self, call: VideoCall) -> str:
        return urlsplit(settings.JITSI_URL).hostname or ""

    def fault(self) -> str:
        if not settings.JITSI_URL or not settings.JITSI_APP_ID:
            return "JITSI_URL and JITSI_APP_ID are not set"
        if len(settings.JITSI_SECRET.encode()) < MIN_SECRET:
            return f"JITSI_SECRET is shorter than {MIN_SECRET} bytes"
        return ""

    def reach(self, call: VideoCall, visitor: Visitor, *, now: datetime) -> None:
        """Asks for the server's front page. The room's own address would use up the token."""
        answer = asking.ask("GET", f"{settings.JITSI_URL}/")
        answer.require_good("its front page")
        answer.require_clock(ahead=ENTRY - SKEW, behind=SKEW)

    def address(self, call: VideoCall, visitor: Visitor, *, now: datetime) -> str:
        self.prepare(call)
        return f"{settings.JITSI_URL}/{call.room}?jwt={_token(call, visitor, now)}"


def _token(call: VideoCall, visitor: Visitor, now: datetime) -> str:
    claims = {
        "aud": settings.JITSI_APP_ID,
        "iss": settings.JITSI_APP_ID,
        "sub": urlsplit(settings.JITSI_URL).hostname,
        "room": call.room,
        "nbf": now - SKEW,
        "exp": min(now + ENTRY, call.closes_at),
        "context": {"user": _user(visitor)},
    }
    return jwt.encode(claims, settings.JITSI_SECRET, algorithm="HS256")


def _user(visitor: Visitor) -> dict[str, str]:
    """Returns the visitor without null values. Jitsi's modules read the host in two ways, so both are set."""
    user = {"id": visitor.key, "name": visitor.name}
    if visitor.email:
        user["email"] = visitor.email
    if visitor.is_host:
        return user | {"moderator": "true", "affiliation": "owner"}
    return user | {"moderator": "false", "affiliation": "member"}
