"""Counts appointments by agency and day. This is the one place that decides what counts, and on which day.

- A request counts on the day on which it was made.
- A cancellation counts on the day on which it came.
- A served or missed visit counts on the day of the appointment.

Nothing counts after the day of the appointment. Days are local to the branch's zone. Holds and unconfirmed bookings of
guests are not requests.
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.db import connection, transaction
from django.db.models import Max

from agencies.models import Branch
from agencies.wallclock import CLOCKS, ON_CLOCK, clocks
from reports.models import DailyCount

# Officers close their days within this time. These last days are counted from the rows, older days from the roll-up.
OPEN_DAYS = timedelta(days=7)
# No zone's clock is further behind UTC.
FURTHEST_WEST = timedelta(hours=12)
DAY = timedelta(days=1)

# SQL: true for a row of appointments that counts as a request.
SUBMITTED = "status NOT IN ('held', 'unverified', 'expired')"

# Nothing counts after the day of its appointment, so rows that start before `since` are not needed.
COUNTS = f"""
SELECT agency_id, day, sum(submitted) AS submitted, sum(served) AS served, sum(missed) AS missed,
    sum(cancelled) AS cancelled, sum(ratings) AS ratings, sum(satisfied) AS satisfied
FROM (
    SELECT appointment.agency_id, event.*, 0 AS ratings, 0 AS satisfied
    FROM appointments_appointment appointment JOIN agencies_branch branch ON branch.id = appointment.branch_id
    LEFT JOIN {CLOCKS} AS clock ON clock.zone = branch.timezone
    CROSS JOIN LATERAL (VALUES
        (least(created_at, starts_at), 1, 0, 0, 0),
        (
            CASE status WHEN 'cancelled' THEN least(ended_at, starts_at) ELSE starts_at END,
            0, (status = 'completed')::int, (status = 'no_show')::int, (status = 'cancelled')::int
        )
    ) AS moment (at, submitted, served, missed, cancelled)
    CROSS JOIN LATERAL (
        SELECT ({ON_CLOCK.format(at="at")})::date, submitted, served, missed, cancelled
    ) AS event (day, submitted, served, missed, cancelled)
    WHERE {SUBMITTED} AND starts_at >= %(since)s::date - interval '1 day'
        AND %(since)s::date <= %(until)s::date
    UNION ALL
    SELECT agency_id, served_on, 0, 0, 0, 0, 1, (score = 5)::int FROM appointments_rating WHERE served_on >= %(since)s
) AS event
WHERE day BETWEEN %(since)s AND %(until)s
GROUP BY agency_id, day
"""

REBUILD = f"""
INSERT INTO reports_dailycount (agency_id, day, submitted, served, missed, cancelled, ratings, satisfied)
{COUNTS}
"""

TOTALS = f"""
SELECT agency_id, sum(submitted)::bigint, sum(served)::bigint, sum(missed)::bigint, sum(cancelled)::bigint,
    sum(ratings)::bigint, sum(satisfied)::bigint
FROM (
    SELECT agency_id, submitted, served, missed, cancelled, ratings, satisfied FROM reports_dailycount
    WHERE day < %(since)s AND day <= %(until)s
    UNION ALL
    SELECT agency_id, submitted, served, missed, cancelled, ratings, satisfied FROM ({COUNTS}) AS recent
) AS counted
GROUP BY agency_id
"""


@dataclass(frozen=True)
class Totals:
    """The counts until a day. `satisfied` is the number of `ratings` that were "completely satisfied"."""

    submitted: int = 0
    served: int = 0
    missed: int = 0
    cancelled: int = 0
    ratings: int = 0
    satisfied: int = 0


def totals(as_of: date) -> dict[int, Totals]:
    """Returns the totals of each agency (primary key) until the end of that day. Takes three queries."""
    last = DailyCount.objects.aggregate(day=Max("day"))["day"]
    asked = period(last + DAY if last else date.min, as_of)
    with connection.cursor() as cursor:
        cursor.execute(TOTALS, asked)
        return {agency: Totals(*counts) for agency, *counts in cursor.fetchall()}


@transaction.atomic
def rebuild(*, now: datetime) -> int:
    """Makes the roll-up anew from the rows, without the last days, which are still open. Returns its number of rows."""
    until = (now - FURTHEST_WEST).date() - OPEN_DAYS
    with connection.cursor() as cursor:
        cursor.execute("LOCK TABLE reports_dailycount IN SHARE ROW EXCLUSIVE MODE")
        cursor.execute("DELETE FROM reports_dailycount")
        cursor.execute(REBUILD, period(date.min, until))
        return cursor.rowcount


def period(since: date, until: date) -> dict[str, Any]:
    """Returns the parameters of queries about the days from `since` to `until` at any branch."""
    zones = Branch.objects.order_by().values_list("timezone", flat=True).distinct()
    return {"since": since, "until": until, **clocks(zones, since, until)}
