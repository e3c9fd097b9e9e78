"""How the day goes at a branch, compared with its plan: how long service really takes, and how many citizens come.

The forecast of the line multiplies the planned times by both. Each is a plain proportion of what has happened today,
together with some imagined visits that went to plan, so that the first visits of a day do not count too much.
"""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from agencies.models import Channel
from appointments.models import Appointment, Ticket

# So much service is imagined to have taken as long as planned. So many citizens are imagined to have come on time, and
# so many late: later than anybody is waited for.
TO_PLAN = timedelta(minutes=20)
ON_TIME = LATE = 1
# A visit counts as so many times its planned time at most: its officer may have forgotten to press the last button.
MOST = 3


@dataclass(frozen=True)
class Pace:
    """The pace of one day.

    `service` is the real time of service to the planned one. `came` says of each citizen who came how long after the
    appointment's time that was (negative: before it), in rising order; `missing` counts those who did not come.
    """

    service: float = 1.0
    came: Sequence[timedelta] = ()
    missing: int = 0

    def coming(self, late: timedelta) -> float:
        """Return the share of citizens who come after all, of those who are not there so long after their time."""
        later = LATE + (ON_TIME if late < timedelta() else 0) + len(self.came) - bisect_right(self.came, late)
        return later / (later + self.missing)


def pace_of(tickets: Iterable[Ticket], absent: Iterable[Appointment], *, due_before: datetime) -> Pace:
    """Return the pace of the day from all its tickets, and its appointments without an open ticket.

    Only appointments in person before `due_before` say whether citizens come. The others may still do so.
    """
    missing = {one.pk for one in absent if _is_due(one, due_before)}
    came = [
        ticket.arrived_at - ticket.appointment.starts_at
        for ticket in tickets
        if ticket.appointment and ticket.appointment_id not in missing and _is_due(ticket.appointment, due_before)
    ]
    return Pace(_service(tickets), tuple(sorted(came)), len(missing))


def _service(tickets: Iterable[Ticket]) -> float:
    """Return real to planned time, from the call to the end, of the visits that are completed."""
    planned = real = TO_PLAN
    for ticket in tickets:
        if ticket.state == Ticket.State.DONE and ticket.called_at and ticket.ended_at:
            planned += ticket.procedure.duration
            real += min(ticket.ended_at - ticket.called_at, MOST * ticket.procedure.duration)
    return real / planned


def _is_due(appointment: Appointment, before: datetime) -> bool:
    return appointment.channel == Channel.IN_PERSON and appointment.starts_at < before
