"""The counter stays in order, whatever sequence of steps, of bookings that meet them, and of undos there is.

COUNTER_HUNT=40 takes forty times as many steps as the default run does.
"""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple, TypeVar

import pytest
from django.db import connection, models, transaction
from django.db.models import Q
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from accounts.models import User
from agencies.models import Branch, Channel, Procedure
from appointments import booking, counter
from appointments.booking.serving import DAY_FIELDS
from appointments.counter import Result, delays, desks
from appointments.counter.line import Line, Seat, line_of
from appointments.counter.steps import PATIENCE
from appointments.counter.undoing import BESIDE, NEVER
from appointments.errors import BookingError, NobodyWaits, NoDesk, SentElsewhere, UndoTooLate
from appointments.history import Actor
from appointments.models import Appointment, Desk, Event, Notification, Queue, Status, Ticket, TimeSlot
from appointments.times.publishing import publish
from tests.builders import (
    EVERY_DAY,
    GUEST,
    NOW,
    WORKER,
    a_branch,
    a_contact,
    a_desk,
    a_procedure,
    a_rule,
    an_agency,
    an_officer,
    booked_at,
    by,
    today_at,
)
from tests.races import MISCOUNTED

Verb, State = Event.Verb, Ticket.State
CHANNELS = [Channel.IN_PERSON, Channel.VIDEO, Channel.PHONE]
# What an officer writes down stays when the step is taken back.
WRITTEN = {"park_reason", "documents_seen", "internal_note", "citizen_note", "outcome", "delivery"}
# Events that a verb may write for others: whom the clock lets into the line, and the desk that an officer leaves.
ALONG = {Verb.CALL: {Verb.ADMIT}, Verb.SIT: {Verb.LEAVE}}
NOT_SERVED = (State.WAITING, State.CALLED, State.PARKED)
# Where a verb leaves the ticket, and the appointment where it changes that.
LEADS_TO: dict[str, tuple[str, str | None]] = {
    Verb.CALL: (State.CALLED, None),
    Verb.CALL_AGAIN: (State.CALLED, None),
    Verb.RETURN: (State.WAITING, None),
    Verb.PARK: (State.PARKED, None),
    Verb.FORWARD: (State.WAITING, None),
    Verb.SERVE: (State.SERVING, Status.SERVING),
    Verb.COMPLETE: (State.DONE, Status.COMPLETED),
    Verb.MISS: (State.GONE, Status.NO_SHOW),
    Verb.GIVE_UP: (State.GONE, None),
}

which = st.integers(0, 11)
officers = st.integers(0, 1)
# How often the step is taken back at once, and by whom.
undos = st.sampled_from(["", "", "mine", "mine", "other", "late", "left"])
Found = TypeVar("Found")


@dataclass(frozen=True)
class World:
    """Two branches; at the first three desks, of which one serves only one procedure, and people of every kind."""

    branch: Branch
    other: Branch
    procedures: list[Procedure]
    officers: list[User]
    desks: list[Desk]


def a_world() -> World:
    agency = an_agency(horizon_days=2, verify_minutes=300, reminders=[60])
    branch, other = a_branch(agency), a_branch(agency, "kep-other")
    plain = a_procedure(agency, channels=CHANNELS)
    special = a_procedure(agency, "kep-special", channels=CHANNELS, duration_minutes=20, open_limit=2)
    for place in (branch, other):
        a_rule(place, desks=3, channels=CHANNELS, weekdays=EVERY_DAY)
    publish([branch.pk, other.pk], now=NOW)
    both = [an_officer(agency, email=f"officer{number}@example.org") for number in range(2)]
    counters = [a_desk(branch, both[0]), a_desk(branch, both[1], name="2"), a_desk(branch, name="3")]
    counters[1].procedures.add(special)
    a_walk_in_of(branch, plain)
    # Two of the same time, and whose time has come when the day begins.
    for number, (minute, channel) in enumerate([(40, "in_person"), (40, "in_person"), (40, "phone"), (30, "video")]):
        booked_at(branch, 8, minute, number, channel=channel, procedure=plain)
    booked_at(branch, 9, 0, 4, procedure=special)
    _unverified(branch, plain)
    return World(branch, other, [plain, special], both, counters)


def a_walk_in_of(branch: Branch, procedure: Procedure) -> Ticket:
    return counter.take_ticket(branch, procedure, by=GUEST, now=today_at(8, 20))


