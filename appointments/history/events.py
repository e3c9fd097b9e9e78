"""What was done to appointments and tickets, by whom: written in the transaction of the change, read as the history."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from accounts.models import User
from appointments.models import Appointment, Event, Ticket


def note(
    *,
    at: datetime,
    verb: str,
    appointment: Appointment | None = None,
    ticket: Ticket | None = None,
    officer: User | None = None,
    before: Mapping[str, Any] | None = None,
    details: Mapping[str, Any] | None = None,
) -> Event:
    """Store one event, of an appointment, of a ticket or of both.

    `before` is what the verb changed, as it was, to take it back; `details` is what a reader wants to know besides. Both
    hold only what JSON holds.
    """
    return Event.objects.create(
        at=at,
        verb=verb,
        appointment=appointment,
        ticket=ticket,
        officer=officer,
        before=dict(before or {}),
        details=dict(details or {}),
    )
