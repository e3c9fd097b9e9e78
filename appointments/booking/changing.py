"""The verbs that change an appointment before it is served: move it, cancel it, or give back the time it holds.

Each verb is one short transaction. All of them take locks in the same order, so that no two can deadlock: first the
appointment, then the times held for it, then the person (only if the limit per person is above one), then the slots by
primary key. The constraints of the database are the last guard.
"""

import logging
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db import transaction

from accounts.limits import DatabaseLimit
from accounts.work.sweeps import each
from accounts.work.waking import wake_worker
from agencies.models import Channel
from appointments import claims, history
from appointments.booking import owed, taking
from appointments.booking.allowance import rules
from appointments.booking.locking import locked
from appointments.errors import BookingError, HoldExpired, TooLate, TooManyMoves, WrongStatus
from appointments.history import Actor
from appointments.models import Appointment, Event, Notification, Offer, Status, Ticket, TimeSlot
from appointments.models.appointment import CHANGEABLE
from appointments.times.asking import AskedTime, bookable_slot
from videocalls import presence
from videocalls.models import VideoCall

# Moves of one appointment by its citizen.
MOVES = DatabaseLimit("moves", 20, 24 * 3600)
logger = logging.getLogger(__name__)
CancelledBy, Verb = Appointment.CancelledBy, Event.Verb
# Fields that moving or cancelling changes. The event keeps their earlier values.
PLACED = ("status", "branch_id", "channel", "starts_at", "ends_at", "arrived_at")


def reschedule(
    booked: Appointment, slot_id: int, *, by: Actor, now: datetime, revision: int | None = None
) -> Appointment:
    """Move the appointment to the time of this slot, and give back its old time.

    Both happen in one transaction, so the old time is kept if the new one is refused. Raises the BookingError that says
    why: WrongStatus also if it has got another `revision` than the one that was seen, as moves and offers give it, and
    TooManyMoves for citizens.
    """
    channel, assisted = booked.channel, by.is_for_agency
    if not assisted and MOVES.passed(booked.reference, now=now):
        raise TooManyMoves
    try:
        asked = bookable_slot(slot_id, booked.procedure, channel, now=now, assisted=assisted)
        return taking.at_any_rule(
            lambda time: _reschedule(booked, time, by, now, revision), asked, channel, now=now, assisted=assisted
        )
    except BookingError:
        if not assisted:
            MOVES.uncount(booked.reference, now=now)
        raise


def _reschedule(booked: Appointment, asked: AskedTime, by: Actor, now: datetime, revision: int | None) -> Appointment:
    with locked(booked) as appointment:
        _require_changeable(appointment, by, now)
        if appointment.is_at(asked.starts_at, asked.branch_id):
            return appointment
        _require_seen(appointment, revision)
        if not by.is_for_agency:  # the category has this appointment already
            rules.require_frequency(appointment, asked.procedure, asked.branch.local(asked.starts_at).date())
        step = _Step(appointment, asked)
        appointment.slot_ids += step.end_offers(Offer.State.CHANGED, by, now)
        taking.lock_slots(appointment, asked)
        taking.give_back(appointment)
        taking.take(appointment, asked)
        _moved(step, Verb.MOVE, by, now)
    return appointment


def take_over(booked: Appointment, held: Appointment, *, by: Actor, now: datetime) -> Appointment:
    """Move the appointment to the time that `held` holds for it, and give back its old time.

    Raises HoldExpired if that time is no longer held, or else WrongStatus or TooLate.
    """
    with locked(booked) as appointment, locked(held) as hold:
        _require_changeable(appointment, by, now)
        if hold.status != Status.HELD or hold.is_overdue(now):
            raise HoldExpired
        step = _Step(appointment, hold)
        step.details["offer_state"] = Offer.State.ACCEPTED
        taking.give_back(appointment)
        appointment.slot_ids, hold.slot_ids = hold.slot_ids, []
        appointment.branch, appointment.channel = hold.branch, hold.channel
        appointment.starts_at, appointment.ends_at = hold.starts_at, hold.ends_at
        appointment.promised_day, appointment.promised_time = hold.promised_day, hold.promised_time
        _end(hold, Status.EXPIRED, now)
        history.note(Verb.RELEASE, by=by, now=now, appointment=hold)
        _moved(step, Verb.ACCEPT, by, now)
    return appointment


