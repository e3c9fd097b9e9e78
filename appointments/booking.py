"""The verbs that change an appointment. Website, admin and API call the same ones; nothing else writes status or slots.

Each is one short transaction. Locks are taken in one order everywhere, so that nobody can deadlock: the appointment, the
person (where a limit above one is counted), then slots by key. The constraints of the database are the last guard.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import IntegrityError, connection, transaction
from django.db.backends.utils import CursorWrapper

from accounts.models import User
from agencies.facts import Columns, listed, parts
from agencies.models import Branch, Channel, OpeningRule, Procedure
from appointments import notifications
from appointments.availability import FOR_PROCEDURE, slots_needed
from appointments.errors import (
    BookingError,
    ChannelNotOffered,
    ForeignProcedure,
    HoldExpired,
    LimitReached,
    NotOffered,
    SlotNotFound,
    SlotNotReleased,
    SlotPassed,
    SlotTaken,
    TooLate,
    WrongStatus,
)
from appointments.models import Appointment, Status, TimeSlot
from appointments.models.appointment import OPEN
from appointments.notifications import Owed
from appointments.persons import encrypted, person_key
from videocalls.models import VideoCall

Source, CancelledBy = Appointment.Source, Appointment.CancelledBy


@dataclass(frozen=True)
class Contact:
    """Who comes and how to reach them. `timezone` is the reader's own IANA zone, empty if not known."""

    name: str
    email: str = ""
    phone: str = ""
    language: str = "el"
    timezone: str = ""
    tax_number: str = ""
    notes: str = ""


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
    _make(appointment, slot)
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
        _sign(appointment, contact)
        appointment.limit_place = _limit_place(appointment)
        verify_minutes = appointment.agency.verify_minutes
        if verify_minutes and not appointment.citizen_id:
            _await_verification(appointment, timedelta(minutes=verify_minutes), now)
        else:
            _settle(appointment, now)
    return appointment


def book(
    slot_id: int,
    procedure: Procedure,
    channel: str,
    contact: Contact,
    *,
    now: datetime,
    source: str,
    citizen: User | None = None,
    idempotency_key: str | None = None,
) -> Appointment:
    """Book at once: for the API and for officers, who know whom they book for.

    The same `idempotency_key` returns the same appointment, however often and however parallel it comes.
    """
    try:
        slot = bookable_slot(slot_id, procedure, channel, now=now, assisted=source == Source.STAFF)
        appointment = _new(slot, procedure, channel, now)
        appointment.citizen, appointment.source = citizen, source
        appointment.idempotency_key = idempotency_key
        _sign(appointment, contact)
        _promise(appointment, now)
        with _refusals():
            _make(appointment, slot, notifications.confirmation(appointment, now=now))
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


def reschedule(booked: Appointment, slot_id: int, *, by: str, now: datetime) -> Appointment:
    """Take the new time and give back the old one, in one step: the old one is kept until the new one is sure."""
    procedure, channel = booked.procedure, booked.channel
    slot = bookable_slot(slot_id, procedure, channel, now=now, assisted=by == CancelledBy.AGENCY)
    with _locked(booked) as appointment:
        _require_changeable(appointment, by, now)
        if slot.starts_at == appointment.starts_at and slot.branch_id == appointment.branch_id:
            return appointment
        _lock_slots(appointment, slot)
        _give_back(appointment)
        _take(appointment, slot)
        appointment.revision += 1
        appointment.moved_at = now
        appointment.save()
        _move_call(appointment)
        if appointment.status == Status.BOOKED:
            notifications.owe_move(appointment, now=now)
    return appointment


def cancel(booked: Appointment, *, by: str, now: datetime, reason: str = "") -> Appointment:
    """End it and give its time back. Repeating it changes nothing."""
    with _locked(booked) as appointment:
        if appointment.status == Status.CANCELLED:
            return appointment
        _require_changeable(appointment, by, now)
        was_told = appointment.status != Status.HELD
        appointment.cancelled_by, appointment.cancel_reason = by, reason
        appointment.revision += 1
        _end(appointment, Status.CANCELLED, now)
        if was_told:
            notifications.owe_cancellation(appointment, now=now)
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
        overdue = Appointment.objects.overdue(now=now).order_by("pk").select_for_update(skip_locked=True, of=("self",))
        appointments = list(overdue[:limit])
        _give_back(*appointments)
        for appointment in appointments:
            appointment.status, appointment.ended_at = Status.EXPIRED, now
            notifications.drop_pending(appointment)
        Appointment.objects.bulk_update(appointments, ["status", "ended_at", "slot_ids"])
    return len(appointments)


# Serving


