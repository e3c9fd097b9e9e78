"""Looks up once a day, in the morning of each branch, how many days away its first free times are.

The rows are owed: if the worker is away in the morning, it looks as soon as it is back, if the day still lasts. A day on
which nobody looked stays empty, because nobody can find out later what was free.
"""

from datetime import date, datetime, time, timedelta
from typing import Any

from django.db import connection, transaction
from django.db.models import Exists, OuterRef, Q, QuerySet

from accounts.work.sweeps import each
from agencies.models import Agency, Branch
from agencies.wallclock import CLOCKS, ON_CLOCK, clocks, instant, zone_of
from appointments.times.everywhere import FIRST_TIMES
from reports.models import SampledDay

MORNING = time(9)  # on the branch's clock: what was given back or released over night can be seen
BATCH = 50  # branches of one transaction
AHEAD = timedelta(days=2 * 366)  # no time is open for booking later

DAYS = f"({ON_CLOCK.format(at='{at}')})::date - sampled.day"
SAMPLE = f"""
WITH sampled AS (
    INSERT INTO reports_sampledday (branch_id, day, sampled_at)
    SELECT branch_id, day, %(now)s FROM unnest(%(branches)s::bigint[], %(days)s::date[]) AS due (branch_id, day)
    ON CONFLICT DO NOTHING RETURNING branch_id, day
)
INSERT INTO reports_dailywait (agency_id, branch_id, day, procedure_id, channel, first_days, third_days, reach_days)
SELECT shown.agency_id, shown.branch_id, sampled.day, procedure_id, channel,
    {DAYS.format(at="shown.first")}, {DAYS.format(at="shown.third")}, {DAYS.format(at="shown.last")}
FROM ({FIRST_TIMES}) AS shown JOIN sampled USING (branch_id) JOIN agencies_branch branch ON branch.id = shown.branch_id
LEFT JOIN {CLOCKS} AS clock ON clock.zone = branch.timezone
"""


def owed(*, now: datetime) -> QuerySet[Branch]:
    """Returns the open branches whose morning has come, and which were not looked at today."""
    is_due = Q(pk__in=())
    for day, zones in Branch.objects.days(now=now).items():
        seen = SampledDay.objects.filter(branch=OuterRef("pk"), day=day)
        begun = [zone for zone in zones if now >= instant(datetime.combine(day, MORNING), zone_of(zone))]
        is_due |= Q(timezone__in=begun) & ~Q(Exists(seen))
    return Branch.objects.open().filter(is_due)


def sample(*, now: datetime) -> int:
    """Looks at all branches that are owed; returns how many. One statement for each BATCH."""
    branches = list(owed(now=now).order_by("pk"))
    batches = [branches[first : first + BATCH] for first in range(0, len(branches), BATCH)]
    return sum(each(batches, lambda batch: _sample(batch, now), doing="looking at the free times of branches"))


@transaction.atomic
def _sample(batch: list[Branch], now: datetime) -> int:
    days = [branch.today(now) for branch in batch]
    with connection.cursor() as cursor:
        cursor.execute(SAMPLE, _params(batch, days, now))
    return len(batch)


def _params(batch: list[Branch], days: list[date], now: datetime) -> dict[str, Any]:
    last = now.date() + AHEAD
    return clocks((branch.timezone for branch in batch), now.date(), last) | {
        "branches": [branch.pk for branch in batch],
        "days": days,
        "live": [*Agency.LIVE],
        "now": now,
    }
