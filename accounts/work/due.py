"""How long work has been due: the age of the oldest row of each lane. It tells whether the worker works, however it seems.

Ages are in seconds. They tell of no person, so monitoring may read them.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import QuerySet
from django.utils.functional import Promise

Oldest = Callable[[datetime], datetime | None]


@dataclass(frozen=True)
class Lane:
    """One kind of work. `oldest` returns since when its oldest row is due at the time that it is given, or None."""

    name: str  # in the log, probes and metrics
    label: str | Promise  # on pages
    patience: timedelta  # how old due work may be before it is late
    oldest: Oldest


@dataclass(frozen=True)
class Due:
    lane: Lane
    age: int  # seconds; 0 if nothing is due

    @property
    def minutes(self) -> int:
        return self.age // 60

    @property
    def is_late(self) -> bool:
        return self.age > self.lane.patience.total_seconds()


def due(lanes: Iterable[Lane], *, now: datetime) -> list[Due]:
    """Returns the age of each lane's oldest due row. One query for each lane."""
    return [Due(lane, age(lane.oldest(now), now)) for lane in lanes]


def late(lanes: Iterable[Lane], *, now: datetime) -> list[Due]:
    """Returns the lanes that are late."""
    return [one for one in due(lanes, now=now) if one.is_late]


def told(lanes: Iterable[Due]) -> str:
    """Returns the ages as the log tells them, such as "holds 412 s, mail 380 s"."""
    return ", ".join(f"{one.lane.name} {one.age} s" for one in lanes)


def first(rows: QuerySet[Any], by: str) -> datetime | None:
    """Returns the least value of the field. It reads one row of an index, however many are due."""
    return rows.order_by(by).values_list(by, flat=True).first()


def age(since: datetime | None, now: datetime) -> int:
    """Returns the seconds since then; 0 if nothing is due."""
    return max(int((now - since).total_seconds()), 0) if since else 0