def arrive(booked: Appointment, *, now: datetime) -> Appointment:
    with _locked(booked) as appointment:
        _step(appointment, (Status.BOOKED, Status.UNVERIFIED, Status.NO_SHOW), Status.ARRIVED)
        appointment.arrived_at, appointment.ended_at = now, None
        appointment.save()
        notifications.drop_pending(appointment)
    return appointment


def serve(arrived: Appointment, *, officer: User, now: datetime) -> Appointment:
    """An officer begins. Straight from booked too: by telephone or video nobody arrives at a counter."""
    with _locked(arrived) as appointment:
        _step(appointment, (Status.BOOKED, Status.ARRIVED), Status.SERVING)
        appointment.officer, appointment.serving_at = officer, now
        appointment.arrived_at = appointment.arrived_at or now
        appointment.save()
        notifications.drop_pending(appointment)
    return appointment


def complete(serving: Appointment, *, now: datetime) -> Appointment:
    with _locked(serving) as appointment:
        _step(appointment, (Status.SERVING,), Status.COMPLETED)
        appointment.completed_at = now
        appointment.save()
        notifications.owe_rating(appointment, now=now)
    return appointment


def miss(booked: Appointment, *, now: datetime) -> Appointment:
    """The citizen did not come. Not before the time has begun."""
    with _locked(booked) as appointment:
        if now < appointment.starts_at:
            raise WrongStatus
        _step(appointment, (Status.BOOKED, Status.ARRIVED), Status.NO_SHOW)
        appointment.ended_at = now
        appointment.save()
        notifications.drop_pending(appointment)
    return appointment


# What may be booked


def bookable_slot(
    slot_id: int, procedure: Procedure, channel: str, *, now: datetime, assisted: bool = False
) -> TimeSlot:
    """The slot with its rule and branch, if the procedure can begin there in this channel as far as rules tell.

    Officers (`assisted`) may book up to the last minute. Whether the time is still free is decided when it is taken.
    Raises the BookingError that says what is wrong.
    """
    slot = _slot_of(slot_id, procedure)
    if slot is None or slot.rule is None:
        raise SlotNotFound
    if slot.branch.agency_id != procedure.agency_id:
        raise ForeignProcedure
    if not (procedure.is_offered and procedure.agency.is_live and slot.branch.is_open):
        raise NotOffered
    if channel not in procedure.channels or channel not in slot.rule.channels:
        raise ChannelNotOffered
    if slot.starts_at < (now if assisted else now + procedure.agency.lead):
        raise SlotPassed
    if not assisted and slot.bookable_from and slot.bookable_from > now:
        raise SlotNotReleased
    return slot


# What the verbs need of a slot, its branch and its rule: a booking should not carry the texts of everything it touches.
BOOKABLE_COLUMNS: Columns = {
    "slot": ("id", "branch_id", "rule_id", "starts_at", "ends_at", "bookable_from"),
    "branch": ("id", "agency_id", "code", "timezone", "is_open"),
    "rule": ("id", "branch_id", "channels"),
}
BOOKABLE = f"""
SELECT {listed(BOOKABLE_COLUMNS)}
FROM appointments_timeslot slot
JOIN agencies_branch branch ON branch.id = slot.branch_id
JOIN agencies_openingrule rule ON rule.id = slot.rule_id
WHERE slot.id = %(slot)s AND {FOR_PROCEDURE}
"""


def _slot_of(slot_id: int, procedure: Procedure) -> TimeSlot | None:
    with connection.cursor() as cursor:
        cursor.execute(BOOKABLE, {"slot": slot_id, "procedure": procedure.pk})
        row = cursor.fetchone()
    if row is None:
        return None
    slot, branch, rule = parts(row, BOOKABLE_COLUMNS, TimeSlot, Branch, OpeningRule)
    slot.branch, slot.rule = branch, rule
    return slot


# Steps of the verbs


@contextmanager
def _locked(appointment: Appointment) -> Iterator[Appointment]:
    """The appointment as it is now, locked until the verb is done."""
    with transaction.atomic():
        fresh = Appointment.objects.select_related("agency", "branch", "procedure__agency", "citizen")
        yield fresh.select_for_update(of=("self",)).get(pk=appointment.pk)


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
    if idempotency_key is None:
        return None
    return (
        Appointment.objects.select_related("agency", "branch", "procedure")
        .filter(idempotency_key=idempotency_key)
        .first()
    )


def _new(slot: TimeSlot, procedure: Procedure, channel: str, now: datetime) -> Appointment:
    return Appointment(
        agency=procedure.agency, procedure=procedure, branch=slot.branch, channel=channel, created_at=now
    )


