"""Rooms at a BigBlueButton server (2.4 or later). Every request is signed with its secret."""

from datetime import datetime, timedelta
from hashlib import sha256
from math import ceil
from typing import Any
from urllib.parse import urlencode, urlsplit
from xml.etree.ElementTree import Element, ParseError, fromstring

from django.conf import settings
from django.utils.translation import gettext as _

from videocalls.models import SEATS, VideoCall
from videocalls.providers import asking
from videocalls.providers.asking import Answer
from videocalls.providers.base import Provider, ProviderRefused, ProviderShut, Visitor

MIN_SECRET = 32  # characters; the server makes 40
GONE, WRONG_SECRET = "notFound", "checksumError"


class BigBlueButton(Provider):
    """A BigBlueButton server. Its meetings vanish minutes after nobody is in them, so one is made at every entry too.

    Making a meeting that exists changes nothing. It is made ahead to see that the server accepts our secret.
    """

    keeps_meetings = True

    def host(self, call: VideoCall) -> str:
        return urlsplit(settings.BBB_URL).hostname or ""

    def fault(self) -> str:
        if not urlsplit(settings.BBB_URL).hostname:
            return "BBB_URL is not set"
        if len(settings.BBB_SECRET) < MIN_SECRET:
            return f"BBB_SECRET is shorter than {MIN_SECRET} characters"
        return ""

    def look(self, call: VideoCall, *, now: datetime) -> None:
        said = _read(asking.ask("GET", signed("isMeetingRunning", meetingID=call.room)))
        if not _is_success(said):
            raise _refusal(said)

    def make(self, call: VideoCall, details: dict[str, Any], *, now: datetime) -> dict[str, Any]:
        _create(call, now)
        return details

    def remove(self, call: VideoCall, details: dict[str, Any]) -> None:
        said = _read(asking.ask("GET", signed("end", meetingID=call.room)))
        if not _is_success(said) and said.findtext("messageKey") != GONE:
            raise _refusal(said)

    def address(self, call: VideoCall, visitor: Visitor, *, now: datetime) -> str:
        """Returns the address at which the visitor joins. It holds for this meeting alone, and ends with it (`createTime`)."""
        self.prepare(call)
        return signed(
            "join",
            meetingID=call.room,
            fullName=visitor.name,
            userID=visitor.key,
            role="MODERATOR" if visitor.is_host else "VIEWER",
            createTime=_create(call, now),
            redirect="true",
        )


def signed(call: str, **parameters: str) -> str:
    """Returns the address of a request, with the checksum that the server computes too: sha256 of call, query and secret."""
    query = urlencode(parameters)
    checksum = sha256(f"{call}{query}{settings.BBB_SECRET}".encode()).hexdigest()
    return f"{settings.BBB_URL}/api/{call}?{query}&checksum={checksum}"


def _create(call: VideoCall, now: datetime) -> str:
    """Makes the meeting unless it is there, and returns when it was made. Nothing is ever recorded."""
    left = max(call.closes_at - now, timedelta(minutes=1))
    request = signed(
        "create",
        name=_("Video call"),
        meetingID=call.room,
        duration=str(ceil(left / timedelta(minutes=1))),
        maxParticipants=str(SEATS),
        record="false",
        autoStartRecording="false",
        allowStartStopRecording="false",
        guestPolicy="ALWAYS_ACCEPT",  # our own page is the waiting room
        logoutURL=f"{settings.SITE_URL}/",
    )
    answer = asking.ask("GET", request)
    said = _read(answer)
    if not _is_success(said):
        raise _refusal(said)
    made = said.findtext("createTime") or ""
    if said.findtext("meetingID") != call.room or not made.isdecimal():
        raise answer.garbage()
    return made


def _read(answer: Answer) -> Element:
    answer.require_good("the request")
    if b"<!" in answer.body:  # its answers have no document type, and a web page is no answer
        raise answer.garbage()
    try:
        said = fromstring(answer.body)  # noqa: S314 (short, and without a document type there are no entities)
    except ParseError:
        raise answer.garbage() from None
    if said.findtext("returncode") not in {"SUCCESS", "FAILED"}:
        raise answer.garbage()
    return said


def _is_success(said: Element) -> bool:
    return said.findtext("returncode") == "SUCCESS"


def _refusal(said: Element) -> ProviderRefused:
    key = (said.findtext("messageKey") or "no reason")[:40]
    error = ProviderShut if key == WRONG_SECRET else ProviderRefused
    return error(f"the BigBlueButton server refuses: {key}")
