"""Locking the appointment that a verb changes, and explaining why the database refuses a row."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import IntegrityError, transaction

from appointments.errors import LimitReached
from appointments.models import Appointment


@contextmanager
def locked(appointment: Appointment) -> Iterator[Appointment]:
    """Lock the appointment until the block ends, which is one transaction, and yield it as it is stored now."""
    with transaction.atomic():
        # Lock first, and read the related rows in a second statement. In one joined statement, an appointment that was
        # moved to another branch while we waited for the lock would be found with its old branch, or not at all.
        # With no_key, events that refer to the appointment can be written meanwhile.
        Appointment.objects.select_for_update(no_key=True).only("pk").get(pk=appointment.pk)
        related = Appointment.objects.select_related("agency", "branch", "procedure__agency", "citizen", "party")
        yield related.get(pk=appointment.pk)


@contextmanager
def refusals() -> Iterator[None]:
    """Raise LimitReached where the constraint on a person's open appointments refuses a row."""
    try:
        yield
    except IntegrityError as error:
        if "open_appointments_per_person" in str(error):
            raise LimitReached from error
        raise
