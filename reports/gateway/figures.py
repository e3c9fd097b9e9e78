"""What is handed to the Single Digital Gateway each month: page views, and what people think of the services.

Implementing Regulation (EU) 2020/1121, articles 3 and 8. The forms are those of the Commission's interface: statistics with the
address of each page, and ratings from 1 to 5. An id for the transmission is given by that interface, and is not in here.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import groupby
from typing import Any

from django.conf import settings
from django.db.models import Sum
from django.urls import reverse
from django.utils import translation

from accounts.visits.devices import Device
from reports.models import MonthlyRating, PageViews

# As the Commission's interface names them.
DEVICES = {Device.PHONE: "Mobile", Device.TABLET: "Tablet", Device.COMPUTER: "PC"}
UNKNOWN = "unknown"

Entry = dict[str, Any]


@dataclass(frozen=True)
class Seen:
    """How often a page was read from a country with a kind of device."""

    url: str
    country: str
    device: str
    views: int


@dataclass(frozen=True)
class Rated:
    """How many people gave a rating to a service. 5 is the best."""

    url: str
    rating: int
    number: int


def seen(month: date) -> Iterator[Seen]:
    """Yields the page views of the month, page by page. The `month` is its first day."""
    keys = "procedure__agency__platform_slug", "procedure__code", "language", "country", "device"
    for *page, country, device, views in (
        PageViews.objects.filter(month=month).order_by(*keys).values_list(*keys, "views")
    ):
        yield Seen(_url(*page), country or UNKNOWN, DEVICES[Device(device)], views)


def rated(month: date) -> Iterator[Rated]:
    keys = "procedure__agency__platform_slug", "procedure__code", "score"
    rows = MonthlyRating.objects.filter(month=month).order_by(*keys).values_list(*keys)
    for platform, code, score, number in rows.annotate(number=Sum("ratings")):
        yield Rated(_url(platform, code, settings.LANGUAGE_CODE), score, number)


def statistics(month: date, *, now: datetime) -> Entry:
    pages = [(url, list(found)) for url, found in groupby(seen(month), key=lambda one: one.url)]
    sources = [
        {
            "source": {
                "sourceUrl": url,
                "statistics": [
                    {"deviceType": one.device, "nbVisits": one.views, "originatingCountry": one.country}
                    for one in found
                ],
            }
        }
        for url, found in pages
    ]
    return _sent(month, now, len(sources)) | {"sources": sources}


def feedback(month: date, *, now: datetime) -> Entry:
    """Returns the ratings. What people wrote with them is not in here, because it may name somebody."""
    entries = [
        {"category": "Procedure", "rating": one.rating, "source": one.url, "nbFeedbacks": one.number}
        for one in rated(month)
    ]
    return _sent(month, now, len(entries)) | {"feedbacks": entries}


def last_day(month: date) -> date:
    return (month + timedelta(days=31)).replace(day=1) - timedelta(days=1)


def before(day: date) -> date:
    """Returns the first day of the month before that of the day."""
    return (day.replace(day=1) - timedelta(days=1)).replace(day=1)


def _sent(month: date, now: datetime, entries: int) -> Entry:
    return {
        "referencePeriod": {"startDate": f"{month} 00:00:00", "endDate": f"{last_day(month)} 00:00:00"},
        "transferDate": f"{now:%Y-%m-%d %H:%M:%S}",
        "transferType": "API",
        "nbEntries": entries,
    }


def _url(platform: str, code: str, language: str) -> str:
    with translation.override(language):
        return f"{settings.SITE_URL}{reverse('appointments:procedure', args=[platform, code])}"
