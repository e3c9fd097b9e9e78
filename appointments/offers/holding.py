"""Offers: another time is held for a citizen until a deadline.

The reason is that the citizen's own time cannot be kept, that the citizen wished for an earlier one, or that an officer
suggests it. Each verb is one short transaction that locks the appointment first, as the verbs of `appointments.booking`
do. Those end the offer themselves when a citizen answers by moving or cancelling the appointment.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from appointments import history
from appointments.booking import changing, owed, taking
from appointments.errors import BookingError, HoldExpired, OfferGone, WrongStatus
from appointments.history import Actor
from appointments.models import Appointment, Disruption, Event, Notification, Offer, Status
from appointments.offers.replacements import Candidate
from appointments.times import asking

State, Verb = Offer.State, Event.Verb

# How long an offer is held, how long before the held time the answer is needed, and the least time to answer.
PATIENCE, BEFORE, AT_LEAST = timedelta(hours=48), timedelta(hours=4), timedelta(hours=2)
# A message at night waits for the morning, unless the appointment's own time is less than this after the morning.
ALARM = timedelta(hours=4)


@dataclass(frozen=True)
class Because:
    """Why a time is held for a citizen."""

    reason: Offer.Reason
    disruption: Disruption | None = None


@dataclass(frozen=True)
class Source:
    """Where offers come from.

    `candidates` gives the times for an appointment, the best first. `gave` is told which slots an offer has taken.
    """

    candidates: Callable[[Appointment], Iterable[Candidate]]
    gave: Callable[[Iterable[int]], None]


def make(appointment: Appointment, because: Because, source: Source, *, by: Actor, now: datetime) -> Offer | None:
    """Hold the best time for the appointment, and tell the citizen; or that there is none, if a disruption is the reason.

    The appointment was read with branch, agency and procedure; here it is locked and checked again. Returns None if
    there is nothing to do (any more), or if somebody else is changing the appointment: a later sweep then tries again.
    """
    with transaction.atomic():
        here = {"starts_at": appointment.starts_at, "branch": appointment.branch_id, "status": Status.BOOKED}
        same = Appointment.objects.filter(pk=appointment.pk, **here).order_by().values_list("revision", flat=True)
        revisions = list(same.select_for_update(skip_locked=True, no_key=True))
        if not revisions:
            return None
        (appointment.revision,) = revisions
        offer = Offer(
            reason=because.reason,
            disruption=because.disruption,
            appointment=appointment,
            was_starts_at=appointment.promised_at,
            was_branch=appointment.branch,
            created_at=now,
        )
        # Checked under the lock, because another worker may have made an offer since the list was read.
        return _offer_best(offer, source, by, now) if _makes_way(offer, by, now) else None


def again(offered: Offer, source: Source, *, by: Actor, now: datetime) -> Offer:
    """Look for another time after the offer has lapsed, or if none was found before. Raises WrongStatus otherwise."""
    with _locked(offered) as offer:
        if offer.state not in (State.LAPSED, State.NONE_FOUND) or offer.appointment.status != Status.BOOKED:
            raise WrongStatus
        _offer_best(offer, source, by, now)
    return offer


def renew(offered: Offer, source: Source, *, by: Actor, now: datetime) -> Offer:
    """Hold another time instead of the held one, which has been closed as well. Does nothing if none is held.

    If no other time is free, an offer for another reason than a disruption ends.
    """
    with _locked(offered) as offer:
        if offer.state == State.OPEN and offer.hold and offer.hold.status == Status.HELD:
            changing.release(offer.hold, by=by, now=now)
            if _offer_best(offer, source, by, now) is None:
                _settle(offer, State.WITHDRAWN, by, now)
    return offer


def close(offered: Offer, state: Offer.State, *, by: Actor, now: datetime) -> Offer:
    """End an unsettled offer with this state, and give back the time that it holds."""
    with _locked(offered) as offer:
        if offer.is_unsettled:
            _close(offer, state, by, now)
    return offer


def accept(offered: Offer, *, by: Actor, now: datetime, revision: int | None = None) -> Offer:
    """Move the appointment to the time that is held for it. Repeating it changes nothing.

    Raises OfferGone if the time is no longer held, or WrongStatus if the appointment has got another `revision` than
    the one that was seen, because another time is offered now.
    """
    with _locked(offered) as offer:
        if offer.state == State.ACCEPTED:
            return offer
        if offer.state != State.OPEN or offer.hold is None:
            raise OfferGone
        if revision not in (None, offer.appointment.revision):
            raise WrongStatus
        try:
            offer.appointment = changing.take_over(offer.appointment, offer.hold, by=by, now=now)
        except HoldExpired as error:
            raise OfferGone from error
        offer.state, offer.answered_at = State.ACCEPTED, now
        offer.save(update_fields=["state", "answered_at"])
    return offer


def _makes_way(new: Offer, by: Actor, now: datetime) -> bool:
    """Return whether the offer may be made. One for a disruption ends unsettled offers for other reasons."""
    earlier = list(new.appointment.offers.select_related("hold"))
    # One disruption makes one offer, whatever the answer was.
    if new.disruption_id and any(offer.disruption_id == new.disruption_id for offer in earlier):
        return False
    unsettled = [offer for offer in earlier if offer.is_unsettled]
    if unsettled and (not new.is_of_disruption or any(offer.is_of_disruption for offer in unsettled)):
        return False
    for offer in unsettled:
        _close(offer, State.WITHDRAWN, by, now)
    return True


def _close(offer: Offer, state: Offer.State, by: Actor, now: datetime) -> None:
    if offer.hold:
        changing.release(offer.hold, by=by, now=now)
    _settle(offer, state, by, now)


def _settle(offer: Offer, state: Offer.State, by: Actor, now: datetime) -> None:
    offer.state, offer.answered_at = state, now
    offer.save(update_fields=["state", "answered_at"])
    history.note(
        Verb.SETTLE, by=by, now=now, appointment=offer.appointment, details={"offer": offer.pk, "offer_state": state}
    )


@contextmanager
def _locked(offered: Offer) -> Iterator[Offer]:
    """Lock the offer's appointment until the block ends, and yield the offer as it is stored now."""
    with transaction.atomic():
        Appointment.objects.select_for_update(no_key=True).only("pk").get(pk=offered.appointment_id)
        related = Offer.objects.select_related(
            "disruption", "was_branch", "hold__branch", "appointment__agency", "appointment__branch"
        ).select_related("appointment__procedure__agency")
        yield related.get(pk=offered.pk)


