"""The earliest free times as pages show them at a glance: many people look at them, and few then book just these.

They are kept in memory for some seconds, and only until anything happens to any appointment or to what agencies offer. So
a page may show a time for a moment longer than it is free, and holding it decides.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connection

from accounts.work.kept import Kept
from agencies.models import Procedure
from agencies.offering import Offering
from appointments.times.availability import FreeTime, earliest

LASTS = timedelta(seconds=3)
MOST = 1024  # services in a channel
MOMENT = timedelta(seconds=1)  # a page that began earlier can find what another one found while it waited


@dataclass(frozen=True, slots=True)
class _Glance:
    """The first free time of each branch (its key), and what it was found under."""

    offering: str
    last_event: int | None
    found_at: datetime
    times: dict[int, FreeTime]

    def holds(self, offering: str, last_event: int | None, now: datetime) -> bool:
        same = (self.offering, self.last_event) == (offering, last_event)
        return same and -MOMENT < now - self.found_at < LASTS


_glances: Kept[tuple[int, str], _Glance] = Kept(MOST)


def earliest_in(
    channels: Iterable[str], procedure: Procedure, offered: Offering, *, now: datetime
) -> dict[str, dict[int, FreeTime]]:
    """Returns for each channel what `availability.earliest` finds. Takes one query, and one for each that is not kept."""
    last_event = _last_event()
    return {channel: _glance(channel, procedure, offered.stamp, last_event, now).times for channel in channels}


def _last_event() -> int | None:
    """Returns the key of the last event: every step of every appointment writes one."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT max(id) FROM appointments_event")
        row: tuple[int | None] = cursor.fetchone()
    return row[0]


def _glance(channel: str, procedure: Procedure, offering: str, last_event: int | None, now: datetime) -> _Glance:
    return _glances.get(
        (procedure.pk, channel),
        holds=lambda glance: glance.holds(offering, last_event, now),
        make=lambda: _Glance(offering, last_event, now, earliest(procedure, channel, now=now)),
    )
