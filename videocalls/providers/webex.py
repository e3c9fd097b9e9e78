"""Meetings at Webex, made ahead through its REST interface (scopes `meeting:schedules_read` and `meeting:schedules_write`)."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from time import monotonic
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from django.conf import settings
from django.utils.translation import gettext as _

from videocalls.models import VideoCall
from videocalls.providers import asking
from videocalls.providers.asking import Answer
from videocalls.providers.base import Provider, ProviderRefused, Visitor

SHORTEST = timedelta(minutes=10)  # Webex makes no shorter meeting
# A meeting cannot begin in the past of Webex's clock. People may enter EARLIEST minutes before it begins.
LEAD, EARLIEST = timedelta(minutes=6), 15
ENTRY = 5  # minutes from the click to the room
LONGEST_NAME = 128
KEPT = ("id", "webLink", "password", "hostKey")
SITES = ".webex.com"
UNAUTHORIZED = 401
GONE, HELD = {404, 410}, {400, 403, 409, 423}


class Webex(Provider):
    """Webex meetings of one account. The key of the room is their integration tag, so that none is made twice."""

    keeps_meetings = True

    def host(self, call: VideoCall) -> str:
        return urlsplit(settings.WEBEX_URL).hostname or ""

    def fault(self) -> str:
        if settings.WEBEX_TOKEN:
            return ""
        if not (settings.WEBEX_CLIENT_ID and settings.WEBEX_CLIENT_SECRET and settings.WEBEX_REFRESH_TOKEN):
            return "neither WEBEX_CLIENT_ID, WEBEX_CLIENT_SECRET and WEBEX_REFRESH_TOKEN nor WEBEX_TOKEN are set"
        return ""

    def look(self, call: VideoCall, *, now: datetime) -> None:
        _of_room(call, {})

    def make(self, call: VideoCall, details: dict[str, Any], *, now: datetime) -> dict[str, Any]:
        known = details if details.get("id") else _of_room(call, details)
        if known and (meeting := _moved(call, known, now)):
            return meeting
        answer = _ask("POST", "meetings", data=_window(call, now) | _rules(call) | _host())
        answer.require_good("the meeting")
        return _kept(answer.json(), answer)

    def remove(self, call: VideoCall, details: dict[str, Any]) -> None:
        known = details if details.get("id") else _of_room(call, details)
        if not known:
            return
        answer = _ask("DELETE", f"{_path(known)}?{urlencode({'sendEmail': 'false', **_host()})}")
        if answer.status not in GONE:
            answer.require_good("to remove the meeting")

    def address(self, call: VideoCall, visitor: Visitor, *, now: datetime) -> str:
        """Returns a link that Webex makes for the visitor alone. The officer's link starts the meeting as its host."""
        meeting = call.meetings.filter(provider=call.provider).first()
        details = meeting.details if meeting else {}
        if not details.get("id"):
            raise ProviderRefused("Webex has no meeting of this call")
        who = {} if visitor.is_host else _guest(call, visitor, details)
        data = {"meetingId": details["id"], "joinDirectly": False, "expirationMinutes": ENTRY, **_host(), **who}
        answer = _ask("POST", "meetings/join", data=data)
        answer.require_good("the visitor")
        return _checked(answer.json().get("startLink" if visitor.is_host else "joinLink"), answer)


def _of_room(call: VideoCall, details: dict[str, Any]) -> dict[str, Any]:
    """Returns the meeting that was made for the room, if its answer was lost, or nothing."""
    since, until = details.get("span") or (call.opens_at.isoformat(), call.closes_at.isoformat())
    query = {"integrationTag": call.room, "meetingType": "scheduledMeeting", "from": since, "to": until, **_host()}
    answer = _ask("GET", f"meetings?{urlencode(query)}")
    answer.require_good("to look for the meeting")
    items = answer.json().get("items")
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        raise answer.garbage()
    ours = [item for item in items if call.room in (item.get("integrationTags") or ())]
    return _kept({**ours[0], "id": ours[0].get("meetingSeriesId") or ours[0].get("id")}, answer) if ours else {}


def _moved(call: VideoCall, known: dict[str, Any], now: datetime) -> dict[str, Any] | None:
    """Gives the meeting the window of the call. Returns None if Webex does not have it any more.

    A meeting that has begun cannot be moved. It goes on, because people come from our own page, which knows the window.
    """
    answer = _ask("PATCH", _path(known), data=_window(call, now) | _host())
    if answer.status in GONE:
        return None
    if not (call.is_open(now) and answer.status in HELD):
        answer.require_good("the new time")
        return {**known, **_kept({**known, **answer.json()}, answer)}
    return known


