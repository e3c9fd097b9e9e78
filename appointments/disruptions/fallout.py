"""Which appointments a disruption's closed time takes, and where their replacements come from."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from django.db.models import Q

from agencies.models import Branch
from appointments.models import Disruption, Offer, Status
from appointments.models.appointment import AppointmentQuerySet
from appointments.offers.holding import Because, Source
from appointments.offers.replacements import Closed, Replacements


def affected(disruption: Disruption, branches: Iterable[Branch]) -> AppointmentQuerySet:
    """Those that were promised and still need an offer: this disruption has made them none, and no other one is unsettled.

    Guests who have not confirmed their address yet get an offer after that. Citizens who are at the branch already are
    spoken to.
    """
    made = Offer.objects.for_disruptions().filter(Q(state__in=Offer.UNSETTLED) | Q(disruption=disruption.pk))
    return disruption.hits(branches).filter(status=Status.BOOKED).exclude(pk__in=made.values("appointment"))


def because_of(disruption: Disruption) -> Because:
    return Because(Offer.Reason.DISRUPTION, disruption)


def replacements_for(disruption: Disruption, branches: Sequence[Branch], *, now: datetime) -> Source:
    """Free times outside the closed ones: perhaps the worker has not withdrawn those yet."""
    closed = [Closed(branch.pk, *window) for branch in branches for window in disruption.windows(branch)]
    found = Replacements(disruption.ways, closed, now=now)
    return Source(found.candidates, found.gave)
