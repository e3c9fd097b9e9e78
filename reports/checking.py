"""Compares the roll-ups with the rows at night. A difference is told to the operators, and mended by nobody but them.

All days of a branch are those that its clock shows (`FACTS_EVER`), while changed days are counted from where they begin to
where they end. So the check does not repeat what it checks. Noted days are not compared: they are counted again anyway.
"""

import logging
from datetime import date, datetime
from typing import Any

from django.db import connection

from accounts.work.sweeps import each
from agencies.models import Branch
from agencies.wallclock import ON_CLOCK
from appointments.models import ChangedDay, Miscount
from reports.counting import NAMES, SHAPED, SLOTS_STAY, SUMMED, one_moment
from reports.rollups import monthly
from reports.rollups.changed import CLOCK, REACH, Changed
from reports.rollups.facts import CAPACITY_EVER, COLUMNS, FACTS_EVER, HOURS_EVER
from reports.rollups.monthly import OF_BRANCHES, OF_DEMAND, OF_HOURS, OF_RATINGS, OF_WAITS, Months

logger = logging.getLogger(__name__)


def _differing(rows: str, kept: str) -> str:
    """Returns the SQL of the rows that one of two tables has and the other one has not."""
    return f"((TABLE {rows} EXCEPT TABLE {kept}) UNION ALL (TABLE {kept} EXCEPT TABLE {rows})) AS {rows}_differ"


def _kept(months: Months) -> str:
    """Returns the SQL of the rows of months. One without days has nothing to tell."""
    return f"SELECT {months.columns} FROM {months.table} WHERE rows <> 0"


OF_BRANCH = f"""
WITH {CLOCK}, {REACH}, facts AS ({FACTS_EVER}),
kept_facts AS (SELECT {COLUMNS} FROM reports_dailyfact WHERE branch_id = ANY(%(whole)s)),
capacity AS ({CAPACITY_EVER}),
kept_capacity AS (
    SELECT branch_id, day, minutes::bigint FROM reports_dailycapacity JOIN clock USING (branch_id)
    WHERE day > ({ON_CLOCK.format(at="%(slots_from)s")})::date
),
hours AS ({HOURS_EVER}),
kept_hours AS (SELECT agency_id, branch_id, day, hours FROM reports_dailyhours WHERE branch_id = ANY(%(whole)s)),
months AS ({OF_BRANCHES.summed("reports_dailyfact WHERE branch_id = ANY(%(whole)s)")}),
kept_months AS ({_kept(OF_BRANCHES)} AND branch_id = ANY(%(whole)s)),
weekdays AS ({OF_HOURS.summed("reports_dailyhours WHERE branch_id = ANY(%(whole)s)")}),
kept_weekdays AS ({_kept(OF_HOURS)} AND branch_id = ANY(%(whole)s)),
waits AS ({OF_WAITS.summed("reports_dailywait WHERE branch_id = ANY(%(whole)s)")}),
kept_waits AS ({_kept(OF_WAITS)} AND branch_id = ANY(%(whole)s))
SELECT min(day), count(DISTINCT day) FROM (
    SELECT day FROM (
        SELECT day FROM {_differing("facts", "kept_facts")}
        UNION ALL SELECT day FROM {_differing("capacity", "kept_capacity")}
        UNION ALL SELECT day FROM {_differing("hours", "kept_hours")}
    ) AS days WHERE day NOT IN (SELECT day FROM reach)
    UNION ALL SELECT month FROM {_differing("months", "kept_months")}
    UNION ALL SELECT month FROM {_differing("weekdays", "kept_weekdays")}
    UNION ALL SELECT month FROM {_differing("waits", "kept_waits")}
) AS differing
"""
OF_AGENCIES = f"""
WITH {REACH}, sums AS (
    SELECT agency_id, day, {SUMMED} FROM (
        {SHAPED.format(facts="reports_dailyfact", ratings="reports_dailyrating")}
    ) AS counted GROUP BY agency_id, day
), kept_sums AS (SELECT agency_id, day, {", ".join(f"{name}::bigint" for name in NAMES)} FROM reports_dailysum),
ratings AS (
    SELECT agency_id, served_on AS day, procedure_id, channel, score, count(*) AS ratings FROM appointments_rating
    GROUP BY agency_id, served_on, procedure_id, channel, score
), kept_ratings AS (SELECT agency_id, day, procedure_id, channel, score, ratings::bigint FROM reports_dailyrating),
months AS ({monthly.OF_AGENCIES_AGAIN.summed("reports_monthlyfact WHERE rows <> 0")}),
kept_months AS ({_kept(monthly.OF_AGENCIES)}),
demand AS ({OF_DEMAND.summed("reports_dailydemand")}), kept_demand AS ({_kept(OF_DEMAND)}),
scores AS ({OF_RATINGS.summed("reports_dailyrating")}), kept_scores AS ({_kept(OF_RATINGS)})
SELECT agency_id, min(day), count(DISTINCT day) FROM (
    SELECT agency_id, day FROM {_differing("sums", "kept_sums")}
    UNION ALL
    SELECT agency_id, month FROM {_differing("months", "kept_months")}
    UNION ALL
    SELECT agency_id, month FROM {_differing("scores", "kept_scores")}
    UNION ALL
    SELECT agency_id, month FROM {_differing("demand", "kept_demand")}
    UNION ALL
    SELECT agency_id, day FROM {_differing("ratings", "kept_ratings")}
    WHERE (agency_id, day) NOT IN (SELECT agency_id, day FROM rated)
) AS differing GROUP BY agency_id
"""


def check(*, now: datetime) -> int:
    """Compares everything, branch by branch; returns how many branches and agencies differ."""
    found = [
        one
        for one in each(Branch.objects.order_by("pk"), lambda branch: _of_branch(branch, now), doing="checking")
        if one
    ]
    found += _of_agencies(now)
    Miscount.objects.bulk_create(found, ignore_conflicts=True)
    for one in found:
        logger.error(
            "Figures differ from the rows: agency %s, branch %s, %s days from %s on",
            *(one.agency_id, one.branch_id, one.days, one.first_day),
        )
    return len(found)


def _of_branch(branch: Branch, now: datetime) -> Miscount | None:
    with one_moment():
        noted = Changed.noted(ChangedDay.objects.filter(branch_id=branch.pk))
        if noted.whole:
            return None
        asked = Changed([branch], noted.days, []).params(now=now) | {"slots_from": now - SLOTS_STAY}
        ((first, days),) = _rows(OF_BRANCH, asked)
    return _miscount(branch.agency_id, branch, first, days, now) if days else None


def _of_agencies(now: datetime) -> list[Miscount]:
    with one_moment():
        noted = Changed.noted(ChangedDay.objects.filter(agency_id__isnull=False))
        rows = _rows(OF_AGENCIES, noted.params(now=now))
    return [_miscount(agency, None, first, days, now) for agency, first, days in rows]


def _miscount(agency: int, branch: Branch | None, first: date, days: int, now: datetime) -> Miscount:
    return Miscount(agency_id=agency, branch=branch, first_day=first, days=days, found_at=now)


def _rows(statement: str, params: dict[str, Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, params)
        return cursor.fetchall()
