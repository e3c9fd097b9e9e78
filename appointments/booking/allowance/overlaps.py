"""Whether a person has another appointment at the same time. That is allowed: people are told, and go on or move one.

Only what the visitor may see anyway is told: whoever types the address of somebody else learns nothing.
"""

from collections.abc import Collection
from datetime import datetime

from django.db.models import Q

from accounts.models import User
from appointments import sight
from appointments.models import Appointment
from appointments.models.appointment import PROMISED


def at_same_time(
    keys: Collection[str],
    citizen: User | None,
    starts_at: datetime,
    ends_at: datetime,
    *,
    known: Collection[str],
    but: Appointment,
) -> Appointment | None:
    """Return the first other appointment of the person that is still to come and overlaps with these times (UTC).

    `keys` are those by which the person's appointments may be counted, and `known` are those that the visitor has booked
    here, or opened by their links and the second check (`opened_as`).
    """
    whose = Q(citizen=citizen) if citizen else Q(pk__in=())
    if keys:
        whose |= Q(person_key__in=keys)
    found = Appointment.objects.filter(whose, status__in=PROMISED, starts_at__lt=ends_at, ends_at__gt=starts_at)
    others = found.exclude(pk=but.pk).select_related("branch", "procedure").order_by("starts_at", "pk")
    with sight.aside():  # whoever shows the one that is found has looked at it
        own = (one for one in others if one.opened_as in known or (citizen and one.citizen_id == citizen.pk))
        return next(own, None)
