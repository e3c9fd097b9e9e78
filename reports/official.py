"""The figures for officials: counts of appointments by agency, service, channel and month. They have no personal data."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

from django.db import connection

from accounts.database.patience import REPORT, patience
from agencies.models import Agency, Channel, Procedure
from agencies.wallclock import CLOCKS, ON_CLOCK
from reports.counting import SUBMITTED, period

# An appointment counts on its day in the branch's zone.
SUMS = f"""
SELECT agency_id, procedure_id, channel, month, count(*), count(*) FILTER (WHERE status = 'completed'),
    count(*) FILTER (WHERE status = 'no_show'), count(*) FILTER (WHERE status = 'cancelled')
FROM (
    SELECT appointment.agency_id, procedure_id, channel, status,
        date_trunc('month', local)::date AS month, local::date AS day
    FROM appointments_appointment appointment JOIN agencies_branch branch ON branch.id = appointment.branch_id
    LEFT JOIN {CLOCKS} AS clock ON clock.zone = branch.timezone
    CROSS JOIN LATERAL (SELECT {ON_CLOCK.format(at="starts_at")} AS local) AS shown
    WHERE {SUBMITTED}
        AND starts_at >= %(since)s::date - interval '1 day' AND starts_at < %(until)s::date + interval '2 days'
) AS appointment
WHERE day BETWEEN %(since)s AND %(until)s
GROUP BY GROUPING SETS ((agency_id), (procedure_id), (channel), (month), ())
"""


@dataclass(frozen=True)
class Sum:
    name: object
    submitted: int = 0
    served: int = 0
    missed: int = 0
    cancelled: int = 0


@dataclass(frozen=True)
class Sums:
    total: Sum
    agencies: list[Sum]
    procedures: list[Sum]
    channels: list[Sum]
    months: list[Sum]


@patience(REPORT)
def sums(since: date, until: date) -> Sums:
    """Counts the appointments on the days from `since` to `until`. Takes four queries."""
    with connection.cursor() as cursor:
        cursor.execute(SUMS, period(since, until))
        rows = cursor.fetchall()
    agencies = {agency.pk: agency for agency in Agency.objects.all()}
    procedures = {one.pk: f"{one.name} ({agencies[one.agency_id]})" for one in Procedure.objects.all()}
    return Sums(
        total=next((Sum("", *row[4:]) for row in rows if not any(row[:4])), Sum("")),
        agencies=_named(rows, 0, lambda key: agencies[key]),
        procedures=_named(rows, 1, lambda key: procedures[key]),
        channels=_named(rows, 2, lambda key: Channel(key).label),
        months=sorted((Sum(row[3], *row[4:]) for row in rows if row[3]), key=lambda one: str(one.name)),
    )


def _named(rows: list[tuple], column: int, name: Callable[..., object]) -> list[Sum]:
    """Returns the sums of one column, the largest first."""
    found = [Sum(name(row[column]), *row[4:]) for row in rows if row[column]]
    return sorted(found, key=lambda one: (-one.submitted, str(one.name)))
