"""The verbs that make an appointment: hold a time, confirm the hold, book at once, and verify a guest's address."""

from collections.abc import Iterable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import IntegrityError, transaction

from accounts.identities import is_enough
from accounts.work.waking import wake_worker
from agencies.facts import AnyProcedure
from agencies.models import Channel
from appointments import claims, history
from appointments.booking import owed, taking
from appointments.booking.allowance import rules
from appointments.booking.locking import locked, refusals
from appointments.booking.owners import joining
from appointments.booking.parties import storing
from appointments.booking.persons import Contact, digests_of, sign
from appointments.claims import Held, Visitor
from appointments.errors import (
    BookingError,
    HoldExpired,
    KeyReused,
    LevelTooLow,
    LinkUnsendable,
    LinkUnsendableBySms,
    WrongStatus,
)
from appointments.history import Actor, By
from appointments.models import Appointment, Event, Status
from appointments.times.asking import AskedTime, asked_for, bookable_slot, require_bookable

Source, Verb = Appointment.Source, Event.Verb
SOURCES = {By.OFFICER: Source.STAFF, By.SYSTEM: Source.SYSTEM}


def hold(
    slot_id: int, procedure: AnyProcedure, channel: str, *, by: Actor, now: datetime, visitor: Visitor | None = None
) -> Appointment:
    """Hold the time of this slot for the agency's `hold_minutes`, while the citizen fills in the form.

    A visitor of the website has one held time: the new one takes the place of all others, or nothing changes. Whoever asks
    for the time that they hold gets it as it is. Raises TooManyHolds if a guest has to sign in first.
    """
    asked = bookable_slot(slot_id, procedure, channel, now=now)
    if visitor is None:
        return _hold(asked, channel, by, now)
    with transaction.atomic():
        before = claims.held_by(visitor, by.citizen, asked, now=now)
        if same := _the_same(before, asked, channel):
            return Appointment.objects.get(pk=same.pk)
        if by.citizen is None:
            claims.require_room(visitor, asked, instead=before, now=now)
        instead = [one.pk for one in before]
        held = _hold(asked, channel, by, now, instead=instead)
        claims.keep(held, asked.pk, visitor, instead=instead, now=now)
    return held


def _the_same(before: Iterable[Held], asked: AskedTime, channel: str) -> Held | None:
    wanted = (asked.pk, asked.procedure.pk, channel)
    return next((one for one in before if one.in_time and (one.slot, one.procedure, one.channel) == wanted), None)


def _hold(asked: AskedTime, channel: str, by: Actor, now: datetime, instead: Sequence[int] = ()) -> Appointment:
    appointment = _new(asked, channel, by, now)
    appointment.status = Status.HELD
    appointment.expires_at = now + timedelta(minutes=asked.procedure.agency.hold_minutes)

    def attempt(time: AskedTime) -> None:
        with transaction.atomic() if instead else nullcontext():
            if instead:
                taking.let_go(instead, time, by=by, now=now)
            taking.make(appointment, time, Verb.HOLD, by=by)

    taking.at_any_rule(attempt, asked, channel, now=now)
    return appointment


def confirm(held: Appointment, contact: Contact, *, by: Actor, now: datetime) -> Appointment:
    """Turn a hold into a booking.

    A guest has to verify the e-mail address first if the agency requires it, or while many guests take times. A citizen
    who has signed in since the time was held becomes the citizen of the appointment. An appointment that has been
    confirmed already is returned as it is. Raises HoldExpired if the hold has run out, LevelTooLow if the service needs a
    stronger sign-in, EmailToProve if the guest has to sign in, TooManyOpen if the account has too many appointments, or
    else LimitReached.
    """
    with refusals(), locked(held) as appointment:
        if appointment.status in (Status.BOOKED, Status.UNVERIFIED):
            return appointment
        if appointment.status != Status.HELD or appointment.is_overdue(now):
            raise HoldExpired
        _require_level(appointment.procedure, by)
        storing.require(appointment.procedure, contact)
        before = {"appointment": history.as_it_is(appointment, ("status", "expires_at"))}
        appointment.citizen, appointment.assurance = by.citizen or appointment.citizen, by.level
        patience = _patience(appointment, contact, now)
        sign(appointment, contact)
        rules.require_allowed(
            appointment, appointment.procedure, appointment.branch.local(appointment.starts_at).date(), now=now
        )
        appointment.limit_place = taking.limit_place(appointment)
        storing.store(appointment, contact, now=now)
        if patience:
            _await_verification(appointment, patience, now)
            history.note(Verb.REQUEST, by=by, now=now, appointment=appointment, before=before)
        else:
            _settle(appointment, now)
            history.note(Verb.BOOK, by=by, now=now, appointment=appointment, before=before)
    return appointment


