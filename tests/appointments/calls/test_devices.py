"""One person who comes with several devices is one person: one place, and the device that asked last is let in."""

from datetime import timedelta

import pytest
import time_machine
from django.test import Client

from agencies.models import Branch, Channel
from appointments import counter
from appointments.calls import meeting
from appointments.calls.door import at_door
from appointments.models import Appointment, Desk, Ticket
from tests.builders import NOW, a_walk_in, an_officer, by
from tests.calls import STARTS_AT, a_video_appointment, again, call_of, of_link, path_of
from tests.pages import text_of
from videocalls.models import Participant, VideoCall
from videocalls.presence import AWAY

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("jitsi")]
SECOND = timedelta(seconds=1)
WAITS, IS_IN = "Είστε στην αίθουσα αναμονής από άλλη συσκευή.", "Είστε στη βιντεοκλήση από άλλη συσκευή."
HERE = "Συνέχεια σε αυτή τη συσκευή"


@pytest.fixture
def booked() -> Appointment:
    return a_video_appointment()


@pytest.fixture
def devices(booked: Appointment) -> tuple[Client, Client]:
    """A computer and a telephone of the same citizen."""
    with time_machine.travel(STARTS_AT, tick=False):
        return of_link(booked), of_link(booked)


def page(device: Client, booked: Appointment, now: timedelta = timedelta()) -> str:
    with time_machine.travel(STARTS_AT + now, tick=False):
        return text_of(device.get(path_of(booked.page_url("join"))))


def comes(device: Client, booked: Appointment, now: timedelta = timedelta(), **more: str) -> None:
    with time_machine.travel(STARTS_AT + now, tick=False):
        device.post(path_of(booked.page_url("join")), {"step": "arrive", **more})


def enters(device: Client, booked: Appointment, now: timedelta = timedelta()) -> str:
    with time_machine.travel(STARTS_AT + now, tick=False):
        return device.get(path_of(booked.page_url("enter"))).headers["Location"]


def let_in(booked: Appointment) -> None:
    [citizen] = Participant.objects.filter(role="visitor")
    meeting.let_in(again(booked), citizen, by=by(an_officer(booked.branch)), now=STARTS_AT)


def goes(html: str) -> bool:
    return 'data-go="' in html


def test_second_device_says_so_and_counts_for_nobody(booked: Appointment, devices: tuple[Client, Client]) -> None:
    computer, telephone = devices
    comes(computer, booked)
    assert WAITS in page(telephone, booked)
    comes(telephone, booked)  # a script that sends the form by itself
    assert WAITS in page(telephone, booked)
    assert WAITS not in page(computer, booked)
    assert Participant.objects.count() == Ticket.objects.count() == 1
    assert len(at_door(call_of(booked), now=STARTS_AT).waiting) == 1


def test_device_that_asked_last_is_let_in(booked: Appointment, devices: tuple[Client, Client]) -> None:
    computer, telephone = devices
    comes(computer, booked)
    comes(telephone, booked, here="1")
    assert WAITS in page(computer, booked)
    let_in(booked)
    assert goes(page(telephone, booked))
    shown = page(computer, booked)
    assert IS_IN in shown
    assert HERE in shown
    assert not goes(shown)


def test_page_that_asks_learns_that_the_other_device_is_let_in(
    booked: Appointment, devices: tuple[Client, Client]
) -> None:
    computer, telephone = devices
    comes(computer, booked)
    with time_machine.travel(STARTS_AT, tick=False):
        address = path_of(booked.page_url("join"))
        seen = {"seen": telephone.get(address).context["state"]}
        assert telephone.get(address, seen).status_code == 204
        let_in(booked)
        assert IS_IN in text_of(telephone.get(address, seen))


def test_call_goes_on_at_the_other_device(booked: Appointment, devices: tuple[Client, Client]) -> None:
    computer, telephone = devices
    comes(computer, booked)
    let_in(booked)
    enters(computer, booked)
    comes(telephone, booked, here="1")
    assert goes(page(telephone, booked))
    assert not goes(page(computer, booked))
    assert Participant.objects.filter(role="visitor").exclude(seat=None).count() == 1
    enters(computer, booked)  # its own way back into the room
    assert goes(page(computer, booked))
    assert IS_IN in page(telephone, booked)


def test_device_that_is_away_loses_the_place_to_one_that_is_here(
    booked: Appointment, devices: tuple[Client, Client]
) -> None:
    computer, telephone = devices
    comes(computer, booked)
    assert WAITS in page(telephone, booked, AWAY - SECOND)
    assert 'data-arrive="outside"' in page(telephone, booked, AWAY)
    comes(telephone, booked, AWAY)
    assert WAITS in page(computer, booked, AWAY)
    [person] = Participant.objects.filter(role="visitor")
    assert person.waiting_from == STARTS_AT


def test_page_of_another_device_does_not_keep_the_place_alive(
    booked: Appointment, devices: tuple[Client, Client]
) -> None:
    computer, telephone = devices
    comes(computer, booked)
    for seconds in range(5, 15, 5):
        page(telephone, booked, seconds * SECOND)
    [person] = Participant.objects.filter(role="visitor")
    assert person.seen_at == STARTS_AT


def test_device_inside_that_says_nothing_is_not_put_out_by_itself(
    booked: Appointment, devices: tuple[Client, Client]
) -> None:
    """Rooms of others do not tell us who is still there."""
    computer, telephone = devices
    comes(computer, booked)
    let_in(booked)
    assert IS_IN in page(telephone, booked, 10 * AWAY)
    comes(telephone, booked, 10 * AWAY)
    assert IS_IN in page(telephone, booked, 10 * AWAY)


def test_two_windows_of_one_browser_are_one_device(booked: Appointment, devices: tuple[Client, Client]) -> None:
    computer, _telephone = devices
    comes(computer, booked)
    assert WAITS not in page(computer, booked)
    assert "Είστε στην αίθουσα αναμονής." in page(computer, booked)


def test_who_has_left_comes_back_with_any_device(booked: Appointment, devices: tuple[Client, Client]) -> None:
    computer, telephone = devices
    comes(computer, booked)
    Participant.objects.update(left_at=STARTS_AT)
    for device in devices:
        assert 'data-arrive="left"' in page(device, booked)
    comes(telephone, booked)
    assert WAITS in page(computer, booked)


# The line


@pytest.fixture
def called(branch: Branch, desk: Desk) -> Ticket:
    call = VideoCall.objects.create(
        provider="jitsi", opens_at=NOW, closes_at=NOW + timedelta(hours=1), state=VideoCall.State.READY
    )
    ticket = a_walk_in(branch, NOW, channel=Channel.VIDEO, name="Μαρία", phone="+306912345678")
    Ticket.objects.update(video_call=call)
    return counter.call(ticket, desk, by=by(desk.officer), now=NOW)


@pytest.mark.usefixtures("clock")
def test_place_in_the_line_is_one_on_all_devices(called: Ticket) -> None:
    computer, telephone = Client(), Client()
    place, enter = called.get_absolute_url(), f"{called.get_absolute_url()}enter/"
    seen = telephone.get(place).context["state"]
    assert "Είσοδος στη βιντεοκλήση" in text_of(telephone.get(place))
    computer.get(enter)
    changed = telephone.get(place, {"seen": seen})
    assert changed.status_code == 200
    assert IS_IN in text_of(changed)
    assert HERE in text_of(changed)
    telephone.get(enter)
    assert IS_IN in text_of(computer.get(place))
    assert IS_IN not in text_of(telephone.get(place))
    assert Participant.objects.count() == 1
