"""Names of what figures are told apart by, each with the way to its own figures."""

from collections.abc import Callable, Collection
from datetime import date
from functools import partial
from typing import Any

from django.db.models import Count, Q
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from agencies.models import Agency, Branch, Channel, Procedure
from agencies.text import country_name
from reports.selecting.selection import Selection
from reports.showing.tables import Named
from reports.subjects import columns as of

QUARTER, YEAR = 3, 12  # months
LENGTHS = {"month": 1, "quarter": QUARTER, "year": YEAR}


def named(selection: Selection, way: str, keys: Collection[Any]) -> dict[Any, Named]:
    """Returns the names of these keys. Takes two queries at most, however many there are."""
    if way in LENGTHS:
        return {key: _period(selection, way, key) for key in keys}
    return NAMES[way](selection, keys)


def _narrowed(selection: Selection, **changes: str) -> str:
    """Returns the way to a part of the figures. Evaluations often do not reach so far, so it does not ask for them."""
    is_satisfied = selection.own.get("figure") == of.SATISFIED.name
    return selection.address(**({"figure": ""} if is_satisfied else {}), **changes)


def _agencies(selection: Selection, keys: Collection[int]) -> dict[int, Named]:
    rows = Agency.objects.filter(pk__in=keys).annotate(
        countries_count=Count("branches__country", distinct=True),
        regions_count=Count("branches__region_el", filter=Q(branches__region_el__gt=""), distinct=True),
    )
    return {
        one.pk: Named(one.slug, one.short_name, _narrowed(selection, agency=one.slug, by=_next(one))) for one in rows
    }


def _next(agency: Any) -> str:
    """Returns by what the figures of an agency tell most at the next look."""
    if agency.countries_count > 1:
        return "country"
    return "region" if agency.regions_count > 1 else "branch"


def _branches(selection: Selection, keys: Collection[int]) -> dict[int, Named]:
    return {
        one.pk: Named(
            one.code,
            _told_apart(selection, one),
            _narrowed(selection, agency=one.agency.slug, branch=one.code, by="procedure"),
            short=one.city,
        )
        for one in Branch.objects.filter(pk__in=keys).select_related("agency")
    }


def _procedures(selection: Selection, keys: Collection[int]) -> dict[int, Named]:
    return {
        one.pk: Named(
            one.code,
            _told_apart(selection, one),
            _narrowed(selection, agency=one.agency.slug, procedure=one.code, by=""),
        )
        for one in Procedure.objects.filter(pk__in=keys).select_related("agency")
    }


def _told_apart(selection: Selection, one: Branch | Procedure) -> str:
    """Returns the name, with that of the agency if there are several: many have services and places of one name."""
    return one.name if selection.agency else f"{one.name} ({one.agency.short_name})"


def _regions(selection: Selection, keys: Collection[str]) -> dict[str, Named]:
    found = Branch.objects.filter(region_el__in=[key for key in keys if key])
    rows = found.order_by("region_el", "pk").distinct("region_el")
    nowhere = {"": Named("", _("Abroad, or in no region"))} if "" in keys else {}
    return nowhere | {
        one.region_el: Named(one.region_el, one.region, _narrowed(selection, region=one.region_el, by="branch"))
        for one in rows
    }


def _countries(selection: Selection, keys: Collection[str]) -> dict[str, Named]:
    return {key: Named(key, country_name(key), _narrowed(selection, country=key, by="branch")) for key in keys}


def _channels(selection: Selection, keys: Collection[str]) -> dict[str, Named]:
    return {key: Named(key, Channel(key).label, _narrowed(selection, channel=key, by="")) for key in keys}


NAMES: dict[str, Callable[[Selection, Any], dict[Any, Named]]] = {
    "agency": _agencies,
    "branch": _branches,
    "region": _regions,
    "country": _countries,
    "procedure": _procedures,
    "channel": _channels,
}


def _period(selection: Selection, length: str, first: date) -> Named:
    """Returns the name of a period: of those of its months that are selected."""
    since, until = ends(selection, length, first)
    narrows = _narrowed(selection, by="", **{"from": f"{since:%Y-%m}", "until": f"{until:%Y-%m}"})
    return Named(_code(length, first), _in_words(length, since, until), narrows, since)


def ends(selection: Selection, length: str, first: date) -> tuple[date, date]:
    """Returns the first days of the first and of the last month of a period, as far as they are selected."""
    last = first.replace(month=first.month + LENGTHS[length] - 1)
    return max(first, selection.since), min(last, selection.until)


def first_of(length: str, month: date) -> date:
    """Returns the first day of the period in which a month lies."""
    return month.replace(month=month.month - (month.month - 1) % LENGTHS[length])


def _code(length: str, first: date) -> str:
    codes = {"month": f"{first:%Y-%m}", "quarter": f"{first:%Y}-Q{1 + first.month // QUARTER}", "year": f"{first:%Y}"}
    return codes[length]


def _in_words(length: str, since: date, until: date) -> str:
    if length == "year" and until.month - since.month == YEAR - 1:
        return str(since.year)
    named_month = partial(date_format, format="F Y")
    return named_month(since) if since == until else f"{date_format(since, 'F')} – {named_month(until)}"
