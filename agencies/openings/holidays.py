"""Public holidays as closures of each branch: Greek holidays, those of the host country abroad, and patron-saint days.

Holidays are loaded once for a branch and year. Then they belong to staff, and a holiday that staff remove does not come
back. The library is used only while holidays are loaded, never in a request for a page.
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
# The library marks a day that replaces one on a weekend ("observed"), and a day that depends on the moon ("estimated").
MARKS_EL = {"": "", "observed": " (μεταφορά)", "estimated": " (κατ’ εκτίμηση)"}
_NAME_AND_MARK = re.compile(r"(?P<name>.+?)(?: \((?P<mark>.+)\))?")


class Holiday(NamedTuple):
    day: date
    name_el: str
    name_en: str


def coming_years(today: date) -> range:
    """Returns the years whose holidays are loaded: this year and the next two."""
    return range(today.year, today.year + 3)


def load_holidays(branches: QuerySet[Branch], years: Iterable[int]) -> int:
    """Closes the branches on the holidays of each year for which they have none yet. Returns the number of new closures."""
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
    """Returns the holidays of a branch in this place, in order. If holidays share a day, only the Greek one is kept.

    `region` is a part of the country that has its own holidays: the second half of its ISO 3166-2 code.
    """
    by_day: dict[date, Holiday] = {}
    host = public_holidays(country, region, year) if country != GREECE else []
    for holiday in [*public_holidays(GREECE, "", year), *patron_saint_days(municipality, year), *host]:
        by_day.setdefault(holiday.day, holiday)
    return sorted(by_day.values())


@cache
def public_holidays(country: str, region: str, year: int) -> list[Holiday]:
    """Returns the days on which public services are closed all day. Empty if the library lacks the country or year."""
    calendars = {language: _calendar(country, region, year, language) for language in ("el", "en")}
    found = []
    for day, names in sorted(calendars["en"].items()):
        pairs = _paired(names, calendars["el"].get(day, ""))
        name_el = _joined(_greek(country, name, own) for name, own in pairs)
        found.append(Holiday(day, name_el, _joined(_english(country, name) for name, _ in pairs)))
    return found


def _calendar(country: str, region: str, year: int, language: str) -> dict[date, str]:
    """Returns the library's holidays in the language. Without Greek names it returns none; without English names, its default."""
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
    """Pairs each English name of a day with the Greek one. The library joins holidays on the same day: “one; other”."""
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
    """Splits a name from the library's mark: “Labor Day (observed)” gives “Labor Day” and “observed”."""
    found = _NAME_AND_MARK.fullmatch(name)
    return (found["name"], found["mark"] or "") if found else (name, "")


def patron_saint_days(municipality: str, year: int) -> list[Holiday]:
    """Returns the days of the municipality's patron saint. Some of them move with Orthodox Easter."""
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
    """Returns the region whose holidays a branch keeps, for countries where holidays differ by region."""
    return {row.cells["branch"]: row.cells["region"] for row in tables.read(tables.DATA / "holiday_regions.csv")}


@cache
def _names() -> dict[tuple[str, str], tuple[str, str]]:
    """Maps (country or "", the library's English name) to our (Greek, English). An empty name keeps the library's."""
    rows = tables.read(tables.DATA / "holiday_names.csv")
    return {(row.cells["country"], row.cells["name"]): (row.cells["name_el"], row.cells["name_en"]) for row in rows}
