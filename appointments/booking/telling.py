"""Who may learn that a person has an open appointment already: its own citizen at once, others not at all.

Whoever types an address or a tax number has not proved that it is theirs. So the refusal says nothing, and the link of
the open appointment goes to the address with which it was booked.
"""

from collections.abc import Collection
from datetime import datetime, timedelta

from accounts.models import User
from accounts.work.waking import wake_worker
from agencies.facts import AnyProcedure
from appointments import sight
from appointments.errors import CountedLimit, LimitReached, PerhapsBooked
from appointments.models import Appointment, Notification
from appointments.models.appointment import EXPECTED, OPEN, AppointmentQuerySet

# An appointment's link is sent again once in this time, and so many times in all, because anybody can ask for it.
PAUSE, MOST = timedelta(hours=1), 5

Kind, Medium = Notification.Kind, Notification.Medium


def refusal(
    error: LimitReached,
    keys: Collection[str],
    citizen: User | None,
    procedure: AnyProcedure,
    *,
    known: Collection[str] = (),
    now: datetime,
) -> LimitReached | PerhapsBooked:
    """Return the refusal for somebody who may have no further appointment for the service, and send the owner the link.

    `keys` are those by which the person's appointments may be counted, and `known` are those that the visitor has booked
    here, or opened by their links and the second check (`opened_as`). It is the error itself if the appointments that
    count are the visitor's own, and PerhapsBooked if nobody knows.
    """
    counted = _counted(error, keys, procedure)
    with sight.aside():
        own = [one.opened_as in known or bool(citizen and one.citizen_id == citizen.pk) for one in counted]
    # A day that is told comes from all that count. With one of them that is somebody else's, it would tell of that one.
    if own and (all(own) if isinstance(error, CountedLimit) else any(own)):
        return error
    _send_links(counted.filter(status__in=EXPECTED).exclude(email=""), now)
    return PerhapsBooked(error.rule(procedure.open_limit))


def _counted(error: LimitReached, keys: Collection[str], procedure: AnyProcedure) -> AppointmentQuerySet:
    if isinstance(error, CountedLimit):
        return Appointment.objects.filter(pk__in=error.counted)
    found = Appointment.objects.filter(person_key__in=keys, procedure=procedure.pk, status__in=OPEN)
    return found.filter(limit_place__isnull=False)


def _send_links(appointments: AppointmentQuerySet, now: datetime) -> None:
    for appointment in appointments:
        kind = Kind.VERIFY if appointment.expires_at else Kind.CONFIRMATION
        told = appointment.notifications.filter(kind=kind, medium=Medium.EMAIL, revision=appointment.revision)
        if told.count() > MOST or told.filter(due_at__gt=now - PAUSE).exists():
            continue
        Notification.objects.get_or_create(
            appointment=appointment,
            kind=kind,
            medium=Medium.EMAIL,
            revision=appointment.revision,
            # There is one message in each minute at most, told apart by the minutes that are left.
            minutes_before=max((appointment.starts_at - now) // timedelta(minutes=1), 0),
            defaults={"language": appointment.language, "due_at": now},
        )
        wake_worker("appointments.tasks.deliver_urgent")
