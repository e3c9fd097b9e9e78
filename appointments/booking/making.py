"""The verbs that make an appointment: hold a time, book it, confirm it, verify the address."""

from contextlib import nullcontext
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from django.db import IntegrityError, transaction

from agencies.facts import AnyProcedure
from agencies.models import Channel
from appointments import history
from appointments.booking import owed, taking
from appointments.booking.locking import locked, refusals
from appointments.booking.persons import Contact, sign
from appointments.booking.waking import wake_worker
from appointments.errors import BookingError, HoldExpired
from appointments.history import Actor, By
from appointments.models import Appointment, Event, Status
from appointments.times.asking import AskedTime, asked_for, bookable_slot, require_bookable

Source, Verb = Appointment.Source, Event.Verb
SOURCES = {By.OFFICER: Source.STAFF, By.SYSTEM: Source.SYSTEM}


def hold(slot_id: int, procedure: AnyProcedure, channel: str, *, by: Actor, now: datetime) -> Appointment:
    """Reserve the time while the form is filled in, for the agency's `hold_minutes`."""
    asked = bookable_slot(slot_id, procedure, channel, now=now)
    appointment = _new(asked, channel, by, now)
    appointment.status = Status.HELD
    appointment.expires_at = now + timedelta(minutes=asked.procedure.agency.hold_minutes)
    taking.make(appointment, asked, history.made(Verb.HOLD, by=by, now=now))
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


@dataclass(frozen=True)
class Made:
    """What came of booking: the appointment, and the time that was asked for if it was made of that just now."""

    appointment: Appointment
    asked: AskedTime | None


def book(
    slot: int,
    procedure: AnyProcedure,
    channel: str,
    contact: Contact,
    *,
    by: Actor,
    now: datetime,
    idempotency_key: str | None = None,
    follows: Appointment | None = None,
) -> Appointment:
    """Book at once: for officers, who know whom they book for, perhaps while that one (`follows`) is served.

    `slot` is its key. The same `idempotency_key` returns the same appointment, however often and however parallel it comes.
    """
    _procedure, asked = asked_for(slot, procedure.code)
    key = idempotency_key
    return book_asked(asked, channel, contact, by=by, now=now, idempotency_key=key, follows=follows).appointment


def book_asked(
    asked: AskedTime | None,
    channel: str,
    contact: Contact,
    *,
    by: Actor,
    now: datetime,
    idempotency_key: str | None = None,
    follows: Appointment | None = None,
) -> Made:
    """The same where the time has been read already; None where there is no such time."""
    key = idempotency_key
    try:
        made = _book(asked, channel, contact, by=by, now=now, idempotency_key=key, follows=follows)
    except (BookingError, IntegrityError):
        # An earlier request with this key, or a parallel one, may have won: then its appointment is the answer. Asked
        # only now, because nearly every key is new and a used one can't be stored again.
        if winner := _by_key(key):
            return Made(winner, None)
        raise
    return Made(made, asked)


def _book(
    asked: AskedTime | None,
    channel: str,
    contact: Contact,
    *,
    by: Actor,
    now: datetime,
    idempotency_key: str | None,
    follows: Appointment | None,
) -> Appointment:
    asked = require_bookable(asked, channel, now=now, assisted=by.by == By.OFFICER)
    appointment = _new(asked, channel, by, now)
    appointment.follows, appointment.idempotency_key = follows, idempotency_key
    if follows:
        appointment.citizen = follows.citizen
    sign(appointment, contact)
    _promise(appointment, now)
    zone = ZoneInfo(contact.timezone) if contact.timezone else asked.branch.zone
    messages = owed.confirmation(appointment, asked.procedure.agency.reminders, zone, now=now)
    # One statement, and a transaction only where it takes two.
    with refusals(), transaction.atomic() if follows else nullcontext():
        if follows:
            # Whoever is being served has had that turn: it does not count against the next one.
            Appointment.objects.filter(pk=follows.pk).update(limit_place=None)
        taking.make(appointment, asked, history.made(Verb.BOOK, by=by, now=now), messages)
    _wake_workers(appointment)
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


def _new(asked: AskedTime, channel: str, by: Actor, now: datetime) -> Appointment:
    """At the time and place that is asked for, not stored yet."""
    return Appointment(
        agency_id=asked.procedure.agency_id,
        procedure_id=asked.procedure.pk,
        branch_id=asked.branch_id,
        channel=channel,
        citizen=by.citizen,
        source=SOURCES.get(by.by, Source.WEB),
        created_at=now,
        starts_at=asked.starts_at,
        ends_at=asked.ends_at,
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