def _sign(appointment: Appointment, contact: Contact) -> None:
    """Copy who comes onto the appointment."""
    appointment.name, appointment.email, appointment.phone = contact.name, contact.email, contact.phone
    appointment.language, appointment.timezone = contact.language, contact.timezone
    appointment.notes = contact.notes
    appointment.index_contact()
    appointment.tax_number_encrypted = encrypted(contact.tax_number)
    email = appointment.citizen.email if appointment.citizen else contact.email
    appointment.person_key = person_key(tax_number=contact.tax_number, email=email)


LOCK_PERSON = "SELECT pg_advisory_xact_lock(hashtextextended(%(person_key)s, %(procedure_id)s));"
# The first place that is free among the person's open appointments for the procedure; none if nobody is counted.
PLACE = """
SELECT min(place) AS place FROM generate_series(0, %(open_limit)s - 1) AS place
WHERE %(person_key)s <> '' AND place NOT IN (
    SELECT limit_place FROM appointments_appointment
    WHERE person_key = %(person_key)s AND procedure_id = %(procedure_id)s AND status = ANY(%(open)s)
        AND id IS DISTINCT FROM %(id)s AND limit_place IS NOT NULL
)
"""


def _limit_place(appointment: Appointment) -> int | None:
    """Which of the person's open appointments for the procedure this is; LimitReached if there is no place for it."""
    sql = f"{_person_lock(appointment)} {PLACE}"
    with connection.cursor() as cursor:
        cursor.execute(sql, _person(appointment))
        place = _last_row(cursor)[0]
    if place is None and appointment.person_key:
        raise LimitReached
    return place


def _person_lock(appointment: Appointment) -> str:
    """Sent along with the statement that counts, which then reads what others wrote before; needless for a single place,
    where the constraint alone decides.
    """
    return LOCK_PERSON if appointment.person_key and appointment.procedure.open_limit > 1 else ""


def _person(appointment: Appointment) -> dict[str, Any]:
    return {
        "id": appointment.pk,
        "person_key": appointment.person_key,
        "procedure_id": appointment.procedure_id,
        "open_limit": appointment.procedure.open_limit,
        "open": [*OPEN],
    }


def _last_row(cursor: CursorWrapper) -> tuple:
    """The row of the last statement that was sent."""
    row = cursor.fetchone()
    while cursor.nextset():
        row = cursor.fetchone()
    return row


def _settle(appointment: Appointment, now: datetime) -> None:
    """The time is the citizen's: store it, and owe the messages and the video call."""
    _promise(appointment, now)
    appointment.save()
    notifications.owe_confirmation(appointment, now=now)
    _wake_workers(appointment)


def _promise(appointment: Appointment, now: datetime) -> None:
    appointment.status, appointment.booked_at, appointment.expires_at = Status.BOOKED, now, None


def _wake_workers(appointment: Appointment) -> None:
    """Once this is committed: the messages are owed, and by video a room."""
    notifications.wake_messenger()
    if appointment.channel == Channel.VIDEO:
        notifications.wake_worker("appointments.tasks.provide_video_calls")


def _await_verification(appointment: Appointment, patience: timedelta, now: datetime) -> None:
    appointment.status = Status.UNVERIFIED
    appointment.expires_at = min(now + patience, appointment.starts_at)
    appointment.save()
    notifications.owe_verification(appointment, now=now)


def _require_changeable(appointment: Appointment, by: str, now: datetime) -> None:
    if appointment.status not in (Status.UNVERIFIED, Status.BOOKED, Status.ARRIVED):
        raise WrongStatus
    if by == CancelledBy.CITIZEN and not appointment.may_change(now):
        raise TooLate


def _step(appointment: Appointment, allowed: tuple[Status, ...], status: Status) -> None:
    if appointment.status not in allowed:
        raise WrongStatus
    appointment.status = status


def _end(appointment: Appointment, status: Status, now: datetime) -> None:
    _give_back(appointment)
    appointment.status, appointment.ended_at = status, now
    appointment.save()


def _move_call(appointment: Appointment) -> None:
    """Move the room's window along; the worker then tells the provider."""
    if appointment.video_call_id:
        opens_at, closes_at = appointment.call_window
        VideoCall.objects.filter(pk=appointment.video_call_id).reopen(opens_at, closes_at)
        notifications.wake_worker("appointments.tasks.provide_video_calls")


# Slots

TAKE = """
run AS (
    SELECT id FROM appointments_timeslot
    WHERE rule_id = %(rule)s AND starts_at >= %(starts_at)s AND starts_at < %(ends_at)s AND taken < capacity
    ORDER BY id FOR NO KEY UPDATE
), taken AS (
    UPDATE appointments_timeslot slot SET taken = taken + 1 FROM run WHERE slot.id = run.id {condition}
    RETURNING slot.id
)
"""
TAKE_ONLY = f"WITH {TAKE.format(condition='')} SELECT id FROM taken"

