"""Public holidays as closures of each branch: Greek ones, those of the host country abroad, patron-saint days.

Loaded once for a branch and year, then staff's own: one that they remove does not come back. The library is asked when
holidays are loaded, never while somebody waits for a page.
"""

import re
from collections.abc import Iterable, Iterator
from datetime import date, timedelta
from functools import cache
from typing import NamedTuple

import holidays
from dateutil.easter import EASTER_ORTHODOX, easter
from django.db.models import QuerySet

from agencies.loading import tables
from agencies.models import Branch, Closure

GREECE = "GR"
# The library marks a day taken instead of one on a weekend, and a day that depends on the moon.
MARKS_EL = {"": "", "observed": " (μεταφορά)", "estimated": " (κατ’ εκτίμηση)"}
_NAME_AND_MARK = re.compile(r"(?P<name>.+?)(?: \((?P<mark>.+)\))?")


class Holiday(NamedTuple):
    day: date
    name_el: str
    name_en: str


def coming_years(today: date) -> range:
    """The years whose holidays are loaded: this one and the next two."""
    return range(today.year, today.year + 3)


def load_holidays(branches: QuerySet[Branch], years: Iterable[int]) -> int:
    """Close the branches on the holidays of each year in which they have none yet; how many were created."""
    wanted = list(years)
    loaded = set(
        Closure.objects.filter(kind=Closure.Kind.HOLIDAY, branch__in=branches, from_date__year__in=wanted)
        .values_list("branch", "from_date__year")
        .distinct()
    )
    closures = [
        closure
        for branch in branches
        for year in wanted
        if (branch.pk, year) not in loaded
        for closure in _closures(branch, year)
    ]
    Closure.objects.bulk_create(closures, ignore_conflicts=True, batch_size=2000)
    return len(closures)


def _closures(branch: Branch, year: int) -> Iterator[Closure]:
    for holiday in holidays_of(branch.country, _regions().get(branch.code, ""), branch.municipality, year):
        yield Closure(
            agency_id=branch.agency_id,
            branch=branch,
            kind=Closure.Kind.HOLIDAY,
            from_date=holiday.day,
            until_date=holiday.day,
            reason_el=holiday.name_el[:200],
            reason_en=holiday.name_en[:200],
        )


@cache
def holidays_of(country: str, region: str, municipality: str, year: int) -> list[Holiday]:
    """The days of the year on which a branch there is closed, in order, one of each day; Greek names go first.

    `region` is a part of the country whose own holidays count as well: the second half of its ISO 3166-2 code.
    """
    by_day: dict[date, Holiday] = {}
    host = public_holidays(country, region, year) if country != GREECE else []
    for holiday in [*public_holidays(GREECE, "", year), *patron_saint_days(municipality, year), *host]:
        by_day.setdefault(holiday.day, holiday)
    return sorted(by_day.values())


@cache
def public_holidays(country: str, region: str, year: int) -> list[Holiday]:
    """Days that close public services for the whole day. None where the library knows none of that country and year."""
    calendars = {language: _calendar(country, region, year, language) for language in ("el", "en")}
    found = []
    for day, names in sorted(calendars["en"].items()):
        pairs = _paired(names, calendars["el"].get(day, ""))
        name_el = _joined(_greek(country, name, own) for name, own in pairs)
        found.append(Holiday(day, name_el, _joined(_english(country, name) for name, _ in pairs)))
    return found


def _calendar(country: str, region: str, year: int, language: str) -> dict[date, str]:
    """What the library says in the language, or in a language of its own choice; nothing for a country it lacks."""
    try:
        spoken = holidays.country_holidays(country).supported_languages
    except NotImplementedError:
        return {}
    known = next((name for name in spoken if name.startswith(language)), None)
    if known is None and language == "el":
        return {}
    found = holidays.country_holidays(country, subdiv=region or None, years=year, language=known)
    return {day: name for day, name in found.items() if day.year == year}


def _paired(names: str, own: str) -> list[tuple[str, str]]:
    """Each English name of a day with the library's Greek one; holidays that share a day come as “one; other”."""
    english, greek = names.split("; "), own.split("; ")
    return list(zip(english, greek if len(greek) == len(english) else [""] * len(english), strict=True))


def _joined(names: Iterable[str]) -> str:
    return " · ".join(dict.fromkeys(names))


def _greek(country: str, name: str, own: str) -> str:
    plain, mark = _parted(name)
    known = _names().get((country, plain)) or (not own and _names().get(("", plain)))
    if known:
        return known[0] + MARKS_EL.get(mark, "")
    return _parted(own)[0] + MARKS_EL.get(mark, "") if own else f"Τοπική αργία ({name})"


def _english(country: str, name: str) -> str:
    plain, mark = _parted(name)
    known = _names().get((country, plain), ("", ""))[1]
    return f"{known} ({mark})" if known and mark else known or name


def _parted(name: str) -> tuple[str, str]:
    """A name without the library's mark, and the mark: “Labor Day (observed)” gives Labor Day, observed."""
    found = _NAME_AND_MARK.fullmatch(name)
    return (found["name"], found["mark"] or "") if found else (name, "")


def patron_saint_days(municipality: str, year: int) -> list[Holiday]:
    """Days of the municipality's patron saint, some of which move with Orthodox Easter."""
    return [
        Holiday(_day_of(row, year), row.cells["name_el"], row.cells["name_en"])
        for row in _patron_saints().get(municipality, [])
    ]


def _day_of(row: tables.Row, year: int) -> date:
    if row.cells["days_after_easter"]:
        return easter(year, EASTER_ORTHODOX) + timedelta(days=int(row.cells["days_after_easter"]))
    return date.fromisoformat(f"{year}-{row.cells['month_day']}")


@cache
def _patron_saints() -> dict[str, list[tables.Row]]:
    found: dict[str, list[tables.Row]] = {}
    for row in tables.read(tables.DATA / "patron_saints.csv"):
        found.setdefault(row.cells["municipality"], []).append(row)
    return found


@cache
def _regions() -> dict[str, str]:
    """The part of its country whose holidays a branch keeps, for countries where they differ."""
    return {row.cells["branch"]: row.cells["region"] for row in tables.read(tables.DATA / "holiday_regions.csv")}


@cache
def _names() -> dict[tuple[str, str], tuple[str, str]]:
    """(country or "", the library's English name) → our (Greek, English); an empty one leaves the library's."""
    rows = tables.read(tables.DATA / "holiday_names.csv")
    return {(row.cells["country"], row.cells["name"]): (row.cells["name_el"], row.cells["name_en"]) for row in rows}
