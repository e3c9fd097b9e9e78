"""Reads unmet demand: how many days away free times are, how far visitors come, and what they look for in vain."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, NamedTuple

from django.db import connection

from reports.demand.counting import CROWD, KNOWN
from reports.selecting.selection import Selection

# Rows with the columns that `Selection.where` needs. Rows of days are found by their index.
WAITS, DEMAND = "reports_monthlywait AS row", "reports_monthlydemand AS row"
DAYS = """(
    SELECT of_day.*, day - (extract(day FROM day)::int - 1) AS month, 1 AS rows FROM reports_dailywait of_day
    WHERE day >= %(since)s AND day < %(end)s
) AS row"""
BRANCH = "LEFT JOIN agencies_branch branch ON branch.id = row.branch_id"
BY = {
    "month": "row.month",
    "day": "row.day",
    "procedure": "row.procedure_id",
    "channel": "row.channel",
    "branch": "row.branch_id",
    "device": "row.device",
    "language": "row.language",
}
Key = tuple[Any, ...]


@dataclass(frozen=True)
class Waits:
    """Of some looks at free times: how often the first one was so many days away. None: nothing was free."""

    days: Mapping[int | None, int]

    @property
    def looks(self) -> int:
        return sum(self.days.values())

    @property
    def nothing(self) -> int:
        return self.days.get(None, 0)

    @property
    def median(self) -> int | None:
        """Returns the days within which half of the looks found a time; None if more than half found nothing."""
        sought, passed = self.looks / 2, 0
        for days in sorted(one for one in self.days if one is not None):
            passed += self.days[days]
            if passed >= sought:
                return days
        return None

    @property
    def worst(self) -> int | None:
        """Returns the most days to a first time, of the looks that found one."""
        return max((one for one in self.days if one is not None), default=None)


class Steps(NamedTuple):
    """How many visitors came how far."""

    held: int = 0
    filled: int = 0
    booked: int = 0
    nothing_free: int = 0
    went_away: int = 0


def waits(selection: Selection, *by: str) -> dict[Key, Waits]:
    """Returns how long people wait, by these names of BY. By day, it reads the days, and otherwise the months. One query."""
    rows = DAYS if "day" in by else WAITS
    found: dict[Key, Counter[int | None]] = defaultdict(Counter)
    for *key, days, number in _read(selection, rows, (*by, "first"), "sum(row.rows)::int"):
        found[tuple(key)][days] += number
    return {key: Waits(days) for key, days in found.items()}


def steps(selection: Selection, *by: str) -> dict[Key, Steps]:
    """Returns how far visitors came, by these names of BY. One query."""
    sums = ", ".join(f"sum(row.{figure})::int" for figure in Steps._fields)
    rows = _read(selection, DEMAND, by, sums)
    return {tuple(row[: len(by)]): Steps(*row[len(by) :]) for row in rows}


def _read(selection: Selection, rows: str, by: Sequence[str], figures: str) -> list[tuple[Any, ...]]:
    condition, params = selection.where("row", branch="branch")
    columns = ", ".join((BY | {"first": "row.first_days"})[name] for name in by)
    told, group = (f"{columns}, ", f"GROUP BY {columns}") if by else ("", "HAVING count(*) > 0")
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT {told}{figures} FROM {rows} {BRANCH} WHERE {condition} AND row.rows <> 0 {group}",
            params | {"end": selection.end},
        )
        return cursor.fetchall()


# The latest day of the last month on which free times were looked up. Nothing free is longer than any wait: PostgreSQL would
# leave an empty value out of the median.
ENDLESS = 32_767
MEDIAN = f"nullif(percentile_disc(0.5) WITHIN GROUP (ORDER BY coalesce({{days}}, {ENDLESS})), {ENDLESS})"
LATEST = f"""
SELECT row.day, row.agency_id, {MEDIAN.format(days="row.first_days")}, {MEDIAN.format(days="row.third_days")}, count(*)::int
FROM (
    SELECT of_day.*, day - (extract(day FROM day)::int - 1) AS month FROM reports_dailywait of_day
    WHERE day = (SELECT max(day) FROM reports_dailywait WHERE day >= %(until)s AND day < %(end)s)
) AS row {BRANCH}
WHERE {{condition}} GROUP BY row.day, row.agency_id
"""


def latest_look(selection: Selection) -> tuple[date | None, dict[int, tuple[int | None, int | None, int]]]:
    """Returns the latest day on which it was looked, and by agency the median days to the first and to the third free time,
    and how many looks these are. One query.
    """
    condition, params = selection.where("row", branch="branch")
    with connection.cursor() as cursor:
        cursor.execute(LATEST.format(condition=condition), params | {"end": selection.end})
        rows = cursor.fetchall()
    return (rows[0][0] if rows else None), {agency: tuple(found) for _day, agency, *found in rows}


# Minutes of desks that were offered. Capacity belongs to a branch, whose agency is that of today.
OFFERED = f"""
SELECT row.month, sum(row.minutes)::bigint
FROM (
    SELECT of_day.minutes, of_day.branch_id, place.agency_id, day - (extract(day FROM day)::int - 1) AS month
    FROM reports_dailycapacity of_day JOIN agencies_branch place ON place.id = of_day.branch_id
    WHERE day >= %(since)s AND day < %(end)s
) AS row {BRANCH}
WHERE {{condition}} GROUP BY row.month
"""


def offered(selection: Selection) -> dict[date, int]:
    """Returns the minutes that desks were open for booking, by month. One query. Services and channels share them."""
    condition, params = selection.everything_there.where("row", branch="branch")
    with connection.cursor() as cursor:
        cursor.execute(OFFERED.format(condition=condition), params | {"end": selection.end})
        return dict(cursor.fetchall())


# What was looked for in vain: texts that a crowd looked for, and all others together under an empty text.
SEARCHED = f"""
SELECT CASE WHEN text IN ({KNOWN}) THEN text ELSE '' END AS shown, sum(visitors)::int
FROM reports_dailysearch search
WHERE day >= %(since)s AND day < %(end)s AND {{whose}} GROUP BY shown ORDER BY 2 DESC, 1
"""


def searches(selection: Selection) -> dict[str, int] | None:
    """Returns what was looked for in vain and by how many visitors, most first; None if that is not the viewer's. One query.

    On the portal nobody looks for an agency, so its searches are for those who see all agencies. Searches belong to no
    branch, service or channel.
    """
    viewer, agency = selection.viewer, selection.agency
    if selection.is_of_branches or selection.procedure or selection.channel:
        return None
    seen = [agency.pk] if agency else [*(viewer.agencies or ())]
    if viewer.agencies is not None and not set(seen) <= viewer.agencies:
        return None
    whose = "true" if viewer.agencies is None and not agency else "search.agency_id = ANY(%(seen)s)"
    params: dict[str, Any] = {"since": selection.since, "end": selection.end, "seen": seen, "crowd": CROWD}
    with connection.cursor() as cursor:
        cursor.execute(SEARCHED.format(whose=whose), params)
        return dict(cursor.fetchall())