def _require_level(procedure: AnyProcedure, by: Actor) -> None:
    """Raise LevelTooLow if the service needs to know better who books. Officers see to it themselves."""
    if by.by != By.OFFICER and not is_enough(by.level, procedure.assurance):
        raise LevelTooLow


def _patience(appointment: Appointment, contact: Contact, now: datetime) -> timedelta | None:
    """Return how long a guest may take to verify the address. None for citizens, and if the address needs no proof."""
    if appointment.citizen:
        claims.require_account_room(appointment.citizen, now=now)
        return None
    asked_by_agency = timedelta(minutes=appointment.agency.verify_minutes) or None
    asked_by_crowd = claims.proof_within(appointment, contact.email, now=now)
    return min(filter(None, (asked_by_agency, asked_by_crowd)), default=None)


@dataclass(frozen=True)
class Once:
    """Something that is booked once, however often it is asked for: its key, and `digests_of` what is asked for."""

    key: str
    digests: list[str]


@dataclass(frozen=True)
class Made:
    """The result of booking. `asked` is None if an earlier request with the same key had made the appointment."""

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
    """Book the slot with this key at once, without a hold: for officers, who know the citizen.

    `follows` is the appointment that is being served while its citizen gets this new one. Repeated or parallel calls
    with the same `idempotency_key` return the same appointment; if they ask for something else, they raise KeyReused.
    Raises the BookingError that says why it is refused.
    """
    _procedure, asked = asked_for(slot, procedure.code)
    said = digests_of([slot, procedure.pk, channel, contact.said(), follows and follows.pk])
    once = Once(idempotency_key, said) if idempotency_key else None
    return book_asked(asked, channel, contact, by=by, now=now, once=once, follows=follows).appointment


def book_asked(
    asked: AskedTime | None,
    channel: str,
    contact: Contact,
    *,
    by: Actor,
    now: datetime,
    once: Once | None = None,
    follows: Appointment | None = None,
) -> Made:
    """Do what `book` does, for a time that `asked_for` has read already. None raises SlotNotFound."""
    try:
        made = _book(asked, channel, contact, by=by, now=now, once=once, follows=follows)
    except (BookingError, IntegrityError):
        # An earlier or parallel request may have made the appointment of this key: return that one. This is looked up
        # only after a refusal, because nearly every key is new, and a constraint keeps one from being stored twice.
        if winner := _made_before(once):
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
    once: Once | None,
    follows: Appointment | None,
) -> Appointment:
    assisted = by.by == By.OFFICER
    asked = require_bookable(asked, channel, now=now, assisted=assisted)
    _require_level(asked.procedure, by)
    if not assisted:
        storing.require(asked.procedure, contact)
    if follows:
        contact = replace(contact, behalf=contact.behalf or storing.behalf_of(follows))
    appointment = _unstored(asked, channel, contact, by=by, now=now, once=once, follows=follows)
    zone = ZoneInfo(contact.timezone) if contact.timezone else asked.branch.zone
    messages = owed.confirmation(appointment, asked.procedure.agency.reminders, zone, now=now)
    # A booking is one statement, which needs no transaction. Others take several: a follow-up, a citizen's, one for somebody
    # else, and what a rule about other appointments of the person allows.
    counted = by.citizen if by.by == By.CITIZEN else None
    ruled = follows is None and rules.are_there(asked.procedure)
    several = follows or counted or ruled or contact.behalf or contact.declared
    with refusals(), transaction.atomic() if several else nullcontext():
        if counted:
            claims.require_account_room(counted, now=now)
        if ruled:
            rules.require_allowed(appointment, asked.procedure, asked.branch.local(asked.starts_at).date(), now=now)
        if follows:
            # The citizen is being served already, so that appointment no longer counts towards the limit per person.
            Appointment.objects.filter(pk=follows.pk).update(limit_place=None)
        taking.at_any_rule(
            lambda time: taking.make(appointment, time, Verb.BOOK, messages, by=by),
            asked, channel, now=now, assisted=assisted,
        )  # fmt: skip
        storing.store(appointment, contact, now=now)
        if contact.behalf:
            owed.owe_person(appointment, now=now)
    owed.wake(messages)
    _wake_for_call(appointment)
    return appointment


