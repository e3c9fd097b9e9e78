"""The SQL that takes desks in slots, stores what is booked there, and gives desks back. Only the verbs call it.

Locks are taken in the order of all verbs: the visitor (`appointments.claims`), the times held for the appointment, then the
person (only if the limit per person is above one), then the slots by primary key.
"""

from collections.abc import Callable, Iterable
from contextlib import nullcontext, suppress
from datetime import datetime
from typing import Any, TypeVar

from django.db import connection, transaction

from appointments import history
from appointments.booking import owed
from appointments.booking.owed import Owed
from appointments.errors import LimitReached, SlotTaken
from appointments.history import Actor
from appointments.models import Appointment, Event, Offer, Status, TimeSlot
from appointments.times.asking import AskedTime, siblings
from appointments.times.slots import HAS_DESK, IN_RUN, slots_needed

T = TypeVar("T")


def stored_under(idempotency_key: str) -> int | None:
    """Return the primary key of the appointment with this idempotency key, or None.

    Reads nothing else, because it runs after every refused booking and hardly ever finds an appointment.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT id FROM appointments_appointment WHERE idempotency_key = %s", [idempotency_key])
        row = cursor.fetchone()
    return row[0] if row else None


# The limit per person

# The lowest free place among the person's open appointments for the service, from 0. NULL if all places are taken, or
# if the person is not counted. The function locks the person first if the limit is above one.
PLACE = """
SELECT CASE WHEN %(person_key)s <> '' THEN
    appointments_free_place(%(person_key)s, %(procedure_id)s, %(open_limit)s, %(id)s)
END AS place
"""


def limit_place(appointment: Appointment) -> int | None:
    """Return the appointment's place among the person's open ones for the service, from 0; None if it is not counted.

    Raises LimitReached if all places are taken.
    """
    with connection.cursor() as cursor:
        cursor.execute(PLACE, _person(appointment, appointment.procedure.open_limit))
        (place,) = cursor.fetchone()
    if place is None and appointment.person_key:
        raise LimitReached
    return place


def _person(appointment: Appointment, open_limit: int) -> dict[str, Any]:
    return {
        "id": appointment.pk,
        "person_key": appointment.person_key,
        "procedure_id": appointment.procedure_id,
        "open_limit": open_limit,
    }


# Slots

WANTED_RUN = IN_RUN.format(slot="slot", rule="%(rule)s", begins="%(starts_at)s", ends="%(ends_at)s")

TAKE = f"""
run AS (
    SELECT slot.id FROM appointments_timeslot slot
    WHERE {WANTED_RUN} AND {HAS_DESK.format(slot="slot")} {{may}}
    ORDER BY slot.id FOR NO KEY UPDATE
), taken AS (
    UPDATE appointments_timeslot slot SET taken = taken + 1 FROM run WHERE slot.id = run.id {{enough}}
    RETURNING slot.id
)
"""
TAKE_ONLY = f"WITH {TAKE.format(may='', enough='')} SELECT id FROM taken"

# Writes the whole booking in one statement, because with several most of the time would be spent waiting for answers of
# the database. Takes all of the slots or none. The slots are taken before the appointment is inserted, so that a full
# slot does not cost an insert.
COLUMNS = [
    field.attname
    for field in Appointment._meta.concrete_fields
    # Those are written here, or not yet known.
    if field.attname not in ("id", "slot_ids", "limit_place", "address_proven_at", "address_changes")
]
MAKE = f"""
WITH place AS MATERIALIZED ({PLACE}), {
    TAKE.format(
        may="AND (%(person_key)s = '' OR (SELECT place FROM place) IS NOT NULL)",
        enough="AND (SELECT count(*) FROM run) = %(needed)s",
    )
}, appointment AS (
    INSERT INTO appointments_appointment ({", ".join(COLUMNS)}, slot_ids, limit_place)
    SELECT {", ".join(f"%({name})s" for name in COLUMNS)}, slot_ids, (SELECT place FROM place)
    FROM (SELECT array_agg(id ORDER BY id) AS slot_ids FROM taken HAVING count(*) > 0) AS taken
    RETURNING id, slot_ids, revision, language
), event AS (
    INSERT INTO appointments_event (at, verb, appointment_id, "by", officer_id, page, before, details)
    SELECT %(created_at)s, %(verb)s, appointment.id, %(by)s, %(by_officer)s, %(page)s, '{{}}', '{{}}'
    FROM appointment
), messages AS ({owed.WRITE})
SELECT place.place, appointment.id, appointment.slot_ids FROM place LEFT JOIN appointment ON true
"""

LOCK = f"""
SELECT slot.id FROM appointments_timeslot slot WHERE slot.id = ANY(%(held)s) OR ({WANTED_RUN})
ORDER BY slot.id FOR NO KEY UPDATE
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


def at_any_rule(
    attempt: Callable[[AskedTime], T], asked: AskedTime, channel: str, *, now: datetime, assisted: bool = False
) -> T:
    """Return what `attempt` returns for the asked time, or if that is taken, for another rule of the same time.

    Each attempt undoes what it did and lets go of its locks if it raises SlotTaken. Raises SlotTaken if all do.
    """
    try:
        return attempt(asked)
    except SlotTaken:
        for other in siblings(asked, channel, now=now, assisted=assisted):
            with suppress(SlotTaken):
                return attempt(other)
        raise