# All that is written, in one statement, for most of a booking's time would go into waiting for answers. It takes all of
# the slots or none. They come first: inserting before would keep a slot that everybody wants locked for longer, and a
# full one would cost an appointment.
COLUMNS = [
    field.attname
    for field in Appointment._meta.concrete_fields
    if field.attname not in ("id", "slot_ids", "limit_place")
]
MAKE = f"""
WITH place AS MATERIALIZED ({PLACE}), {
    TAKE.format(
        condition='''
    AND (SELECT count(*) FROM run) = %(needed)s AND (%(person_key)s = '' OR (SELECT place FROM place) IS NOT NULL)
'''
    )
}, appointment AS (
    INSERT INTO appointments_appointment ({", ".join(COLUMNS)}, slot_ids, limit_place)
    SELECT {", ".join(f"%({name})s" for name in COLUMNS)}, slot_ids, (SELECT place FROM place)
    FROM (SELECT array_agg(id ORDER BY id) AS slot_ids FROM taken HAVING count(*) > 0) AS taken
    RETURNING id, slot_ids, revision, language
), messages AS ({notifications.WRITE})
SELECT place.place, appointment.id, appointment.slot_ids FROM place LEFT JOIN appointment ON true
"""

LOCK = """
SELECT id FROM appointments_timeslot
WHERE id = ANY(%(held)s) OR (rule_id = %(rule)s AND starts_at >= %(starts_at)s AND starts_at < %(ends_at)s)
ORDER BY id FOR NO KEY UPDATE
"""

GIVE_BACK = """
WITH freed AS (
    SELECT id, count(*) AS times FROM unnest(%(held)s::bigint[]) AS id GROUP BY id
), locked AS (
    SELECT slot.id FROM appointments_timeslot slot JOIN freed ON freed.id = slot.id
    ORDER BY slot.id FOR NO KEY UPDATE OF slot
)
UPDATE appointments_timeslot slot
SET taken = slot.taken - freed.times, capacity = greatest(slot.desks, slot.taken - freed.times)
FROM freed JOIN locked ON locked.id = freed.id
WHERE slot.id = freed.id
"""


def _make(appointment: Appointment, slot: TimeSlot, messages: Iterable[Owed] = ()) -> None:
    """Take the slots and store the appointment with its messages; SlotTaken if one of the slots is full or missing."""
    _place(appointment, slot)
    row: dict[str, Any] = {name: getattr(appointment, name) for name in COLUMNS}
    row |= _person(appointment) | _run_of(appointment, slot) | notifications.as_params(messages)
    row["needed"] = slots_needed(appointment.procedure, slot)
    # A message to PostgreSQL is a transaction of its own; within another one it needs a savepoint, for it may be refused.
    with transaction.atomic() if connection.in_atomic_block else nullcontext(), connection.cursor() as cursor:
        cursor.execute(f"{_person_lock(appointment)} {MAKE}", row)
        appointment.limit_place, pk, slot_ids = _last_row(cursor)
    if appointment.person_key and appointment.limit_place is None:
        raise LimitReached
    if pk is None:
        raise SlotTaken
    appointment.pk, appointment.slot_ids = pk, slot_ids
    appointment._state.adding = False  # noqa: SLF001 (public by Django's documentation)


def _take(appointment: Appointment, slot: TimeSlot) -> None:
    """Take a desk in each slot that the procedure needs from this one on; SlotTaken if one of them is full or missing."""
    _place(appointment, slot)
    with connection.cursor() as cursor:
        cursor.execute(TAKE_ONLY, _run_of(appointment, slot))
        appointment.slot_ids = sorted(pk for (pk,) in cursor.fetchall())
    if len(appointment.slot_ids) != slots_needed(appointment.procedure, slot):
        raise SlotTaken


def _place(appointment: Appointment, slot: TimeSlot) -> None:
    appointment.branch = slot.branch
    appointment.starts_at = slot.starts_at
    appointment.ends_at = slot.starts_at + timedelta(minutes=appointment.procedure.duration_minutes)


def _lock_slots(appointment: Appointment, slot: TimeSlot) -> None:
    """Lock the slots held and the slots wanted together, in key order."""
    with connection.cursor() as cursor:
        cursor.execute(LOCK, {"held": appointment.slot_ids, **_run_of(appointment, slot)})


def _give_back(*appointments: Appointment) -> None:
    held = [pk for appointment in appointments for pk in appointment.slot_ids]
    with connection.cursor() as cursor:
        cursor.execute(GIVE_BACK, {"held": held})
    for appointment in appointments:
        appointment.slot_ids = []


def _run_of(appointment: Appointment, slot: TimeSlot) -> dict[str, Any]:
    duration = timedelta(minutes=appointment.procedure.duration_minutes)
    return {"rule": slot.rule_id, "starts_at": slot.starts_at, "ends_at": slot.starts_at + duration}
