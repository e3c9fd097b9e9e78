"""Rooms at a LiveKit server. People see them on a page of our own (`videocalls.livekit`), which asks it with a token."""

import json
from dataclasses import asdict
from datetime import datetime, timedelta
from urllib.parse import urlencode, urlsplit

import jwt
from cryptography.fernet import InvalidToken
from django.conf import settings
from django.urls import reverse

from accounts import sealing
from videocalls.models import SEATS, VideoCall
from videocalls.providers import asking
from videocalls.providers.base import Provider, Visitor

MIN_SECRET = 32  # bytes: HS256 needs a key as long as its hash (RFC 7518, 3.2)
ENTRY = timedelta(minutes=5)  # from the page to the room; whoever is inside gets fresh tokens from the server
SKEW = timedelta(minutes=6)  # allowed difference of the two servers' clocks
EMPTY = 10 * 60  # seconds until the server closes a room in which nobody is (any more)
PURPOSE = "entrance to a LiveKit room"


class LiveKit(Provider):
    """A LiveKit server. It makes a room when the first person enters, so nothing has to be made in advance."""

    def host(self, call: VideoCall) -> str:
        return urlsplit(settings.LIVEKIT_URL).hostname or ""

    def fault(self) -> str:
        if not urlsplit(settings.LIVEKIT_URL).hostname or not settings.LIVEKIT_API_KEY:
            return "LIVEKIT_URL and LIVEKIT_API_KEY are not set"
        if len(settings.LIVEKIT_API_SECRET.encode()) < MIN_SECRET:
            return f"LIVEKIT_API_SECRET is shorter than {MIN_SECRET} bytes"
        return ""

    def reach(self, call: VideoCall, visitor: Visitor, *, now: datetime) -> None:
        """Has the server look at the token, as the page of the room does before it connects."""
        self.prepare(call)
        query = urlencode({"access_token": token(call, visitor, now=now)})
        asking.ask("GET", f"{address_of('https')}/rtc/validate?{query}").require_good("the token")

    def address(self, call: VideoCall, visitor: Visitor, *, now: datetime) -> str:
        """Returns our own page of the room, with a pass that opens it once."""
        self.prepare(call)
        query = urlencode({"pass": pass_for(call, visitor, until=min(now + ENTRY, call.closes_at))})
        return f"{reverse('livekit:room', args=[call.room])}?{query}"


def address_of(scheme: str) -> str:
    """Returns the server's address for requests ("https") or for the connection of browsers ("wss").

    A server on this machine is spoken to without TLS if LIVEKIT_URL says so.
    """
    parts = urlsplit(settings.LIVEKIT_URL)
    plain = parts.scheme in {"http", "ws"}
    return parts._replace(scheme=scheme.removesuffix("s") if plain else scheme).geturl()


def pass_for(call: VideoCall, visitor: Visitor, *, until: datetime) -> str:
    """Returns a text that says who may enter which room until when. Nobody can read it or make one."""
    return sealing.sealed(json.dumps([call.room, until.isoformat(), asdict(visitor)]), PURPOSE).decode()


def opened_pass(text: str, call: VideoCall, *, now: datetime) -> Visitor | None:
    """Returns whose pass it is, or None if it is no pass of this room, or not valid any more."""
    try:
        room, until, who = json.loads(sealing.opened(text.encode(), PURPOSE))
    except (InvalidToken, ValueError):
        return None
    return Visitor(**who) if room == call.room and now < datetime.fromisoformat(until) else None


def token(call: VideoCall, visitor: Visitor, *, now: datetime) -> str:
    """Returns a token with which the visitor enters this room, and no other, within ENTRY. It never outlives the window.

    `nbf` and `exp` leave room for a server whose clock is a few minutes off.
    """
    grant = {
        "room": call.room,
        "roomJoin": True,
        "canPublish": True,
        "canSubscribe": True,
        "canPublishData": False,
        "canUpdateOwnMetadata": False,
        "roomAdmin": visitor.is_host,
        "roomRecord": False,
    }
    claims = {
        "iss": settings.LIVEKIT_API_KEY,
        "sub": visitor.key,
        "name": visitor.name,
        "nbf": now - SKEW,
        "exp": min(now + ENTRY, call.closes_at) + SKEW,
        "video": grant,
        "roomConfig": {"maxParticipants": SEATS, "emptyTimeout": EMPTY, "departureTimeout": EMPTY},
    }
    return jwt.encode(claims, settings.LIVEKIT_API_SECRET, algorithm="HS256")
