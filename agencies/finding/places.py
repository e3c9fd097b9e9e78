"""Branches in groups, as people look for them: by region in Greece, by country abroad."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache
from itertools import groupby

from django.utils.translation import gettext as _

from agencies.models import Branch
from agencies.text import country_name, folded, in_language, language_now

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
    language = language_now()
    rows = [(*_place(branch, language), Row(branch, earliest.get(branch.pk))) for branch in branches]
    rows.sort(key=lambda named: _order(named[1], named[2].branch, language))
    groups = groupby(rows, key=lambda named: named[:2])
    return [Place(key, name, [row for _key, _name, row in group]) for (key, name), group in groups]


def best_first(places: Iterable[Place], branches: Iterable[Branch]) -> list[Place]:
    """Puts the groups, and the branches within each, in the order of these branches: that of a search."""
    order = {branch.pk: number for number, branch in enumerate(branches)}

    def number(row: Row) -> int:
        return order[row.branch.pk]

    sorted_within = [replace(place, rows=sorted(place.rows, key=number)) for place in places]
    return sorted(sorted_within, key=lambda place: number(place.rows[0]))


def soonest(places: Iterable[Place], number: int) -> list[Row]:
    """Returns the branches with the earliest times, from all places together."""
    rows = [row for place in places for row in place.rows if row.earliest]
    return sorted(rows, key=_moment)[:number]


def _place(branch: Branch, language: str) -> tuple[str, str]:
    """Return the key and the name of the branch's place."""
    if branch.country != HOME:
        return branch.country, country_name(branch.country, language)
    return branch.region_el or HOME, in_language(branch, "region", language) or _("Central services")


def _order(place: str, branch: Branch, language: str) -> tuple[str, str, str]:
    city, name = in_language(branch, "city", language), in_language(branch, "name", language)
    return _folded(place), _folded(city), _folded(name)


def _moment(row: Row) -> datetime:
    assert row.earliest  # noqa: S101 (callers leave out branches without a time)
    return row.earliest
