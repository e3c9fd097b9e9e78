"""The line of a branch as it stands: its tickets, its appointments still to come today, and when each turn is expected.

Three queries, whatever the size of the day. This module only reads the line; the verbs of the counter change it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cached_property

from agencies.models import Branch, Channel, Procedure
from agencies.models.services import serves
from appointments.counter.expectation import Turn, expected, free_at
from appointments.counter.pace import Pace, pace_of
from appointments.models import Appointment, Desk, Notification, Status, Ticket
from appointments.models.appointment import EXPECTED

State = Ticket.State
# A citizen who is more than this late may not come at all. The turn of one who still comes counts from the arrival, no
# longer from the appointment's time.
GRACE = timedelta(minutes=10)
# Citizens who will be served more than this late are told so. They may then come this late without losing the turn.
TOLD_AFTER = timedelta(minutes=20)


@dataclass(frozen=True, slots=True)
class Seat:
    """A desk as the line shows it. `services` are the keys of the services that it serves; empty means all."""

    pk: int
    name: str
    officer_id: int | None
    officer: str
    seated_at: datetime | None
    paused_at: datetime | None
    services: frozenset[int]

    @property
    def is_serving(self) -> bool:
        return self.officer_id is not None and self.paused_at is None

    def may_call(self, one: Ticket | Appointment) -> bool:
        """Return whether the desk may serve this ticket or appointment; `TicketQuerySet.for_desk` says the same."""
        sent_to = one.for_desk_id if isinstance(one, Ticket) else None
        return sent_to == self.pk if sent_to else serves(self.services, one.procedure_id)


@dataclass(frozen=True)
class Line:
    """The line of one branch at `now`.

    `day` is its local date. Of its appointments without an open ticket, those in `expected_today` may still come, and
    those in `missed_today` were marked as missed and had no ticket.
    """

    branch: Branch
    day: date
    now: datetime
    tickets: list[Ticket]
    expected_today: list[Appointment]
    missed_today: list[Appointment]
    desks: list[Seat]

    def having(self, *states: str) -> list[Ticket]:
        return [ticket for ticket in self.tickets if ticket.state in states]

    @cached_property
    def waiting(self) -> list[Ticket]:
        """The waiting tickets, the next one first."""
        waiting = self.having(State.WAITING)
        return sorted(waiting, key=lambda ticket: (not ticket.priority, ticket.due_at, ticket.number))

    @cached_property
    def at_desks(self) -> dict[int, Ticket]:
        """The tickets that are called or being served, by the key of their desk."""
        return {ticket.desk_id: ticket for ticket in self.having(*Ticket.AT_DESK) if ticket.desk_id}

    @cached_property
    def begins(self) -> Mapping[object, datetime]:
        """When each turn is expected to begin. The keys are the waiting tickets and the coming appointments."""
        return self._expected(self.desks, self._turns)

    def begins_for(self, procedure: Procedure, *, due_at: datetime) -> datetime | None:
        """Return when the turn of somebody would begin who comes now for this service. None if it cannot be told."""
        desks = [desk for desk in self.desks if serves(desk.services, procedure.pk)]
        turn = Turn(procedure, due_at, self.now, procedure.duration * self.pace.service)
        return self._expected(desks, [*self._turns, turn]).get(procedure)

    @property
    def _turns(self) -> list[Turn]:
        turns = [Turn(one, one.due_at, one.arrived_at, self._length(one), one.priority) for one in self.waiting]
        return turns + [
            Turn(one, one.starts_at, max(one.starts_at, self.now), self._length(one)) for one in self.coming
        ]

    def _expected(self, desks: list[Seat], turns: list[Turn]) -> Mapping[object, datetime]:
        return expected(turns, [self._free_at(desk) for desk in desks if desk.is_serving], now=self.now)

    @cached_property
    def pace(self) -> Pace:
        """How the day goes, compared with its plan."""
        return pace_of(self.tickets, [*self.expected_today, *self.missed_today], due_before=self.now - GRACE)

    @cached_property
    def coming(self) -> list[Appointment]:
        """The appointments without a ticket that may still come.

        Those in person count until GRACE after their time. The others always count, because officers may call late.
        """
        latest = self.now - GRACE
        return [one for one in self.expected_today if one.channel != Channel.IN_PERSON or one.starts_at >= latest]

    def is_kept_from(self, desk: Seat, ticket: Ticket) -> bool:
        """Return whether the ticket was sent to another desk that serves now; `calling.call` refuses the same."""
        sent_to = ticket.for_desk_id
        return sent_to != desk.pk and any(one.pk == sent_to and one.is_serving for one in self.desks)

    def delay(self, one: Ticket | Appointment) -> timedelta | None:
        """Return how much later than its time the appointment is expected to be served (at least zero).

        None for walk-ins, and if it cannot be told.
        """
        appointment = one.appointment if isinstance(one, Ticket) else one
        begins = self.begins.get(one)
        if appointment is None or begins is None:
            return None
        return max(begins - appointment.starts_at, timedelta())

    def ahead_of(self, ticket: Ticket) -> int:
        """Return how many waiting tickets come before this one, at the desk where they are fewest.

        If no desk serves it at the moment, all waiting tickets count.
        """
        return min((called.index(ticket) for called in self._callable_with(ticket)), default=self.waiting.index(ticket))

    def is_next(self, ticket: Ticket) -> bool:
        """Return whether a desk that serves now would call this waiting ticket next."""
        return any(called[0].pk == ticket.pk for called in self._callable_with(ticket))

    def _callable_with(self, ticket: Ticket) -> list[list[Ticket]]:
        """Return what each desk that serves the ticket now would call, in order, as `calling.waiting_for` does."""
        desks = [desk for desk in self.desks if desk.is_serving and desk.may_call(ticket)]
        return [[one for one in self.waiting if desk.may_call(one)] for desk in desks]

    def _free_at(self, desk: Seat) -> datetime:
        ticket = self.at_desks.get(desk.pk)
        if ticket is None:
            return self.now
        return free_at(busy_since=ticket.called_at or self.now, length=self._length(ticket), now=self.now)

    def _length(self, one: Ticket | Appointment) -> timedelta:
        """Return how long a desk is expected to be busy with this one, at the pace of the day.

        Somebody in person who is still to come may not come, so only a share of the time is expected to be needed.
        """
        length = one.procedure.duration * self.pace.service
        if isinstance(one, Ticket) or one.channel != Channel.IN_PERSON:
            return length
        return length * self.pace.coming(self.now - one.starts_at)


def line_of(branch: Branch, *, now: datetime) -> Line:
    """Read the branch's line at `now`, without reading `branch.agency`."""
    return read_line(branch, seats_of(branch), day=branch.today(now), now=now)


