"""A tax number is in no message, and in no address."""

import pytest
from django.core import mail
from django.test import Client

from appointments import booking
from appointments.models import Notification
from appointments.tasks import deliver_due, deliver_urgent
from tests.builders import GUEST, NOW, an_appointment, an_open_branch, slots_of

TAX = "090000045"


@pytest.mark.django_db
@pytest.mark.usefixtures("clock")
def test_no_message_and_no_link_tells_it(client: Client) -> None:
    slots = slots_of(an_open_branch(desks=2))
    booked = an_appointment(slots[0], tax_number=TAX)
    deliver_urgent()
    booking.reschedule(booked, slots[9].pk, by=GUEST, now=NOW)
    deliver_urgent()
    booking.cancel(booked, by=GUEST, now=NOW)
    Notification.objects.update(due_at=NOW)
    deliver_due()
    assert len(mail.outbox) > 2
    assert [one for one in mail.outbox if TAX in one.message().as_string() or TAX in str(one.alternatives)] == []  # type: ignore[attr-defined]
    assert TAX not in booked.link() + booked.shown_link()
