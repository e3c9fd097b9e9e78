"""The verbs of a branch's queue: who is there, who is next, and what the officers at its desks do with each.

Appointments in person, by video and by telephone, and walk-ins stand in one line of tickets. Every verb is one short
transaction that locks the branch's `Queue` row first, then the appointment, then writes the ticket: two officers who call
at once never get the same person. What happens to an appointment goes through the verbs of `appointments.booking`.

Who is next: priority needs first; then by the time that one's turn counts from. That is the appointment's own time for who
came in time, the arrival for who came late, and for a walk-in the arrival and the agency's `walk_in_minutes` more.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Q, QuerySet

from accounts.models import User
from agencies.models import Branch, Channel, Procedure
from appointments import booking, history
from appointments.booking import owed
from appointments.counter.desks import is_busy, queue_of, require_free
from appointments.counter.line import kept_until
from appointments.errors import DeskBusy, NobodyWaits, TooEarlyToMiss, UndoTooLate, WrongStatus
from appointments.models import Appointment, Desk, Event, Queue, Status, Ticket
from appointments.models.queue import random_key

Verb, State = Event.Verb, Ticket.State

# A step can be taken back for ten seconds; the network may take some more.
UNDO = timedelta(seconds=10)
SLACK = timedelta(seconds=3)


@dataclass(frozen=True)
class Result:
    """What came of serving: kept on the ticket, `citizen_note` is for the citizen to read."""

    documents_seen: list[str] = field(default_factory=list)
    internal_note: str = ""
    citizen_note: str = ""
    outcome: str = Ticket.Outcome.DONE
    delivery: str = ""


# Getting a ticket


def check_in(appointment: Appointment, *, now: datetime, officer: User | None = None) -> Ticket:
    """The citizen is here. Repeating it returns the same ticket; who was marked as missed, or moved, gets a new one."""
    with queue_of(appointment.branch) as queue:
        present = Ticket.objects.open().of_day(appointment.branch, appointment.branch.today(now))
        if ticket := present.filter(appointment=appointment).first():
            return ticket
        before = _appointment_as_it_is(appointment)
        # Who arrived where nobody gave a ticket is still to get one.
        if before and before["status"] != Status.ARRIVED:
            appointment = booking.arrive(appointment, now=now)
        ticket = _ticket_of(appointment, queue, now)
        _note(Verb.CHECK_IN, ticket, now, officer, before={"ticket": _gone(now), "appointment": before})
    return ticket


def take_ticket(
    branch: Branch,
    procedure: Procedure,
    *,
    now: datetime,
    language: str = "el",
    name: str = "",
    priority: bool = False,
    officer: User | None = None,
    code: str = "",
) -> Ticket:
    """A ticket for who comes without an appointment; the same (unguessable) `code` returns the same ticket."""
    with queue_of(branch) as queue:
        if code and (ticket := Ticket.objects.filter(branch=branch, code=code).first()):
            return ticket
        ticket = Ticket.objects.create(
            **_new_number(queue, now),
            code=code or random_key(),
            procedure=procedure,
            language=language,
            name=name,
            priority=priority,
            arrived_at=now,
            due_at=now + timedelta(minutes=branch.agency.walk_in_minutes),
        )
        _note(Verb.CHECK_IN, ticket, now, officer, before={"ticket": _gone(now)})
    return ticket


def admit(remote: Appointment, *, now: datetime) -> Ticket:
    """By telephone or video nobody arrives: the officer calls, also before the time. Repeating it returns the same ticket."""
    with queue_of(remote.branch) as queue:
        present = Ticket.objects.open().of_day(remote.branch, remote.branch.today(now))
        if ticket := present.filter(appointment=remote).first():
            return ticket
        remote.refresh_from_db(fields=["status"])
        if remote.channel == Channel.IN_PERSON or remote.status != Status.BOOKED:
            raise WrongStatus
        return _ticket_of(remote, queue, now)


# Calling


def call_next(desk: Desk, *, officer: User, now: datetime) -> Ticket:
    """The next one for this desk. Telephone and video appointments stand in the line from their own time on."""
    with queue_of(desk.branch) as queue:
        require_free(desk, officer)
        _admit_remote(queue, now)
        ticket = waiting_for(desk, now=now).first()
        if ticket is None:
            raise NobodyWaits
        return _call(ticket, desk, officer, now)


def waiting_for(desk: Desk, *, now: datetime) -> QuerySet[Ticket]:
    """Who waits for this desk, the next one first: whom it may serve, and nobody who was sent to another desk."""
    waiting = Ticket.objects.of_day(desk.branch, desk.branch.today(now)).waiting()
    return waiting.for_desk(desk).select_related("appointment")


def call(waiting: Ticket, desk: Desk, *, officer: User, now: datetime) -> Ticket:
    """This one, out of turn."""
    with _locked(waiting) as ticket:
        require_free(desk, officer)
        return _call(ticket, desk, officer, now)


def call_again(called: Ticket, *, officer: User, now: datetime) -> Ticket:
    with _locked(called) as ticket:
        changed = {"called_at": now, "calls": ticket.calls + 1}
        return _change(ticket, [State.CALLED], Verb.CALL_AGAIN, changed, officer=officer, now=now)


def put_back(parked: Ticket, *, officer: User, now: datetime) -> Ticket:
    """Back into the line, at the place where one's turn counts from."""
    with _locked(parked) as ticket:
        changed = {"state": State.WAITING, "desk_id": None, "park_reason": ""}
        return _change(ticket, [State.PARKED, State.CALLED], Verb.RETURN, changed, officer=officer, now=now)


