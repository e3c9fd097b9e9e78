"""Keeps the roll-ups: counts the days that have changed, and nothing else. `reports.rollups.facts` says what counts.

Triggers note a changed day in the transaction of the change (`ChangedDay`). `count_changed` takes some notes away and
counts their days anew, in one transaction. What commits meanwhile leaves a note of its own, so the day is counted again.
Until then, readers take the noted days from the rows: figures are right at every moment, and fast when little is noted.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from django.db import connection, transaction
from django.db.backends.utils import CursorWrapper
from django.db.models import Max

from agencies.wallclock import ON_CLOCK
from appointments.models import ChangedDay, Miscount
from reports.models import (
    DailyFact,
    DailyHours,
    DailyRating,
    DailySum,
    MonthlyDemand,
    MonthlyFact,
    MonthlyHours,
    MonthlyRating,
    MonthlySum,
    MonthlyWait,
)
from reports.rollups.changed import CLOCK, REACH, Changed
from reports.rollups.facts import (
    CAPACITY_EVER,
    CAPACITY_ON_DAYS,
    COLUMNS,
    FACTS_EVER,
    FACTS_ON_DAYS,
    HOURS_EVER,
    HOURS_ON_DAYS,
    RATINGS,
    SUBMITTED,
)
from reports.rollups.monthly import MONTH, OF_AGENCIES, OF_BRANCHES, OF_DEMAND, OF_HOURS, OF_RATINGS, OF_WAITS

__all__ = ["SUBMITTED", "Totals", "count_all", "count_changed", "one_moment", "rebuild", "totals"]

# How much is counted in one transaction: notes, or branches of which all days are counted.
BATCH, WHOLE = 5_000, 20
# Publishing deletes empty slots a day after they began. From then on the capacity of their day stays as it was counted.
SLOTS_STAY = timedelta(days=1)

# The counts of the published table, from rows of facts and of ratings.
OF_FACT = """sum(requested) AS submitted, sum(due) FILTER (WHERE outcome = 'served') AS served,
    sum(due) FILTER (WHERE outcome = 'missed') AS missed, sum(cancelled) AS cancelled"""
OF_RATING = "sum(ratings) AS ratings, sum(ratings) FILTER (WHERE score = 5) AS satisfied"
NAMES = ("submitted", "served", "missed", "cancelled", "ratings", "satisfied")
SUMMED = ", ".join(f"coalesce(sum({name}), 0)::bigint AS {name}" for name in NAMES)
# The rows of facts and ratings, in the shape of a DailySum.
SHAPED = f"""
SELECT agency_id, day, {OF_FACT}, 0 AS ratings, 0 AS satisfied FROM {{facts}} GROUP BY agency_id, day
UNION ALL
SELECT agency_id, day, 0, 0, 0, 0, {OF_RATING} FROM {{ratings}} GROUP BY agency_id, day
"""
OLD_FACTS = """(
    SELECT fact.* FROM reach JOIN reports_dailyfact fact USING (branch_id, day)
    UNION ALL SELECT * FROM reports_dailyfact WHERE branch_id = ANY(%(whole)s)
) AS fact"""
OLD_RATINGS = "(SELECT rating.* FROM rated JOIN reports_dailyrating rating USING (agency_id, day)) AS rating"
# All days of a branch are counted seldom. So the usual statement is planned without them.
CHANGED = {False: REACH, True: f"{REACH}, {CLOCK}"}
FACTS = {False: FACTS_ON_DAYS, True: f"{FACTS_ON_DAYS} UNION ALL {FACTS_EVER}"}
HOURS = {False: HOURS_ON_DAYS, True: f"{HOURS_ON_DAYS} UNION ALL {HOURS_EVER}"}
CAPACITY = {False: CAPACITY_ON_DAYS, True: f"{CAPACITY_ON_DAYS} UNION ALL {CAPACITY_EVER}"}

# The sums, without what they have of the noted days, and with what the rows say of these.
TOTALS = {
    is_whole: f"""
