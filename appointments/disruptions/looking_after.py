"""Looking after a disruption until no citizen is left without an answer.

The worker calls `look_after` again and again. Each offer is made in a short transaction of its own, so that after a
crash the next call continues with the rest.
"""

from collections.abc import Sequence
from datetime import datetime

from accounts.work.sweeps import each
from agencies.models import Branch
from appointments.disruptions.closing import AT_ONCE
from appointments.disruptions.fallout import affected, because_of, replacements_for
from appointments.history import Actor
from appointments.models import Disruption, Offer, Status
from appointments.offers import holding
from appointments.times.publishing import publish

State = Disruption.State

# The state of the offer if its appointment ended without an answer. For any other end it is KEPT.
OUTCOMES = {Status.CANCELLED: Offer.State.CANCELLED, Status.EXPIRED: Offer.State.CANCELLED}


def look_after(disruption: Disruption, *, by: Actor, now: datetime) -> int:
    """Make the missing offers, renew lost ones, end those that need no answer; return the number of offers made.

    Repeating it changes nothing. An appointment that somebody else is changing at the moment is left to the next call.
    """
    branches = list(disruption.branches.all())
    if disruption.state == State.PREPARING and len(branches) > AT_ONCE:
        publish([branch.pk for branch in branches], now=now)
    _renew_lost(disruption, branches, by=by, now=now)
    made = _make_offers(disruption, branches, by=by, now=now)
    _close_ended(disruption, by=by, now=now)
    _note_state(disruption, branches, now=now)
    return made


def _make_offers(disruption: Disruption, branches: Sequence[Branch], *, by: Actor, now: datetime) -> int:
    """Make the missing offers and return their number. Appointments that begin first get the nearest times."""
    source, because = replacements_for(disruption, branches, now=now), because_of(disruption)
    related = affected(disruption, branches).select_related("agency", "branch", "procedure__agency")
    made = each(
        related.order_by("starts_at", "created_at", "pk"),
        lambda appointment: holding.make(appointment, because, source, by=by, now=now),
        doing="making an offer for the appointment",
    )
    return sum(offer is not None for offer in made)


def _renew_lost(disruption: Disruption, branches: Sequence[Branch], *, by: Actor, now: datetime) -> None:
    """Renew the open offers whose held time is closed too; withdraw those that no disruption was the reason for."""
    held = disruption.hits(branches).filter(status=Status.HELD, held_for__isnull=False)
    lost = Offer.objects.filter(state=Offer.State.OPEN, hold__in=held)

    def renew(offer: Offer) -> None:
        if offer.disruption is None:
            holding.close(offer, Offer.State.WITHDRAWN, by=by, now=now)
            return
        places = list(offer.disruption.branches.all())
        holding.renew(offer, replacements_for(offer.disruption, places, now=now), by=by, now=now)

    each(lost.select_related("disruption"), renew, doing="renewing the offer")


def _close_ended(disruption: Disruption, *, by: Actor, now: datetime) -> None:
    """Close the unsettled offers of appointments that were served after all, or ended in another way."""
    going_on = (Status.UNVERIFIED, Status.BOOKED, Status.ARRIVED)
    ended = disruption.offers.unsettled().exclude(appointment__status__in=going_on)

    def close(offer: Offer) -> None:
        state = OUTCOMES.get(Status(offer.appointment.status), Offer.State.KEPT)
        holding.close(offer, state, by=by, now=now)

    each(ended.select_related("appointment"), close, doing="closing the offer")


def _note_state(disruption: Disruption, branches: Sequence[Branch], *, now: datetime) -> None:
    if affected(disruption, branches).exists():
        state = State.PREPARING
    elif disruption.offers.unsettled().exists():
        state = State.OPEN
    else:
        state = State.SETTLED
    if state != disruption.state:
        disruption.state, disruption.settled_at = state, now if state == State.SETTLED else None
        disruption.preparing_since = now if state == State.PREPARING else disruption.preparing_since
        disruption.save(update_fields=["state", "settled_at", "preparing_since"])
