"""The verbs that change an appointment. Website, admin and API call the same ones; nothing else writes status or slots.

Each is one short transaction. Locks are taken in one order everywhere, so that nobody can deadlock: the appointment,
what is held for it, the person (where a limit above one is counted), then slots by key. The constraints of the database
are the last guard.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

from django.db import IntegrityError, transaction

from accounts.models import User
from agencies.models import Channel, Procedure
from appointments import history
from appointments.booking import owed, taking
from appointments.booking.persons import Contact, sign
from appointments.errors import (
    BookingError,
    HoldExpired,
    LimitReached,
    TooLate,
    WrongStatus,
)
from appointments.models import Appointment, Event, Offer, Status, Ticket, TimeSlot
from appointments.times.asking import bookable_slot
from videocalls.models import VideoCall

Source, CancelledBy = Appointment.Source, Appointment.CancelledBy
# Still before service: may be moved, cancelled, and given to an officer.
CHANGEABLE = (Status.UNVERIFIED, Status.BOOKED, Status.ARRIVED)


# Making


def hold(
    slot_id: int, procedure: Procedure, channel: str, *, now: datetime, citizen: User | None = None
) -> Appointment:
    """Reserve the time while the form is filled in, for the agency's `hold_minutes`."""
    slot = bookable_slot(slot_id, procedure, channel, now=now)
    appointment = _new(slot, procedure, channel, now)
    appointment.citizen = citizen
    appointment.status = Status.HELD
    appointment.expires_at = now + timedelta(minutes=procedure.agency.hold_minutes)
    taking.make(appointment, slot)
    return appointment


def confirm(held: Appointment, contact: Contact, *, now: datetime, citizen: User | None = None) -> Appointment:
    """Turn a hold into a booking; a guest of an agency that asks for it has to verify the e-mail address first.

    `citizen` is who has signed in, perhaps only since the time is held. Repeating it returns the same appointment. A hold
    that has run out raises HoldExpired.
    """
    with _refusals(), _locked(held) as appointment:
        if appointment.status in (Status.BOOKED, Status.UNVERIFIED):
            return appointment
        if appointment.status != Status.HELD or appointment.is_overdue(now):
            raise HoldExpired
        appointment.citizen = citizen or appointment.citizen
        sign(appointment, contact)
        appointment.limit_place = taking.limit_place(appointment)
        verify_minutes = appointment.agency.verify_minutes
        if verify_minutes and not appointment.citizen_id:
            _await_verification(appointment, timedelta(minutes=verify_minutes), now)
        else:
            _settle(appointment, now)
    return appointment


def book(
    slot: int | TimeSlot,
    procedure: Procedure,
    channel: str,
    contact: Contact,
    *,
    now: datetime,
    source: str,
    citizen: User | None = None,
    idempotency_key: str | None = None,
    follows: Appointment | None = None,
) -> Appointment:
    """Book at once: for the API and for officers, who know whom they book for, perhaps while that one `follows` is served.

    `slot` is its key, or what `taking.asked_for` found.
    The same `idempotency_key` returns the same appointment, however often and however parallel it comes.
    """
    try:
        slot = bookable_slot(slot, procedure, channel, now=now, assisted=source == Source.STAFF)
        appointment = _new(slot, procedure, channel, now)
        appointment.citizen, appointment.source, appointment.follows = citizen, source, follows
        appointment.idempotency_key = idempotency_key
        sign(appointment, contact)
        _promise(appointment, now)
        if follows:
            # Whoever is being served has had that turn: it does not count against the next one.
            Appointment.objects.filter(pk=follows.pk).update(limit_place=None)
        with _refusals():
            taking.make(appointment, slot, owed.confirmation(appointment, now=now))
        _wake_workers(appointment)
    except (BookingError, IntegrityError):
        # An earlier request with this key, or a parallel one, may have won: then its appointment is the answer. Asked
        # only now, because nearly every key is new and a used one can't be stored again.
        if winner := _by_key(idempotency_key):
            return winner
        raise
    return appointment


