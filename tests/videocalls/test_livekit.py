"""The page of a room at a LiveKit server: who gets it, what it may load, and what it shows if the server is away."""

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client
from django.utils import timezone
from playwright.sync_api import Page

from tests.builders import NOW, minutes
from tests.conftest import NewPage
from tests.pages import fits
from tests.servers.video import VideoServer
from videocalls.models import VideoCall
from videocalls.providers import Visitor
from videocalls.rooms import enter

Serve = Callable[[str], VideoServer]
CITIZEN = Visitor(key="citizen", name="Μαρία Παπαδοπούλου", back="/appointments/somewhere/")
OFFICER = Visitor(key="officer-7", name="Άννα Υπαλλήλου", is_host=True, back="/appointments/somewhere/")


def a_call(**fields: Any) -> VideoCall:
    window = {"opens_at": NOW, "closes_at": NOW + timedelta(hours=1)}
    return VideoCall.objects.create(provider="livekit", state=VideoCall.State.READY, **window | fields)


def come(client: Client, call: VideoCall, visitor: Visitor = CITIZEN) -> Any:
    with time_machine.travel(NOW, tick=False):
        return client.get(enter(call, visitor, now=NOW), follow=True)


def look(client: Client, call: VideoCall, after: timedelta = timedelta()) -> Any:
    with time_machine.travel(NOW + after, tick=False):
        return client.get(f"/calls/livekit/{call.room}/")


def token_of(answer: Any) -> str:
    found = re.search(r'data-token="([^"]+)"', answer.content.decode())
    assert found
    return found[1]


@pytest.mark.django_db
def test_pass_leaves_the_address_and_a_reload_makes_a_new_token(serve: Serve) -> None:
    server = serve("livekit")
    call, client = a_call(), Client()
    answer = come(client, call)
    assert answer.redirect_chain == [(f"/calls/livekit/{call.room}/", 302)]
    claims = server.claims(token_of(answer))
    assert claims is not None
    assert (claims["sub"], claims["video"]["room"], claims["video"]["roomAdmin"]) == ("citizen", call.room, False)
    later = look(client, call, minutes(30))
    server.now = lambda: NOW + minutes(30)
    assert server.claims(token_of(later)) is not None
    assert server.claims(token_of(answer)) is None
    assert "no-store" in later["Cache-Control"]


@pytest.mark.django_db
def test_page_may_use_camera_and_speak_to_this_server_alone(serve: Serve) -> None:
    server = serve("livekit")
    answer = come(Client(), a_call())
    policy = answer["Content-Security-Policy"]
    connect = next(part for part in policy.split("; ") if part.startswith("connect-src"))
    assert connect.split()[1:] == ["'self'", server.url.replace("http", "ws"), server.url]
    assert "script-src 'self';" in policy
    assert "camera=(self)" in answer["Permissions-Policy"]
    assert "microphone=(self)" in answer["Permissions-Policy"]


@pytest.mark.django_db
def test_officer_is_host(serve: Serve) -> None:
    server = serve("livekit")
    claims = server.claims(token_of(come(Client(), a_call(), OFFICER)))
    assert claims is not None
    assert (claims["sub"], claims["video"]["roomAdmin"]) == ("officer-7", True)


@pytest.mark.django_db
def test_stranger_finds_nothing(serve: Serve) -> None:
    serve("livekit")
    call, other, client = a_call(), a_call(), Client()
    come(client, other)
    with time_machine.travel(NOW, tick=False):
        old = enter(call, CITIZEN, now=NOW - minutes(6) + minutes(0)) or enter(call, CITIZEN, now=NOW)
        swapped = enter(other, CITIZEN, now=NOW).replace(other.room, call.room)
    for address in (f"/calls/livekit/{call.room}/", swapped, f"/calls/livekit/{call.room}/?pass=x"):
        with time_machine.travel(NOW, tick=False):
            assert client.get(address, follow=True).status_code == 404
    with time_machine.travel(NOW + minutes(6), tick=False):
        assert client.get(old, follow=True).status_code == 404
    assert look(client, call).status_code == 404


@pytest.mark.django_db
@pytest.mark.parametrize(
    "change", [{"provider": "jitsi"}, {"state": "dropped"}, {"ended_at": NOW}, {"closes_at": NOW + minutes(1)}]
)
def test_room_that_is_left_leads_back(serve: Serve, change: dict[str, Any]) -> None:
    serve("livekit")
    call, client = a_call(), Client()
    come(client, call)
    VideoCall.objects.filter(pk=call.pk).update(**change)
    answer = look(client, call, minutes(2))
    assert (answer.status_code, answer["Location"]) == (302, CITIZEN.back)


@pytest.mark.browser
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("language", "javascript"), [("el", True), ("en", True), ("el", False)])
def test_page_without_its_server_says_what_to_do(
    serve: Serve,
    new_page: NewPage,
    assert_accessible: Callable[[Page], None],
    language: str,
    javascript: bool,
) -> None:
    server = serve("livekit")
    now = timezone.now()
    server.now = timezone.now
    call = a_call(opens_at=now - minutes(5), closes_at=now + minutes(30))
    page = new_page(size=(320, 640), javascript=javascript, language=language)
    if javascript:
        page.route_web_socket(re.compile(r"^ws://127"), lambda socket: socket.close(code=1011))
    address = enter(call, CITIZEN, now=now)
    page.goto(address if language == "el" else f"/en{address}")
    if javascript:
        words = {"el": "Δεν υπάρχει σύνδεση με την αίθουσα.", "en": "There is no connection to the video room."}
        page.get_by_text(words[language]).wait_for(timeout=20_000)
        assert_accessible(page)
    else:
        assert page.locator("noscript p").count() == 1
    assert fits(page)
    assert page.locator(f'a[href="{CITIZEN.back}"]').count() == 2
