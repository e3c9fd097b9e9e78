"""Releases months: keeps what was published of a month as rows, two weeks after its end, once and for all.

What is corrected later is in the published table, and in no release. Two states of the same counts, one beside the other,
would tell what is hidden in them. For the same reason an agency is in a month if it published its figures when the month was
released, and stays there.
"""

import logging
from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Min, Q, Sum
from django.utils import timezone

from accounts.work.sweeps import each
from agencies.models import Agency, Procedure
from appointments.models import Miscount
from reports import counting
from reports.models import MonthlyRating, MonthlySum, Outcome, PageViews, Release, ReleasedRow
from reports.opening.datasets import AGENCIES, PAGE_VIEWS, SERVICES, Dataset
from reports.opening.hiding import SMALL, shown
from reports.publishing.extents import extents

logger = logging.getLogger(__name__)

# Days after the end of a month. What officers note late is in the figures by then.
GRACE = timedelta(days=14)
DAY = timedelta(days=1)
BATCH = 2_000

COUNTS = {
    "requests": Sum("requested", default=0),
    "served": Sum("due", filter=Q(outcome=Outcome.SERVED), default=0),
    "missed": Sum("due", filter=Q(outcome=Outcome.MISSED), default=0),
    "cancelled": Sum("cancelled", default=0),
    "walk_ins": Sum("walk_ins", default=0),
}
# The columns of services. They have no requests: over the life of a service, requests are what was served, missed and
# cancelled together, so that one of these could be told from the others.
OF_SERVICE = ("served", "missed", "cancelled", "walk_ins")

Row = dict[str, Any]


class UnreleasedError(Exception):
    """A month that is due could not be released. So the task has not ended, and is told as work that is late."""


def release_due(*, now: datetime) -> int:
    """Releases the months that are due and not released, the oldest first. Returns how many there were.

    While the nightly check finds figures that differ from the rows, no month is released, because it could not be mended.
    """
    counting.count_all(now=now)
    months = due(now=now)
    if months and Miscount.objects.exists():
        logger.error("Figures differ from the rows: %s months wait for their release", len(months))
        return 0
    done = each(months, lambda month: _release(month, now), doing="releasing the figures of a month")
    if len(done) < len(months):
        raise UnreleasedError(f"{len(months) - len(done)} months could not be released")
    return sum(done)


def due(*, now: datetime) -> list[date]:
    """Returns the first days of the months that should be released by now and are not."""
    first, last = _first_month(), _month_before(timezone.localdate(now) - GRACE)
    released = set(Release.objects.values_list("month", flat=True))
    return [month for month in _months(first, last) if month not in released] if first else []


def due_since(month: date) -> date:
    """Returns the day on which a month has to be released."""
    return _next(month) + GRACE


def _first_month() -> date | None:
    months = [
        MonthlySum.objects.aggregate(first=Min("month"))["first"],
        PageViews.objects.aggregate(first=Min("month"))["first"],
    ]
    return min(filter(None, months), default=None)


def _months(first: date, last: date) -> Iterator[date]:
    while first <= last:
        yield first
        first = _next(first)


def _next(month: date) -> date:
    return (month + timedelta(days=31)).replace(day=1)


def _month_before(day: date) -> date:
    return (day.replace(day=1) - DAY).replace(day=1)


@transaction.atomic
def _release(month: date, now: datetime) -> bool:
    """Keeps the rows of the month, and returns whether it was not released before. Another one who releases it waits."""
    release, is_new = Release.objects.get_or_create(month=month, defaults={"released_at": now})
    if is_new:
        last = _next(month) - DAY
        known = extents(last)
        agencies = [one for one in Agency.objects.visible().order_by("slug") if known.shows(one, last)]
        for dataset, rows in _tables(agencies, month):
            kept = (ReleasedRow(release=release, dataset=dataset.name, cells=row) for row in rows)
            ReleasedRow.objects.bulk_create(kept, batch_size=BATCH)
    return is_new