def park(present: Ticket, *, officer: User, now: datetime, reason: str = "") -> Ticket:
    """Aside until somebody puts the person back: fetching a paper, filling in a form, not answering the telephone."""
    with _locked(present) as ticket:
        changed = {"state": State.PARKED, "desk_id": None, "park_reason": reason}
        return _change(ticket, [State.WAITING, *Ticket.AT_DESK], Verb.PARK, changed, officer=officer, now=now)


def forward(
    present: Ticket, *, officer: User, now: datetime, desk: Desk | None = None, procedure: Procedure | None = None
) -> Ticket:
    """On to another desk, or to whoever serves another procedure; one's turn still counts from the same time."""
    with _locked(present) as ticket:
        changed = {"state": State.WAITING, "desk_id": None, "for_desk_id": desk.pk if desk else None, "park_reason": ""}
        if procedure:
            changed["procedure_id"] = procedure.pk
        details = {"desk": desk.name if desk else "", "procedure": procedure.code if procedure else ""}
        return _change(ticket, [*Ticket.OPEN], Verb.FORWARD, changed, officer=officer, now=now, details=details)


# Serving


def serve(present: Ticket, *, officer: User, now: datetime) -> Ticket:
    """Begin; straight from the line where an officer sits at no desk and calls by voice."""
    with _locked(present) as ticket:
        before = _appointment_as_it_is(ticket.appointment)
        if ticket.appointment:
            booking.serve(ticket.appointment, officer=officer, now=now)
        changed = {"state": State.SERVING, "serving_at": now, "officer_id": officer.pk}
        changed |= {"called_at": ticket.called_at or now, "park_reason": ""}
        allowed = [State.WAITING, State.CALLED, State.PARKED]
        return _change(ticket, allowed, Verb.SERVE, changed, officer=officer, now=now, appointment_before=before)


def record(serving: Ticket, result: Result, *, officer: User) -> Ticket:
    """Keep what the officer writes down while serving."""
    with _locked(serving) as ticket:
        if ticket.state not in (*Ticket.AT_DESK, State.DONE):
            raise WrongStatus
        Ticket.objects.filter(pk=ticket.pk).update(**asdict(result))
    return Ticket.objects.get(pk=ticket.pk)


def complete(serving: Ticket, *, officer: User, now: datetime, result: Result | None = None) -> Ticket:
    """Done, also with one key right after calling. A note to the citizen goes out by e-mail."""
    with _locked(serving) as ticket:
        before = _appointment_as_it_is(ticket.appointment)
        if ticket.appointment and ticket.state in Ticket.AT_DESK:
            if ticket.state == State.CALLED:
                booking.serve(ticket.appointment, officer=officer, now=now)
            booking.complete(ticket.appointment, now=now)
        changed: dict[str, Any] = {"state": State.DONE, "ended_at": now, "officer_id": officer.pk}
        changed["serving_at"] = ticket.serving_at or now
        if result:
            # No part of the step: who takes that back finds it as it was written.
            Ticket.objects.filter(pk=ticket.pk).update(**asdict(result))
            ticket.refresh_from_db(fields=[*asdict(result)])
        changed["outcome"] = ticket.outcome or Ticket.Outcome.DONE
        done = _change(
            ticket, [*Ticket.AT_DESK], Verb.COMPLETE, changed, officer=officer, now=now, appointment_before=before
        )
        if done.appointment and done.citizen_note:
            owed.owe_summary(done.appointment, now=now + UNDO + SLACK)
    return done


