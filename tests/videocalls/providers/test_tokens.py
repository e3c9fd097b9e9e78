"""What a visitor brings along: it is the visitor's own, for one room, and for minutes."""

from collections.abc import Callable
from datetime import timedelta
from hashlib import sha1, sha256
from typing import Any
from urllib.parse import parse_qsl, urlsplit
from urllib.request import urlopen

import pytest
from pytest_django.fixtures import Settings

from tests.builders import NOW, minutes
from tests.servers.video import VideoServer
from videocalls.models import VideoCall
from videocalls.providers import ProviderRefused, Visitor
from videocalls.providers.bbb import signed
from videocalls.providers.jitsi import Jitsi
from videocalls.providers.livekit import opened_pass, token
from videocalls.rooms import enter, prepare

Serve = Callable[[str], VideoServer]
CITIZEN = Visitor(key="citizen", name="Μαρία & Γιώργος=?", email="maria@example.org", back="/back/")
OFFICER = Visitor(key="officer-7", name="Άννα Υπαλλήλου", is_host=True)


def a_call(provider: str, **fields: Any) -> VideoCall:
    window = {"opens_at": NOW, "closes_at": NOW + timedelta(hours=1)}
    call = VideoCall.objects.create(provider=provider, **window | fields)
    prepare(call, now=NOW)
    call.refresh_from_db()
    assert call.state == VideoCall.State.READY, call.last_error
    return call


def gone_to(address: str) -> int:
    with urlopen(address) as answer:
        return answer.status


@pytest.mark.django_db
@pytest.mark.parametrize("provider", ["jitsi", "bbb"])
def test_address_opens_the_room(serve: Serve, provider: str) -> None:
    server = serve(provider)
    call = a_call(provider)
    for visitor in (CITIZEN, OFFICER):
        assert gone_to(enter(call, visitor, now=NOW)) == 200
    citizen, officer = server.entered
    if provider == "bbb":
        assert (citizen["fullName"], citizen["role"], citizen["userID"]) == (CITIZEN.name, "VIEWER", "citizen")
        assert (officer["fullName"], officer["role"]) == (OFFICER.name, "MODERATOR")
    else:
        assert citizen["context"]["user"]["affiliation"] == "member"
        assert officer["context"]["user"]["affiliation"] == "owner"


@pytest.mark.django_db
def test_bbb_address_ends_with_its_meeting(serve: Serve) -> None:
    server = serve("bbb")
    call = a_call("bbb")
    old = enter(call, CITIZEN, now=NOW)
    server.meetings.clear()
    new = enter(call, CITIZEN, now=NOW)
    assert (gone_to(new), len(server.entered)) == (200, 1)
    assert b"notFound" in urlopen(old).read()
    assert server.meetings[call.room]["duration"] == "60"


def test_bbb_signs_what_its_server_signs(settings: Settings) -> None:
    """The vector of BigBlueButton's documentation. It is for sha1, so it proves the signed text, and sha256 follows."""
    settings.BBB_URL, settings.BBB_SECRET = (
        "https://bbb.example.org/bigbluebutton",
        "639259d4-9dd8-4b25-bf01-95f9567eaf4b",
    )
    address = signed("create", name="Test Meeting", meetingID="abc123", attendeePW="111222", moderatorPW="333444")
    query, _, checksum = urlsplit(address).query.partition("&checksum=")
    text = f"create{query}{settings.BBB_SECRET}".encode()
    assert sha1(text).hexdigest() == "1fcbb0c4fc1f039f73aa6d697d2db9ba7f803f17"
    assert checksum == sha256(text).hexdigest()


@pytest.mark.django_db
def test_webex_links_are_personal_and_short_lived(serve: Serve) -> None:
    server = serve("webex")
    call = a_call("webex")
    links = [enter(call, visitor, now=NOW) for visitor in (CITIZEN, OFFICER)]
    assert links[0].startswith(f"{server.url}/join?")
    assert links[1].startswith(f"{server.url}/start?")
    citizen, officer = server.entered
    assert citizen["displayName"] == CITIZEN.name
    assert citizen["email"] == f"citizen.{call.room}@localhost"
    assert citizen["expirationMinutes"] == 5
    assert "email" not in officer
    assert "maria@example.org" not in str(server.entered)


