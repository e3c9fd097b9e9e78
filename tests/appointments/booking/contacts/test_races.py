"""A correction and the worker at the same moment."""

from collections import Counter

import pytest
from django.core import mail
from django.core.mail import get_connection

from agencies.models import Branch
from appointments import booking
from appointments.booking import NewContact
from appointments.messages.delivery import deliver_next
from appointments.models import Appointment, Notification
from tests.builders import NOW, STAFF, booked_at
from tests.races import at_once

State = Notification.State


def deliver() -> bool:
    mailer = get_connection()
    while deliver_next(mailer, now=NOW):
        pass
    return True


def correct(appointment: Appointment) -> Appointment:
    return booking.correct(appointment, NewContact(f"right-{appointment.email}", ""), by=STAFF, now=NOW)


@pytest.mark.django_db(transaction=True)
def test_right_address_is_told_once_whenever_the_worker_comes(branch: Branch) -> None:
    appointments = [booked_at(branch, 9 + number // 6, 10 * (number % 6), number) for number in range(10)]
    at_once([deliver, *(lambda one=one: correct(one) for one in appointments), deliver])
    deliver()
    told = Counter(letter.to[0] for letter in mail.outbox if letter.subject.startswith("Ραντεβού"))
    assert {told[f"right-{one.email}"] for one in appointments} == {1}
    assert max(told[one.email] for one in appointments) <= 1
    noticed = Counter(letter.to[0] for letter in mail.outbox if not letter.subject.startswith("Ραντεβού"))
    assert noticed == Counter(one.email for one in appointments)
    assert not Notification.objects.filter(state__in=(State.PENDING, State.SENDING), due_at__lte=NOW).exists()