def _unverified(branch: Branch, procedure: Procedure) -> None:
    slot = TimeSlot.objects.get(branch=branch, starts_at=today_at(9, 10))
    held = booking.hold(slot.pk, procedure, "in_person", by=GUEST, now=NOW)
    booking.confirm(held, a_contact(5), by=GUEST, now=NOW)


class Seen(NamedTuple):
    """All rows that verbs write, as they are at one moment."""

    appointments: dict[int, dict[str, Any]]
    tickets: dict[int, dict[str, Any]]
    messages: dict[int, dict[str, Any]]
    desks: dict[int, dict[str, Any]]
    queues: dict[int, dict[str, Any]]
    slots: dict[int, int]
    events: dict[int, datetime | None]

    def messages_of(self, appointment: int | None) -> dict[int, str]:
        return {pk: row["state"] for pk, row in self.messages.items() if row["appointment_id"] == appointment}


def look() -> Seen:
    rows = [_rows(model) for model in (Appointment, Ticket, Notification, Desk, Queue)]
    taken = TimeSlot.objects.filter(taken__gt=0).values_list("pk", "taken")
    return Seen(*rows, dict(taken), dict(Event.objects.values_list("pk", "undone_at")))  # type: ignore[arg-type]


def _rows(model: type[models.Model]) -> dict[int, dict[str, Any]]:
    key = model._meta.pk.attname
    return {row[key]: row for row in model._default_manager.values()}


def seat_of(desk: Desk, line: Line) -> Seat:
    """The desk as the line shows it, which says whom it may call."""
    return next(seat for seat in line.desks if seat.pk == desk.pk)


def pick(among: Sequence[Found], number: int) -> Found | None:
    return among[number % len(among)] if among else None