def miss(absent: Ticket, *, officer: User, now: datetime) -> Ticket:
    """Called, and not there."""
    with _locked(absent) as ticket:
        before = _appointment_as_it_is(ticket.appointment)
        if ticket.appointment:
            if now < ticket.appointment.starts_at:
                raise TooEarlyToMiss
            booking.miss(ticket.appointment, now=now)
        changed = {"state": State.GONE, "ended_at": now, "desk_id": None}
        allowed = [State.WAITING, State.CALLED, State.PARKED]
        return _change(ticket, allowed, Verb.MISS, changed, officer=officer, now=now, appointment_before=before)


def give_up(waiting: Ticket, *, now: datetime) -> Ticket:
    """Who came without an appointment leaves, and says so."""
    with _locked(waiting) as ticket:
        if not ticket.is_walk_in:
            raise WrongStatus
        changed = {"state": State.GONE, "ended_at": now, "desk_id": None}
        allowed = [State.WAITING, State.CALLED, State.PARKED]
        return _change(ticket, allowed, Verb.MISS, changed, officer=None, now=now, details={"by": "citizen"})


def undo(stepped: Ticket, *, officer: User, now: datetime) -> Ticket:
    """Take back one's own last step with this ticket, within ten seconds."""
    with _locked(stepped) as ticket:
        # By key: the queue is locked while one is written, and clocks of two web servers may differ.
        event = ticket.events.filter(is_undone=False).order_by("-pk").first()
        if event is None or event.officer_id != officer.pk or now - event.at > UNDO + SLACK:
            raise UndoTooLate
        restored = _restored(Ticket, event.before["ticket"])
        desk = restored.get("desk_id", ticket.desk_id)
        if restored["state"] in Ticket.AT_DESK and desk and is_busy(desk, but=ticket):
            raise DeskBusy
        if ticket.appointment and event.before.get("appointment"):
            booking.take_back(ticket.appointment, _restored(Appointment, event.before["appointment"]), now=now)
        if ticket.appointment and event.verb == Verb.COMPLETE:
            owed.withdraw_summary(ticket.appointment)
        Ticket.objects.filter(pk=ticket.pk).update(**restored)
        Event.objects.filter(pk=event.pk).update(is_undone=True)
    return Ticket.objects.get(pk=ticket.pk)


# The end of the day


def close_past(*, now: datetime) -> int:
    """End the tickets of days that are over, wherever the branch is, and clear the desks. Answers how many tickets."""
    ended = 0
    for branch in Branch.objects.filter(queue__isnull=False):
        today = branch.today(now)
        with queue_of(branch):
            past = Ticket.objects.open().filter(branch=branch, day__lt=today)
            ended += past.update(state=State.GONE, ended_at=now, desk=None)
            left = Desk.objects.filter(branch=branch, seated_at__lt=branch.midnight(today))
            left.update(officer=None, seated_at=None, paused_at=None)
    return ended


# Steps of the verbs


@contextmanager
def _locked(ticket: Ticket) -> Iterator[Ticket]:
    """The ticket as it is now, with nobody else at work in its queue."""
    with queue_of(ticket.branch):
        related = Ticket.objects.select_related("branch__agency", "appointment__branch", "procedure", "desk")
        yield related.get(pk=ticket.pk)


def _new_number(queue: Queue, now: datetime) -> dict[str, Any]:
    today = queue.branch.today(now)
    queue.last_number = queue.last_number + 1 if queue.day == today else 1
    queue.day = today
    queue.save(update_fields=["day", "last_number"])
    return {"branch": queue.branch, "day": today, "number": queue.last_number}