def _unstored(
    asked: AskedTime,
    channel: str,
    contact: Contact,
    *,
    by: Actor,
    now: datetime,
    once: Once | None,
    follows: Appointment | None,
) -> Appointment:
    appointment = _new(asked, channel, by, now)
    appointment.follows = follows
    if once:
        appointment.idempotency_key, appointment.request_digest = once.key, once.digests[0]
    if follows:
        appointment.citizen = follows.citizen
    sign(appointment, contact)
    _require_link_sendable(appointment)
    _promise(appointment, now)
    return appointment


def verify(unverified: Appointment, *, by: Actor, now: datetime) -> Appointment:
    """Book the time of a guest who has opened the link in the mail, which proves that the address is the guest's.

    Does nothing if it is booked already. Raises HoldExpired if the deadline has passed or the appointment has ended, and
    WrongStatus if the address has been changed since, so that the link has proved another one.
    """
    with locked(unverified) as appointment:
        if appointment.status == Status.BOOKED:
            return appointment
        if appointment.address_changes != unverified.address_changes:
            raise WrongStatus
        if appointment.status != Status.UNVERIFIED or appointment.is_overdue(now):
            raise HoldExpired
        before = {"appointment": history.as_it_is(appointment, ("status", "expires_at"))}
        appointment.address_proven_at = now
        appointment.citizen = joining.account_of(appointment)
        _settle(appointment, now)
        claims.drop(appointment.pk)
        history.note(Verb.VERIFY, by=by, now=now, appointment=appointment, before=before)
    return appointment


def _made_before(once: Once | None) -> Appointment | None:
    """Return the appointment of this key, or None. Raises KeyReused if something else was asked for with the key."""
    stored = taking.stored_under(once.key) if once else None
    if once is None or stored is None:
        return None
    made = Appointment.objects.select_related("agency", "branch", "procedure").get(pk=stored)
    if made.request_digest not in ("", *once.digests):
        raise KeyReused
    return made


def _new(asked: AskedTime, channel: str, by: Actor, now: datetime) -> Appointment:
    """Return an appointment at the asked time and branch that is not stored yet."""
    appointment = Appointment(
        agency_id=asked.procedure.agency_id,
        procedure_id=asked.procedure.pk,
        branch_id=asked.branch_id,
        channel=channel,
        citizen=by.citizen,
        assurance=by.level,
        source=SOURCES.get(by.by, Source.WEB),
        created_at=now,
    )
    appointment.promise(asked.starts_at, asked.ends_at, asked.branch.zone)
    return appointment


def _settle(appointment: Appointment, now: datetime) -> None:
    """Store the appointment as booked, and owe its messages and its video call."""
    _promise(appointment, now)
    appointment.save()
    owed.owe_confirmation(appointment, now=now)
    _wake_for_call(appointment)


def _require_link_sendable(appointment: Appointment) -> None:
    """Raise LinkUnsendable if this is a video call and its link cannot be sent to the citizen."""
    if appointment.channel == Channel.VIDEO and not owed.is_reachable(appointment):
        raise LinkUnsendableBySms if settings.SMS_URL else LinkUnsendable


def _promise(appointment: Appointment, now: datetime) -> None:
    appointment.status, appointment.booked_at, appointment.expires_at = Status.BOOKED, now, None


def _wake_for_call(appointment: Appointment) -> None:
    """Wake the worker after the commit, to make the room of a video call."""
    if appointment.channel == Channel.VIDEO:
        wake_worker("appointments.tasks.provide_video_calls")


def _await_verification(appointment: Appointment, patience: timedelta, now: datetime) -> None:
    appointment.status = Status.UNVERIFIED
    appointment.expires_at = min(now + patience, appointment.starts_at)
    appointment.save()
    owed.owe_verification(appointment, now=now)
