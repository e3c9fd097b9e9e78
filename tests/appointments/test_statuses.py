"""Who is shown which appointments: each status stands in the sets that its name says."""

import pytest

from appointments.models import Appointment, Status
from tests.builders import NOW, an_appointment, an_open_branch, slots_of

pytestmark = pytest.mark.django_db


def test_each_status_is_found_where_it_belongs() -> None:
    slots = slots_of(an_open_branch())
    for number, status in enumerate(Status):
        pk = an_appointment(slots[number], number).pk
        holds = {} if status in (Status.CANCELLED, Status.EXPIRED) else {"slot_ids": [slots[number].pk]}
        Appointment.objects.filter(pk=pk).update(**{"status": status, "expires_at": NOW, "slot_ids": [], **holds})
    found = Appointment.objects
    shown = set(Status) - {Status.HELD}
    assert set(found.beyond_hold().values_list("status", flat=True)) == shown
    assert set(found.made().values_list("status", flat=True)) == shown - {Status.EXPIRED}
    assert set(found.in_calendar().values_list("status", flat=True)) == shown - {Status.EXPIRED, Status.CANCELLED}
    assert set(found.expected().values_list("status", flat=True)) == {Status.UNVERIFIED, Status.BOOKED}
    assert set(found.overdue(now=NOW).values_list("status", flat=True)) == {Status.HELD, Status.UNVERIFIED}