def _ticket_of(appointment: Appointment, queue: Queue, now: datetime, *, since: datetime | None = None) -> Ticket:
    """The appointment's ticket, made anew where it had one before: on another day, or before it was missed."""
    fresh: dict[str, Any] = {"calls": 0, "park_reason": "", "outcome": ""}
    # No earlier than the arrival only for who is late: the appointment's time is what was promised.
    late = appointment.channel == Channel.IN_PERSON and now > kept_until(appointment)
    fresh |= _new_number(queue, now)
    fresh |= dict.fromkeys(("called_at", "serving_at", "ended_at", "desk", "for_desk", "officer"))
    fresh |= {
        "state": State.WAITING,
        "procedure": appointment.procedure,
        "channel": appointment.channel,
        "language": appointment.language,
        "arrived_at": since or now,
        "due_at": now if late else appointment.starts_at,
    }
    ticket, _ = Ticket.objects.update_or_create(appointment=appointment, defaults=fresh)
    return ticket


def _admit_remote(queue: Queue, now: datetime) -> None:
    """Telephone and video appointments whose time has come: nobody checks them in, it is the officer who calls."""
    today = Appointment.objects.on_day(queue.branch, queue.branch.today(now)).filter(
        status=Status.BOOKED, starts_at__lte=now
    )
    remote = today.exclude(channel=Channel.IN_PERSON).filter(
        Q(ticket=None) | Q(ticket__day__lt=queue.branch.today(now))
    )
    for appointment in remote.select_related("procedure").order_by("starts_at", "pk"):
        _ticket_of(appointment, queue, now, since=appointment.starts_at)


def _call(ticket: Ticket, desk: Desk, officer: User, now: datetime) -> Ticket:
    changed = {
        "state": State.CALLED,
        "desk_id": desk.pk,
        "officer_id": officer.pk,
        "called_at": now,
        "calls": ticket.calls + 1,
        "park_reason": "",
    }
    allowed = [State.WAITING, State.PARKED]
    return _change(ticket, allowed, Verb.CALL, changed, officer=officer, now=now, details={"desk": desk.name})


def _change(
    ticket: Ticket,
    allowed: list[Ticket.State],
    verb: Event.Verb,
    changed: Mapping[str, Any],
    *,
    officer: User | None,
    now: datetime,
    appointment_before: dict[str, Any] | None = None,
    details: dict[str, Any] | None = None,
) -> Ticket:
    """Write the ticket if it is still in one of the states; service that was going on stops where it leaves the desk."""
    if ticket.state == State.SERVING and changed.get("state") in (State.WAITING, State.PARKED) and ticket.appointment:
        appointment_before = _appointment_as_it_is(ticket.appointment)
        booking.interrupt(ticket.appointment, now=now)
    before = {"ticket": _plain(ticket, changed), "appointment": appointment_before}
    if not Ticket.objects.filter(pk=ticket.pk, state__in=allowed).update(**changed):
        raise WrongStatus
    for name, value in changed.items():
        setattr(ticket, name, value)
    _note(verb, ticket, now, officer, before=before, details=details)
    return ticket


def _note(
    verb: Event.Verb,
    ticket: Ticket,
    now: datetime,
    officer: User | None,
    *,
    before: dict[str, Any],
    details: dict[str, Any] | None = None,
) -> None:
    history.note(
        at=now,
        verb=verb,
        ticket=ticket,
        appointment=ticket.appointment,
        officer=officer,
        before=before,
        details=details,
    )


def _gone(now: datetime) -> dict[str, Any]:
    """How a ticket is once the step that made it is taken back."""
    return {"state": State.GONE, "ended_at": now.isoformat()}


def _appointment_as_it_is(appointment: Appointment | None) -> dict[str, Any] | None:
    if appointment is None:
        return None
    appointment.refresh_from_db(fields=[name.removesuffix("_id") for name in booking.DAY_FIELDS])
    return _plain(appointment, booking.DAY_FIELDS)


def _plain(row: Ticket | Appointment, names: Iterable[str]) -> dict[str, Any]:
    """The fields as JSON can hold them."""
    values = {name: getattr(row, name) for name in names}
    return {name: value.isoformat() if isinstance(value, datetime) else value for name, value in values.items()}


def _restored(model: type[Ticket] | type[Appointment], plain: dict[str, Any]) -> dict[str, Any]:
    """The same fields read back."""
    fields = {one.attname: one for one in model._meta.concrete_fields}
    return {name: fields[name].to_python(value) for name, value in plain.items()}
