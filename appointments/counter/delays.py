"""Telling citizens once, while it can still help them, that they will be served much later than promised."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from django.db.models import F

from accounts.work.sweeps import each
from agencies.models import Branch
from appointments.booking import owed
from appointments.counter.line import TOLD_AFTER, Line, line_of
from appointments.models import Appointment, Notification, Status, Ticket

# How far ahead delays are told. Further ahead they cannot be foreseen: people do not come, and more desks open.
AHEAD = timedelta(hours=2)
# This long after the first officer sat down, all officers of the day are assumed to be at their desks.
SETTLED = timedelta(minutes=20)


def tell(*, now: datetime) -> int:
    """Owe a message, once, to every citizen who will be served more than TOLD_AFTER late; return how many."""
    return sum(each(_at_work(now), lambda branch: _tell_at(branch, now), doing="telling delays at"))


def _at_work(now: datetime) -> Iterable[Branch]:
    """Return the branches where an officer serves. Delays at other branches cannot be foreseen."""
    serving = Branch.objects.filter(desks__officer__isnull=False, desks__paused_at=None)
    return serving.filter(desks__is_used=True, desks__seated_at__lte=now - SETTLED).distinct()


def _tell_at(branch: Branch, now: datetime) -> int:
    behind = _behind(line_of(branch, now=now))
    told = Notification.objects.filter(kind=Notification.Kind.DELAYED, appointment__in=behind)
    done = set(told.filter(revision=F("appointment__revision")).values_list("appointment_id", flat=True))
    untold = [appointment for appointment in behind if appointment.pk not in done]
    for appointment in untold:
        owed.owe_delay(appointment, now=now)
    return len(untold)


def _behind(line: Line) -> list[Appointment]:
    """Return the appointments, waiting or coming soon, that will be served more than TOLD_AFTER late."""
    latest = line.now + AHEAD
    coming = [one for one in line.coming if one.status == Status.BOOKED and one.starts_at <= latest]
    candidates: list[Ticket | Appointment] = [*line.waiting, *coming]
    late = [one for one in candidates if (line.delay(one) or timedelta()) > TOLD_AFTER]
    appointments = [one.appointment if isinstance(one, Ticket) else one for one in late]
    return [appointment for appointment in appointments if appointment]
