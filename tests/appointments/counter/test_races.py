"""Many officers at once, with real threads and real connections: nobody is called twice, no number is given twice."""

import random
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta
from functools import partial

import pytest
from django.db import connection

from accounts.models import User
from agencies.models import Branch, Channel, Procedure
from appointments import booking, counter
from appointments.counter import desks
from appointments.errors import BookingError
from appointments.models import Appointment, Desk, Status, Ticket, TimeSlot
from tests.builders import GUEST, NOW, STAFF, a_branch, an_appointment, an_officer, an_open_branch, at, by, slots_of
from tests.races import assert_counts_agree, at_once

pytestmark = pytest.mark.django_db(transaction=True)

DESKS = 20
STORM_SECONDS = 10
RACES = 30


def seated(branch: Branch, count: int = DESKS) -> list[tuple[Desk, User]]:
    """So many desks with an officer each."""
    pairs = []
    for number in range(count):
        officer = an_officer(branch, email=f"officer{number}@example.org")
        desk = Desk.objects.create(branch=branch, name=str(number + 1))
        pairs.append((desks.sit(desk, by=by(officer), now=NOW), officer))
    return pairs


def test_officers_who_call_at_once_get_different_people() -> None:
    branch = an_open_branch()
    pairs = seated(branch)
    procedure = Procedure.objects.get()
    for _ in range(DESKS - 5):
        counter.take_ticket(branch, procedure, by=GUEST, now=NOW)
    results = at_once([lambda d=d, o=o: counter.call_next(d, by=by(o), now=NOW) for d, o in pairs])
    assert results == {"done": DESKS - 5, "NobodyWaits": 5}
    called = Ticket.objects.filter(state=Ticket.State.CALLED)
    assert len({ticket.desk_id for ticket in called}) == called.count() == DESKS - 5
    assert set(called.values_list("calls", flat=True)) == {1}


def test_two_who_call_the_same_person_at_once() -> None:
    branch = an_open_branch()
    pairs = seated(branch)
    ticket = counter.take_ticket(branch, Procedure.objects.get(), by=GUEST, now=NOW)
    results = at_once([lambda d=d, o=o: counter.call(ticket, d, by=by(o), now=NOW) for d, o in pairs])
    assert results == {"done": 1, "WrongStatus": DESKS - 1}


def test_one_desk_that_calls_twice_at_once_gets_one() -> None:
    branch = an_open_branch()
    desk, officer = seated(branch, 1)[0]
    for _ in range(10):
        counter.take_ticket(branch, Procedure.objects.get(), by=GUEST, now=NOW)
    results = at_once([lambda: counter.call_next(desk, by=by(officer), now=NOW) for _ in range(10)])
    assert results == {"done": 1, "DeskBusy": 9}


def test_officer_who_changes_branch_leaves_nobody_behind() -> None:
    """Two pages of one officer: one calls at the old desk while the other sits down at another branch."""
    here = an_open_branch()
    there = a_branch(here.agency, code="kep-there")
    desk, officer = seated(here, 1)[0]
    new = Desk.objects.create(branch=there, name="1")
    for _ in range(RACES):
        waiting = counter.take_ticket(here, Procedure.objects.get(), by=GUEST, now=NOW)
        at_once(
            [
                lambda ticket=waiting: counter.call(ticket, desk, by=by(officer), now=NOW),
                lambda: desks.sit(new, by=by(officer), now=NOW),
            ]
        )
        waiting.refresh_from_db()
        desk.refresh_from_db()
        assert (waiting.state == Ticket.State.CALLED) == (desk.officer_id == officer.pk)
        if waiting.state == Ticket.State.CALLED:
            counter.park(waiting, by=by(officer), now=NOW)
        else:
            desks.sit(desk, by=by(officer), now=NOW)


def test_tickets_taken_at_once_have_different_numbers() -> None:
    branch = an_open_branch()
    procedure = Procedure.objects.get()
    assert at_once([lambda: counter.take_ticket(branch, procedure, by=GUEST, now=NOW) for _ in range(50)]) == {
        "done": 50
    }
    assert sorted(Ticket.objects.values_list("number", flat=True)) == list(range(1, 51))


