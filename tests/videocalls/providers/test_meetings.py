"""What a provider keeps for a call is made once, moved with the call, and taken away."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection

from tests.builders import NOW, minutes
from tests.servers.video import VideoServer
from videocalls import meetings, rooms
from videocalls.models import Meeting, VideoCall
from videocalls.providers import Visitor
from videocalls.rooms import LEASE, enter, prepare

Serve = Callable[[str], VideoServer]
State = VideoCall.State
CITIZEN = Visitor(key="citizen", name="Μαρία Παπαδοπούλου")
TOMORROW = NOW + timedelta(days=1)


def a_call(provider: str = "webex", **fields: Any) -> VideoCall:
    window = {"opens_at": TOMORROW, "closes_at": TOMORROW + timedelta(hours=1)}
    return VideoCall.objects.create(provider=provider, **window | fields)


def prepared(call: VideoCall, now: datetime = NOW) -> VideoCall:
    prepare(call, now=now)
    call.refresh_from_db()
    return call


def sweep(now: datetime) -> None:
    """What the worker does every two minutes."""
    meetings.find_unneeded(now=now)
    for meeting in Meeting.objects.to_remove(now=now):
        meetings.remove(meeting, now=now)


def cleared(now: datetime = NOW) -> None:
    sweep(now)
    sweep(now + LEASE)


@pytest.mark.django_db
def test_meeting_is_made_for_the_window_and_says_nothing_of_the_citizen(serve: Serve) -> None:
    server = serve("webex")
    call = prepared(a_call())
    (meeting,) = server.meetings.values()
    assert call.state == State.READY
    assert (meeting["start"], meeting["end"]) == ("2026-03-03T05:00:00Z", "2026-03-03T06:00:00Z")
    assert meeting["integrationTags"] == [call.room]
    assert (meeting["enabledAutoRecordMeeting"], meeting["publicMeeting"]) == (False, False)


@pytest.mark.django_db
def test_secrets_of_a_meeting_are_sealed(serve: Serve) -> None:
    serve("webex")
    call = prepared(a_call())
    meeting = call.meetings.get()
    assert (meeting.details["hostKey"], meeting.details["password"]) == ("123456", "BgJep@43")
    with connection.cursor() as cursor:
        cursor.execute("SELECT sealed, videocalls_meeting::text FROM videocalls_meeting")
        sealed, row = cursor.fetchone()
    assert b"123456" not in bytes(sealed)
    assert "BgJep" not in row


@pytest.mark.django_db
@pytest.mark.parametrize("moved", [False, True])
def test_lost_answer_does_not_make_a_second_meeting(serve: Serve, moved: bool) -> None:
    server = serve("webex")
    server.loses = {"POST /v1/meetings"}
    call = prepared(a_call())
    assert (call.state, len(server.meetings)) == (State.PENDING, 1)
    server.loses = set()
    if moved:
        VideoCall.objects.filter(pk=call.pk).reopen(TOMORROW + timedelta(days=9), TOMORROW + timedelta(days=9, hours=1))
    call = prepared(call, NOW + minutes(1))
    assert (call.state, len(server.meetings)) == (State.READY, 1)
    assert call.meetings.get().details["id"] in server.meetings
    start = "2026-03-12T05:00:00Z" if moved else "2026-03-03T05:00:00Z"
    assert [meeting["start"] for meeting in server.meetings.values()] == [start]


@pytest.mark.django_db
def test_meeting_moves_with_the_call(serve: Serve) -> None:
    server = serve("webex")
    call = prepared(a_call())
    VideoCall.objects.filter(pk=call.pk).reopen(TOMORROW + timedelta(days=1), TOMORROW + timedelta(days=1, hours=2))
    assert prepared(call).state == State.READY
    assert [(one["start"], one["end"]) for one in server.meetings.values()] == [
        ("2026-03-04T05:00:00Z", "2026-03-04T07:00:00Z")
    ]


@pytest.mark.django_db
def test_meeting_that_somebody_deleted_is_made_again(serve: Serve) -> None:
    server = serve("webex")
    call = prepared(a_call())
    server.meetings.clear()
    VideoCall.objects.filter(pk=call.pk).reopen(call.opens_at, call.closes_at)
    assert prepared(call).state == State.READY
    assert call.meetings.get().details["id"] in server.meetings


@pytest.mark.django_db
def test_meeting_at_once_begins_in_the_future_and_lasts_ten_minutes(serve: Serve) -> None:
    """Five minutes between the clocks do no harm."""
    server = serve("webex")
    server.now = lambda: NOW + minutes(5)
    call = prepared(a_call(opens_at=NOW - minutes(5), closes_at=NOW + minutes(8)))
    assert call.state == State.READY
    (meeting,) = server.meetings.values()
    assert (meeting["start"], meeting["end"]) == ("2026-03-02T05:06:00Z", "2026-03-02T05:16:00Z")
    assert meeting["joinBeforeHostMinutes"] == 15


@pytest.mark.django_db
def test_meeting_that_goes_on_bears_a_longer_window(serve: Serve) -> None:
    server = serve("webex")
    call = prepared(a_call(opens_at=NOW, closes_at=NOW + minutes(30)))
    good = server.answer
    server.answer = lambda method, *rest: (  # type: ignore[method-assign]
        type(good("GET", "/none", {}, b""))(409) if method == "PATCH" else good(method, *rest)
    )
    VideoCall.objects.filter(pk=call.pk).reopen(call.opens_at, call.closes_at + minutes(30))
    assert prepared(call, NOW + minutes(10)).state == State.READY
    assert enter(call, CITIZEN, now=NOW + minutes(40))


@pytest.mark.django_db
@pytest.mark.parametrize("provider", ["webex", "bbb"])
@pytest.mark.parametrize("why", ["dropped", "over", "elsewhere"])
def test_meeting_is_removed_when_nobody_needs_it(serve: Serve, provider: str, why: str) -> None:
    server = serve(provider)
    call = prepared(a_call(provider))
    now = NOW
    if why == "dropped":
        rooms.drop(VideoCall.objects.filter(pk=call.pk))
    elif why == "over":
        now = call.closes_at
    else:
        VideoCall.objects.filter(pk=call.pk).update(provider="room")
    sweep(now)
    assert len(server.meetings) == 1  # a worker could still be making it
    sweep(now + LEASE)
    assert not server.meetings
    assert not Meeting.objects.exists()


@pytest.mark.django_db
def test_needed_meeting_stays(serve: Serve) -> None:
    server = serve("webex")
    prepared(a_call())
    cleared()
    assert len(server.meetings) == 1


@pytest.mark.django_db
def test_meeting_whose_making_was_never_confirmed_is_removed_too(serve: Serve) -> None:
    server = serve("webex")
    server.loses = {"POST /v1/meetings"}
    call = prepared(a_call())
    server.loses = set()
    rooms.drop(VideoCall.objects.filter(pk=call.pk))
    cleared()
    assert not server.meetings


@pytest.mark.django_db
def test_call_that_comes_back_keeps_its_meeting(serve: Serve) -> None:
    server = serve("webex")
    call = prepared(a_call())
    rooms.drop(VideoCall.objects.filter(pk=call.pk))
    sweep(NOW)
    VideoCall.objects.filter(pk=call.pk).reopen(call.opens_at, call.closes_at)
    sweep(NOW + LEASE)
    assert prepared(call, NOW + LEASE).state == State.READY
    cleared(NOW + LEASE)
    assert len(server.meetings) == 1


@pytest.mark.django_db
def test_removing_is_tried_again_and_given_up_visibly(serve: Serve) -> None:
    server = serve("webex")
    call = prepared(a_call())
    rooms.drop(VideoCall.objects.filter(pk=call.pk))
    server.mood = "broken"
    sweep(NOW)
    now = NOW + LEASE
    for wait in [*meetings.RETRIES, 0]:
        sweep(now)
        now += minutes(wait)
    meeting = Meeting.objects.get()
    assert meeting.given_up_at is not None
    assert meeting.last_error == "127.0.0.1 has a problem (500)"
    assert not Meeting.objects.to_remove(now=now + timedelta(days=9))
    server.mood = ""
    VideoCall.objects.filter(pk=call.pk).reopen(now, now + timedelta(hours=1))
    assert prepared(call, now + minutes(1)).state == State.READY


@pytest.mark.django_db
def test_meeting_that_is_gone_already_is_no_error(serve: Serve) -> None:
    for provider in ("webex", "bbb"):
        server = serve(provider)
        call = prepared(a_call(provider))
        server.meetings.clear()
        rooms.drop(VideoCall.objects.filter(pk=call.pk))
    cleared()
    assert not Meeting.objects.exists()


@pytest.mark.django_db
def test_errors_name_no_secret(serve: Serve) -> None:
    server = serve("bbb")
    server.mood = "refusing"
    call = prepared(a_call("bbb"))
    assert call.last_error == "127.0.0.1 refuses the request (403)"
    server.mood = "silent"
    call = prepared(a_call("bbb"), NOW + minutes(1))
    assert call.last_error == "127.0.0.1 does not answer (TimeoutError)"
