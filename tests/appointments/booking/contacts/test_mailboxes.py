"""A person is one, however the address is written: for the limit, and after an upgrade too."""

from importlib import import_module

import pytest
from django.apps import apps
from django.db import connection

from accounts.sealing import fingerprint
from agencies.models import Procedure
from appointments.booking.persons import person_key
from appointments.errors import LimitReached
from appointments.models import Appointment
from tests.builders import an_appointment, an_open_branch, slots_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]


def test_limit_counts_one_mailbox_once() -> None:
    slots = slots_of(an_open_branch())
    an_appointment(slots[6], email="maria.p@gmail.com")
    with pytest.raises(LimitReached):
        an_appointment(slots[9], email="MARIAP+2@googlemail.com")
    an_appointment(slots[9], email="mariap+2@example.org")


def test_upgrade_counts_open_appointments_anew() -> None:
    slots = slots_of(an_open_branch())
    Procedure.objects.update(open_limit=3)
    written = ["maria.p@gmail.com", "mariap@gmail.com", "maria.p@example.org"]
    for number, email in enumerate(written):
        made = an_appointment(slots[6 + number], email=email)
        earlier = fingerprint(f"email:{email}", "person")
        Appointment.objects.filter(pk=made.pk).update(person_key=earlier, limit_place=0)
    migration = import_module("appointments.migrations.0047_one_mailbox_one_person")
    for _again in range(2):
        with connection.schema_editor(atomic=False) as editor:
            migration.count_anew(apps, editor)
    found = Appointment.objects.order_by("pk").values_list("person_key", "limit_place")
    one, other = person_key(email="mariap@gmail.com"), person_key(email="maria.p@example.org")
    assert list(found) == [(one, None), (one, 0), (other, 0)]