class Counter(RuleBasedStateMachine):
    def __init__(self, world: World) -> None:
        super().__init__()
        self.atomic = transaction.atomic()
        self.atomic.__enter__()
        self.world = world
        self.now = today_at(8, 30)
        self.actors = [by(officer, "test") for officer in world.officers]
        # How everything was before each step, by the key of its event.
        self.before: dict[int, Seen] = {}
        self.refusal: BookingError | None = None
        # How everything is, if nothing has been written since, and whether that has been checked.
        self.seen: Seen | None = None
        self.checked: Seen | None = None
        # Appointments that were served, completed or missed without a ticket.
        self.without_ticket: set[int] = set()

    def teardown(self) -> None:
        transaction.set_rollback(True)
        self.atomic.__exit__(None, None, None)

    def look(self) -> Seen:
        self.seen = self.seen or look()
        return self.seen

    # Taking a step

    def attempt(self, verb: str, actor: Actor, run: Callable[[], Any], then: str = "") -> Any:
        """What the verb returns, or None where it refuses. It writes one event if it changes something, or nothing at all."""
        before = self.look()
        try:
            done = run()
        except BookingError as refusal:
            self.refusal = refusal
            assert look() == before
            return None
        after = self.seen = look()
        new = list(Event.objects.filter(pk__in=after.events.keys() - before.events.keys()))
        assert {(one.at, one.by, one.officer) for one in new} <= {(self.now, actor.by, actor.officer)}
        own = [one for one in new if one.verb == verb and _is_of(one, done)]
        assert len(own) <= 1
        assert own or after == before
        assert {one.verb for one in new if one not in own} <= ALONG.get(verb, set())
        admitted = {one.ticket_id for one in new if one.verb == Verb.ADMIT}
        for one in new:
            # Whom the clock has let in stays in the line when the call is taken back.
            came_along = one.verb == Verb.CALL and one.ticket_id in admitted
            self.before[one.pk] = before._replace(tickets=self.admitted(before, one)) if came_along else before
        if then and own:
            self.take_back_at_once(own[0], then)
        return done

    def admitted(self, before: Seen, called: Event) -> dict[int, dict[str, Any]]:
        """The tickets as they were when this one had been admitted, and was not called yet."""
        row = Ticket.objects.values().get(pk=called.ticket_id)
        return before.tickets | {
            row["id"]: row
            | {"state": State.WAITING, "desk_id": None, "officer_id": None, "called_at": None, "calls": 0}
        }

    def take_back_at_once(self, event: Event, then: str) -> None:
        ticket = event.ticket or Ticket.objects.filter(appointment=event.appointment_id).first()
        if ticket is None:
            return
        own = next((one for one in self.actors if one.officer == event.officer), self.actors[0])
        other = next(one for one in self.actors if one != own)
        if then == "late":
            self.now += PATIENCE + timedelta(seconds=1)
        if then == "left" and (desk := Desk.objects.filter(officer=own.officer).first()):
            self.attempt(Verb.LEAVE, own, lambda: desks.leave(desk, by=own, now=self.now) or desk)
        refusal = self.undo_of(ticket, other if then == "other" else own)
        assert refusal is None or isinstance(refusal, UndoTooLate) or (then == "left" and isinstance(refusal, NoDesk))

    def undo_of(self, ticket: Ticket, actor: Actor) -> BookingError | None:
        """Everything is as it was before the step, or nothing has changed and the refusal is returned."""
        before, event = self.look(), _last_of(ticket)
        mine = event is not None and event.officer == actor.officer and self.now - event.at <= PATIENCE
        may = mine and event is not None and "ticket" in event.before and event.verb not in NEVER
        refusal = _refusal_of(lambda: counter.undo(ticket, by=actor, now=self.now))
        after = self.seen = look()
        assert may != isinstance(refusal, UndoTooLate)
        if refusal or event is None:
            assert after == before
        else:
            assert after.events == before.events | {event.pk: self.now}
            self.assert_restored(event, ticket.pk, self.before[event.pk], after)
        return refusal

    def assert_restored(self, event: Event, pk: int, was: Seen, after: Seen) -> None:
        if pk in was.tickets:
            assert _without(after.tickets[pk], WRITTEN) == _without(was.tickets[pk], WRITTEN)
        else:
            assert after.tickets[pk]["state"] == State.GONE
        if event.appointment_id is None:
            return
        # Booking a follow-up lets the one before no longer count, which is no step of this one.
        fields = set(DAY_FIELDS) - {"limit_place"}
        now_is, was_so = after.appointments[event.appointment_id], was.appointments[event.appointment_id]
        assert {name: now_is[name] for name in fields} == {name: was_so[name] for name in fields}
        told = after.messages_of(event.appointment_id)
        told = {
            key: state for key, state in told.items() if after.messages[key]["kind"] != "delayed" or key in was.messages
        }
        sent = {key: state for key, state in told.items() if state == "sent"}
        assert told == was.messages_of(event.appointment_id) | sent

    def tickets(self, *states: str) -> list[Ticket]:
        """Those in the states, or all where there are none: a verb then refuses."""
        every = list(Ticket.objects.select_related("branch", "appointment").order_by("pk"))
        return [one for one in every if one.state in states] or every

    def appointments(self, **which: Any) -> list[Appointment]:
        """Those of which the filter is true, or all where there are none."""
        related = Appointment.objects.select_related("agency", "branch__agency", "procedure__agency").order_by("pk")
        return list(related.filter(**which)) or list(related)

    def any_or_in_line(self, number: int) -> Appointment:
        """Of two tries, one finds somebody who is in the line."""
        among = self.appointments(ticket__state__in=Ticket.OPEN) if number % 2 else self.appointments()
        return among[number // 2 % len(among)]

    def step(
        self, verb: str, run: Callable[..., Ticket], states: Sequence[str], *, number: int, officer: int, then: str
    ) -> None:
        ticket, actor = pick(self.tickets(*states), number), self.actors[officer]
        if ticket is None:
            return
        done = self.attempt(verb, actor, lambda: run(ticket, by=actor, now=self.now))
        if done:
            state, status = LEADS_TO[verb]
            assert Ticket.objects.get(pk=done.pk).state == state
            if status and done.appointment_id:
                assert Appointment.objects.get(pk=done.appointment_id).status == status
            if then:
                self.take_back_at_once(Event.objects.filter(ticket=done).latest("pk"), then)

    # Who is there

    @rule(number=which, officer=st.integers(0, 2), then=undos)
    def check_in(self, number: int, officer: int, then: str) -> None:
        actor = [*self.actors, GUEST][officer]
        begins, ends = self.world.branch.day_span(self.world.branch.today(self.now))
        today = {"starts_at__gte": begins, "starts_at__lt": ends}
        awaited = self.appointments(status__in=(Status.BOOKED, Status.UNVERIFIED, Status.NO_SHOW), **today)
        appointment = pick(awaited if number < 10 else self.appointments(), number)
        assert appointment is not None
        self.attempt(Verb.CHECK_IN, actor, lambda: counter.check_in(appointment, by=actor, now=self.now), then)

    @rule(procedure=st.integers(0, 1), officer=st.integers(0, 2), priority=st.booleans(), then=undos)
    def take_ticket(self, procedure: int, officer: int, priority: bool, then: str) -> None:
        actor, what = [*self.actors, GUEST][officer], self.world.procedures[procedure]

        def run() -> Ticket:
            return counter.take_ticket(self.world.branch, what, by=actor, now=self.now, priority=priority)

        self.attempt(Verb.CHECK_IN, actor, run, then)

    @rule(number=which, officer=officers, then=undos)
    def admit(self, number: int, officer: int, then: str) -> None:
        remote = self.appointments(channel__in=CHANNELS[1:], status=Status.BOOKED)
        actor, appointment = self.actors[officer], pick(remote if number < 10 else self.appointments(), number)
        assert appointment is not None
        self.attempt(Verb.ADMIT, actor, lambda: counter.admit(appointment, by=actor, now=self.now), then)

    # The line

    @rule(desk=st.integers(0, 2), officer=officers, mine=st.booleans(), then=undos)
    def call_next(self, desk: int, officer: int, mine: bool, then: str) -> None:
        """The first of the line comes, whom the clock lets in included."""
        actor, place = self.actors[officer], self.desk_of(officer, desk) if mine else self.world.desks[desk]
        first = self.first_for(place)
        self.refusal = None
        paused = Desk.objects.get(pk=place.pk).paused_at
        called = self.attempt(Verb.CALL, actor, lambda: counter.call_next(place, by=actor, now=self.now), then)
        if called:
            assert first in (called, called.appointment)
            assert paused is None
        elif isinstance(self.refusal, NobodyWaits):
            assert first is None

    def first_for(self, desk: Desk) -> Ticket | Appointment | None:
        line = line_of(self.world.branch, now=self.now)
        seat = seat_of(desk, line)
        here: list[tuple[tuple[bool, datetime, int], Ticket | Appointment]] = [
            ((not one.priority, one.due_at, one.number), one) for one in line.waiting if seat.may_call(one)
        ]
        for one in line.expected_today:
            is_due = one.channel != Channel.IN_PERSON and one.status == Status.BOOKED and one.starts_at <= self.now
            if is_due and seat.may_call(one):
                here.append(((True, one.starts_at, 10**9 + one.pk), one))
        return min(here, key=lambda pair: pair[0])[1] if here else None

    def desk_of(self, officer: int, otherwise: int) -> Desk:
        """The officer's desk; who has none sits down at the other one, if it is free."""
        mine = Desk.objects.filter(officer=self.world.officers[officer]).select_related("branch__agency").first()
        if mine is None:
            self.sit_pause_resume_leave(desk=otherwise, officer=officer, verb=Verb.SIT)
        return mine or self.world.desks[otherwise]

    @rule(number=which, desk=st.integers(0, 2), officer=officers, then=undos)
    def call(self, number: int, desk: int, officer: int, then: str) -> None:
        place = self.desk_of(officer, desk)

        def run(ticket: Ticket, **said: Any) -> Ticket:
            line = line_of(self.world.branch, now=self.now)
            kept = line.is_kept_from(seat_of(place, line), ticket)
            try:
                called = counter.call(ticket, place, **said)
            except SentElsewhere:
                assert kept
                raise
            assert not kept
            return called

        self.step(Verb.CALL, run, (State.WAITING, State.PARKED), number=number, officer=officer, then=then)

    @rule(number=which, officer=officers, then=undos)
    def call_again(self, number: int, officer: int, then: str) -> None:
        self.step(Verb.CALL_AGAIN, counter.call_again, (State.CALLED,), number=number, officer=officer, then=then)

    @rule(number=which, officer=officers, then=undos)
    def put_back(self, number: int, officer: int, then: str) -> None:
        self.step(
            Verb.RETURN,
            counter.put_back,
            (State.CALLED, State.PARKED, State.GONE),
            number=number,
            officer=officer,
            then=then,
        )

    @rule(number=which, officer=officers, then=undos)
    def park(self, number: int, officer: int, then: str) -> None:
        states = (State.WAITING, *Ticket.AT_DESK)

        def run(ticket: Ticket, **said: Any) -> Ticket:
            return counter.park(ticket, reason="Φέρνει αντίγραφο", **said)

        self.step(Verb.PARK, run, states, number=number, officer=officer, then=then)

    @rule(number=which, officer=officers, then=undos, desk=st.integers(0, 2), to=st.sampled_from(["desk", "procedure"]))
    def forward(self, number: int, officer: int, then: str, desk: int, to: str) -> None:
        aim = {"desk": self.world.desks[desk]} if to == "desk" else {"procedure": self.world.procedures[desk % 2]}

        def run(ticket: Ticket, **said: Any) -> Ticket:
            return counter.forward(ticket, **aim, **said)

        self.step(Verb.FORWARD, run, Ticket.OPEN, number=number, officer=officer, then=then)

    # At a desk

    @rule(number=which, officer=officers, then=undos)
    def serve(self, number: int, officer: int, then: str) -> None:
        self.step(Verb.SERVE, counter.serve, NOT_SERVED, number=number, officer=officer, then=then)

    @rule(number=which)
    def record(self, number: int) -> None:
        """A draft, of which the history says nothing."""
        ticket, before = pick(self.tickets(*Ticket.AT_DESK), number), self.look()
        if ticket is None:
            return
        try:
            counter.record(ticket, Result(internal_note="Πρόχειρο", outcome=Ticket.Outcome.REFERRED))
        except BookingError:
            assert look() == before
        else:
            after = look()
            changed = _without(before.tickets[ticket.pk], WRITTEN) | _written(ticket)
            assert after == before._replace(tickets=before.tickets | {ticket.pk: changed})
            self.seen = None

    @rule(number=which, officer=officers, then=undos, note=st.sampled_from([None, "", "Θα λάβετε το έγγραφο."]))
    def complete(self, number: int, officer: int, then: str, note: str | None) -> None:
        result = None if note is None else Result(citizen_note=note)

        def run(ticket: Ticket, **said: Any) -> Ticket:
            return counter.complete(ticket, result=result, **said)

        self.step(Verb.COMPLETE, run, Ticket.AT_DESK, number=number, officer=officer, then=then)

    @rule(number=which, officer=officers, then=undos)
    def miss(self, number: int, officer: int, then: str) -> None:
        self.step(Verb.MISS, counter.miss, NOT_SERVED, number=number, officer=officer, then=then)

    @rule(number=which, officer=officers, then=undos)
    def give_up(self, number: int, officer: int, then: str) -> None:
        self.step(Verb.GIVE_UP, counter.give_up, NOT_SERVED, number=number, officer=officer, then=then)

    @rule(number=which, officer=officers)
    def undo(self, number: int, officer: int) -> None:
        if ticket := pick(self.tickets(), number):
            self.undo_of(ticket, self.actors[officer])

    # Desks

    @rule(
        desk=st.integers(0, 2), officer=officers, verb=st.sampled_from([Verb.SIT, Verb.PAUSE, Verb.RESUME, Verb.LEAVE])
    )
    def sit_pause_resume_leave(self, desk: int, officer: int, verb: Event.Verb) -> None:
        place = self.world.desks[desk]
        actor = self.actors[officer]
        verbs = {Verb.SIT: desks.sit, Verb.PAUSE: desks.pause, Verb.RESUME: desks.resume, Verb.LEAVE: desks.leave}
        self.attempt(verb, actor, lambda: verbs[verb](place, by=actor, now=self.now) or place)

    # Bookings

    def slot(self, place: int, *, elsewhere: bool) -> int:
        """From now on, today and tomorrow, here or at the other branch."""
        branch = self.world.other if elsewhere else self.world.branch
        coming = TimeSlot.objects.filter(branch=branch, starts_at__gt=self.now).order_by("starts_at", "pk")
        keys = list(coming.values_list("pk", flat=True))
        return keys[place * 7 % len(keys)] if keys else TimeSlot.objects.latest("starts_at").pk

    @rule(number=which, place=st.integers(0, 9), elsewhere=st.booleans(), officer=st.integers(0, 2), then=undos)
    def reschedule(self, number: int, place: int, elsewhere: bool, officer: int, then: str) -> None:
        actor, appointment = [*self.actors, GUEST][officer], self.any_or_in_line(number)
        slot = self.slot(place, elsewhere=elsewhere)

        def run() -> Appointment:
            return booking.reschedule(appointment, slot, by=actor, now=self.now)

        self.attempt(Verb.MOVE, actor, run, then)

    @rule(number=which, officer=st.integers(0, 2), then=undos)
    def cancel(self, number: int, officer: int, then: str) -> None:
        actor, appointment = [*self.actors, GUEST][officer], self.any_or_in_line(number)
        self.attempt(Verb.CANCEL, actor, lambda: booking.cancel(appointment, by=actor, now=self.now), then)

    @rule(number=which, officer=officers, then=undos)
    def assign(self, number: int, officer: int, then: str) -> None:
        actor, appointment = self.actors[officer], self.any_or_in_line(number)

        def run() -> Appointment:
            return booking.assign(appointment, self.world.officers[number % 2], by=actor, now=self.now)

        self.attempt(Verb.ASSIGN, actor, run, then)

    @rule(
        number=which,
        officer=officers,
        then=undos,
        verb=st.sampled_from([Verb.CHECK_IN, Verb.SERVE, Verb.INTERRUPT, Verb.COMPLETE, Verb.MISS]),
    )
    def step_without_a_ticket(self, number: int, officer: int, then: str, verb: str) -> None:
        verbs = {
            Verb.CHECK_IN: booking.arrive,
            Verb.SERVE: booking.serve,
            Verb.INTERRUPT: booking.interrupt,
            Verb.COMPLETE: booking.complete,
            Verb.MISS: booking.miss,
        }
        actor, appointment = self.actors[officer], self.any_or_in_line(number)
        if self.attempt(verb, actor, lambda: verbs[Verb(verb)](appointment, by=actor, now=self.now)):
            self.without_ticket.add(appointment.pk)
            if then:
                self.take_back_at_once(appointment.events.latest("pk"), then)

    @rule(
        person=st.integers(0, 6),
        where=st.tuples(st.integers(0, 9), st.booleans()),
        what=st.tuples(st.integers(0, 1), st.sampled_from(CHANNELS)),
        officer=st.integers(0, 2),
        follows=st.none() | which,
    )
    def book(
        self, *, person: int, where: tuple[int, bool], what: tuple[int, str], officer: int, follows: int | None
    ) -> None:
        """Also anew by who has missed an appointment, and on the spot by who is served."""
        actor, slot = [*self.actors, GUEST][officer], self.slot(where[0], elsewhere=where[1])
        procedure, channel = self.world.procedures[what[0]], what[1]
        before = None if follows is None else pick(self.appointments(), follows)

        def run() -> Appointment:
            return booking.book(slot, procedure, channel, a_contact(person), by=actor, now=self.now, follows=before)

        self.attempt(Verb.BOOK, actor, run)

    # The clock

    @rule(seconds=st.integers(1, 15))
    def seconds_pass(self, seconds: int) -> None:
        self.now += timedelta(seconds=seconds)

    @rule(minutes=st.sampled_from([1, 5, 10, 30]))
    def minutes_pass(self, minutes: int) -> None:
        self.now += timedelta(minutes=minutes)

    @rule(what=st.sampled_from(["send", "tell", "expire"]))
    def worker_works(self, what: str) -> None:
        if what == "send":
            due = Notification.objects.filter(state="pending", due_at__lte=self.now)
            due.update(state="sent", sent_at=self.now)
        elif what == "tell":
            delays.tell(now=self.now)
        else:
            booking.expire(by=WORKER, now=self.now)
        self.seen = None

    @rule(hour=which, closes=st.booleans())
    def night_falls(self, hour: int, closes: bool) -> None:
        """To just before midnight, or over it with somebody still served; not often, for most happens by day."""
        branch = self.world.branch
        if hour >= 8:
            self.serve(number=hour, officer=0, then="")
            midnight = branch.midnight(branch.today(self.now) + timedelta(days=1))
            self.now = midnight + (timedelta(hours=8) if closes else timedelta(seconds=-3))
        if closes:
            self.close_past()

    def close_past(self) -> None:
        before = self.look()
        closed = counter.close_past(by=WORKER, now=self.now)
        after = self.seen = look()
        ended = {pk for pk, row in after.tickets.items() if row != before.tickets[pk]}
        new = Event.objects.filter(pk__in=after.events.keys() - before.events.keys())
        assert sorted(new.values_list("ticket", "verb", "by")) == [(pk, "close", "worker") for pk in sorted(ended)]
        assert closed == len(ended)
        left = Ticket.objects.open().filter(branch=self.world.branch)
        assert not left.exclude(day=self.world.branch.today(self.now)).exists()

    # What always holds

    @invariant()
    def all_agree(self) -> None:
        if self.checked is None or self.checked is not self.seen:
            last, seen = self.checked, self.look()
            self.checked = seen
            if last is None or last.slots != seen.slots or last.appointments != seen.appointments:
                self.slots_count_who_holds_them()
            if last is None or last.tickets != seen.tickets:
                self.the_line_is_one_for_all()
            for ticket in seen.tickets.values():
                self.who_is_at_a_desk_has_an_officer_there(ticket, seen)
                if appointment := seen.appointments.get(ticket["appointment_id"]):
                    self.ticket_and_appointment_agree(ticket, appointment)
            self.nobody_is_served_unseen(seen)

    def slots_count_who_holds_them(self) -> None:
        with connection.cursor() as cursor:
            cursor.execute(MISCOUNTED)
            assert cursor.fetchall() == []

    def the_line_is_one_for_all(self) -> None:
        line = line_of(self.world.branch, now=self.now)
        for desk in self.world.desks[:2]:
            seat = seat_of(desk, line)
            shown = [one for one in line.waiting if seat.may_call(one)]
            assert list(counter.waiting_for(desk, now=self.now)) == shown
        told = [line.begins[one] for one in line.waiting if line.begins]
        assert told == sorted(told)

    def who_is_at_a_desk_has_an_officer_there(self, ticket: dict[str, Any], seen: Seen) -> None:
        if ticket["state"] in Ticket.AT_DESK and ticket["desk_id"]:
            assert seen.desks[ticket["desk_id"]]["officer_id"]

    def ticket_and_appointment_agree(self, ticket: dict[str, Any], appointment: dict[str, Any]) -> None:
        state, status = ticket["state"], appointment["status"]
        if state in NOT_SERVED:
            assert status == Status.ARRIVED or (status == Status.BOOKED and ticket["channel"] != Channel.IN_PERSON)
        elif state == State.SERVING:
            assert status == Status.SERVING
        elif state == State.DONE:
            assert status == Status.COMPLETED
        else:
            alone = appointment["id"] in self.without_ticket
            assert alone or status not in (Status.SERVING, Status.COMPLETED)
        if state in Ticket.OPEN:
            branch = self.world.branch if appointment["branch_id"] == self.world.branch.pk else self.world.other
            assert (ticket["branch_id"], ticket["day"]) == (branch.pk, branch.today(appointment["starts_at"]))

    def nobody_is_served_unseen(self, seen: Seen) -> None:
        """By a verb of the counter there is a ticket to show for it."""
        with_ticket = {one["appointment_id"] for one in seen.tickets.values()}
        served = {pk for pk, row in seen.appointments.items() if row["status"] in (Status.SERVING, Status.COMPLETED)}
        assert served <= with_ticket | self.without_ticket


def _refusal_of(run: Callable[[], Any]) -> BookingError | None:
    try:
        run()
    except BookingError as refusal:
        return refusal
    return None


def _is_of(event: Event, done: object) -> bool:
    """Whether the event is of what the verb returned."""
    if isinstance(done, Ticket):
        return (event.ticket_id, event.appointment_id) == (done.pk, done.appointment_id)
    if isinstance(done, Desk):
        return event.desk_id == done.pk
    return isinstance(done, Appointment) and event.appointment_id == done.pk


def _last_of(ticket: Ticket) -> Event | None:
    """What was done last with this ticket or its appointment, and stands."""
    of_both = Q(ticket=ticket) | Q(appointment=ticket.appointment_id, appointment__isnull=False)
    return Event.objects.filter(of_both, undone_at=None).exclude(verb__in=BESIDE).order_by("pk").last()


def _without(row: dict[str, Any], names: set[str]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name not in names}


def _written(ticket: Ticket) -> dict[str, Any]:
    now_is = Ticket.objects.values(*WRITTEN).get(pk=ticket.pk)
    assert (now_is["internal_note"], now_is["outcome"]) == ("Πρόχειρο", Ticket.Outcome.REFERRED)
    return now_is


@pytest.mark.slow
@pytest.mark.django_db
def test_any_sequence_of_steps_and_undos_keeps_the_counter_in_order() -> None:
    world, hunt = a_world(), int(os.environ.get("COUNTER_HUNT", "1"))
    run_state_machine_as_test(
        lambda: Counter(world),
        settings=settings(
            max_examples=10 * hunt, stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )
