"""How long work has been due: the age of the oldest row of each lane. It tells whether the worker works, however it seems.

Each app names its own lanes, in a module with a tuple LANES. The setting DUE_WORK lists these modules.

Ages are in seconds. They tell of no person, so monitoring may read them.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from importlib import import_module
from typing import Any

from django.conf import settings
from django.db import connection
from django.db.models import QuerySet
from django.utils.functional import Promise
from django.utils.translation import ngettext

HOUR, DAY = 60 * 60, 24 * 60 * 60  # seconds
Rows = QuerySet[Any, Any]
Oldest = Callable[[datetime], Rows | tuple[Rows, ...]]


@dataclass(frozen=True)
class Lane:
    """One kind of work. `oldest` returns since when its oldest row is due at the time that it is given, by `first`."""

    name: str  # in the log, probes and metrics
    label: str | Promise  # on pages
    patience: timedelta  # how old due work may be before it is late
    oldest: Oldest


@dataclass(frozen=True)
class Due:
    lane: Lane
    age: int  # seconds; 0 if nothing is due

    @property
    def span(self) -> str:
        """Returns the age in words: "7 minutes", "5 hours", "4 days"."""
        minutes, hours, days = self.age // 60, self.age // HOUR, self.age // DAY
        if days > 1:
            return ngettext("%(days)d day", "%(days)d days", days) % {"days": days}
        if hours > 1:
            return ngettext("%(hours)d hour", "%(hours)d hours", hours) % {"hours": hours}
        return ngettext("%(minutes)d minute", "%(minutes)d minutes", minutes) % {"minutes": minutes}

    @property
    def is_late(self) -> bool:
        return self.age > self.lane.patience.total_seconds()


def lanes() -> list[Lane]:
    """Returns the lanes of all apps, in the order in which pages show them."""
    return [lane for module in settings.DUE_WORK for lane in import_module(module).LANES]


def due(lanes: Iterable[Lane], *, now: datetime) -> list[Due]:
    """Returns the age of each lane's oldest due row. One query for all lanes."""
    asked = [*lanes]
    found = [_statement(lane.oldest(now)) for lane in asked]
    params = [param for _sql, params in found for param in params]
    with connection.cursor() as cursor:
        cursor.execute("SELECT " + ", ".join(sql for sql, _params in found), params)
        return [Due(lane, age(since, now)) for lane, since in zip(asked, cursor.fetchone(), strict=True)]


def _statement(oldest: Rows | tuple[Rows, ...]) -> tuple[str, list[Any]]:
    """Returns the SQL of the least of these values, and its parameters."""
    compiled = [rows.query.sql_with_params() for rows in (oldest if isinstance(oldest, tuple) else (oldest,))]
    sql = ", ".join(f"({one})" for one, _params in compiled)
    return f"least({sql})", [param for _sql, params in compiled for param in params]


def late(lanes: Iterable[Lane], *, now: datetime) -> list[Due]:
    """Returns the lanes that are late."""
    return [one for one in due(lanes, now=now) if one.is_late]


def told(lanes: Iterable[Due]) -> str:
    """Returns the ages as the log tells them, such as "holds 412 s, mail 380 s"."""
    return ", ".join(f"{one.lane.name} {one.age} s" for one in lanes)


def first(rows: Rows, by: str) -> Rows:
    """Returns the least value of the field, unread. Reading it takes one row of an index, however many are due."""
    return rows.order_by(by).values_list(by, flat=True)[:1]


def age(since: datetime | None, now: datetime) -> int:
    """Returns the seconds since then; 0 if nothing is due."""
    return max(int((now - since).total_seconds()), 0) if since else 0