def verify(unverified: Appointment, *, now: datetime) -> Appointment:
    """The guest has opened the link from the mail: the address is real, the time is booked."""
    with _locked(unverified) as appointment:
        if appointment.status == Status.BOOKED:
            return appointment
        if appointment.status != Status.UNVERIFIED or appointment.is_overdue(now):
            raise HoldExpired
        _settle(appointment, now)
    return appointment


# Changing


def reschedule(
    booked: Appointment, slot_id: int, *, by: str, now: datetime, officer: User | None = None
) -> Appointment:
    """Take the new time and give back the old one, in one step: the old one is kept until the new one is sure."""
    procedure, channel = booked.procedure, booked.channel
    slot = bookable_slot(slot_id, procedure, channel, now=now, assisted=by == CancelledBy.AGENCY)
    with _locked(booked) as appointment:
        _require_changeable(appointment, by, now)
        if slot.starts_at == appointment.starts_at and slot.branch_id == appointment.branch_id:
            return appointment
        details = _moving(appointment, slot, by)
        appointment.slot_ids += taking.withdraw(appointment, Offer.State.CHANGED, now=now)
        taking.lock_slots(appointment, slot)
        taking.give_back(appointment)
        taking.take(appointment, slot)
        _moved(appointment, details, officer, now)
    return appointment


def take_over(
    booked: Appointment, held: Appointment, *, by: str, now: datetime, officer: User | None = None
) -> Appointment:
    """Move it to the time that is held for it: the held time changes hands, the old one is given back."""
    with _locked(booked) as appointment, _locked(held) as hold:
        _require_changeable(appointment, by, now)
        if hold.status != Status.HELD or hold.is_overdue(now):
            raise HoldExpired
        details = _moving(appointment, hold, by)
        taking.give_back(appointment)
        appointment.slot_ids, hold.slot_ids = hold.slot_ids, []
        appointment.branch, appointment.channel = hold.branch, hold.channel
        appointment.starts_at, appointment.ends_at = hold.starts_at, hold.ends_at
        _end(hold, Status.EXPIRED, now)
        _moved(appointment, details, officer, now)
    return appointment


def cancel(booked: Appointment, *, by: str, now: datetime, reason: str = "") -> Appointment:
    """End it and give its time back. Repeating it changes nothing."""
    with _locked(booked) as appointment:
        if appointment.status == Status.CANCELLED:
            return appointment
        _require_changeable(appointment, by, now)
        appointment.cancelled_by, appointment.cancel_reason = by, reason
        appointment.revision += 1
        appointment.slot_ids += taking.withdraw(appointment, Offer.State.CANCELLED, now=now)
        _leave_queue(appointment, now)
        _end(appointment, Status.CANCELLED, now)
        owed.owe_cancellation(appointment, now=now)
    return appointment


def release(held: Appointment, *, now: datetime) -> Appointment:
    """The citizen went back and chose another time, or left: the held time is free again at once."""
    with _locked(held) as appointment:
        if appointment.status == Status.HELD:
            _end(appointment, Status.EXPIRED, now)
    return appointment


def expire(*, now: datetime, limit: int = 500) -> int:
    """Give back the times of holds, and of guests' bookings never verified, that are overdue. Answers how many."""
    with transaction.atomic():
        overdue = (
            Appointment.objects.overdue(now=now)
            .order_by("pk")
            .select_for_update(skip_locked=True, of=("self",), no_key=True)
        )
        appointments = list(overdue[:limit])
        taking.give_back(*appointments)
        for appointment in appointments:
            appointment.status, appointment.ended_at = Status.EXPIRED, now
            owed.drop_pending(appointment)
        Appointment.objects.bulk_update(appointments, ["status", "ended_at", "slot_ids"])
        Offer.objects.filter(hold__in=appointments, state=Offer.State.OPEN).update(state=Offer.State.LAPSED)
    return len(appointments)


# Serving