def _offer_best(offer: Offer, source: Source, by: Actor, now: datetime) -> Offer | None:
    """Store the offer with the best free time, and owe the message about it.

    If no time is free, an offer for a disruption is stored all the same; for other reasons the result is None.
    """
    appointment = offer.appointment
    due = _due(offer, now)
    tried = (_hold(appointment, candidate, due, by, now) for candidate in source.candidates(appointment))
    offer.hold = next(filter(None, tried), None)
    if offer.hold:
        source.gave(offer.hold.slot_ids)
    elif not offer.is_of_disruption:
        return None
    offer.state = State.OPEN if offer.hold else State.NONE_FOUND
    offer.deadline = offer.hold.expires_at if offer.hold else None
    offer.save()
    # The new revision keeps this message apart from one about an earlier offer.
    appointment.revision += 1
    Appointment.objects.filter(pk=appointment.pk).update(revision=appointment.revision)
    dropped: list[int] = []
    if offer.is_of_disruption:
        dropped = owed.drop_pending(appointment)  # they name a time that cannot be kept
    else:
        owed.carry_over([appointment.pk], anew=Notification.Kind.OFFER)
    _note(offer, dropped, by, now)
    owed.owe_offer(appointment, due=due)
    return offer


def _note(offer: Offer, dropped: list[int], by: Actor, now: datetime) -> None:
    details: dict[str, Any] = {"offer": offer.pk, "was": offer.was_starts_at.isoformat()}
    details["was_branch"] = offer.was_branch.code
    if offer.hold:
        is_here = offer.hold.branch_id == offer.was_branch_id
        place = offer.was_branch if is_here else offer.hold.branch
        details |= {"to": offer.hold.starts_at.isoformat(), "to_branch": place.code}
    history.note(
        Verb.OFFER,
        by=by,
        now=now,
        appointment=offer.appointment,
        disruption=offer.disruption,
        before={"messages": dropped},
        details=details,
    )


def _hold(
    appointment: Appointment, candidate: Candidate, due: datetime, by: Actor, now: datetime
) -> Appointment | None:
    """Hold the candidate's time until the answer is due; None if it cannot be had.

    The hold does not count towards the limit per person, because the appointment that it may replace counts already.
    """
    procedure, channel = appointment.procedure, candidate.channel
    try:
        asked = asking.bookable_slot(candidate.slot, procedure, channel, now=now)
        hold = Appointment(
            agency=appointment.agency,
            procedure=procedure,
            branch_id=asked.branch_id,
            channel=channel,
            status=Status.HELD,
            source=appointment.source,
            language=appointment.language,
            created_at=now,
            expires_at=deadline(asked.starts_at, appointment, due=due),
        )
        hold.promise(asked.starts_at, asked.ends_at, asked.branch.zone)
        taking.at_any_rule(lambda time: taking.make(hold, time, Verb.HOLD, by=by), asked, channel, now=now)
    except BookingError:
        return None
    return hold


def deadline(starts_at: datetime, appointment: Appointment, *, due: datetime) -> datetime:
    """Return until when a time is held: if possible not into the citizen's night, and never up to `starts_at`."""
    latest = owed.waking_hours(min(due + PATIENCE, starts_at - BEFORE), appointment.zone)
    return max(latest, min(due + AT_LEAST, starts_at - AT_LEAST / 2))


def _due(offer: Offer, now: datetime) -> datetime:
    """Return when the message is sent: not at night, unless the appointment's own time is very near."""
    morning = owed.after_night(now, offer.appointment.zone)
    return now if offer.was_starts_at < morning + ALARM else morning
