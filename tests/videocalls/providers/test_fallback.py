"""The first provider fails in every way there is. Both sides meet at the second one, and nobody returns."""

import socket
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from django.db import connection
from pytest_django.fixtures import Settings

from tests.builders import NOW, minutes
from tests.races import at_once
from tests.servers.video import MOODS, SERVERS, VideoServer, settings_for
from videocalls import rooms
from videocalls.models import VideoCall
from videocalls.providers import Visitor
from videocalls.rooms import RETRIES, enter, prepare

Serve = Callable[[str], VideoServer]
State = VideoCall.State
CITIZEN = Visitor(key="citizen", name="Μαρία Παπαδοπούλου")
OFFICER = Visitor(key="officer-7", name="Άννα Υπαλλήλου", is_host=True)
LINK = "https://video.example.org/{room}"
BAD = ["silent", "slow", "half", *MOODS]


def a_call(provider: str, fallback: str = "link", **fields: Any) -> VideoCall:
    window = {"opens_at": NOW, "closes_at": NOW + timedelta(hours=1)}
    return VideoCall.objects.create(provider=provider, fallback=fallback, link=LINK, **window | fields)


def prepared(call: VideoCall, now: Any = NOW) -> VideoCall:
    prepare(call, now=now)
    call.refresh_from_db()
    return call


def where(call: VideoCall, visitor: Visitor = CITIZEN) -> str:
    """Returns where the visitor gets in, with the call as a page of its own would read it."""
    return enter(VideoCall.objects.get(pk=call.pk), visitor, now=NOW).partition("?")[0]


@pytest.mark.django_db
@pytest.mark.parametrize("provider", SERVERS)
def test_provider_that_answers_is_used_by_both(serve: Serve, provider: str) -> None:
    server = serve(provider)
    call = prepared(a_call(provider))
    assert where(call)
    assert where(call, OFFICER)
    call.refresh_from_db()
    assert (call.provider, call.fell_back_at, call.entered_at) == (provider, None, NOW)
    assert server.asked


@pytest.mark.django_db
@pytest.mark.parametrize("provider", SERVERS)
@pytest.mark.parametrize("mood", BAD)
def test_both_sides_meet_at_the_second_provider(serve: Serve, provider: str, mood: str) -> None:
    server = serve(provider)
    call = prepared(a_call(provider))
    second = f"https://video.example.org/{call.room}"
    server.mood = mood
    if (provider, mood) in HARMLESS:
        assert where(call)
        return
    assert where(call) == second
    server.mood = ""
    assert where(call, OFFICER) == where(call) == second
    call.refresh_from_db()
    assert (call.provider, call.fallback, call.fell_back_at, call.state) == ("link", "", NOW, State.READY)


# Whatever stands on a front page, it is there: people may go.
HARMLESS = {(provider, "garbage") for provider in ("jitsi", "livekit")}


@pytest.mark.django_db
@pytest.mark.parametrize("provider", SERVERS)
def test_server_that_is_not_there(settings: Settings, serve: Serve, provider: str) -> None:
    serve(provider)
    call = prepared(a_call(provider))
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}"
        for name, value in settings_for(provider, url).items():
            setattr(settings, name, value)
        assert where(call) == f"https://video.example.org/{call.room}"


@pytest.mark.django_db
@pytest.mark.parametrize("provider", SERVERS)
def test_without_a_second_provider_nobody_is_led_anywhere_else(serve: Serve, provider: str) -> None:
    server = serve(provider)
    call = prepared(a_call(provider, fallback=""))
    server.mood = "broken"
    went = where(call)
    call.refresh_from_db()
    assert (call.provider, call.state) == (provider, State.READY)
    # A token or an address of our own needs no server. The other two have to ask theirs.
    assert bool(went) is (provider in {"jitsi", "livekit"})


@pytest.mark.django_db
def test_hiccup_does_not_part_people(serve: Serve) -> None:
    server = serve("bbb")
    call = prepared(a_call("bbb"))
    first = where(call, OFFICER)
    good, left = server.answer, ["broken"]

    def hiccup(*request: Any) -> Any:
        return MOODS[left.pop()] if left else good(*request)

    server.answer = hiccup  # type: ignore[method-assign]
    assert where(call) == first
    server.mood = "broken"
    assert where(call) == where(call, OFFICER) == f"https://video.example.org/{call.room}"


