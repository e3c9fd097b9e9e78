"""What is forgotten, and when: the nightly tidying that nobody has to remember."""

from datetime import datetime, timedelta

from django.db.models import Q

from agencies.models import Agency
from appointments.models import Appointment, Notification

# Rows changed by one statement: short locks, however long nobody tidied.
BATCH = 5_000

# What is left of a person: nothing. Place, time, service and outcome stay for statistics.
NOBODY = {
    "citizen": None,
    "name": "",
    "email": "",
    "phone": "",
    "timezone": "",
    "notes": "",
    "cancel_reason": "",
    "tax_number_encrypted": None,
    "person_key": "",
    "limit_place": None,
    "idempotency_key": None,
    "search": "",
}


def erase_old(*, now: datetime) -> int:
    """Erase who came, the agency's `retention_days` after the appointment. Answers how many rows."""
    return sum(_erase(agency, now - timedelta(days=agency.retention_days)) for agency in Agency.objects.all())


def _erase(agency: Agency, ended_before: datetime) -> int:
    named = ~Q(name="") | ~Q(email="") | ~Q(phone="") | ~Q(person_key="") | Q(citizen__isnull=False)
    old = Appointment.objects.filter(named, agency=agency, ends_at__lt=ended_before).order_by("pk")
    erased = 0
    while pks := list(old.values_list("pk", flat=True)[:BATCH]):
        erased += Appointment.objects.filter(pk__in=pks).update(**NOBODY)
        # A mail server's refusal names the address.
        Notification.objects.filter(appointment__in=pks).exclude(last_error="").update(last_error="")
    return erased


def uncount_past(*, now: datetime) -> int:
    """Let an appointment that is over no longer count for its person's limit, though no officer has closed it."""
    past = Appointment.objects.open().filter(ends_at__lt=now, limit_place__isnull=False)
    return past.update(limit_place=None)
