"""Which appointments a disruption affects, and where their replacements come from."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from django.db.models import Q

from agencies.models import Branch
from appointments.models import Disruption, Offer, Status
from appointments.models.appointment import AppointmentQuerySet
from appointments.offers.holding import Because, Source
from appointments.offers.replacements import Closed, Replacements


def affected(disruption: Disruption, branches: Iterable[Branch]) -> AppointmentQuerySet:
    """Return the booked appointments in the closed time that still need an offer.

    They have no offer of this disruption, and no unsettled one of another. Guests who have not confirmed their address
    get an offer once they have. Officers speak to citizens who are at the branch already.
    """
    made = Offer.objects.for_disruptions().filter(Q(state__in=Offer.UNSETTLED) | Q(disruption=disruption.pk))
    return disruption.hits(branches).filter(status=Status.BOOKED).exclude(pk__in=made.values("appointment"))


def because_of(disruption: Disruption) -> Because:
    return Because(Offer.Reason.DISRUPTION, disruption)


def replacements_for(disruption: Disruption, branches: Sequence[Branch], *, now: datetime) -> Source:
    """Return a source of free times. It leaves out the closed times, which may not be withdrawn yet."""
    closed = [Closed(branch.pk, *window) for branch in branches for window in disruption.windows(branch)]
    found = Replacements(disruption.ways, closed, now=now)
    return Source(found.candidates, found.gave)
