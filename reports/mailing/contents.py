"""What a mail says and attaches. It is read from the same report as the page that the mail leads to."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import NamedTuple

from django.conf import settings
from django.http import QueryDict
from django.urls import reverse
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from agencies.models import Agency, Branch, Channel, Procedure
from agencies.wallclock import midnight
from reports import downloads, kept
from reports.mailing import schedule
from reports.mailing.schedule import ATHENS
from reports.mailing.scope import Scope
from reports.models import Subscription
from reports.published import Table
from reports.publishing import workbook
from reports.publishing.definitions import Figure
from reports.reading.moment import counted_until
from reports.selecting.filters import MONTH, FilterForm
from reports.selecting.selection import Selection
from reports.selecting.viewers import Viewer
from reports.showing import files
from reports.showing.pages import PAGES, filters, made
from reports.showing.tables import Column, Headline, Report, Text, Unit

PUBLISHED = "agencies"  # the name of the published table among the reports
# What is not remembered of an address: the months, because they move, and which file it was.
MOVING = ("from", "until", "as_of", "table", "for", "report")
CSV = "text/csv"
Attachment = Subscription.Attachment


class Gone(Exception):
    """The report, or what it was filtered by, does not exist any more, or not for this viewer."""


class File(NamedTuple):
    name: str
    content: bytes
    type: str


@dataclass(frozen=True)
class Contents:
    """`counted_at` is the moment until which changes are in the figures (aware). `link` and `file_link` are whole addresses."""

    title: Text
    period: str
    filters: Sequence[tuple[str, str]]
    headlines: Sequence[Headline]
    notes: Sequence[Text]
    counted_at: datetime
    link: str
    file: File
    file_link: str
    agency: Agency | None = None
    scope: Scope | None = None


def reports() -> dict[str, Text]:
    """Returns the reports that can be sent, by name."""
    return {name: page.label for name, page in PAGES.items()} | {PUBLISHED: _("The published table")}


def address(report: str) -> str:
    return reverse(f"reports:{report}")


def remembered(query: QueryDict, form: FilterForm) -> str:
    """Returns the filters in the address that a subscription keeps: those that were chosen, and what the page reads besides."""
    said = form.selection.said
    kept_of = QueryDict(mutable=True)
    for name, values in query.lists():
        if name not in (*MOVING, *said):
            kept_of.setlist(name, values)
    kept_of.update({name: value for name, value in said.items() if value and name in form.fields})
    return kept_of.urlencode()


def selected(report: str, query: str, viewer: Viewer, *, today: date) -> FilterForm:
    """Returns the filters as they stand for the viewer. Raises Gone if there is no such report."""
    address("index")  # loads the pages into a process that shows none
    if report not in PAGES:
        raise Gone
    return filters(report, QueryDict(query), viewer, today=today)


def words(lists: Iterable[Subscription]) -> dict[int, list[tuple[str, str]]]:
    """Returns the filters of each subscription (primary key) in words. Takes three queries for any number."""
    said = {one.pk: QueryDict(one.query) for one in lists}
    asked = {
        name: {query.get(name, "") for query in said.values()} - {""} for name in ("agency", "branch", "procedure")
    }
    agencies = {one.slug: one for one in Agency.objects.filter(slug__in=asked["agency"])}
    branches = {one.code: one for one in Branch.objects.filter(code__in=asked["branch"])}
    services = {one.code: one for one in Procedure.objects.filter(code__in=asked["procedure"])}
    found = {}
    for pk, query in said.items():
        channel = query.get("channel", "")
        selection = Selection(
            *(Viewer(), date.min, date.min),
            agency=agencies.get(query.get("agency", "")),
            branch=branches.get(query.get("branch", "")),
            region=query.get("region", ""),
            country=query.get("country", ""),
            procedure=services.get(query.get("procedure", "")),
            channel=channel if channel in Channel.values else "",
        )
        found[pk] = selection.words
    return found


def contents(subscription: Subscription, viewer: Viewer, moment: datetime, *, now: datetime) -> Contents:
    """Returns what the mail of the moment says, in the active language. Raises Gone."""
    if subscription.report == PUBLISHED:
        return _of_published(subscription, moment, now)
    form = selected(subscription.report, subscription.query, viewer, today=schedule.day_of(moment))
    if not (form.is_valid() and _holds(subscription.query, form.selection)):
        raise Gone
    selection = _in_period(form, subscription.period, moment)
    return _of_report(subscription, selection, now, first=form.months[0])


def _holds(query: str, selection: Selection) -> bool:
    """Returns whether no filter has got lost. A form ignores one for which there is no choice any more."""
    said = selection.said
    return all(said.get(name, value) == value for name, value in QueryDict(query).items())


def _in_period(form: FilterForm, period: str, moment: datetime) -> Selection:
    """Returns the selection in the months of the period, or in those of them since there are figures."""
    since, until = schedule.months_of(period, moment)
    return replace(form.selection, since=min(max(since, form.months[0]), until), until=until)


def _of_report(subscription: Subscription, selection: Selection, now: datetime, *, first: date) -> Contents:
    report = made(PAGES[subscription.report].build, selection, now=now)
    query = QueryDict(subscription.query, mutable=True)
    if selection.until < first:
        report = _unknown(report, first)
    else:
        query.update({"from": selection.since.strftime(MONTH), "until": selection.until.strftime(MONTH)})
    return Contents(
        title=report.title,
        period=_months(selection),
        filters=selection.words,
        headlines=report.headlines,
        notes=report.notes,
        counted_at=report.counted_at,
        link=_whole(address(subscription.report), query),
        file=_file(report, subscription.attachment),
        file_link=_file_link(subscription, query),
        agency=selection.agency,
        scope=Scope.of(selection),
    )


def _unknown(report: Report, first: date) -> Report:
    """Returns the report of months before there were figures. Nothing is known of them, which is not zero."""
    since = _("There are figures since %(month)s.") % {"month": date_format(first, "F Y")}
    headlines = [Headline(one.column, None) for one in report.headlines]
    return replace(report, headlines=headlines, tables=[], notes=[since, *report.notes])


def _months(selection: Selection) -> str:
    since, until = (date_format(month, "F Y") for month in (selection.since, selection.until))
    return since if since == until else f"{since} – {until}"


def _file(report: Report, attachment: str) -> File:
    if attachment == Attachment.XLSX:
        with files.xlsx(report, schedule.day_of(report.counted_at)) as book:
            return File(files.name(report, ".xlsx"), book.read(), workbook.TYPE)
    lines = files.csv_lines(report, for_excel=attachment == Attachment.EXCEL)
    return File(files.name(report, ".csv"), _bytes(lines), CSV)


def _of_published(subscription: Subscription, moment: datetime, now: datetime) -> Contents:
    as_of = schedule.last_day(subscription.period, moment)
    table = kept.table(as_of)
    query = QueryDict(mutable=True)
    query["as_of"] = as_of.isoformat()
    return Contents(
        title=_("The published table"),
        period=_("Figures until %(day)s") % {"day": date_format(as_of, "j E Y")},
        filters=[],
        headlines=[Headline(_column(figure), value) for figure, value in table.cells],
        notes=downloads.notes(table),
        counted_at=min(counted_until(now=now), midnight(as_of + timedelta(days=1), ATHENS)),
        link=_whole(address(PUBLISHED), query),
        file=_published_file(table, subscription.attachment),
        file_link=_file_link(subscription, query),
    )


def _column(figure: Figure) -> Column:
    unit = Unit.PERCENT if figure.name.endswith("percent") else Unit.COUNT
    return Column(figure.name, figure.label, unit, figure.meaning)


def _published_file(table: Table, attachment: str) -> File:
    if attachment == Attachment.XLSX:
        with downloads.xlsx(table) as book:
            return File(downloads.name(table, ".xlsx"), book.read(), workbook.TYPE)
    for_excel = attachment == Attachment.EXCEL
    lines = downloads.csv_lines(table, for_excel=for_excel)
    return File(downloads.name(table, "-excel.csv" if for_excel else ".csv"), _bytes(lines), CSV)


def _bytes(lines: Iterable[str]) -> bytes:
    return "".join(lines).encode()


def _file_link(subscription: Subscription, query: QueryDict) -> str:
    asked = query.copy()
    if subscription.attachment == Attachment.EXCEL:
        asked["for"] = "excel"
    kind = "xlsx" if subscription.attachment == Attachment.XLSX else "csv"
    return _whole(address(f"{subscription.report}-{kind}"), asked)


def _whole(path: str, query: QueryDict) -> str:
    return f"{settings.SITE_URL}{path}?{query.urlencode()}"