def _tables(agencies: Sequence[Agency], month: date) -> Iterator[tuple[Dataset, list[Row]]]:
    """Yields the datasets with their rows. All figures of appointments come from one statement, and fit together."""
    own = {"month": month, "agency__in": agencies}
    keys = "agency_id", "procedure_id", "channel"
    counts = list(MonthlySum.objects.filter(**own).order_by(*keys).values(*keys).annotate(**COUNTS))
    answers = MonthlyRating.objects.filter(**own).order_by("agency_id").values("agency_id")
    best = Sum("ratings", filter=Q(score=5), default=0)
    evaluated: dict[int, Row] = {row["agency_id"]: {**row} for row in answers.annotate(best=best, all=Sum("ratings"))}
    services = {one.pk: one for one in Procedure.objects.filter(agency__in=agencies).order_by()}
    yield AGENCIES, [_of_agency(one, month, counts, evaluated.get(one.pk)) for one in agencies]
    yield SERVICES, [row for one in agencies for row in _of_services(one, month, counts, services)]
    keys = "procedure_id", "country", "device"
    views = list(PageViews.objects.filter(month=month).order_by(*keys).values(*keys).annotate(number=Sum("views")))
    yield PAGE_VIEWS, [row for one in agencies for row in _of_pages(one, month, views, services)]


def _of_agency(agency: Agency, month: date, counts: list[Row], evaluated: Row | None) -> Row:
    """Returns the row of an agency. Its small counts are left out as everywhere here, though the published table has them."""
    own = [row for row in counts if row["agency_id"] == agency.pk]
    sums = {name: sum(row[name] for row in own) for name in ("requests", "served", "missed", "cancelled")}
    cells = {name: None if 0 < number < SMALL else number for name, number in sums.items()}
    best, others = (evaluated["best"], evaluated["all"] - evaluated["best"]) if evaluated else (0, 0)
    share = round(100 * best / (best + others)) if min(best, others) >= SMALL else None
    return {**_told(agency, month), **cells, "satisfied_percent": share}


def _of_services(agency: Agency, month: date, counts: list[Row], services: dict[int, Procedure]) -> Iterator[Row]:
    """Yields the rows in which something may be shown. Each column hides what it has to by itself."""
    own = {(services[row["procedure_id"]].code, row["channel"]): row for row in counts if row["agency_id"] == agency.pk}
    columns = {
        figure: shown({key: row[figure] for key, row in own.items()}, name=f"{month} {agency.slug} {figure}")
        for figure in OF_SERVICE
    }
    for key, row in sorted(own.items()):
        cells = {figure: columns[figure][key] for figure in OF_SERVICE}
        if any(cells.values()):
            service = services[row["procedure_id"]]
            yield {**_told(agency, month), **_of(service), "channel": key[1], **cells}


def _of_pages(agency: Agency, month: date, views: list[Row], services: dict[int, Procedure]) -> Iterator[Row]:
    own = {
        (services[row["procedure_id"]].code, row["country"], row["device"]): row
        for row in views
        if row["procedure_id"] in services and services[row["procedure_id"]].agency_id == agency.pk
    }
    column = shown({key: row["number"] for key, row in own.items()}, name=f"{month} {agency.slug} views")
    for key, row in sorted(own.items()):
        if column[key]:
            service = _of(services[row["procedure_id"]])
            place = {"country": row["country"] or "unknown", "device": row["device"]}
            yield {**_told(agency, month), **service, **place, "views": column[key]}


def _told(agency: Agency, month: date) -> Row:
    names = {"agency": agency.slug, "agency_el": agency.name_el, "agency_en": agency.name_en}
    return {"month": f"{month:%Y-%m}", **names}


def _of(service: Procedure) -> Row:
    return {"service": service.code, "service_el": service.name_el, "service_en": service.name_en}
