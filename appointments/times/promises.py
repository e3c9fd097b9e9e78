"""Promised wall-clock times, and which of them the clocks no longer keep.

An appointment is a moment (UTC), and a promise of what the branch's clock will show then. The two part when a country
changes its clock law, or when a branch's time zone is corrected. Then the promise stands, and the moment follows it
(`disruptions.keep_promises`). A branch whose time zone is not known is left as it is.
"""

from collections.abc import Collection, Iterable
from datetime import datetime, timedelta
from typing import Any

from django.db import connection

from agencies.models import Branch
from agencies.models.branch import BranchQuerySet
from agencies.wallclock import CLOCKS, ON_CLOCK, clocks
from appointments.models import Appointment, Offer, Status

# Those to whom nobody has come yet, and times that are held. Officers speak to citizens who are at the branch already.
AWAITED = (Status.HELD, Status.UNVERIFIED, Status.BOOKED)
# How far the moment and the promise may be apart, and how far ahead appointments are looked at.
APART, AHEAD = timedelta(days=2), timedelta(days=731)

# The last condition leaves out those that have fallen out by an earlier change and have no settled offer yet.
BROKEN = f"""
SELECT appointment.id
FROM appointments_appointment appointment
JOIN agencies_branch branch ON branch.id = appointment.branch_id
JOIN {CLOCKS} AS clock ON clock.zone = branch.timezone
WHERE appointment.status = ANY(%(awaited)s) AND appointment.starts_at > %(since)s
    AND (%(branches)s::bigint[] IS NULL OR branch.id = ANY(%(branches)s))
    AND appointment.promised_day + appointment.promised_time <> {ON_CLOCK.format(at="appointment.starts_at")}
    AND NOT EXISTS (
        SELECT FROM appointments_disruption disruption
        WHERE appointment.id = ANY(disruption.fallen) AND NOT EXISTS (
            SELECT FROM appointments_offer offer
            WHERE offer.disruption_id = disruption.id AND offer.appointment_id = appointment.id
                AND offer.state <> ALL(%(unsettled)s)
        )
    )
"""

UNKNOWN = f"""
UPDATE appointments_appointment appointment SET promised_day = local::date, promised_time = local::time
FROM (
    SELECT appointment.id, {ON_CLOCK.format(at="appointment.starts_at")} AS local
    FROM appointments_appointment appointment JOIN agencies_branch branch ON branch.id = appointment.branch_id
    JOIN {CLOCKS} AS clock ON clock.zone = branch.timezone
    WHERE appointment.status = ANY(%(awaited)s) AND appointment.starts_at > %(since)s
        AND appointment.promised_day IS NULL
) AS shown
WHERE shown.id = appointment.id
"""


def broken(*, now: datetime, branches: Collection[int] | None = None) -> list[Appointment]:
    """Return the appointments at these branches (None: all) whose promised time is still ahead, and off the clock.

    They are in the order in which they were made, so that the first one comes first. Two queries, or one if there are
    none, and one for the time zones.
    """
    places = Branch.objects.all() if branches is None else Branch.objects.filter(pk__in=branches)
    params = _params(places, now) | {"branches": None if branches is None else [*branches]}
    with connection.cursor() as cursor:
        cursor.execute(BROKEN, params)
        pks = [pk for (pk,) in cursor.fetchall()]
    return still_broken(pks, now=now) if pks else []


def still_broken(pks: Iterable[int], *, now: datetime) -> list[Appointment]:
    """Return those of the appointments with these keys that wait for the clock's change, as they are stored now."""
    found = Appointment.objects.filter(pk__in=pks, status__in=AWAITED).order_by("created_at", "pk")
    related = found.select_related("agency", "branch", "procedure__agency", "citizen")
    return [one for one in related if one.is_off_clock and one.promised_at > now]


def remember(*, now: datetime) -> int:
    """Write down the promise of coming appointments that have none: it is what the clock shows now. Return how many.

    Older code, or a statement by hand, may have stored them.
    """
    with connection.cursor() as cursor:
        cursor.execute(UNKNOWN, _params(Branch.objects.all(), now))
        return cursor.rowcount


def _params(branches: BranchQuerySet, now: datetime) -> dict[str, Any]:
    zones = branches.order_by().values_list("timezone", flat=True).distinct()
    since = now - APART
    found = {"awaited": [*AWAITED], "unsettled": [*Offer.UNSETTLED], "since": since}
    return found | clocks(zones, since.date(), (now + AHEAD).date())