def arrive(booked: Appointment, *, now: datetime) -> Appointment:
    with _locked(booked) as appointment:
        _step(appointment, (Status.BOOKED, Status.UNVERIFIED, Status.NO_SHOW), Status.ARRIVED)
        appointment.arrived_at, appointment.ended_at = now, None
        appointment.save()
        owed.drop_pending(appointment)
    return appointment


def serve(arrived: Appointment, *, officer: User, now: datetime) -> Appointment:
    """An officer begins. Straight from booked too: by telephone or video nobody arrives at a counter."""
    with _locked(arrived) as appointment:
        _step(appointment, (Status.BOOKED, Status.ARRIVED), Status.SERVING)
        appointment.officer, appointment.serving_at = officer, now
        appointment.arrived_at = appointment.arrived_at or now
        appointment.save()
        owed.drop_pending(appointment)
    return appointment


def interrupt(serving: Appointment, *, now: datetime) -> Appointment:
    """Service stops for now: the citizen fetches something, or goes on to another desk."""
    with _locked(serving) as appointment:
        _step(appointment, (Status.SERVING,), Status.ARRIVED)
        appointment.save()
    return appointment


def complete(serving: Appointment, *, now: datetime) -> Appointment:
    with _locked(serving) as appointment:
        _step(appointment, (Status.SERVING,), Status.COMPLETED)
        appointment.completed_at = now
        appointment.save()
        owed.owe_rating(appointment, now=now)
    return appointment


def miss(booked: Appointment, *, now: datetime) -> Appointment:
    """The citizen did not come. Not before the time has begun, and nobody misses a time that has fallen out."""
    with _locked(booked) as appointment:
        if now < appointment.starts_at or appointment.has_fallen_out:
            raise WrongStatus
        _step(appointment, (Status.BOOKED, Status.ARRIVED), Status.NO_SHOW)
        appointment.ended_at = now
        appointment.save()
        owed.drop_pending(appointment)
    return appointment


# The steps of serving, and the fields that each of them writes.
DAY_STATUSES = (Status.BOOKED, Status.ARRIVED, Status.SERVING, Status.COMPLETED, Status.NO_SHOW)
DAY_FIELDS = ("status", "arrived_at", "serving_at", "completed_at", "ended_at", "officer_id")


def take_back(stepped: Appointment, before: dict[str, Any], *, now: datetime) -> Appointment:
    """Undo a step of serving: `before` gives the DAY_FIELDS as they were. No step of serving touches slots."""
    with _refusals(), _locked(stepped) as appointment:
        if appointment.status not in DAY_STATUSES or before["status"] not in DAY_STATUSES:
            raise WrongStatus
        for name in DAY_FIELDS:
            setattr(appointment, name, before[name])
        appointment.save()
    return appointment


def assign(booked: Appointment, officer: User | None, *, now: datetime, by: User) -> Appointment:
    """Name the officer who will serve, or nobody; who begins to serve is written by `serve`."""
    with _locked(booked) as appointment:
        if appointment.status not in CHANGEABLE:
            raise WrongStatus
        if appointment.officer_id == (officer.pk if officer else None):
            return appointment
        appointment.officer = officer
        appointment.save()
        details = {"officer": str(officer) if officer else ""}
        history.note(at=now, verb=Event.Verb.ASSIGN, appointment=appointment, officer=by, details=details)
    return appointment


# Steps of the verbs


@contextmanager
def _locked(appointment: Appointment) -> Iterator[Appointment]:
    """The appointment as it is now, locked until the verb is done."""
    with transaction.atomic():
        # First the lock (no key: events that point at the row do not wait), then what hangs on it: joined in one statement,
        # a row that moved to another branch while we waited would be found with its old branch or not at all.
        Appointment.objects.select_for_update(no_key=True).only("pk").get(pk=appointment.pk)
        related = Appointment.objects.select_related("agency", "branch", "procedure__agency", "citizen")
        yield related.get(pk=appointment.pk)


