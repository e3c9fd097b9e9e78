"""What "Undo" brings back: the ticket, the appointment, and the messages."""

from datetime import timedelta

import pytest

from accounts.models import User
from agencies.models import Branch, Channel
from appointments import booking, counter
from appointments.models import Desk, Status, Ticket
from tests.builders import (
    GUEST,
    NOW,
    a_contact,
    a_walk_in,
    an_always_open_branch,
    booked_at,
    by,
    messages_of,
    slot_at,
    today_at,
)

pytestmark = pytest.mark.django_db
State = Ticket.State


@pytest.fixture
def branch() -> Branch:
    branch = an_always_open_branch()
    branch.agency.reminders = [30]
    branch.agency.save()
    return branch


def test_undo_after_calling_again_leaves_the_first_call(branch: Branch, officer: User, desk: Desk) -> None:
    first = today_at(8, 30)
    ticket = a_walk_in(branch, today_at(8))
    counter.call_next(desk, by=by(officer), now=first)
    counter.call_again(ticket, by=by(officer), now=first + timedelta(minutes=1))
    back = counter.undo(ticket, by=by(officer), now=first + timedelta(minutes=1))
    assert (back.state, back.desk, back.calls, back.called_at) == (State.CALLED, desk, 1, first)


def test_undo_of_an_arrival_owes_the_reminders_again(branch: Branch, officer: User) -> None:
    appointment = booked_at(branch, 12)
    before = messages_of(appointment)
    assert ("reminder", "pending") in before
    ticket = counter.check_in(appointment, by=by(officer), now=today_at(8))
    assert ("reminder", "dropped") in messages_of(appointment)
    counter.undo(ticket, by=by(officer), now=today_at(8))
    assert messages_of(appointment) == before


def test_undo_of_the_arrival_of_an_unverified_guest(branch: Branch, officer: User) -> None:
    branch.agency.verify_minutes = 300
    branch.agency.save()
    procedure = branch.agency.procedures.get()
    held = booking.hold(slot_at(today_at(9)).pk, procedure, Channel.IN_PERSON, by=GUEST, now=NOW)
    guest = booking.confirm(held, a_contact(), by=GUEST, now=NOW)
    deadline, before = guest.expires_at, messages_of(guest)
    assert before == {("verify", "pending")}
    ticket = counter.check_in(guest, by=by(officer), now=NOW)
    assert counter.undo(ticket, by=by(officer), now=NOW).state == State.GONE
    guest.refresh_from_db()
    assert (guest.status, guest.expires_at, guest.arrived_at) == (Status.UNVERIFIED, deadline, None)
    assert messages_of(guest) == before