WITH {CHANGED[is_whole]}, counted AS (
    SELECT agency_id, day, 1 AS sign, {", ".join(NAMES)} FROM reports_dailysum WHERE day <= %(until)s
    UNION ALL
    SELECT agency_id, day, -1, {", ".join(NAMES)} FROM ({SHAPED.format(facts=OLD_FACTS, ratings=OLD_RATINGS)}) AS old
    UNION ALL
    SELECT agency_id, day, 1, {", ".join(NAMES)}
    FROM ({SHAPED.format(facts=f"({FACTS[is_whole]}) AS fact", ratings=f"({RATINGS}) AS rating")}) AS new
)
SELECT agency_id, {", ".join(f"coalesce(sum(sign * {name}), 0)::bigint" for name in NAMES)}
FROM counted WHERE day <= %(until)s GROUP BY agency_id
"""
    for is_whole in (False, True)
}

FORGET = f"""
WITH {REACH}, gone AS (
    DELETE FROM reports_dailyfact fact USING reach WHERE fact.branch_id = reach.branch_id AND fact.day = reach.day
    RETURNING fact.agency_id, fact.day
), unvisited AS (
    DELETE FROM reports_dailyhours hours USING reach WHERE hours.branch_id = reach.branch_id AND hours.day = reach.day
), unrated AS (
    DELETE FROM reports_dailyrating rating USING rated WHERE rating.agency_id = rated.agency_id AND rating.day = rated.day
), closed AS (
    DELETE FROM reports_dailycapacity capacity USING reach
    WHERE capacity.branch_id = reach.branch_id AND capacity.day = reach.day AND reach.begins > %(slots_from)s
)
SELECT agency_id, day FROM gone UNION SELECT agency_id, day FROM rated
"""
FORGET_WHOLE = f"""
WITH {CLOCK}, gone AS (
    DELETE FROM reports_dailyfact WHERE branch_id = ANY(%(whole)s) RETURNING agency_id, day
), unvisited AS (
    DELETE FROM reports_dailyhours WHERE branch_id = ANY(%(whole)s)
), closed AS (
    DELETE FROM reports_dailycapacity capacity USING clock
    WHERE capacity.branch_id = clock.branch_id AND capacity.day > ({ON_CLOCK.format(at="%(slots_from)s")})::date
)
SELECT DISTINCT agency_id, day FROM gone
"""
COUNT_FACTS = {
    is_whole: f"""
WITH {CHANGED[is_whole]}, new AS (
    INSERT INTO reports_dailyfact ({COLUMNS}) {FACTS[is_whole]} RETURNING agency_id, day
)
SELECT DISTINCT agency_id, day FROM new
"""
    for is_whole in (False, True)
}
COUNT_HOURS = {
    is_whole: f"""
WITH {CHANGED[is_whole]} INSERT INTO reports_dailyhours (agency_id, branch_id, day, hours) {HOURS[is_whole]}
"""
    for is_whole in (False, True)
}
COUNT_RATINGS = f"""
WITH {REACH} INSERT INTO reports_dailyrating (agency_id, day, procedure_id, channel, score, ratings) {RATINGS}
"""
COUNT_CAPACITY = {
    is_whole: f"""
WITH {CHANGED[is_whole]} INSERT INTO reports_dailycapacity (branch_id, day, minutes) {CAPACITY[is_whole]}
"""
    for is_whole in (False, True)
}
# What the changed days leave behind in their months. The sums themselves are added up by the database (`rollups.monthly`).
CHANGED_MONTHS = f"""
SELECT branch_id, {MONTH} FROM reach UNION SELECT branch_id, month FROM {{table}} WHERE branch_id = ANY(%(whole)s)
"""
TOUCHED = "unnest(%(touched_agencies)s::bigint[], %(touched_days)s::date[]) AS of (agency_id, day)"
FORGET_MONTHS = [
    *(f"WITH {REACH} {months.forget(CHANGED_MONTHS.format(table=months.table))}" for months in (OF_BRANCHES, OF_HOURS)),
    f"WITH {REACH} {OF_RATINGS.forget(f'SELECT DISTINCT agency_id, {MONTH} FROM rated')}",
    OF_AGENCIES.forget(f"SELECT DISTINCT agency_id, {MONTH} FROM {TOUCHED}"),
]
FORGET_SUMS = f"""
DELETE FROM reports_dailysum sum USING {TOUCHED}
WHERE sum.agency_id = of.agency_id AND sum.day = of.day
"""
OF_SUMS = f"JOIN {TOUCHED} USING (agency_id, day)"
COUNT_SUMS = f"""
INSERT INTO reports_dailysum (agency_id, day, {", ".join(NAMES)})
SELECT agency_id, day, {SUMMED} FROM (
    {SHAPED.format(facts=f"reports_dailyfact {OF_SUMS}", ratings=f"reports_dailyrating {OF_SUMS}")}
) AS counted GROUP BY agency_id, day
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
    now = datetime.combine(as_of, time(), UTC)
    with one_moment(), connection.cursor() as cursor:
        noted = Changed.noted(ChangedDay.objects.order_by())
        cursor.execute(TOTALS[bool(noted.whole)], noted.params(now=now) | {"until": as_of})
        return {agency: Totals(*counts) for agency, *counts in cursor.fetchall()}


