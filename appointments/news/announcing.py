"""Who has to be told that a branch or a service has changed, and the step that owes each of them one message.

Times do not change here. The calendar file gets a new SEQUENCE, so that calendars take the new place.
"""

from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.db import transaction
from django.db.models import F, Q

from agencies.models import Channel
from appointments import facts, history
from appointments.booking import owed
from appointments.facts import Row
from appointments.history import Actor
from appointments.models import Appointment, Event, Notification, Status
from appointments.models.appointment import AppointmentQuerySet

LANGUAGES = [code for code, _name in settings.LANGUAGES]


@dataclass(frozen=True)
class People:
    """How many appointments are concerned, of how many people, and how many no message can reach."""

    appointments: int
    people: int
    unreachable: int


def concerned(row: Row, was: dict[str, str], *, now: datetime) -> AppointmentQuerySet:
    """Return the booked appointments whose citizens read something else now than with the earlier values `was`.

    They are those that are not over yet. Who has arrived already, or has not confirmed the address, is not told: the one
    is there, and the other gets the confirmation.
    """
    reads = Q(pk__in=())
    for language in LANGUAGES:
        if facts.changes(was, row, language, Channel.VIDEO):
            reads |= Q(language=language)
        elif facts.changes(was, row, language):
            reads |= Q(language=language, channel=Channel.IN_PERSON)
    here = {facts.ROWS[type(row)]: row}
    return Appointment.objects.filter(reads, status=Status.BOOKED, ends_at__gt=now, **here)


def people(found: AppointmentQuerySet) -> People:
    """Count without reading names. A person is known by the key that limits are counted by, or else by the contact."""
    rows = list(found.select_related("branch").only("pk", "person_key", "email", "phone", "branch__country"))
    persons = {one.person_key or one.email.lower() or one.phone or one.pk for one in rows}
    return People(len(rows), len(persons), sum(not owed.is_reachable(one) for one in rows))


@transaction.atomic
def announce(row: Row, was: dict[str, str], *, by: Actor, now: datetime) -> People:
    """Owe a message to everybody who is concerned. The caller has locked the row, and changes it in this transaction."""
    locked = concerned(row, was, now=now).order_by("pk").select_for_update(no_key=True, of=("self",))
    pks = list(locked.values_list("pk", flat=True))
    found = Appointment.objects.filter(pk__in=pks)
    found.update(revision=F("revision") + 1)
    owed.carry_over(pks, anew=Notification.Kind.CHANGED)
    appointments = list(found.order_by("pk").select_related("branch"))
    owed.owe_changed(appointments, was, now=now)
    history.note_all(
        history.made(Event.Verb.CHANGE, by=by, now=now, appointment=one, details={"facts": _names(row, was, one)})
        for one in appointments
    )
    return people(found)


def _names(row: Row, was: dict[str, str], appointment: Appointment) -> list[str]:
    changed = facts.changes(was, row, appointment.language, appointment.channel)
    return [one.fact.name for one in changed]
