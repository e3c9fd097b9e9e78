"""What has to be counted again: some days of branches, with where they begin and end, or all days of branches."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Self

from agencies.models import Branch
from agencies.wallclock import CLOCKS, FIRST_DAY, clocks, midnight
from appointments.models import ChangedDay, Rating

DAY, HOUR, INSTANT = timedelta(days=1), timedelta(hours=1), timedelta(microseconds=1)

# What has to be counted as tables of SQL, for the statements in `facts`. The parameters are those of `Changed.params`.
REACH = """
reach AS MATERIALIZED (
    SELECT * FROM unnest(%(branches)s::bigint[], %(agencies)s::bigint[], %(days)s::date[], %(begins)s::timestamptz[],
        %(ends)s::timestamptz[]) AS reach (branch_id, agency_id, day, begins, ends)
), rated AS MATERIALIZED (
    SELECT * FROM unnest(%(rated_agencies)s::bigint[], %(rated_days)s::date[]) AS rated (agency_id, day)
)
"""
CLOCK = f"""
clock AS MATERIALIZED (
    SELECT branch.id AS branch_id, branch.agency_id, clock.begins, clock.offsets
    FROM agencies_branch branch LEFT JOIN {CLOCKS} AS clock ON clock.zone = branch.timezone
    WHERE branch.id = ANY(%(whole)s)
)
"""
# How far ahead appointments can be. After that, clocks stand still.
AHEAD = timedelta(days=2 * 366)


@dataclass(frozen=True, order=True)
class BranchDay:
    """A local day of a branch. It lasts from `begins` until before `ends` (UTC)."""

    branch: int
    agency: int
    day: date
    begins: datetime
    ends: datetime
    zone: str


@dataclass(frozen=True)
class Changed:
    """What to count: all days of some branches, some days of others, and days of agencies for their ratings."""

    whole: list[Branch]
    days: list[BranchDay]
    of_ratings: list[tuple[int, date]]

    @classmethod
    def everything(cls) -> Self:
        rated = Rating.objects.order_by().values_list("agency_id", "served_on").distinct()
        return cls([*Branch.objects.order_by("pk")], [], [*rated])

    @classmethod
    def noted(cls, notes: Iterable[ChangedDay]) -> Self:
        """Returns what the notes name, each once. Takes one query. Branches that are no more are left out."""
        notes = list(notes)
        branches = Branch.objects.order_by("pk").in_bulk({note.branch_id for note in notes} - {None})
        whole = {note.branch_id for note in notes if note.is_of_all_days}
        days = {
            (note.branch_id, day)
            for note in notes
            if note.branch_id in branches.keys() - whole
            for day in _days(note, branches[note.branch_id])
        }
        return cls(
            [branch for pk, branch in branches.items() if pk in whole],
            sorted(_branch_day(branches[pk], day) for pk, day in days),
            sorted({(note.agency_id, note.day) for note in notes if note.agency_id and note.day}),
        )

    def params(self, *, now: datetime) -> dict[str, Any]:
        return self._clocks(now) | {
            "whole": [branch.pk for branch in self.whole],
            "branches": [one.branch for one in self.days],
            "agencies": [one.agency for one in self.days],
            "days": [one.day for one in self.days],
            "begins": [one.begins for one in self.days],
            "ends": [one.ends for one in self.days],
            "rated_agencies": [agency for agency, _day in self.of_ratings],
            "rated_days": [day for _agency, day in self.of_ratings],
        }

    def _clocks(self, now: datetime) -> dict[str, Any]:
        zones = {branch.timezone for branch in self.whole} | {one.zone for one in self.days}
        if self.whole:
            return clocks(zones, FIRST_DAY, now.date() + AHEAD)
        days = [one.day for one in self.days] or [FIRST_DAY]
        return clocks(zones, min(days), max(days))


def _days(note: ChangedDay, branch: Branch) -> list[date]:
    """Returns the local days that a part of the hour belongs to: two if midnight is in it."""
    if note.hour is None:
        return [note.day] if note.day else []
    first, last = branch.local(note.hour).date(), branch.local(note.hour + HOUR - INSTANT).date()
    return [first + number * DAY for number in range((last - first).days + 1)]


def _branch_day(branch: Branch, day: date) -> BranchDay:
    return BranchDay(
        branch.pk, branch.agency_id, day, midnight(day, branch.zone), midnight(day + DAY, branch.zone), branch.timezone
    )