def make(
    appointment: Appointment, asked: AskedTime, verb: Event.Verb, messages: Iterable[Owed] = (), *, by: Actor
) -> None:
    """Take the slots of the asked time, and store the appointment with its first event and its messages.

    The event is at the time at which the appointment is created.
    Raises LimitReached if the person has no free place, or SlotTaken if one of the slots is full or missing.
    """
    row: dict[str, Any] = {name: getattr(appointment, name) for name in COLUMNS}
    row |= _person(appointment, asked.procedure.open_limit) | _run_of(asked)
    row |= {"verb": verb, "by": by.by, "by_officer": by.officer and by.officer.pk, "page": by.page}
    row |= {"needed": asked.slots_needed, "messages": owed.as_json(messages)}
    # A single statement is a transaction of its own. Inside another transaction it needs a savepoint, because a
    # constraint may refuse it, and because a refusal has to let go of the slots that it locked.
    with transaction.atomic() if connection.in_atomic_block else nullcontext(), connection.cursor() as cursor:
        cursor.execute(MAKE, row)
        limit_place, pk, slot_ids = cursor.fetchone()
        if appointment.person_key and limit_place is None:
            raise LimitReached
        if pk is None:
            raise SlotTaken
    appointment.limit_place, appointment.pk, appointment.slot_ids = limit_place, pk, slot_ids
    appointment._state.adding = False  # noqa: SLF001 (public by Django's documentation)


def take(appointment: Appointment, asked: AskedTime) -> None:
    """Take a desk in each slot of the asked time, and set the appointment's time, branch and slots, without saving.

    Raises SlotTaken if one of the slots is full or missing; the caller's transaction then undoes what was taken.
    """
    appointment.slot_ids, appointment.branch_id = _take_run(_run_of(asked), asked.slots_needed), asked.branch_id
    appointment.promise(asked.starts_at, asked.ends_at, asked.branch.zone)


def take_any(appointment: Appointment, times: Iterable[TimeSlot]) -> None:
    """Take a desk in each slot that the appointment needs from the first of these times on that has them.

    Sets only the appointment's slots, without saving. Raises SlotTaken if none of the times has enough.
    """
    duration = appointment.ends_at - appointment.starts_at
    for time in times:
        run = {"rule": time.rule_id, "starts_at": time.starts_at, "ends_at": time.starts_at + duration}
        with suppress(SlotTaken), transaction.atomic():
            appointment.slot_ids = _take_run(run, slots_needed(duration, time.ends_at - time.starts_at))
            return
    raise SlotTaken


def _take_run(run: dict[str, Any], needed: int) -> list[int]:
    with connection.cursor() as cursor:
        cursor.execute(TAKE_ONLY, run)
        slot_ids = sorted(pk for (pk,) in cursor.fetchall())
    if len(slot_ids) != needed:
        raise SlotTaken
    return slot_ids


def lock_slots(appointment: Appointment, asked: AskedTime) -> None:
    """Lock the slots that the appointment holds and those of the asked time together, in the order of their keys."""
    with connection.cursor() as cursor:
        cursor.execute(LOCK, {"held": appointment.slot_ids, **_run_of(asked)})


def give_back(*appointments: Appointment) -> None:
    held = [pk for appointment in appointments for pk in appointment.slot_ids]
    with connection.cursor() as cursor:
        cursor.execute(GIVE_BACK, {"held": held})
    for appointment in appointments:
        appointment.slot_ids = []


def let_go(held: Iterable[int], asked: AskedTime, *, by: Actor, now: datetime) -> None:
    """Give back what of these times is still held, before the same visitor takes the asked time instead.

    Locks all slots together, so that visitors who change places do not wait for each other.
    """
    kept = Appointment.objects.filter(pk__in=list(held), status=Status.HELD).order_by("pk")
    holds = list(kept.select_for_update(of=("self",), no_key=True))
    with connection.cursor() as cursor:
        cursor.execute(LOCK, {"held": [pk for hold in holds for pk in hold.slot_ids], **_run_of(asked)})
    give_back(*holds)
    pks = [hold.pk for hold in holds]
    Appointment.objects.filter(pk__in=pks).update(status=Status.EXPIRED, ended_at=now, slot_ids=[])
    history.note_all(history.made(Event.Verb.RELEASE, by=by, now=now, appointment=hold) for hold in holds)


def withdraw(appointment: Appointment, answer: Offer.State, *, by: Actor, now: datetime) -> tuple[list[int], bool]:
    """End the unsettled offers of the (locked) appointment, with `answer` as their state.

    Returns the keys of the slots that were held, which the caller gives back together with the appointment's own, and
    whether there was an offer.
    """
    offered = list(Offer.objects.unsettled().filter(appointment=appointment).values_list("pk", "hold"))
    if not offered:
        return [], False
    held = Appointment.objects.filter(pk__in=[hold for _offer, hold in offered], status=Status.HELD)
    holds = list(held.order_by("pk").select_for_update(of=("self",), no_key=True))
    slots = [pk for hold in holds for pk in hold.slot_ids]
    held.update(status=Status.EXPIRED, ended_at=now, slot_ids=[])
    history.note_all(history.made(Event.Verb.RELEASE, by=by, now=now, appointment=hold) for hold in holds)
    Offer.objects.filter(pk__in=[offer for offer, _hold in offered]).update(state=answer, answered_at=now)
    return slots, True


def _run_of(asked: AskedTime) -> dict[str, Any]:
    return {"rule": asked.rule_id, "starts_at": asked.starts_at, "ends_at": asked.ends_at}
