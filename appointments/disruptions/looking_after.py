"""Mass disruption: close the times of branches at once, and offer another one to everybody whose time falls out.

Nothing is cancelled. `start` closes; `look_after`, which the worker calls again and again, makes the offers, one short
transaction for each appointment, so that a crash leaves whole ones behind and the next call goes on. It is settled when
nobody is left hanging.
"""

import logging
from collections.abc import Sequence
from datetime import datetime

from django.db import transaction

from agencies.models import Agency, Branch, Closure
from appointments import offers
from appointments.booking import owed
from appointments.models import Disruption, Offer, Status
from appointments.offers.replacements import Replacements
from appointments.times.publishing import publish

State = Disruption.State
logger = logging.getLogger(__name__)

# Times of so many branches are withdrawn while the person waits; more are left to the worker.
AT_ONCE = 5
# Who ended an appointment otherwise than by an answer no longer waits for one.
OUTCOMES = {Status.CANCELLED: Offer.State.CANCELLED, Status.EXPIRED: Offer.State.CANCELLED}


def start(planned: Disruption, branches: Sequence[Branch], *, now: datetime) -> Disruption:
    """Close the branches in the range and have everybody offered another time."""
    with transaction.atomic():
        planned.state, planned.created_at = State.PREPARING, now
        planned.save()
        planned.branches.set(branches)
        Closure.objects.bulk_create(_closure(planned, planned.agency, branch) for branch in branches)
        if len(branches) <= AT_ONCE:
            publish([branch.pk for branch in branches], now=now)
        owed.wake_worker("appointments.tasks.look_after_disruptions")
    return planned


def look_after(disruption: Disruption, *, now: datetime) -> int:
    """Make the offers that are still to be made, and settle what is settled. Answers how many offers were made.

    Repeating it changes nothing. Who is being changed by somebody else at the moment is left to the next call.
    """
    branches = list(disruption.branches.all())
    if disruption.state == State.PREPARING and len(branches) > AT_ONCE:
        publish([branch.pk for branch in branches], now=now)
    _renew_lost(disruption, branches, now=now)
    made = _make_offers(disruption, branches, now=now)
    _close_ended(disruption, now=now)
    _note_state(disruption, branches, now=now)
    return made


def _closure(disruption: Disruption, agency: Agency, branch: Branch) -> Closure:
    return Closure(
        agency=agency,
        branch=branch,
        kind=Closure.Kind.CLOSED,
        from_date=disruption.from_date,
        until_date=disruption.until_date,
        from_time=disruption.from_time,
        until_time=disruption.until_time,
        reason_el=disruption.reason_el,
        reason_en=disruption.reason_en,
    )


def _make_offers(disruption: Disruption, branches: Sequence[Branch], *, now: datetime) -> int:
    """Who came first has the first choice of what is nearest."""
    made, replacements = 0, Replacements(disruption, now=now)
    affected = disruption.affected(branches).select_related("agency", "branch", "procedure__agency")
    for appointment in affected.order_by("starts_at", "created_at", "pk"):
        try:
            made += offers.make(appointment, disruption, replacements, now=now) is not None
        except Exception:
            # One that can't be dealt with must not leave all the others hanging; the next call tries it again.
            logger.exception("No offer was made for appointment %s", appointment.pk)
    return made


def _renew_lost(disruption: Disruption, branches: Sequence[Branch], *, now: datetime) -> None:
    """Times that other disruptions held for somebody fall out, too: another one is held instead."""
    held = disruption.hits(branches).filter(status=Status.HELD, held_for__isnull=False)
    lost = Offer.objects.filter(state=Offer.State.OPEN, hold__in=held)
    for offer in lost.select_related("disruption"):
        offers.renew(offer, Replacements(offer.disruption, now=now), now=now)


def _close_ended(disruption: Disruption, *, now: datetime) -> None:
    """Who was served after all, or was ended by other ways than the citizen's or an officer's answer, waits no longer."""
    going_on = (Status.UNVERIFIED, Status.BOOKED, Status.ARRIVED)
    ended = disruption.offers.hanging().exclude(appointment__status__in=going_on)
    for offer in ended.select_related("appointment"):
        offers.close(offer, OUTCOMES.get(Status(offer.appointment.status), Offer.State.KEPT), now=now)


def _note_state(disruption: Disruption, branches: Sequence[Branch], *, now: datetime) -> None:
    if disruption.affected(branches).exists():
        state = State.PREPARING
    elif disruption.offers.hanging().exists():
        state = State.OPEN
    else:
        state = State.SETTLED
    if state != disruption.state:
        disruption.state, disruption.settled_at = state, now if state == State.SETTLED else None
        disruption.save(update_fields=["state", "settled_at"])