def _window(call: VideoCall, now: datetime) -> dict[str, str]:
    start = max(call.opens_at, now + LEAD)
    end = max(call.closes_at, start + SHORTEST)
    return {"start": _utc(start), "end": _utc(end), "timezone": "UTC"}


def _rules(call: VideoCall) -> dict[str, Any]:
    """Returns what holds for every meeting. It says nothing of the citizen, and nothing is recorded or mailed."""
    return {
        "title": _("Video call"),
        "integrationTags": [call.room],
        "enabledAutoRecordMeeting": False,
        "enabledJoinBeforeHost": True,
        "joinBeforeHostMinutes": EARLIEST,
        "unlockedMeetingJoinSecurity": "allowJoin",  # our own page is the waiting room, and links are personal
        "allowAnyUserToBeCoHost": False,
        "publicMeeting": False,
        "sendEmail": False,
    }


def _guest(call: VideoCall, visitor: Visitor, details: dict[str, Any]) -> dict[str, str]:
    """Returns who enters. Webex asks for an e-mail address, and learns none of the citizen's."""
    email = f"{visitor.key}.{call.room}@{urlsplit(settings.SITE_URL).hostname}"
    return {"email": email, "displayName": visitor.name[:LONGEST_NAME], "password": details.get("password") or ""}


def _host() -> dict[str, str]:
    """Returns the account whose meetings they are. A service app has to name it."""
    return {"hostEmail": settings.WEBEX_HOST} if settings.WEBEX_HOST else {}


def _kept(meeting: dict[str, Any], answer: Answer) -> dict[str, Any]:
    kept = {name: meeting[name] for name in KEPT if isinstance(meeting.get(name), str)}
    if not kept.get("id"):
        raise answer.garbage()
    return kept


def _checked(link: object, answer: Answer) -> str:
    """Returns the link if it can lead a browser to Webex and nowhere else."""
    parts = urlsplit(link) if isinstance(link, str) else urlsplit("")
    own = urlsplit(settings.WEBEX_URL)
    is_webex = parts.scheme == "https" and (parts.hostname or "").endswith(SITES)
    if not is_webex and (parts.scheme, parts.netloc) != (own.scheme, own.netloc):
        raise answer.garbage()
    return parts.geturl()


def _path(meeting: dict[str, Any]) -> str:
    return f"meetings/{quote(meeting['id'], safe='')}"


def _utc(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


# The token


@dataclass
class _Access:
    """The token of this process, and until when it is used (a monotonic clock, in seconds)."""

    token: str = ""
    until: float = 0.0
    account: tuple[str, ...] = ()


_access = _Access()


def _ask(method: str, path: str, *, data: dict[str, Any] | None = None) -> Answer:
    answer = asking.ask(method, f"{settings.WEBEX_URL}/v1/{path}", data=data, token=_token())
    if answer.status == UNAUTHORIZED and not settings.WEBEX_TOKEN:
        _access.until = 0.0  # withdrawn before its time
        answer = asking.ask(method, f"{settings.WEBEX_URL}/v1/{path}", data=data, token=_token())
    return answer


def _token() -> str:
    """Returns the given token, or one that is fetched with the refresh token and lasts for days."""
    if settings.WEBEX_TOKEN:
        return settings.WEBEX_TOKEN
    account = (settings.WEBEX_URL, settings.WEBEX_CLIENT_ID, settings.WEBEX_REFRESH_TOKEN)
    if _access.account != account or _access.until <= monotonic():
        _access.token, lasts = _fetched()
        _access.until, _access.account = monotonic() + lasts / 2, account
    return _access.token


def _fetched() -> tuple[str, float]:
    form = {
        "grant_type": "refresh_token",
        "client_id": settings.WEBEX_CLIENT_ID,
        "client_secret": settings.WEBEX_CLIENT_SECRET,
        "refresh_token": settings.WEBEX_REFRESH_TOKEN,
    }
    answer = asking.ask("POST", f"{settings.WEBEX_URL}/v1/access_token", form=form)
    answer.require_good("the refresh token")
    said = answer.json()
    token, lasts = said.get("access_token"), said.get("expires_in")
    if not isinstance(token, str) or not token.isascii() or not token.isprintable() or not isinstance(lasts, int):
        raise answer.garbage()
    return token, lasts
