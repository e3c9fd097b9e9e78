"""An appointment is missed and booked again, moved, or cancelled, while its citizen is in the line or stands at the counter."""

from collections.abc import Callable
from html import unescape

import pytest
import time_machine
from django.test import Client

from accounts.models import User
from agencies.models import Branch, Channel
from appointments import booking, counter
from appointments.counter import arrivals
from appointments.counter.arrivals import Answer
from appointments.errors import NobodyWaits
from appointments.models import Appointment, Desk, Queue, Status, Ticket
from tests.builders import (
    GUEST,
    STAFF,
    a_branch,
    a_desk,
    a_procedure,
    a_rule,
    an_always_open_branch,
    an_appointment,
    an_officer,
    at,
    booked_at,
    by,
    slot_at,
    slots_of,
    today_at,
)
from tests.codes import open_for

pytestmark = pytest.mark.django_db
State = Ticket.State
DAY = "/en/admin/appointments/appointment"


@pytest.fixture
def branch(clock: time_machine.Traveller) -> Branch:
    clock.move_to(today_at(10))
    return an_always_open_branch()


# Missed and booked again for today: whichever appointment the citizen names, and wherever, the new one is checked in


def missed(branch: Branch, number: int = 1, *, after_check_in: bool = False) -> Appointment:
    """An appointment at nine that was marked as missed at a quarter past nine."""
    appointment = booked_at(branch, 9, number=number)
    if after_check_in:
        counter.miss(counter.check_in(appointment, by=GUEST, now=today_at(8, 50)), by=STAFF, now=today_at(9, 15))
    else:
        booking.miss(appointment, by=STAFF, now=today_at(9, 15))
    return Appointment.objects.get(pk=appointment.pk)


def anew(branch: Branch, hour: int = 10, minute: int = 30, number: int = 1) -> Appointment:
    return an_appointment(slot_at(today_at(hour, minute), branch), number, now=today_at(9, 30))


def press_at_kiosk(client: Client, old: Appointment, officer: User) -> str:
    queue, _ = Queue.objects.get_or_create(branch=old.branch)
    form = {"reference": f"https://example.org/appointments/{old.reference}/"}
    return _text(client, f"/kiosk/{queue.kiosk_key}/appointment/", form)


def press_in_the_days_list(client: Client, old: Appointment, officer: User) -> str:
    client.force_login(officer)
    return _text(client, f"{DAY}/{old.reference}/arrive/", {})


def press_in_the_queue(client: Client, old: Appointment, officer: User) -> str:
    client.force_login(officer)
    return _text(client, f"{DAY}/queue/{old.branch.code}/check-in/", {"appointment": old.reference})


def press_on_own_page(client: Client, old: Appointment, officer: User) -> str:
    open_for(client, old)
    return _text(client, f"{old.get_absolute_url()}here/", {})


def _text(client: Client, address: str, form: dict[str, str]) -> str:
    answer = client.post(address, form, follow=True)
    assert answer.status_code == 200
    return unescape(answer.content.decode())


Press = Callable[[Client, Appointment, User], str]
PLACES: list[Press] = [press_at_kiosk, press_in_the_days_list, press_in_the_queue, press_on_own_page]


@pytest.mark.parametrize("press", PLACES)
@pytest.mark.parametrize("after_check_in", [False, True])
def test_old_appointment_checks_in_the_new_one_everywhere(
    client: Client, branch: Branch, officer: User, press: Press, after_check_in: bool
) -> None:
    old = missed(branch, after_check_in=after_check_in)
    new = anew(branch)
    page = press(client, old, officer)
    ticket = Ticket.objects.get(appointment=new)
    assert (ticket.state, ticket.due_at) == (Ticket.State.WAITING, new.starts_at)
    assert ticket.spoken_number in page or press is press_in_the_days_list
    old.refresh_from_db()
    new.refresh_from_db()
    assert (old.status, new.status) == (Status.NO_SHOW, Status.ARRIVED)
    press(client, old, officer)
    assert Ticket.objects.open().get() == ticket


@pytest.mark.parametrize("press", PLACES)
def test_new_appointment_checks_in_itself_everywhere(
    client: Client, branch: Branch, officer: User, press: Press
) -> None:
    missed(branch)
    new = anew(branch)
    press(client, new, officer)
    assert Ticket.objects.get().appointment == new


@pytest.mark.parametrize("press", PLACES)
def test_who_booked_again_for_tomorrow_waits_today_for_the_old_one(
    client: Client, branch: Branch, officer: User, press: Press
) -> None:
    old = missed(branch)
    new = an_appointment(slot_at(at(9), branch), 1, now=today_at(9, 30))
    press(client, old, officer)
    assert Ticket.objects.get().appointment == old
    new.refresh_from_db()
    assert new.status == Status.BOOKED


def test_day_list_tells_the_officer_which_appointment_was_checked_in(
    client: Client, branch: Branch, officer: User
) -> None:
    old, new = missed(branch), anew(branch)
    assert new.spoken_reference in press_in_the_days_list(client, old, officer)


