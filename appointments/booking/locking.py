"""What every verb begins with: the row as it is now, locked, and the database's last guard in words."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import IntegrityError, transaction

from appointments.errors import LimitReached
from appointments.models import Appointment


@contextmanager
def locked(appointment: Appointment) -> Iterator[Appointment]:
    """The appointment as it is now, locked until the verb is done."""
    with transaction.atomic():
        # First the lock (no key: events that point at the row do not wait), then what hangs on it: joined in one statement,
        # a row that moved to another branch while we waited would be found with its old branch or not at all.
        Appointment.objects.select_for_update(no_key=True).only("pk").get(pk=appointment.pk)
        related = Appointment.objects.select_related("agency", "branch", "procedure__agency", "citizen")
        yield related.get(pk=appointment.pk)


@contextmanager
def refusals() -> Iterator[None]:
    """Turns the refusal of the constraint on a person's open appointments into LimitReached."""
    try:
        yield
    except IntegrityError as error:
        if "open_appointments_per_person" in str(error):
            raise LimitReached from error
        raise