def seats_of(branch: Branch) -> list[Seat]:
    """Read the desks of the branch that are in use. One query."""
    desks = Desk.objects.filter(branch=branch, is_used=True).select_related("officer").with_services()
    return [
        Seat(
            *(desk.pk, desk.name, desk.officer_id, str(desk.officer or ""), desk.seated_at, desk.paused_at),
            frozenset(desk.services),  # type: ignore[attr-defined]
        )
        for desk in desks
    ]


def read_line(branch: Branch, desks: list[Seat], *, day: date, now: datetime) -> Line:
    """Read the branch's line for desks that have been read already. Two queries."""
    related = ("procedure", "appointment", "desk", "for_desk", "officer")
    tickets = list(Ticket.objects.of_day(branch, day).with_last_event().select_related(*related).order_by("number"))
    awaited = Appointment.objects.on_day(branch, day).filter(status__in=(*EXPECTED, Status.NO_SHOW))
    with_ticket = {ticket.appointment_id for ticket in tickets if ticket.state in Ticket.OPEN}
    came = {ticket.appointment_id for ticket in tickets}
    appointments = list(awaited.select_related("procedure").order_by("starts_at", "pk"))
    expected_today = [one for one in appointments if one.status in EXPECTED and one.pk not in with_ticket]
    missed_today = [one for one in appointments if one.status == Status.NO_SHOW and one.pk not in came]
    return Line(branch, day, now, tickets, expected_today, missed_today, desks)


def delay_of(appointment: Appointment, *, now: datetime) -> timedelta | None:
    """Return how much later than its time the appointment is expected to be served; None if it cannot be told."""
    line = line_of(appointment.branch, now=now)
    ticket = next((one for one in line.waiting if one.appointment_id == appointment.pk), None)
    return line.delay(ticket or appointment)


def kept_until(appointment: Appointment) -> datetime:
    """Return until when a citizen may check in without losing the turn: later for one who was told of a delay, or perhaps."""
    told = (Notification.State.SENT, Notification.State.UNSURE)
    sent = appointment.notifications.filter(kind=Notification.Kind.DELAYED, state__in=told)
    was_told = sent.filter(revision=appointment.revision).exists()
    return appointment.starts_at + (TOLD_AFTER if was_told else GRACE)
