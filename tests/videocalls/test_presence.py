from datetime import timedelta
from functools import partial

import pytest

from tests.builders import NOW, minutes
from tests.races import at_once
from videocalls import presence
from videocalls.models import SEATS, Participant, VideoCall
from videocalls.presence import AWAY, LOST, RoomFull
from videocalls.providers import Visitor

CITIZEN = Visitor(key="citizen", name="Μαρία Παπαδοπούλου")
OFFICER = Visitor(key="officer-7", name="Άννα Υπαλλήλου", is_host=True)


def a_call() -> VideoCall:
    return VideoCall.objects.create(provider="room", opens_at=NOW, closes_at=NOW + timedelta(hours=1))


def a_guest(call: VideoCall, number: int) -> Participant:
    return presence.arrive(call, Visitor(key=f"guest-{number}", name=f"Guest {number}"), now=NOW)


@pytest.mark.django_db
def test_citizen_waits_and_officer_is_let_in_at_once() -> None:
    call = a_call()
    citizen, officer = presence.arrive(call, CITIZEN, now=NOW), presence.arrive(call, OFFICER, now=NOW + minutes(1))
    assert (citizen.waiting_from, citizen.seat, citizen.admitted_at) == (NOW, None, None)
    assert (officer.seat, officer.admitted_at, officer.role) == (1, NOW + minutes(1), Participant.Role.HOST)
    assert list(call.participants.all().waiting()) == [citizen]


@pytest.mark.django_db
def test_who_comes_back_waits_again_and_keeps_the_first_times() -> None:
    call = a_call()
    citizen = presence.arrive(call, CITIZEN, now=NOW)
    presence.admit(citizen, now=NOW + minutes(2))
    presence.leave(citizen, now=NOW + minutes(9))
    presence.leave(citizen, now=NOW + minutes(10))
    citizen.refresh_from_db()
    assert (citizen.left_at, citizen.seat) == (NOW + minutes(9), None)
    back = presence.arrive(call, CITIZEN, now=NOW + minutes(11))
    assert (back.waiting_from, back.admitted_at, back.left_at, back.seat) == (NOW, NOW + minutes(2), None, None)
    assert call.participants.count() == 1


@pytest.mark.django_db
def test_reload_keeps_the_seat() -> None:
    call = a_call()
    citizen = presence.arrive(call, CITIZEN, now=NOW)
    presence.admit(citizen, now=NOW)
    assert presence.arrive(call, CITIZEN, now=NOW + minutes(1)).seat == citizen.seat == 1


@pytest.mark.django_db
def test_full_room_takes_only_the_seat_of_somebody_who_is_away() -> None:
    call = a_call()
    for number in range(SEATS):
        presence.admit(a_guest(call, number), now=NOW)
    late = presence.arrive(call, CITIZEN, now=NOW)
    with pytest.raises(RoomFull):
        presence.admit(late, now=NOW + AWAY)
    for number in (0, 1, 3):
        presence.keep_alive(Participant.objects.get(key=f"guest-{number}"), now=NOW + AWAY)
    presence.admit(late, now=NOW + LOST)
    gone = Participant.objects.get(key="guest-2")
    assert (late.seat, gone.seat, gone.left_at) == (3, None, NOW)


@pytest.mark.django_db
def test_end_lets_everybody_leave() -> None:
    call = a_call()
    presence.arrive(call, CITIZEN, now=NOW), presence.arrive(call, OFFICER, now=NOW)
    presence.end(call, now=NOW + minutes(5))
    call.refresh_from_db()
    assert call.ended_at == NOW + minutes(5)
    assert {one.left_at for one in call.participants.all()} == {NOW + minutes(5)}
    assert not call.participants.all().waiting()
    assert not call.participants.all().inside()


@pytest.mark.django_db
def test_polling_writes_seldom() -> None:
    citizen = presence.arrive(a_call(), CITIZEN, now=NOW)
    presence.keep_alive(citizen, now=NOW + timedelta(seconds=2))
    citizen.refresh_from_db()
    assert citizen.seen_at == NOW
    presence.keep_alive(citizen, now=NOW + AWAY / 3)
    citizen.refresh_from_db()
    assert citizen.seen_at == NOW + AWAY / 3
    assert presence.is_here(citizen, now=NOW + AWAY)
    assert not presence.is_here(citizen, now=NOW + 2 * AWAY)


@pytest.mark.django_db(transaction=True)
def test_people_let_in_at_once_get_different_seats() -> None:
    call = a_call()
    guests = [a_guest(call, number) for number in range(SEATS + 2)]

    def let_in(guest: Participant) -> bool:
        try:
            presence.admit(guest, now=NOW)
        except RoomFull:
            return False
        return True

    assert at_once([partial(let_in, guest) for guest in guests])["done"] == SEATS
    assert [one.seat for one in call.participants.all().inside()] == list(range(1, SEATS + 1))