@pytest.mark.django_db(transaction=True)
def test_people_who_come_at_once_land_together(serve: Serve) -> None:
    server = serve("bbb")
    call = prepared(a_call("bbb"))
    server.mood = "broken"
    went: list[str] = []

    def come(visitor: Visitor) -> bool:
        went.append(where(call, visitor))
        return True

    at_once([partial(come, visitor) for visitor in (CITIZEN, OFFICER) * 3])
    call.refresh_from_db()
    assert call.provider == "link"
    assert set(went) <= {f"https://video.example.org/{call.room}", ""}
    assert where(call) == where(call, OFFICER) == f"https://video.example.org/{call.room}"


@pytest.mark.django_db(transaction=True)
def test_address_of_a_provider_that_was_left_meanwhile_is_not_given(serve: Serve) -> None:
    """The citizen's request is at the first provider while the officer's has failed there."""
    server = serve("bbb")
    call = prepared(a_call("bbb"))
    good = server.answer

    def while_the_officer_leaves(*request: Any) -> Any:
        VideoCall.objects.filter(pk=call.pk).update(provider="link", fallback="")
        connection.close()
        return good(*request)

    server.answer = while_the_officer_leaves  # type: ignore[method-assign]
    assert where(call) == f"https://video.example.org/{call.room}"


# While it is prepared


@pytest.mark.django_db
def test_refusal_takes_the_second_at_once(serve: Serve) -> None:
    server = serve("bbb")
    server.mood = "refusing"
    call = prepared(a_call("bbb", opens_at=NOW + timedelta(days=3), closes_at=NOW + timedelta(days=4)))
    assert (call.provider, call.fallback, call.state, call.fell_back_at) == ("link", "", State.READY, NOW)


@pytest.mark.django_db
def test_provider_that_is_away_is_waited_for_until_the_room_opens(serve: Serve) -> None:
    server = serve("bbb")
    server.mood = "broken"
    call = prepared(a_call("bbb", opens_at=NOW + minutes(4)))
    assert (call.provider, call.state, call.retry_at) == ("bbb", State.PENDING, NOW + minutes(1))
    call = prepared(call, NOW + minutes(1))
    assert (call.provider, call.state, call.fell_back_at) == ("link", State.READY, NOW + minutes(1))


@pytest.mark.django_db
def test_provider_that_stays_away_is_given_up(serve: Serve) -> None:
    serve("bbb").mood = "broken"
    call, now = a_call("bbb", opens_at=NOW + timedelta(days=9), closes_at=NOW + timedelta(days=10)), NOW
    for wait in [*RETRIES, 0]:
        assert call.provider == "bbb"
        call = prepared(call, now)
        now += minutes(wait)
    assert (call.provider, call.state) == ("link", State.READY)


@pytest.mark.django_db
def test_call_that_kills_every_worker_takes_the_second() -> None:
    call, now = a_call("bbb", closes_at=NOW + timedelta(days=1)), NOW
    for _ in range(len(RETRIES) + 1):
        assert rooms._claim(call, now)
        now += rooms.LEASE
    assert prepared(call, now).state == State.READY
    assert (call.provider, call.attempts) == ("link", 1)


@pytest.mark.django_db
def test_second_that_fails_too_leaves_the_telephone(settings: Settings, serve: Serve) -> None:
    serve("bbb").mood = "refusing"
    call = prepared(a_call("bbb", fallback="jitsi"))
    assert (call.provider, call.state) == ("jitsi", State.FAILED)
    assert where(call) == ""


@pytest.mark.django_db
def test_moved_call_stays_at_the_second(serve: Serve) -> None:
    serve("bbb").mood = "refusing"
    call = prepared(a_call("bbb"))
    VideoCall.objects.filter(pk=call.pk).reopen(NOW + timedelta(days=1), NOW + timedelta(days=1, hours=1))
    call = prepared(call)
    assert (call.provider, call.state) == ("link", State.READY)
