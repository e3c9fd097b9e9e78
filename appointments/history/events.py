"""Writing the history: each verb notes one event, with its actor, in the transaction of the change.

The outermost caller (a view, a task, a command) makes the actor; verbs pass it on.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.db.models import Model

from accounts.models import User
from appointments.models import Appointment, Desk, Disruption, Event, Ticket

By = Event.By


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts: a person or a program in one role, and the page (the name of a URL, or of a task) of the action.

    `level` is how sure it is who a citizen is: the level of assurance of the sign-in.
    """

    by: Event.By
    user: User | None = None
    page: str = ""
    level: str = ""

    @property
    def citizen(self) -> User | None:
        """The account of the citizen who acts; None if somebody else acts, or a guest without an account."""
        return self.user if self.by == By.CITIZEN else None

    @property
    def officer(self) -> User | None:
        return self.user if self.by == By.OFFICER else None

    @property
    def is_for_agency(self) -> bool:
        """Whether the agency acts: an officer, its own system, or the worker. It may act up to the last minute."""
        return self.by in (By.OFFICER, By.SYSTEM, By.WORKER)


def worker(task: str) -> Actor:
    """Return the actor for this task of the worker."""
    return Actor(By.WORKER, page=task)


def note(
    verb: Event.Verb,
    *,
    by: Actor,
    now: datetime,
    appointment: Appointment | None = None,
    ticket: Ticket | None = None,
    desk: Desk | None = None,
    disruption: Disruption | None = None,
    before: Mapping[str, Any] | None = None,
    details: Mapping[str, Any] | None = None,
) -> Event:
    """Store one event of an appointment, a ticket, a desk or a disruption.

    `before` holds the earlier values of what the verb changed, so that it can be taken back. `details` holds what else
    a reader wants to know. Both contain only JSON values, and nothing that tells who a citizen is.
    """
    event = made(verb, by=by, now=now, appointment=appointment, before=before, details=details)
    event.ticket, event.desk, event.disruption = ticket, desk, disruption
    event.save(force_insert=True)
    return event


def note_all(events: Iterable[Event]) -> None:
    """Store the events of a verb that changes many rows at once."""
    Event.objects.bulk_create(events)


def made(
    verb: Event.Verb,
    *,
    by: Actor,
    now: datetime,
    appointment: Appointment | None = None,
    before: Mapping[str, Any] | None = None,
    details: Mapping[str, Any] | None = None,
) -> Event:
    """Return the event without storing it."""
    return Event(
        at=now,
        verb=verb,
        by=by.by,
        officer=by.officer,
        page=by.page,
        appointment=appointment,
        before=dict(before or {}),
        details=dict(details or {}),
    )


def as_it_is(row: Model, names: Iterable[str]) -> dict[str, Any]:
    """Return these fields of the row as JSON values: times and dates as ISO 8601."""
    values = {name: getattr(row, name) for name in names}
    return {name: value.isoformat() if isinstance(value, date) else value for name, value in values.items()}


def as_it_was(model: type[Model], plain: Mapping[str, Any]) -> dict[str, Any]:
    """Turn the values that `as_it_is` returned back into values of the model's fields."""
    fields = {one.attname: one for one in model._meta.concrete_fields}
    return {name: fields[name].to_python(value) for name, value in plain.items()}
