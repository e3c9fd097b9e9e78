"""A video server that does not work is known by kind and host, is left alone for a while, and is looked at until it works."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from pytest_django.fixtures import Settings

from accounts.models import Peer
from tests.builders import NOW, minutes
from tests.servers.video import MOODS, SERVERS, Reply, VideoServer
from videocalls import meetings, rooms, servers
from videocalls.models import Meeting, VideoCall
from videocalls.providers import Visitor
from videocalls.providers.asking import PAUSES, PROBE, WHOLE
from videocalls.rooms import enter, prepare

Serve = Callable[[str], VideoServer]
State = VideoCall.State
CITIZEN = Visitor(key="citizen", name="Μαρία Παπαδοπούλου")
BAD = ["silent", "slow", "half", *MOODS]
# Whatever stands on a front page, it is there: people may go.
HARMLESS = {(provider, "garbage") for provider in ("jitsi", "livekit")}
LATER = NOW + timedelta(seconds=PAUSES[0])

pytestmark = pytest.mark.django_db


def a_call(provider: str, **fields: Any) -> VideoCall:
    window = {"opens_at": NOW, "closes_at": NOW + timedelta(hours=1), "fallback": "room", "state": State.READY}
    return VideoCall.objects.create(provider=provider, link="https://video.example.org/{room}", **window | fields)


def looked(now: datetime = NOW) -> None:
    """As the worker does every half a minute."""
    servers.forget(now=now)
    for call in servers.to_look_at(now=now):
        servers.look(call, now=now)


def away() -> list[tuple[str, datetime]]:
    return [*Peer.objects.order_by("name").values_list("name", "since")]


@pytest.mark.parametrize("provider", SERVERS)
@pytest.mark.parametrize("mood", BAD)
def test_server_that_does_not_work_is_known_until_it_works(serve: Serve, provider: str, mood: str) -> None:
    server = serve(provider)
    a_call(provider)
    server.mood = mood
    looked()
    if (provider, mood) in HARMLESS:
        assert away() == []
        return
    assert away() == [(f"video {provider} 127.0.0.1", NOW)]
    looked(LATER)
    assert away() == [(f"video {provider} 127.0.0.1", NOW)]
    server.mood = ""
    looked(LATER + timedelta(seconds=PAUSES[1]))
    assert away() == []


@pytest.mark.parametrize("provider", ["bbb", "webex"])
def test_preparing_tells_it_too_and_the_next_one_does_not_wait(serve: Serve, provider: str) -> None:
    server = serve(provider)
    server.mood = "broken"
    first, second = (a_call(provider, state=State.PENDING, opens_at=NOW + minutes(30)) for _ in range(2))
    prepare(first, now=NOW)
    asked = len(server.asked)
    prepare(second, now=NOW)
    assert (len(server.asked), away()) == (asked, [(f"video {provider} 127.0.0.1", NOW)])
    second.refresh_from_db()
    assert (second.state, second.retry_at) == (State.PENDING, NOW + minutes(1))
    server.mood = ""
    prepare(second, now=NOW + minutes(1))
    second.refresh_from_db()
    assert (second.state, second.provider, away()) == (State.READY, provider, [])


def test_removing_leaves_it_alone(serve: Serve) -> None:
    server = serve("webex")
    call = a_call("webex", state=State.PENDING)
    prepare(call, now=NOW)
    server.mood = "broken"
    looked()
    rooms.drop(VideoCall.objects.filter(pk=call.pk))
    Meeting.objects.update(unneeded_at=NOW)
    asked = len(server.asked)
    meetings.remove(Meeting.objects.get(), now=NOW)
    assert len(server.asked) == asked
    server.mood = ""
    meetings.remove(Meeting.objects.get(), now=NOW + minutes(5))
    assert (Meeting.objects.count(), away()) == (0, [])


@pytest.mark.parametrize("provider", SERVERS)
def test_who_comes_meanwhile_goes_to_the_second_at_once(serve: Serve, provider: str) -> None:
    server = serve(provider)
    server.mood = "broken"
    call = a_call(provider)
    looked()
    asked = len(server.asked)
    assert enter(call, CITIZEN, now=NOW).startswith("/calls/")
    assert len(server.asked) == asked


@pytest.mark.parametrize("inside", [True, False])
def test_server_is_asked_all_the_same_if_there_is_no_choice_or_somebody_is_inside(serve: Serve, inside: bool) -> None:
    server = serve("bbb")
    server.mood = "broken"
    looked_at = a_call("bbb")
    call = a_call("bbb", **({"entered_at": NOW} if inside else {"fallback": ""}))
    servers.look(looked_at, now=NOW)
    server.mood = ""
    assert enter(call, CITIZEN, now=NOW).startswith(server.url)
    assert away() == []


def test_server_that_accepts_no_key_or_clock_of_ours_does_not_work(serve: Serve, settings: Settings) -> None:
    clock = serve("jitsi")
    clock.now = lambda: NOW + timedelta(hours=1)
    serve("bbb")
    settings.BBB_SECRET = "x" * 40
    for provider in ("jitsi", "bbb"):
        a_call(provider)
    looked()
    assert [name for name, _since in away()] == ["video bbb 127.0.0.1", "video jitsi 127.0.0.1"]


def test_refusal_of_one_room_says_nothing_of_the_server(serve: Serve) -> None:
    serve("bbb").answer = lambda *_asked: Reply(404)  # type: ignore[method-assign]
    call = a_call("bbb", state=State.PENDING)
    prepare(call, now=NOW)
    call.refresh_from_db()
    assert (call.provider, away()) == ("room", [])


def test_servers_are_looked_at_while_their_rooms_are_open_or_open_soon_and_once_for_all(serve: Serve) -> None:
    server = serve("jitsi")
    later = a_call("jitsi", opens_at=NOW + servers.SOON + minutes(1))
    a_call("room")
    a_call("pigeon")
    a_call("jitsi", opens_at=NOW - minutes(9), closes_at=NOW)
    a_call("jitsi", state=State.DROPPED)
    looked()
    assert server.asked == []
    a_call("jitsi")
    a_call("jitsi", opens_at=NOW + servers.SOON)
    looked()
    assert len(server.asked) == 1
    VideoCall.objects.exclude(pk=later.pk).delete()
    server.mood = "broken"
    servers.look(later, now=NOW)
    assert len(away()) == 1
    server.mood = ""
    looked(NOW + servers.SOON - minutes(9))  # nobody needs it yet, but it did not work
    assert away() == []


def test_each_agencys_own_address_is_a_server_of_its_own() -> None:
    one, other = "https://one.example.org/", "https://other.example.org/{room}"
    for link in (one, other, other, "https://other.example.org/second"):
        VideoCall.objects.create(provider="link", link=link, opens_at=NOW, closes_at=NOW + minutes(9))
    assert {call.link for call in servers.to_look_at(now=NOW)} <= {one, other, "https://other.example.org/second"}
    assert len(servers.to_look_at(now=NOW)) == 2


def test_server_that_no_call_needs_any_more_is_forgotten_after_a_day(serve: Serve) -> None:
    serve("bbb").mood = "broken"
    call = a_call("bbb")
    looked()
    call.delete()
    looked(NOW + timedelta(hours=23))
    assert len(away()) == 1
    looked(NOW + timedelta(days=1, minutes=1))
    assert away() == []


def test_whoever_asks_again_has_more_time_than_the_longest_conversation() -> None:
    assert timedelta(seconds=4 * WHOLE) < PROBE
