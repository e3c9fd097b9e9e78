"""Reads the figures of months, added up in any of some ways at once."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from django.db import connection

from reports.reading.periods import PERIODS
from reports.reading.spreads import MINUTES, quantile
from reports.rollups.monthly import SPREADS
from reports.selecting.selection import Selection

SERVED, REMOTE = "outcome = 'served'", "channel IN ('video', 'phone')"
# Each figure in the SQL of rows of months. `reports.rollups.facts` says what these have.
PLAIN = (
    *("requested", "booked", "due", "begun", "punctual", "overran"),
    *("video_calls", "video_connected", "messages", "messages_lost", "walk_ins", "access_needs", "missing_documents"),
    *("waited", "waiting_seconds", "timed", "serving_seconds"),
    *("cancelled", "cancelled_late"),
)
FIGURES = {name: f"sum(fact.{name})" for name in PLAIN} | {
    "assisted": "sum(fact.requested) FILTER (WHERE source = 'staff')",
    "served": f"sum(fact.due) FILTER (WHERE {SERVED})",
    "served_remotely": f"sum(fact.due) FILTER (WHERE {SERVED} AND {REMOTE})",
    "missed": "sum(fact.due) FILTER (WHERE outcome = 'missed')",
    "open": "sum(fact.due) FILTER (WHERE outcome = 'open')",
    "walk_ins_served": f"sum(fact.walk_ins) FILTER (WHERE {SERVED})",
    "minutes_booked": "sum(fact.minutes) FILTER (WHERE outcome <> 'cancelled')",
    "minutes_used": f"sum(fact.minutes) FILTER (WHERE {SERVED})",
}
SPREAD = {
    name: f"ARRAY[{', '.join(f'coalesce(sum({name}[{place}]), 0)' for place in range(1, size + 1))}]::bigint[]"
    for name, size in SPREADS.items()
}
SUMS = tuple(f"coalesce({sql}, 0)::bigint AS {name}" for name, sql in FIGURES.items())
# By what figures can be told apart.
GROUPS = {
    **{name: sql.format("fact.month") for name, sql in PERIODS.items()},
    "agency": "fact.agency_id",
    "branch": "branch.id",
    "region": "branch.region_el",
    "country": "branch.country",
    "procedure": "fact.procedure_id",
    "channel": "fact.channel",
    "source": "fact.source",
}
OF_BRANCHES = {"branch", "region", "country"}


@dataclass(frozen=True)
class Counts:
    """Figures of one place and time. Seconds are sums; spreads are counts in the ranges of `rollups.facts`."""

    requested: int = 0
    booked: int = 0
    due: int = 0
    begun: int = 0
    punctual: int = 0
    overran: int = 0
    video_calls: int = 0
    video_connected: int = 0
    messages: int = 0
    messages_lost: int = 0
    walk_ins: int = 0
    access_needs: int = 0
    missing_documents: int = 0
    waited: int = 0
    waiting_seconds: int = 0
    timed: int = 0
    serving_seconds: int = 0
    cancelled: int = 0
    cancelled_late: int = 0
    assisted: int = 0
    served: int = 0
    served_remotely: int = 0
    missed: int = 0
    open: int = 0
    walk_ins_served: int = 0
    minutes_booked: int = 0
    minutes_used: int = 0
    waiting_spread: list[int] = field(default_factory=list)
    serving_spread: list[int] = field(default_factory=list)

    def waiting(self, share: float) -> float | None:
        """Returns the minutes below which this share of the visits waited."""
        return quantile(self.waiting_spread, MINUTES, share)

    def serving(self, share: float) -> float | None:
        """Returns the minutes below which this share of the services lasted."""
        return quantile(self.serving_spread, MINUTES, share)

    @property
    def visits(self) -> int:
        """Returns how many were served, with an appointment or without."""
        return self.served + self.walk_ins_served

    @property
    def missed_share(self) -> float | None:
        """Returns the percentage of the appointments that came to pass or should have, to which nobody came."""
        return percent(self.missed, self.served + self.missed)


@dataclass(frozen=True)
class Facts:
    """The figures in all ways that were asked for, by the keys of each."""

    found: dict[tuple[str, ...], dict[tuple[Any, ...], Counts]]

    def by(self, *names: str) -> dict[Any, Counts]:
        """Returns the figures by one name, or by pairs of keys for two names."""
        rows = self.found[names]
        return {key[0] if len(names) == 1 else key: counts for key, counts in rows.items()}

    @property
    def total(self) -> Counts:
        return next(iter(self.found[()].values()), Counts())


def percent(part: float, whole: float) -> float | None:
    """Returns the percentage, or None of nothing."""
    return 100 * part / whole if whole else None


def read(selection: Selection, *ways: Sequence[str], spreads: Sequence[str] = ()) -> Facts:
    """Reads the figures, added up in each of these ways and in total. Takes one query.

    A way is a list of names of GROUPS. Only the `spreads` that are named are read: they take longest. What was not counted
    yet (some seconds' changes) is not in it.
    """
    asked = [(), *map(tuple, ways)]
    names = list(dict.fromkeys(name for way in asked for name in way))
    is_of_branches = selection.is_of_branches or bool(OF_BRANCHES & set(names))
    condition, params = selection.where("fact", branch="branch" if is_of_branches else "")
    table = "reports_monthlyfact fact JOIN agencies_branch branch ON branch.id = fact.branch_id"
    groups = [GROUPS[name] for name in names]
    sets = ", ".join(f"({', '.join(GROUPS[name] for name in way)})" for way in asked)
    told = "".join(f"{group}, " for group in groups)
    which = f"GROUPING({', '.join(groups)})" if groups else "0"
    columns = ", ".join((*SUMS, *(f"{SPREAD[name]} AS {name}" for name in spreads)))
    statement = f"""
        SELECT {which}, {told}{columns} FROM {table if is_of_branches else "reports_monthlysum fact"}
        WHERE {condition} GROUP BY GROUPING SETS ({sets})
    """
    with connection.cursor() as cursor:
        cursor.execute(statement, params)
        rows = cursor.fetchall()
    return Facts({way: _of_way(rows, names, way, [*FIGURES, *spreads]) for way in asked})


def _of_way(
    rows: list[tuple[Any, ...]], names: list[str], way: tuple[str, ...], figures: list[str]
) -> dict[tuple[Any, ...], Counts]:
    """Returns the rows of one way. GROUPING has a bit for each name, the first the highest: 0 if the row is of that name."""
    mask = sum((name not in way) << place for place, name in enumerate(reversed(names)))
    places = [1 + names.index(name) for name in way]
    return {
        tuple(row[place] for place in places): Counts(**dict(zip(figures, row[1 + len(names) :], strict=True)))
        for row in rows
        if row[0] == mask
    }


def first_month(table: str = "reports_monthlysum") -> date | None:
    """Returns the first month that a table of months has."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT min(month) FROM {table}")
        found: date | None = cursor.fetchone()[0]
    return found