@contextmanager
def one_moment() -> Iterator[None]:
    """Shows all statements of the block the database at one moment, unless a transaction is under way already."""
    if connection.in_atomic_block:
        yield
        return
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        yield


@transaction.atomic
def count_changed(*, now: datetime) -> int:
    """Counts the days of the oldest notes, and returns how many notes there were. Takes the same number of queries for all.

    Others who count wait. Who reads or books does not.
    """
    _lock()
    notes = list(ChangedDay.objects.order_by("pk")[:BATCH])
    if whole := [note for note in notes if note.is_of_all_days]:
        notes = whole[:WHOLE]
    if notes:
        ChangedDay.objects.filter(pk__in=[note.pk for note in notes]).delete()
        _count(Changed.noted(notes), now)
    return len(notes)


def count_all(*, now: datetime) -> int:
    """Counts all that is noted now; returns the number of notes. What is noted meanwhile may be left."""
    last, counted = ChangedDay.objects.aggregate(last=Max("pk"))["last"] or 0, 0
    while ChangedDay.objects.filter(pk__lte=last).exists():
        counted += count_changed(now=now)
    return counted


@transaction.atomic
def rebuild(*, now: datetime) -> int:
    """Counts everything anew from the rows; returns the number of facts. What the nightly check found is settled by it.

    Readers find the figures of before until it ends. Capacities of past days stay, because their slots are deleted.
    """
    _lock()
    for rows in (
        ChangedDay,
        Miscount,
        DailyFact,
        DailyHours,
        DailyRating,
        DailySum,
        MonthlyFact,
        MonthlySum,
        MonthlyHours,
        MonthlyRating,
        MonthlyWait,
        MonthlyDemand,
    ):
        rows._default_manager.all().delete()
    with connection.cursor() as cursor:
        for months, days in ((OF_WAITS, "reports_dailywait"), (OF_DEMAND, "reports_dailydemand")):
            cursor.execute(months.add(days, 1))
    _count(Changed.everything(), now)
    return DailyFact.objects.count()


def _lock() -> None:
    """Lets one count at a time, until its transaction ends. A lock of the table would never let a vacuum end."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock('reports_dailyfact'::regclass::oid::bigint)")


def _count(changed: Changed, now: datetime) -> None:
    """Makes the roll-ups of what has changed anew."""
    is_whole = bool(changed.whole)
    asked = changed.params(now=now) | {"slots_from": now - SLOTS_STAY}
    with connection.cursor() as cursor:
        touched = _touched(cursor, [FORGET, *([FORGET_WHOLE] if is_whole else []), COUNT_FACTS[is_whole]], asked)
        _run(cursor, [COUNT_HOURS[is_whole], COUNT_RATINGS, COUNT_CAPACITY[is_whole]], asked)
        summed = {
            "touched_agencies": [agency for agency, _day in touched],
            "touched_days": [day for _agency, day in touched],
        }
        _run(cursor, [*FORGET_MONTHS, FORGET_SUMS, COUNT_SUMS], asked | summed)


def _run(cursor: CursorWrapper, statements: Iterable[str], params: dict[str, Any]) -> None:
    for statement in statements:
        cursor.execute(statement, params)


def _touched(cursor: CursorWrapper, statements: Iterable[str], params: dict[str, Any]) -> set[tuple[int, date]]:
    """Returns the agencies and days that the statements name."""
    found: set[tuple[int, date]] = set()
    for statement in statements:
        cursor.execute(statement, params)
        found.update(cursor.fetchall())
    return found
