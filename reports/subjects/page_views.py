"""How often the pages of services are read, from where and with what: what the Single Digital Gateway asks for, and whence."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime

from django.db import connection
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.visits.devices import Device
from agencies.models import Procedure
from agencies.text import country_name
from reports.reading.counts import first_month, percent
from reports.selecting.selection import Selection, months
from reports.showing.tables import Cell, Chart, Column, Kind, Named, Report, Table, Unit
from reports.subjects import columns as of
from reports.subjects.headlines import headlines

VIEWS = Column(
    "views",
    gettext_lazy("Page views"),
    meaning=gettext_lazy(
        "How often a person got the page of a service, in any language. Reloading counts again, because nobody is recognised. "
        "Programs such as search engines do not count, as far as they say what they are."
    ),
)
ABROAD = Column(
    "abroad_percent",
    gettext_lazy("From abroad"),
    Unit.PERCENT,
    gettext_lazy("Page views from other countries, of those whose country is known."),
)
KNOWN = Column(
    "known_percent",
    gettext_lazy("Country known"),
    Unit.PERCENT,
    gettext_lazy("Page views whose country is known, by the network address. The address is not kept."),
)
COUNTRY = Column("country", gettext_lazy("Country"), Unit.TEXT)
DEVICES = tuple(Column(one.value, one.label) for one in Device)
HOME = "GR"
ALL = "month", "procedure_id", "country", "device"


@dataclass(frozen=True)
class Views:
    """The page views that are selected, by month, service, country and device."""

    seen: Mapping[tuple[date, int, str, str], int]

    def by(self, *names: str) -> Counter[tuple]:
        found: Counter[tuple] = Counter()
        for key, number in self.seen.items():
            found[tuple(key[ALL.index(name)] for name in names)] += number
        return found

    @property
    def total(self) -> int:
        return sum(self.seen.values())

    @property
    def known(self) -> int:
        return sum(number for (_month, _service, country, _device), number in self.seen.items() if country)

    @property
    def abroad(self) -> float | None:
        at_home = sum(number for (_month, _service, country, _device), number in self.seen.items() if country == HOME)
        return percent(self.known - at_home, self.known)


def page_views(selection: Selection, counted_at: datetime) -> Report:
    """Takes three queries. Pages belong to no branch, so nothing is told to somebody who sees some branches alone."""
    now = _read(selection)
    return Report(
        name="page-views",
        title=_("Page views"),
        lead=_("How often the pages of services are read, from where, and with what kind of device."),
        selection=selection,
        counted_at=counted_at,
        headlines=headlines(
            (VIEWS, ABROAD, KNOWN),
            selection,
            counted_at,
            now=_numbers(now),
            numbers=lambda months: _numbers(_read(months)),
            first=first_month("reports_pageviews"),
        ),
        tables=[_by_device(selection, now), _by_country(now), _by_service(now)],
        notes=_notes(selection),
    )


def _numbers(views: Views) -> dict[str, Cell]:
    return {VIEWS.name: views.total, ABROAD.name: views.abroad, KNOWN.name: percent(views.known, views.total)}


def _read(selection: Selection) -> Views:
    if selection.is_of_branches:
        return Views({})
    condition, params = replace(selection, channel="").where("seen")
    with connection.cursor() as cursor:
        cursor.execute(
            f"""SELECT month, procedure_id, country, device, sum(views) FROM (
                SELECT views.*, procedure.agency_id
                FROM reports_pageviews views JOIN agencies_procedure procedure ON procedure.id = views.procedure_id
            ) AS seen WHERE {condition} GROUP BY month, procedure_id, country, device""",
            params,
        )
        return Views({(month, *key): int(number) for month, *key, number in cursor.fetchall()})


def _by_device(selection: Selection, views: Views) -> Table:
    found, sums = views.by("month", "device"), views.by("device")
    every = months(selection.since, selection.until)
    return Table(
        name="by-device",
        title=_("Page views by device"),
        keys=(of.MONTH,),
        figures=DEVICES,
        rows=[[month, *(found[month, one.value] for one in Device)] for month in every],
        chart=Chart(Kind.STACKS),
        sums=[sums[(one.value,)] for one in Device],
        note=_("Most iPads say that they are computers."),
    )


def _by_country(views: Views) -> Table:
    found = views.by("country").most_common()
    return Table(
        name="by-country",
        title=_("Page views by country"),
        keys=(COUNTRY,),
        figures=(VIEWS,),
        rows=[[_country(code), number] for (code,), number in found],
        chart=Chart(Kind.BARS) if len(found) > 1 else None,
        sums=[views.total],
    )


def _country(code: str) -> Named:
    return Named(code, country_name(code)) if code else Named("unknown", _("not known"))


def _by_service(views: Views) -> Table:
    found, by_device = views.by("procedure_id"), views.by("procedure_id", "device")
    services = Procedure.objects.in_bulk([service for (service,) in found])
    return Table(
        name="by-service",
        title=_("Page views by service"),
        keys=(of.PROCEDURE,),
        figures=(VIEWS, *DEVICES),
        rows=[
            [
                Named(services[one].code, services[one].name),
                number,
                *(by_device[one, device.value] for device in Device),
            ]
            for (one,), number in found.most_common()
        ],
        sums=[views.total, *(views.by("device")[(device.value,)] for device in Device)],
    )


def _notes(selection: Selection) -> list[str]:
    notes = [_("There is no cookie, and no network address is kept.")]
    if selection.is_of_branches:
        notes.insert(0, _("Pages belong to no branch. So there are no page views of some branches alone."))
    return notes