def keep(booked: Appointment, times: Sequence[TimeSlot], *, by: Actor, now: datetime) -> None:
    """Put the (locked) appointment, which is off its slots, on one of these times, and keep what was promised.

    The branch's clock has changed, so the moment is another one. It is no move: nobody asked for it, and the promised
    wall-clock time stays. Raises SlotTaken if none of the times has a desk; then nothing has changed.
    """
    step, length = _Step(booked), booked.ends_at - booked.starts_at
    promised = {"promised_day": booked.promised_day, "promised_time": booked.promised_time}
    taking.take_any(booked, times)
    booked.starts_at, booked.ends_at = booked.promised_at, booked.promised_at + length
    step.details = {"from": step.before["appointment"]["starts_at"], "to": booked.starts_at.isoformat()}
    _moved(step, Verb.KEEP, by, now)
    # The database takes the promise away when only the moment changes.
    Appointment.objects.filter(pk=booked.pk).update(**promised)
    owed.owe_again(booked, step.before.get("messages", ()), Notification.Kind.OFFER)


def cancel(
    booked: Appointment, *, by: Actor, now: datetime, reason: str = "", revision: int | None = None
) -> Appointment:
    """Cancel the appointment and give back its time. Does nothing if it has been cancelled already.

    Raises WrongStatus (also if it has got another `revision` than the one that was seen) or TooLate.
    """
    with locked(booked) as appointment:
        if appointment.status == Status.CANCELLED:
            return appointment
        _require_changeable(appointment, by, now)
        _require_seen(appointment, revision)
        step = _Step(appointment)
        appointment.cancelled_by = CancelledBy.AGENCY if by.is_for_agency else CancelledBy.CITIZEN
        appointment.cancel_reason = reason
        appointment.revision += 1
        appointment.slot_ids += step.end_offers(Offer.State.CANCELLED, by, now)
        step.leave_queue(now)
        _end(appointment, Status.CANCELLED, now)
        step.drop_messages()
        step.note(Verb.CANCEL, by, now)
        owed.owe_cancellation(appointment, now=now)
    return appointment


def release(held: Appointment, *, by: Actor, now: datetime) -> Appointment:
    """Give back a held time at once, without waiting for its deadline. Does nothing if the time is no longer held."""
    with locked(held) as appointment:
        if appointment.status == Status.HELD:
            _end(appointment, Status.EXPIRED, now)
            history.note(Verb.RELEASE, by=by, now=now, appointment=appointment)
    return appointment


def expire(*, by: Actor, now: datetime, limit: int = 500) -> int:
    """End up to `limit` overdue holds and unverified bookings of guests, and give back their times; return how many.

    It is one statement for all of them. If one fails, each is ended by itself, so that the others are.
    """
    overdue = list(Appointment.objects.overdue(now=now).order_by("pk").values_list("pk", flat=True)[:limit])
    try:
        return _expire(overdue, by, now)
    except Exception:
        logger.exception("Overdue times could not be given back together")
        return sum(each(overdue, lambda pk: _expire([pk], by, now), doing="giving back the overdue time"))


def _expire(pks: list[int], by: Actor, now: datetime) -> int:
    with transaction.atomic():
        overdue = Appointment.objects.overdue(now=now).filter(pk__in=pks).order_by("pk")
        appointments = list(overdue.select_for_update(skip_locked=True, of=("self",), no_key=True))
        taking.give_back(*appointments)
        events = []
        for appointment in appointments:
            before = {"appointment": {"status": appointment.status}, "messages": owed.drop_pending(appointment)}
            events.append(history.made(Verb.EXPIRE, by=by, now=now, appointment=appointment, before=before))
            appointment.status, appointment.ended_at = Status.EXPIRED, now
        Appointment.objects.bulk_update(appointments, ["status", "ended_at", "slot_ids"])
        history.note_all([*events, *_lapsed(appointments, by, now)])
    return len(appointments)


