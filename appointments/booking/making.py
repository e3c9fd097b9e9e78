"""The verbs that make an appointment: hold a time, book it, confirm it, verify the address."""

from contextlib import nullcontext
from datetime import datetime, timedelta

from django.db import IntegrityError, transaction

from agencies.models import Channel, Procedure
from appointments import history
from appointments.booking import owed, taking
from appointments.booking.locking import locked, refusals
from appointments.booking.persons import Contact, sign
from appointments.booking.waking import wake_worker
from appointments.errors import BookingError, HoldExpired
from appointments.history import Actor, By
from appointments.models import Appointment, Event, Status, TimeSlot
from appointments.times.asking import bookable_slot

Source, Verb = Appointment.Source, Event.Verb
SOURCES = {By.OFFICER: Source.STAFF, By.SYSTEM: Source.SYSTEM}


def hold(slot_id: int, procedure: Procedure, channel: str, *, by: Actor, now: datetime) -> Appointment:
    """Reserve the time while the form is filled in, for the agency's `hold_minutes`."""
    slot = bookable_slot(slot_id, procedure, channel, now=now)
    appointment = _new(slot, procedure, channel, by, now)
    appointment.status = Status.HELD
    appointment.expires_at = now + timedelta(minutes=procedure.agency.hold_minutes)
    taking.make(appointment, slot, history.made(Verb.HOLD, by=by, now=now))
    return appointment


def confirm(held: Appointment, contact: Contact, *, by: Actor, now: datetime) -> Appointment:
    """Turn a hold into a booking. A guest of an agency that asks for it has to verify the e-mail address first.

    Whoever has signed in since the time is held becomes its citizen. Repeating it returns the same appointment. A hold
    that has run out raises HoldExpired.
    """
    with refusals(), locked(held) as appointment:
        if appointment.status in (Status.BOOKED, Status.UNVERIFIED):
            return appointment
        if appointment.status != Status.HELD or appointment.is_overdue(now):
            raise HoldExpired
        before = {"appointment": history.as_it_is(appointment, ("status", "expires_at"))}
        appointment.citizen = by.citizen or appointment.citizen
        sign(appointment, contact)
        appointment.limit_place = taking.limit_place(appointment)
        verify_minutes = appointment.agency.verify_minutes
        if verify_minutes and not appointment.citizen_id:
            _await_verification(appointment, timedelta(minutes=verify_minutes), now)
            history.note(Verb.REQUEST, by=by, now=now, appointment=appointment, before=before)
        else:
            _settle(appointment, now)
            history.note(Verb.BOOK, by=by, now=now, appointment=appointment, before=before)
    return appointment


def book(
    slot: int | TimeSlot,
    procedure: Procedure,
    channel: str,
    contact: Contact,
    *,
    by: Actor,
    now: datetime,
    idempotency_key: str | None = None,
    follows: Appointment | None = None,
) -> Appointment:
    """Book at once: for the API and for officers, who know whom they book for, perhaps while that one `follows` is served.

    `slot` is its key, or what `asking.asked_for` found.
    The same `idempotency_key` returns the same appointment, however often and however parallel it comes.
    """
    try:
        slot = bookable_slot(slot, procedure, channel, now=now, assisted=by.by == By.OFFICER)
        appointment = _new(slot, procedure, channel, by, now)
        appointment.follows, appointment.idempotency_key = follows, idempotency_key
        if follows:
            appointment.citizen = follows.citizen
        sign(appointment, contact)
        _promise(appointment, now)
        messages = [*owed.confirmation(appointment, now=now)]
        # One statement, and a transaction only where it takes two.
        with refusals(), transaction.atomic() if follows else nullcontext():
            if follows:
                # Whoever is being served has had that turn: it does not count against the next one.
                Appointment.objects.filter(pk=follows.pk).update(limit_place=None)
            taking.make(appointment, slot, history.made(Verb.BOOK, by=by, now=now), messages)
        _wake_workers(appointment)
    except (BookingError, IntegrityError):
        # An earlier request with this key, or a parallel one, may have won: then its appointment is the answer. Asked
        # only now, because nearly every key is new and a used one can't be stored again.
        if winner := _by_key(idempotency_key):
            return winner
        raise
    return appointment


def verify(unverified: Appointment, *, by: Actor, now: datetime) -> Appointment:
    """The guest has opened the link from the mail: the address is real, the time is booked."""
    with locked(unverified) as appointment:
        if appointment.status == Status.BOOKED:
            return appointment
        if appointment.status != Status.UNVERIFIED or appointment.is_overdue(now):
            raise HoldExpired
        before = {"appointment": history.as_it_is(appointment, ("status", "expires_at"))}
        _settle(appointment, now)
        history.note(Verb.VERIFY, by=by, now=now, appointment=appointment, before=before)
    return appointment


def _by_key(idempotency_key: str | None) -> Appointment | None:
    stored = taking.stored_under(idempotency_key) if idempotency_key else None
    if stored is None:
        return None
    return Appointment.objects.select_related("agency", "branch", "procedure").get(pk=stored)


def _new(slot: TimeSlot, procedure: Procedure, channel: str, by: Actor, now: datetime) -> Appointment:
    """At the slot's time and place, not stored yet."""
    return Appointment(
        agency=procedure.agency,
        procedure=procedure,
        branch=slot.branch,
        channel=channel,
        citizen=by.citizen,
        source=SOURCES.get(by.by, Source.WEB),
        created_at=now,
        starts_at=slot.starts_at,
        ends_at=slot.starts_at + timedelta(minutes=procedure.duration_minutes),
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
    wake_worker("appointments.tasks.deliver_due")
    if appointment.channel == Channel.VIDEO:
        wake_worker("appointments.tasks.provide_video_calls")


def _await_verification(appointment: Appointment, patience: timedelta, now: datetime) -> None:
    appointment.status = Status.UNVERIFIED
    appointment.expires_at = min(now + patience, appointment.starts_at)
    appointment.save()
    owed.owe_verification(appointment, now=now)