@pytest.mark.django_db
@pytest.mark.parametrize("link", ["javascript:alert(1)", "http://evil.example.org/", "https://webex.com.evil.org/", 7])
def test_webex_leads_nowhere_else(serve: Serve, link: object) -> None:
    server = serve("webex")
    call = a_call("webex")
    good = server.answer

    def lying(*request: Any) -> Any:
        reply = good(*request)
        if "join" in request[1]:
            reply.body = reply.body.replace(f'"{server.url}/join?token=1&who=17"', f'"{link}"')
        return reply

    server.answer = lying  # type: ignore[method-assign]
    assert enter(call, CITIZEN, now=NOW) == ""
    assert server.entered


@pytest.mark.django_db
def test_webex_token_that_was_withdrawn_is_fetched_anew(serve: Serve) -> None:
    server = serve("webex")
    call = a_call("webex")
    assert server.asked.count("POST /v1/access_token") == 1
    server.TOKEN = "token-2"  # type: ignore[attr-defined]
    assert enter(call, CITIZEN, now=NOW)
    assert enter(call, OFFICER, now=NOW)
    assert server.asked.count("POST /v1/access_token") == 2


# LiveKit


@pytest.mark.django_db
def test_livekit_token_is_for_one_room_and_one_person(serve: Serve) -> None:
    server = serve("livekit")
    call = a_call("livekit", fallback="jitsi")
    address = enter(call, CITIZEN, now=NOW)
    (claims,) = server.entered
    assert (claims["sub"], claims["name"]) == ("citizen", CITIZEN.name)
    assert claims["video"]["room"] == call.room
    assert (claims["video"]["roomAdmin"], claims["video"]["roomRecord"]) == (False, False)
    assert "maria@example.org" not in str(claims)
    assert address.startswith(f"/calls/livekit/{call.room}/?pass=")
    assert "Μαρία" not in address


@pytest.mark.django_db
def test_livekit_pass_opens_one_room_for_minutes(serve: Serve) -> None:
    serve("livekit")
    call, other = a_call("livekit"), a_call("livekit")
    given = dict(parse_qsl(urlsplit(enter(call, CITIZEN, now=NOW)).query))["pass"]
    assert opened_pass(given, call, now=NOW + minutes(4)) == CITIZEN
    assert opened_pass(given, call, now=NOW + minutes(5)) is None
    assert opened_pass(given, other, now=NOW) is None
    assert opened_pass(given[:-3], call, now=NOW) is None
    assert opened_pass("", call, now=NOW) is None


# Clocks


@pytest.mark.django_db
@pytest.mark.parametrize("off", [-5, 5])
def test_livekit_bears_a_clock_that_is_five_minutes_off(serve: Serve, off: int) -> None:
    server = serve("livekit")
    server.now = lambda: NOW + minutes(off)
    call = a_call("livekit")
    assert server.claims(token(call, CITIZEN, now=NOW)) is not None
    assert server.claims(token(call, CITIZEN, now=NOW - minutes(20))) is None


@pytest.mark.django_db
@pytest.mark.parametrize(("off", "expected"), [(-5, False), (-0.4, True), (0, True), (4, True), (5, False)])
def test_jitsi_clock_that_would_refuse_our_tokens_is_noticed(serve: Serve, off: float, expected: bool) -> None:
    server = serve("jitsi")
    server.now = lambda: NOW + timedelta(minutes=off)
    call = a_call("jitsi")
    if expected:
        Jitsi().reach(call, CITIZEN, now=NOW)
    else:
        with pytest.raises(ProviderRefused, match="clock"):
            Jitsi().reach(call, CITIZEN, now=NOW)