def _lapsed(holds: list[Appointment], by: Actor, now: datetime) -> list[Event]:
    """Mark the open offers that these times were held for as not answered; return their events, not stored yet."""
    lapsed = Offer.objects.filter(hold__in=holds, state=Offer.State.OPEN).select_related("appointment")
    events = [history.made(Verb.LAPSE, by=by, now=now, appointment=offer.appointment) for offer in lapsed]
    lapsed.update(state=Offer.State.LAPSED)
    return events


class _Step:
    """One change of an appointment. Collects what the event about the change will record."""

    def __init__(self, appointment: Appointment, to: AskedTime | Appointment | None = None) -> None:
        self.appointment = appointment
        self.before: dict[str, Any] = {"appointment": history.as_it_is(appointment, PLACED)}
        self.details: dict[str, Any] = {}
        self.ticket: Ticket | None = None
        if to is not None:
            self.details = {"from": appointment.starts_at.isoformat(), "to": to.starts_at.isoformat()}
            if to.branch_id != appointment.branch_id:
                self.details |= {"from_branch": appointment.branch.code, "to_branch": to.branch.code}

    def end_offers(self, answer: Offer.State, by: Actor, now: datetime) -> list[int]:
        """End the unsettled offers. Return the keys of the slots that they held, which the caller has to give back."""
        slots, ended = taking.withdraw(self.appointment, answer, by=by, now=now)
        if ended:
            self.details["offer_state"] = answer
        return slots

    def leave_queue(self, now: datetime) -> None:
        """Close the appointment's open ticket, and undo the arrival: the citizen no longer waits at this branch."""
        if self.appointment.status == Status.ARRIVED:
            self.appointment.status, self.appointment.arrived_at = Status.BOOKED, None
        self.ticket = Ticket.objects.open().filter(appointment=self.appointment).first()
        if self.ticket:
            self.before["ticket"] = history.as_it_is(self.ticket, ("state", "desk_id"))
            gone = {"state": Ticket.State.GONE, "ended_at": now, "desk": None}
            Ticket.objects.filter(pk=self.ticket.pk).open().update(**gone)

    def drop_messages(self) -> None:
        """Drop the messages that have not been sent yet, because they are no longer true."""
        self.before["messages"] = owed.drop_pending(self.appointment)

    def note(self, verb: Event.Verb, by: Actor, now: datetime) -> None:
        history.note(
            verb,
            by=by,
            now=now,
            appointment=self.appointment,
            ticket=self.ticket,
            before=self.before,
            details=self.details,
        )


def _require_changeable(appointment: Appointment, by: Actor, now: datetime) -> None:
    if appointment.status not in CHANGEABLE:
        raise WrongStatus
    if not by.is_for_agency and not appointment.may_change(now):
        raise TooLate


def _require_seen(appointment: Appointment, revision: int | None) -> None:
    if revision not in (None, appointment.revision):
        raise WrongStatus


def _moved(step: _Step, verb: Event.Verb, by: Actor, now: datetime) -> None:
    """Store the new time, note the event, move the video call, and owe the messages about the new time."""
    appointment = step.appointment
    appointment.revision += 1
    appointment.moved_at = now
    step.leave_queue(now)
    appointment.save()
    is_booked = appointment.status == Status.BOOKED
    if is_booked:
        step.drop_messages()
    step.note(verb, by, now)
    _move_call(appointment)
    if is_booked:
        tell = owed.owe_kept if verb == Verb.KEEP else owed.owe_move
        tell(appointment, now=now)
        if appointment.branch_id == step.before["appointment"]["branch_id"]:
            owed.owe_again(appointment, step.before["messages"], Notification.Kind.CHANGED)


def _move_call(appointment: Appointment) -> None:
    """Move the time in which the video room is open. The worker then tells the provider, or makes a missing room."""
    if appointment.video_call_id:
        opens_at, closes_at = appointment.call_window
        VideoCall.objects.filter(pk=appointment.video_call_id).reopen(opens_at, closes_at)
    if appointment.video_call:
        presence.begin_anew(appointment.video_call)
    if appointment.channel == Channel.VIDEO:
        wake_worker("appointments.tasks.provide_video_calls")


def _end(appointment: Appointment, status: Status, now: datetime) -> None:
    taking.give_back(appointment)
    appointment.status, appointment.ended_at = status, now
    appointment.save()
    if appointment.video_call:
        presence.end(appointment.video_call, now=now)
    claims.drop(appointment.pk)