def test_kiosk_answers_about_the_new_one_if_that_is_much_later(branch: Branch) -> None:
    old, new = missed(branch), anew(branch, 15, 0)
    arrival = arrivals.by_reference(old.reference, branch, by=GUEST, now=today_at(10))
    assert (arrival.answer, arrival.appointment) == (Answer.EARLY, new)


def test_somebody_elses_and_another_services_appointment_are_left_alone(branch: Branch) -> None:
    old = missed(branch)
    anew(branch, number=2)
    other = a_procedure(branch.agency, "kep-other")
    an_appointment(slot_at(today_at(10, 40), branch), 1, procedure=other, now=today_at(9, 30))
    ticket = arrivals.by_reference(old.reference, branch, by=GUEST, now=today_at(10)).ticket
    assert ticket is not None
    assert ticket.appointment == old


def test_appointment_that_was_booked_before_is_another_one(branch: Branch) -> None:
    """A service of which one may have two: who missed the first has not booked the second instead of it."""
    branch.agency.procedures.update(open_limit=2)
    booked_at(branch, 15, number=1)
    old = missed(branch)
    ticket = arrivals.by_reference(old.reference, branch, by=GUEST, now=today_at(10)).ticket
    assert ticket is not None
    assert ticket.appointment == old


def test_undo_takes_the_new_one_out_of_the_line_again(branch: Branch, officer: User) -> None:
    old, new = missed(branch), anew(branch)
    ticket = counter.check_in(old, by=by(officer), now=today_at(10))
    assert counter.undo(ticket, by=by(officer), now=today_at(10)).state == Ticket.State.GONE
    new.refresh_from_db()
    assert new.status == Status.BOOKED


# By telephone or video: parked, and then moved or cancelled


def parked(video: Appointment, officer: User, desk: Desk) -> Ticket:
    ticket = counter.admit(video, by=by(officer), now=today_at(8))
    return counter.park(ticket, by=by(officer), now=today_at(8, 1), reason="Did not answer")


def parked_from_the_call(video: Appointment, officer: User, desk: Desk) -> Ticket:
    called = counter.call(counter.admit(video, by=by(officer), now=today_at(8)), desk, by=by(officer), now=today_at(8))
    return counter.park(called, by=by(officer), now=today_at(8, 1))


def parked_from_the_service(video: Appointment, officer: User, desk: Desk) -> Ticket:
    ticket = counter.admit(video, by=by(officer), now=today_at(8))
    served = counter.serve(ticket, by=by(officer), now=today_at(8))
    return counter.park(served, by=by(officer), now=today_at(8, 1))


Park = Callable[[Appointment, User, Desk], Ticket]
PARKED: list[Park] = [parked, parked_from_the_call, parked_from_the_service]
remotely = pytest.mark.parametrize("channel", [Channel.PHONE, Channel.VIDEO])


@remotely
@pytest.mark.parametrize("park", PARKED)
def test_parked_ticket_ends_with_its_appointment(
    branch: Branch, officer: User, desk: Desk, channel: Channel, park: Park
) -> None:
    remote = booked_at(branch, 9, channel=channel)
    ticket = park(remote, officer, desk)
    booking.cancel(remote, by=STAFF, now=today_at(8, 5))
    ticket.refresh_from_db()
    assert (ticket.state, ticket.desk) == (State.GONE, None)
    with pytest.raises(NobodyWaits):
        counter.call_next(desk, by=by(officer), now=today_at(12))


@remotely
@pytest.mark.parametrize("park", PARKED)
def test_parked_citizen_who_moves_to_later_today_is_called_then_and_served(
    branch: Branch, officer: User, desk: Desk, channel: Channel, park: Park
) -> None:
    remote = booked_at(branch, 9, channel=channel)
    ticket = park(remote, officer, desk)
    booking.reschedule(remote, slot_at(today_at(11)).pk, by=STAFF, now=today_at(8, 5))
    with pytest.raises(NobodyWaits):
        counter.call_next(desk, by=by(officer), now=today_at(10, 59))
    called = counter.call_next(desk, by=by(officer), now=today_at(11))
    assert (called, called.due_at) == (ticket, today_at(11))
    counter.complete(called, by=by(officer), now=today_at(11, 10))
    remote.refresh_from_db()
    assert remote.status == Status.COMPLETED


@remotely
@pytest.mark.parametrize("park", PARKED)
def test_parked_citizen_who_moves_to_tomorrow_or_elsewhere_can_be_missed_there(
    branch: Branch, officer: User, desk: Desk, channel: Channel, park: Park
) -> None:
    other = a_branch(branch.agency, "kep-other")
    a_rule(other, channels=[*Channel])
    slots_of(other)
    colleague = an_officer(other, email="other@example.org")
    elsewhere = a_desk(other, colleague)
    remote = booked_at(branch, 9, channel=channel)
    park(remote, officer, desk)
    booking.reschedule(remote, slot_at(at(9), other).pk, by=STAFF, now=today_at(8, 5))
    with pytest.raises(NobodyWaits):
        counter.call_next(desk, by=by(officer), now=today_at(12))
    called = counter.call_next(elsewhere, by=by(colleague), now=at(9))
    counter.miss(called, by=by(colleague), now=at(9, 5))
    remote.refresh_from_db()
    assert remote.status == Status.NO_SHOW
