"""Reads how satisfied people were. Ratings are anonymous and know no branch, so they are figures of whole agencies."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt
from typing import Any

from django.db import connection

from reports.reading.periods import PERIODS
from reports.selecting.selection import Selection

BEST = 5
CERTAIN = 1.959964  # of a normal distribution, 95 % lie within this many standard deviations
FEWEST = 10  # with fewer ratings, a share would say more about chance than about the service


@dataclass(frozen=True)
class Satisfaction:
    """How many ratings there are of `visits`, and how many of them are the best one."""

    ratings: int = 0
    best: int = 0

    @property
    def share(self) -> float | None:
        """Returns the percentage of the best answer ("top box"), None if there are too few."""
        return 100 * self.best / self.ratings if self.ratings >= FEWEST else None

    @property
    def interval(self) -> tuple[float | None, float | None]:
        """Returns within which percentages the share of all visitors lies, with 95 % certainty (Wilson's score interval)."""
        if self.ratings < FEWEST:
            return None, None
        n, p, z = self.ratings, self.best / self.ratings, CERTAIN
        middle = (p + z * z / (2 * n)) / (1 + z * z / n)
        half = z * sqrt(p * (1 - p) / n + z * z / (4 * n * n)) / (1 + z * z / n)
        return 100 * max(middle - half, 0), 100 * min(middle + half, 1)


def ratings(selection: Selection, *ways: Sequence[str]) -> dict[tuple[str, ...], dict[Any, Satisfaction]]:
    """Returns the ratings in each of these ways (a period, agency, procedure, channel), by their keys. Takes a query for each."""
    names = {"agency": "agency_id", "procedure": "procedure_id", "channel": "channel"}
    names |= {name: sql.format("month") for name, sql in PERIODS.items()}
    condition, params = selection.where("rating")
    found: dict[tuple[str, ...], dict[Any, Satisfaction]] = {}
    with connection.cursor() as cursor:
        for way in map(tuple, ways):
            columns = "".join(f"{names[name]}, " for name in way)
            group = f"GROUP BY {columns.rstrip(', ')}" if way else ""
            cursor.execute(
                f"""SELECT {columns}coalesce(sum(ratings), 0), coalesce(sum(ratings) FILTER (WHERE score = {BEST}), 0)
                FROM reports_monthlyrating rating WHERE {condition} {group}""",
                params,
            )
            found[way] = {
                (key[0] if len(way) == 1 else tuple(key)): Satisfaction(int(number), int(best))
                for *key, number, best in cursor.fetchall()
            }
    return found
