"""The line that people join from home without an appointment: the first free officer, by telephone or video.

A line is open while a rule of the branch for visits without an appointment names the channel. Its people wait in the
branch's one line of tickets, with all others.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType

from django.db import transaction
from django.utils.translation import gettext as _

from accounts.work.waking import wake_worker
from agencies.models import Branch, Channel, Procedure
from agencies.models.until import DAY
from agencies.openings import walk_ins
from agencies.wallclock import midnight
from appointments import counter, wording
from appointments.calls.provision import new_call
from appointments.counter.line import Line, line_of
from appointments.history import Actor
from appointments.models import Notice, Ticket


@dataclass(frozen=True)
class OpenLine:
    """A line that can be joined now. `wait` is the expected time until the turn, or None if it cannot be told."""

    branch: Branch
    channel: str
    closes_at: datetime
    wait: timedelta | None

    @property
    def key(self) -> str:
        return f"{self.branch.code}:{self.channel}"

    def __str__(self) -> str:
        return f"{Channel(self.channel).label}, {self.branch.name}: {self.turn}"

    @property
    def turn(self) -> str:
        if self.wait is None:
            return _("nobody can tell at the moment how long it will take")
        if self.wait < wording.STEP:
            return _("your turn comes in a few minutes")
        return _("your turn comes in %(about)s") % {"about": wording.about(self.wait)}


def open_lines(procedure: Procedure, branches: Iterable[Branch], *, now: datetime) -> list[OpenLine]:
    """Returns the lines of the service that can be joined now, the one with the shortest wait first.

    A line is closed for the day as soon as whoever comes now would be served after its hours. Takes two queries, and four
    for each branch with an open line.
    """
    by_key = {branch.pk: branch for branch in branches}
    found: list[OpenLine] = []
    lines: dict[int, Line] = {}
    for (branch_pk, channel), closes_at in walk_ins.lines(procedure, by_key.values(), now=now).items():
        branch = by_key[branch_pk]
        if branch_pk not in lines:
            lines[branch_pk] = line_of(branch, now=now)
        due_at = now + timedelta(minutes=procedure.agency.walk_in_minutes)
        begins = lines[branch_pk].begins_for(procedure, due_at=due_at)
        if begins is None or begins < closes_at:
            found.append(OpenLine(branch, channel, closes_at, begins - now if begins else None))
    return sorted(found, key=lambda one: (one.wait is None, one.wait, one.branch.pk, one.channel))


@transaction.atomic
def join(
    line: OpenLine,
    procedure: Procedure,
    *,
    name: str,
    phone: str,
    language: str,
    code: str,
    told_at: Mapping[str, str] = MappingProxyType({}),
    by: Actor,
    now: datetime,
) -> Ticket:
    """Gives the person a place in the line, and a room of their own if it is by video. The same `code` gives the same place.

    `told_at` are the addresses, by medium, at which the person wants to be told about the turn. Only whoever takes the place
    says them: others may know its code.
    """
    ticket = counter.take_ticket(
        line.branch,
        procedure,
        channel=line.channel,
        name=name,
        phone=phone,
        language=language,
        code=code,
        by=by,
        now=now,
    )
    if ticket.arrived_at == now:  # it is new
        Notice.objects.promise(ticket, told_at)
    if ticket.channel == Channel.VIDEO and ticket.video_call_id is None:
        ticket.video_call = new_call(procedure.agency, now, midnight(ticket.day + DAY, line.branch.zone))
        ticket.save(update_fields=["video_call"])
        wake_worker("appointments.tasks.provide_video_calls")
    return ticket