@contextmanager
def _refusals() -> Iterator[None]:
    """The database's last guard, in words."""
    try:
        yield
    except IntegrityError as error:
        if "open_appointments_per_person" in str(error):
            raise LimitReached from error
        raise


def _by_key(idempotency_key: str | None) -> Appointment | None:
    stored = taking.stored_under(idempotency_key) if idempotency_key else None
    if stored is None:
        return None
    return Appointment.objects.select_related("agency", "branch", "procedure").get(pk=stored)


def _new(slot: TimeSlot, procedure: Procedure, channel: str, now: datetime) -> Appointment:
    return Appointment(
        agency=procedure.agency, procedure=procedure, branch=slot.branch, channel=channel, created_at=now
    )


def _settle(appointment: Appointment, now: datetime) -> None:
    """The time is the citizen's: store it, and owe the messages and the video call."""
    _promise(appointment, now)
    appointment.save()
    owed.owe_confirmation(appointment, now=now)
    _wake_workers(appointment)


def _promise(appointment: Appointment, now: datetime) -> None:
    appointment.status, appointment.booked_at, appointment.expires_at = Status.BOOKED, now, None


def _wake_workers(appointment: Appointment) -> None:
    """Once this is committed: the messages are owed, and by video a room."""
    owed.wake_messenger()
    if appointment.channel == Channel.VIDEO:
        owed.wake_worker("appointments.tasks.provide_video_calls")


def _await_verification(appointment: Appointment, patience: timedelta, now: datetime) -> None:
    appointment.status = Status.UNVERIFIED
    appointment.expires_at = min(now + patience, appointment.starts_at)
    appointment.save()
    owed.owe_verification(appointment, now=now)


def _require_changeable(appointment: Appointment, by: str, now: datetime) -> None:
    if appointment.status not in CHANGEABLE:
        raise WrongStatus
    if by == CancelledBy.CITIZEN and not appointment.may_change(now):
        raise TooLate


def _step(appointment: Appointment, allowed: tuple[Status, ...], status: Status) -> None:
    if appointment.status not in allowed:
        raise WrongStatus
    appointment.status = status


def _leave_queue(appointment: Appointment, now: datetime) -> None:
    """Who moves or cancels after arriving is no longer waiting here."""
    if appointment.status == Status.ARRIVED:
        appointment.status, appointment.arrived_at = Status.BOOKED, None
        Ticket.objects.filter(appointment=appointment).open().update(state=Ticket.State.GONE, ended_at=now, desk=None)


def _end(appointment: Appointment, status: Status, now: datetime) -> None:
    taking.give_back(appointment)
    appointment.status, appointment.ended_at = status, now
    appointment.save()


def _moving(appointment: Appointment, slot: TimeSlot | Appointment, by: str) -> dict[str, str]:
    """What the history tells of a move: times in UTC, and the branches' codes where these differ."""
    details = {"from": appointment.starts_at.isoformat(), "to": slot.starts_at.isoformat(), "by": by}
    if slot.branch_id != appointment.branch_id:
        details |= {"from_branch": appointment.branch.code, "to_branch": slot.branch.code}
    return details


def _moved(appointment: Appointment, details: dict[str, str], officer: User | None, now: datetime) -> None:
    """Store the new time, and owe what follows from it."""
    appointment.revision += 1
    appointment.moved_at = now
    _leave_queue(appointment, now)
    appointment.save()
    history.note(at=now, verb=Event.Verb.MOVE, appointment=appointment, officer=officer, details=details)
    _move_call(appointment)
    if appointment.status == Status.BOOKED:
        owed.owe_move(appointment, now=now)


def _move_call(appointment: Appointment) -> None:
    """Move the room's window along; the worker then tells the provider, or makes a room where there is none."""
    if appointment.video_call_id:
        opens_at, closes_at = appointment.call_window
        VideoCall.objects.filter(pk=appointment.video_call_id).reopen(opens_at, closes_at)
    if appointment.channel == Channel.VIDEO:
        owed.wake_worker("appointments.tasks.provide_video_calls")
