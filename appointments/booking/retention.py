"""What is forgotten, and when: the nightly tidying that nobody has to remember."""

from datetime import datetime, timedelta

from django.db.models import Q, QuerySet

from agencies.models import Agency
from appointments.models import Appointment, Event, Notification, Ticket

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

# And of what was said in the queue.
UNSAID = {"name": "", "internal_note": "", "citizen_note": "", "park_reason": ""}


def erase_old(*, now: datetime) -> int:
    """Erase who came, the agency's `retention_days` after the appointment. Answers how many rows."""
    erased = 0
    for agency in Agency.objects.all():
        ended_before = now - timedelta(days=agency.retention_days)
        erased += _erase(agency, ended_before) + _erase_walk_ins(agency, ended_before)
    return erased


def _erase(agency: Agency, ended_before: datetime) -> int:
    named = ~Q(name="") | ~Q(email="") | ~Q(phone="") | ~Q(person_key="") | Q(citizen__isnull=False)
    old = Appointment.objects.filter(named, agency=agency, ends_at__lt=ended_before).order_by("pk")
    erased = 0
    while pks := list(old.values_list("pk", flat=True)[:BATCH]):
        erased += Appointment.objects.filter(pk__in=pks).update(**NOBODY)
        # A mail server's refusal names the address.
        Notification.objects.filter(appointment__in=pks).exclude(last_error="").update(last_error="")
        _erase_queue(Ticket.objects.filter(appointment__in=pks))
    return erased


def _erase_walk_ins(agency: Agency, arrived_before: datetime) -> int:
    said = ~Q(name="") | ~Q(internal_note="") | ~Q(citizen_note="") | ~Q(park_reason="")
    old = Ticket.objects.filter(said, branch__agency=agency, appointment=None, arrived_at__lt=arrived_before)
    erased = 0
    while pks := list(old.order_by("pk").values_list("pk", flat=True)[:BATCH]):
        erased += _erase_queue(Ticket.objects.filter(pk__in=pks))
    return erased


def _erase_queue(tickets: QuerySet[Ticket]) -> int:
    """What was written down, and the copies of it that steps kept to be taken back."""
    Event.objects.filter(ticket__in=tickets.values("pk")).update(before={})
    return tickets.update(**UNSAID)


def uncount_past(*, now: datetime) -> int:
    """Let an appointment that is over no longer count for its person's limit, though no officer has closed it."""
    past = Appointment.objects.open().filter(ends_at__lt=now, limit_place__isnull=False)
    return past.update(limit_place=None)
