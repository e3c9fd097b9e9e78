"""Moves and cancellations are limited, also while Redis is away."""

import pytest
from django.test import Client

from agencies.models import Procedure
from appointments import booking
from appointments.booking import changing
from appointments.errors import SlotTaken, TooManyMoves
from appointments.models import Appointment, Status
from appointments.views.acting import CANCELLATIONS
from tests.builders import GUEST, NOW, STAFF, an_appointment, an_open_branch, slots_of
from tests.codes import open_for
from tests.pages import text_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock", "no_redis")]


def test_one_appointment_is_moved_so_often_a_day_and_refused_moves_do_not_count() -> None:
    slots = slots_of(an_open_branch())
    moved, other = an_appointment(slots[6], 1), an_appointment(slots[7], 2)
    for _try in range(3):
        with pytest.raises(SlotTaken):
            booking.reschedule(moved, slots[7].pk, by=GUEST, now=NOW)
    for number in range(changing.MOVES.number):
        booking.reschedule(moved, slots[20 + number].pk, by=GUEST, now=NOW)
    with pytest.raises(TooManyMoves):
        booking.reschedule(moved, slots[60].pk, by=GUEST, now=NOW)
    assert booking.reschedule(moved, slots[60].pk, by=STAFF, now=NOW).starts_at == slots[60].starts_at
    assert booking.reschedule(other, slots[61].pk, by=GUEST, now=NOW).starts_at == slots[61].starts_at


def test_one_network_cancels_so_many_an_hour(client: Client) -> None:
    slots = slots_of(an_open_branch(desks=2))
    Procedure.objects.update(open_limit=100)
    made = [an_appointment(slots[6 + number], number) for number in range(CANCELLATIONS.number + 1)]
    for one in made:
        open_for(client, one)
        page = client.post(f"/appointments/{one.reference}/cancel/", follow=True)
    assert Appointment.objects.filter(status=Status.CANCELLED).count() == CANCELLATIONS.number
    assert "Δοκιμάστε ξανά σε μία ώρα" in text_of(page)
    neighbour = Client(REMOTE_ADDR="203.0.113.9")
    open_for(neighbour, made[-1])
    neighbour.post(f"/appointments/{made[-1].reference}/cancel/")
    assert Appointment.objects.filter(status=Status.CANCELLED).count() == CANCELLATIONS.number + 1
