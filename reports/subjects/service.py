"""On the day: how long people waited, whether they were served on time, and what went wrong."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _

from agencies.models import Agency, Branch, Procedure
from reports.reading.counts import Counts, Facts, first_month, read
from reports.selecting.selection import Selection, months
from reports.showing.tables import Cell, Chart, Column, Kind, Named, Report, Table
from reports.subjects import columns as of
from reports.subjects.headlines import headlines
from reports.subjects.values import value_of

SPREADS = ("waiting_spread", "serving_spread")
HEADLINES = (of.WAITING, of.WAITING_MOST, of.PUNCTUAL, of.CONNECTED, of.MISSING_SHARE, of.LOST)


def service(selection: Selection, counted_at: datetime) -> Report:
    """Takes five queries."""
    is_near = bool(selection.agency)
    facts = read(selection, ["month"], ["procedure"], ["branch" if is_near else "agency"], spreads=SPREADS)
    tables = [
        _waiting(selection, facts),
        _punctuality(selection, facts),
        _branches(facts) if is_near else _agencies(facts),
        _documents(selection, facts),
        _calls_and_messages(selection, facts),
    ]
    return Report(
        name="service",
        title=_("On the day"),
        lead=_("How long people waited, whether they were served on time, and what went wrong."),
        selection=selection,
        counted_at=counted_at,
        headlines=headlines(
            HEADLINES,
            selection,
            counted_at,
            now=_numbers(facts.total),
            numbers=lambda months: _numbers(read(months, spreads=SPREADS).total),
            first=first_month(),
        ),
        tables=tables,
        notes=[
            _("Medians and shares are not shown where there are fewer than ten visits."),
            _(
                "Waiting times exist where visitors say that they are here: at a kiosk, at the counter, or in the video room."
            ),
        ],
    )


def _numbers(counts: Counts) -> dict[str, Cell]:
    return {one.name: value_of(counts, one) for one in HEADLINES}


def _rows(
    keys: list[Any], found: Mapping[Any, Counts], columns: tuple[Column, ...], name: Any = lambda key: key
) -> Any:
    return [[name(key), *(value_of(found.get(key, Counts()), column) for column in columns)] for key in keys]


def _waiting(selection: Selection, facts: Facts) -> Table:
    columns = (of.WAITING, of.WAITING_MOST, of.SERVING, of.SERVING_MOST, of.WAITED)
    return Table(
        name="waiting",
        title=_("Waiting and service, by month"),
        keys=(of.MONTH,),
        figures=columns,
        rows=_rows(months(selection.since, selection.until), facts.by("month"), columns),
        chart=Chart(Kind.LINES, ("waiting_median", "waiting_90", "serving_median")),
    )


def _punctuality(selection: Selection, facts: Facts) -> Table:
    columns = (of.PUNCTUAL, of.OVERRAN, of.BEGUN)
    return Table(
        name="punctuality",
        title=_("On time, and longer than planned"),
        keys=(of.MONTH,),
        figures=columns,
        rows=_rows(months(selection.since, selection.until), facts.by("month"), columns),
        chart=Chart(Kind.LINES, ("punctual_percent", "overran_percent")),
    )


BY_PLACE = (of.WAITING_MOST, of.WAITING, of.SERVING, of.PUNCTUAL, of.VISITS)


def _longest(found: Mapping[int, Counts]) -> list[int]:
    """Returns the keys of those with visits, the longest waiting first."""
    seen = [key for key, counts in found.items() if counts.visits]
    return sorted(seen, key=lambda key: (-(_number(found[key])), key))


def _number(counts: Counts) -> float:
    value = value_of(counts, of.WAITING_MOST)
    return value if isinstance(value, int | float) else -1


def _agencies(facts: Facts) -> Table:
    found = facts.by("agency")
    named = {one.pk: Named(one.slug, one.short_name) for one in Agency.objects.filter(pk__in=found)}
    return Table(
        name="by-agency",
        title=_("Waiting by agency: nine of ten visits"),
        keys=(of.AGENCY,),
        figures=BY_PLACE,
        rows=_rows(_longest(found), found, BY_PLACE, named.get),
        chart=Chart(Kind.BARS, ("waiting_90",)),
    )


def _branches(facts: Facts) -> Table:
    found = facts.by("branch")
    named = {one.pk: Named(one.code, one.name) for one in Branch.objects.filter(pk__in=found)}
    return Table(
        name="by-branch",
        title=_("Waiting by branch: nine of ten visits"),
        keys=(of.BRANCH,),
        figures=BY_PLACE,
        rows=_rows(_longest(found), found, BY_PLACE, named.get),
        chart=Chart(Kind.BARS, ("waiting_90",)),
        most=25,
    )


def _documents(selection: Selection, facts: Facts) -> Table:
    """Returns the services at which documents are missing, those with most first. Over all agencies, each names its own."""
    found = facts.by("procedure")
    columns = (of.MISSING, of.MISSING_SHARE, of.VISITS)
    missing = [key for key, counts in found.items() if counts.missing_documents]
    rows = Procedure.objects.filter(pk__in=missing).select_related("agency")
    named = {one.pk: Named(one.code, one.name if selection.agency else f"{one.name} ({one.agency})") for one in rows}
    return Table(
        name="missing-documents",
        title=_("Services at which documents are missing"),
        keys=(of.PROCEDURE,),
        figures=columns,
        rows=_rows(sorted(missing, key=lambda key: -found[key].missing_documents), found, columns, named.get),
        chart=Chart(Kind.BARS, ("missing_documents",)),
        note=_("Where many come without a document, the service's list of what to bring should say it more clearly."),
        most=20,
    )


def _calls_and_messages(selection: Selection, facts: Facts) -> Table:
    columns = (of.CONNECTED, of.CALLS, of.LOST, of.MESSAGES)
    return Table(
        name="calls-and-messages",
        title=_("Video calls that connected, and messages that did not arrive"),
        keys=(of.MONTH,),
        figures=columns,
        rows=_rows(months(selection.since, selection.until), facts.by("month"), columns),
        chart=Chart(Kind.LINES, ("video_connected_percent", "messages_lost_percent")),
    )
