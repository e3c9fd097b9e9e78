"""Branches in groups, as people look for them: by region in Greece, by country abroad."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from itertools import groupby

from django.utils.translation import gettext as _

from agencies.models import Branch
from agencies.text import country_name, folded

HOME = "GR"
# The names of branches are few and stay the same.
_folded = lru_cache(maxsize=10_000)(folded)


@dataclass(frozen=True, slots=True)
class Row:
    """A branch and its earliest free time (UTC), if it has one."""

    branch: Branch
    earliest: datetime | None


@dataclass(frozen=True, slots=True)
class Place:
    """A region or a country with its branches. The key is the same in every language."""

    key: str
    name: str
    rows: list[Row]

    @property
    def earliest(self) -> Row | None:
        return min((row for row in self.rows if row.earliest), key=_moment, default=None)


def by_place(branches: Iterable[Branch], earliest: Mapping[int, datetime]) -> list[Place]:
    """Groups the branches by place. Groups and branches are in alphabetical order of the active language.

    A group is a region of Greece or another country. `earliest` maps a branch's primary key to its earliest time (UTC).
    """
    rows = [Row(branch, earliest.get(branch.pk)) for branch in branches]
    named = sorted(((_place(row.branch), row) for row in rows), key=lambda pair: _order(pair[0][1], pair[1]))
    groups = groupby(named, key=lambda pair: pair[0])
    return [Place(key, name, [row for _named, row in group]) for (key, name), group in groups]


def soonest(places: Iterable[Place], number: int) -> list[Row]:
    """Returns the branches with the earliest times, from all places together."""
    rows = [row for place in places for row in place.rows if row.earliest]
    return sorted(rows, key=_moment)[:number]


def _place(branch: Branch) -> tuple[str, str]:
    """Return the key and the name of the branch's place."""
    if branch.country != HOME:
        return branch.country, country_name(branch.country)
    return branch.region_el or HOME, branch.region or _("Central services")


def _order(name: str, row: Row) -> tuple[str, str, str]:
    return _folded(name), _folded(row.branch.city), _folded(row.branch.name)


def _moment(row: Row) -> datetime:
    assert row.earliest  # noqa: S101 (callers leave out branches without a time)
    return row.earliest
