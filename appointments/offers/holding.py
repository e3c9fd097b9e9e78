"""The verbs of offers: another time is held for whose appointment cannot take place, and answered.

Each is one short transaction that locks the appointment first, as the verbs of `appointments.booking` do, which move the
times. Who answers by moving or cancelling the appointment itself ends the offer there.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q

from accounts.models import User
from appointments import booking
from appointments.booking import owed, taking
from appointments.errors import BookingError, HoldExpired, OfferGone, WrongStatus
from appointments.models import Appointment, Disruption, Offer, Status
from appointments.offers.replacements import Candidate, Replacements
from appointments.times import asking

State = Offer.State

# How long an offer is held, how long before the held time an answer is needed, and what everybody has at least.
PATIENCE, BEFORE, AT_LEAST = timedelta(hours=48), timedelta(hours=4), timedelta(hours=2)
# A message waits for the morning, unless the time that fell out is nearer to it than this.
ALARM = timedelta(hours=4)


def make(
    appointment: Appointment, disruption: Disruption, replacements: Replacements, *, now: datetime
) -> Offer | None:
    """Hold the best time for the affected appointment, and tell the citizen; or tell that there is none.

    It comes from a list, with branch, agency and procedure; here it is locked and asked whether it is still so. None where
    there is nothing to do (any more), or somebody else is at it: then a later sweep looks again.
    """
    with transaction.atomic():
        here = {"starts_at": appointment.starts_at, "branch": appointment.branch_id, "status": Status.BOOKED}
        same = Appointment.objects.filter(pk=appointment.pk, **here).order_by().values_list("revision", flat=True)
        revisions = list(same.select_for_update(skip_locked=True, no_key=True))
        # Asked under the lock: another worker may have been here since the list was made.
        if not revisions or _is_offered(appointment, disruption):
            return None
        (appointment.revision,) = revisions
        offer = Offer(
            disruption=disruption,
            appointment=appointment,
            was_starts_at=appointment.starts_at,
            was_branch=appointment.branch,
            created_at=now,
        )
        _offer_best(offer, replacements, now)
    return offer


def again(offered: Offer, replacements: Replacements, *, now: datetime) -> Offer:
    """Look for another time, where the first one lapsed or none was found."""
    with _locked(offered) as offer:
        if offer.state not in (State.LAPSED, State.NONE_FOUND) or offer.appointment.status != Status.BOOKED:
            raise WrongStatus
        _offer_best(offer, replacements, now)
    return offer


def renew(offered: Offer, replacements: Replacements, *, now: datetime) -> Offer:
    """The time that was held has fallen out as well: hold another one."""
    with _locked(offered) as offer:
        if offer.state == State.OPEN and offer.hold and offer.hold.status == Status.HELD:
            booking.release(offer.hold, now=now)
            _offer_best(offer, replacements, now)
    return offer


def close(offered: Offer, state: Offer.State, *, now: datetime) -> Offer:
    """Nobody waits for an answer any more: what is held is free again."""
    with _locked(offered) as offer:
        if offer.is_hanging:
            if offer.hold:
                booking.release(offer.hold, now=now)
            offer.state, offer.answered_at = state, now
            offer.save(update_fields=["state", "answered_at"])
    return offer


def accept(offered: Offer, *, by: str, now: datetime, officer: User | None = None) -> Offer:
    """The appointment moves to the time that is held for it. Repeating it changes nothing.

    Raises OfferGone if the time is held no longer.
    """
    with _locked(offered) as offer:
        if offer.state == State.ACCEPTED:
            return offer
        if offer.state != State.OPEN or offer.hold is None:
            raise OfferGone
        try:
            offer.appointment = booking.take_over(offer.appointment, offer.hold, by=by, now=now, officer=officer)
        except HoldExpired as error:
            raise OfferGone from error
        offer.state, offer.answered_at = State.ACCEPTED, now
        offer.save(update_fields=["state", "answered_at"])
    return offer


def _is_offered(appointment: Appointment, disruption: Disruption) -> bool:
    hanging_or_here = Q(state__in=Offer.HANGING) | Q(disruption=disruption)
    return appointment.offers.filter(hanging_or_here).exists()


@contextmanager
def _locked(offered: Offer) -> Iterator[Offer]:
    """The offer as it is now, its appointment locked until the verb is done."""
    with transaction.atomic():
        Appointment.objects.select_for_update(no_key=True).only("pk").get(pk=offered.appointment_id)
        related = Offer.objects.select_related(
            "disruption", "hold__branch", "appointment__agency", "appointment__branch", "appointment__procedure__agency"
        )
        yield related.get(pk=offered.pk)


def _offer_best(offer: Offer, replacements: Replacements, now: datetime) -> None:
    """Store the offer, and owe the message about it."""
    appointment = offer.appointment
    due = _due(offer, now)
    tried = (_hold(appointment, candidate, due, now) for candidate in replacements.candidates(appointment))
    offer.hold = next(filter(None, tried), None)
    if offer.hold:
        replacements.gave(offer.hold.slot_ids)
    offer.state = State.OPEN if offer.hold else State.NONE_FOUND
    offer.deadline = offer.hold.expires_at if offer.hold else None
    offer.save()
    # Messages of before say what is no longer true; this one is told apart by the number.
    appointment.revision += 1
    Appointment.objects.filter(pk=appointment.pk).update(revision=appointment.revision)
    owed.owe_offer(appointment, due=due)


def _hold(appointment: Appointment, candidate: Candidate, due: datetime, now: datetime) -> Appointment | None:
    """A time held until the answer is due. It counts for nobody's limit: it takes the place of one that counts."""
    procedure, channel = appointment.procedure, candidate.channel
    try:
        slot = asking.bookable_slot(candidate.slot, procedure, channel, now=now)
        hold = Appointment(
            agency=appointment.agency,
            procedure=procedure,
            branch=slot.branch,
            channel=channel,
            status=Status.HELD,
            source=appointment.source,
            language=appointment.language,
            created_at=now,
            expires_at=deadline(slot.starts_at, appointment, due=due),
        )
        taking.make(hold, slot)
    except BookingError:
        return None
    return hold


def deadline(starts_at: datetime, appointment: Appointment, *, due: datetime) -> datetime:
    """Until when a time that begins then is held: not into the night of who has to answer, and never up to the time."""
    latest = owed.waking_hours(min(due + PATIENCE, starts_at - BEFORE), appointment)
    return max(latest, min(due + AT_LEAST, starts_at - AT_LEAST / 2))


def _due(offer: Offer, now: datetime) -> datetime:
    """When the message leaves: nobody is woken by it, but for a time that is very near."""
    morning = owed.after_night(now, offer.appointment)
    return now if offer.was_starts_at < morning + ALARM else morning