def test_check_in_of_one_appointment_at_kiosk_and_counter_gives_one_ticket() -> None:
    branch = an_open_branch()
    appointment = an_appointment(slots_of(branch)[0])
    assert at_once([lambda: counter.check_in(appointment, by=GUEST, now=NOW) for _ in range(20)]) == {"done": 20}
    assert Ticket.objects.get().number == 1


def test_caller_who_cancels_while_being_admitted_does_not_wait() -> None:
    branch = an_open_branch()
    officer = by(an_officer(branch))
    for number, slot in enumerate(slots_of(branch)[:RACES]):
        video = an_appointment(slot, number, channel=Channel.VIDEO)
        admit = partial(counter.admit, video, by=officer, now=NOW)
        at_once([admit, partial(booking.cancel, video, by=GUEST, now=NOW)])
    assert not Ticket.objects.open().filter(appointment__status=Status.CANCELLED).exists()


def test_undo_while_the_citizen_cancels_brings_nobody_back() -> None:
    branch = an_open_branch()
    officer = by(an_officer(branch))
    for number, slot in enumerate(slots_of(branch)[:RACES]):
        ticket = counter.check_in(an_appointment(slot, number), by=GUEST, now=NOW)
        counter.park(ticket, by=officer, now=NOW)
        undo = partial(counter.undo, ticket, by=officer, now=NOW)
        at_once([undo, partial(booking.cancel, ticket.appointment, by=STAFF, now=NOW)])
    assert not Ticket.objects.open().filter(appointment__status=Status.CANCELLED).exists()


def test_storm_of_officers_citizens_and_kiosk_ends_in_order() -> None:
    """Everybody does everything at once for a while; then every appointment, ticket and slot agrees with the others."""
    branch = an_open_branch(desks=4)
    pairs = seated(branch, 4)
    slots = [slot for slot in slots_of(branch) if slot.starts_at < NOW + timedelta(hours=5)]
    appointments = [an_appointment(slot, number) for number, slot in enumerate(slots)]
    workers = [partial(_officer_works, *pair) for pair in pairs]
    workers += [partial(_citizen_works, appointments, slots)] * 4
    with ThreadPoolExecutor(len(workers)) as pool:
        list(pool.map(_keep_at_it, workers))
    assert_counts_agree()
    found = set(Ticket.objects.exclude(appointment=None).values_list("state", "appointment__status"))
    assert found <= AGREEING
    assert Ticket.objects.filter(state="done").exists()


# State of a ticket and status of its appointment that belong together.
AGREEING = {
    *((state, Status.ARRIVED) for state in ("waiting", "called", "parked")),
    ("serving", Status.SERVING),
    ("done", Status.COMPLETED),
    *(("gone", status) for status in (Status.NO_SHOW, Status.BOOKED, Status.CANCELLED)),
}


def _keep_at_it(work: Callable[[], None]) -> None:
    ends = time.monotonic() + STORM_SECONDS
    try:
        while time.monotonic() < ends:
            with suppress(BookingError):
                work()
    finally:
        connection.close()


def _officer_works(desk: Desk, officer: User) -> None:
    now = at(9, day=NOW.date())
    ticket = counter.call_next(desk, by=by(officer), now=now)
    step = random.choice(
        [counter.serve, counter.miss, counter.park, counter.put_back, counter.forward, counter.complete]
    )
    ticket = step(ticket, by=by(officer), now=now)
    if random.choice([True, False]):
        ticket = counter.undo(ticket, by=by(officer), now=now)
    if ticket.state in Ticket.AT_DESK:
        counter.complete(ticket, by=by(officer), now=now)


def _citizen_works(appointments: list[Appointment], slots: list[TimeSlot]) -> None:
    appointment = random.choice(appointments)
    verb = random.choice(["check_in", "check_in", "check_in", "cancel", "move"])
    if verb == "check_in":
        counter.check_in(appointment, by=GUEST, now=NOW)
    elif verb == "cancel":
        booking.cancel(appointment, by=GUEST, now=NOW)
    else:
        booking.reschedule(appointment, random.choice(slots).pk, by=STAFF, now=NOW)
