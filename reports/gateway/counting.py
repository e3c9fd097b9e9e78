"""Counts how often the pages of services are read: by month, language, country and kind of device, and nothing else.

Regulation (EU) 2018/1724 (the Single Digital Gateway), article 24, asks for it. Article 3 of Implementing Regulation (EU)
2020/1121 says what: the page views of a month by the countries of users and the types of devices.

There is no cookie, and no address is kept: the country is looked up at once. A view adds one to a number in memory, so no page
waits for it or fails by it. A thread of each web process adds these numbers to the database every few seconds.
"""

import logging
from collections import Counter
from collections.abc import Callable
from dataclasses import astuple, dataclass
from datetime import date
from http import HTTPStatus
from threading import Lock, Thread
from time import sleep

from django.db import connection
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils import timezone

from accounts.database.patience import PROBE, patience
from accounts.visits.countries import country_of
from accounts.visits.devices import device_of

logger = logging.getLogger(__name__)

EVERY = 5.0  # seconds
PAGE = "appointments:procedure"

ADD = """
INSERT INTO reports_pageviews (month, procedure_id, language, country, device, views)
SELECT month, procedure.id, language, country, device, views
FROM unnest(%s::date[], %s::text[], %s::text[], %s::text[], %s::text[], %s::int[])
    AS seen (month, code, language, country, device, views)
JOIN agencies_procedure procedure USING (code)
ORDER BY month, procedure.id, language, country, device
ON CONFLICT (month, procedure_id, language, country, device) DO UPDATE SET views = reports_pageviews.views + EXCLUDED.views
"""


@dataclass(frozen=True)
class View:
    """What is told of a page view. `month` is its first day in the time zone of the settings, `code` that of the service."""

    month: date
    code: str
    language: str
    country: str
    device: str


class Views:
    """The views that this process has not yet added to the database."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._seen: Counter[View] = Counter()

    def add(self, view: View) -> None:
        with self._lock:
            self._seen[view] += 1

    def write(self) -> None:
        """Adds them to the database. If that fails, they stay for the next time."""
        with self._lock:
            seen, self._seen = self._seen, Counter()
        if not seen:
            return
        try:
            with patience(PROBE), connection.cursor() as cursor:
                cursor.execute(ADD, [[*column] for column in zip(*_rows(seen), strict=True)])
        except Exception:
            with self._lock:
                self._seen.update(seen)
            raise


views = Views()


def _rows(seen: Counter[View]) -> list[tuple[object, ...]]:
    return [(*astuple(view), number) for view, number in seen.items()]


class PageViewMiddleware:
    """Counts the pages of services that people get. Programs, and browsers that fetch a page ahead, are left out."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        if _is_view(request, response):
            try:
                _count(request)
            except Exception:
                logger.exception("A page view could not be counted")
        return response


def _is_view(request: HttpRequest, response: HttpResponseBase) -> bool:
    match = request.resolver_match
    is_shown = request.method == "GET" and response.status_code == HTTPStatus.OK and match and match.view_name == PAGE
    return bool(is_shown) and "prefetch" not in request.headers.get("Sec-Purpose", "")


def _count(request: HttpRequest) -> None:
    if (device := device_of(request)) and request.resolver_match:
        month = timezone.localdate().replace(day=1)
        code, language = request.resolver_match.kwargs["code"], str(getattr(request, "LANGUAGE_CODE", ""))
        views.add(View(month, code, language, country_of(request), device.value))


def start() -> None:
    """Begins to add views to the database while this process lives."""
    Thread(target=_write_for_ever, name="page views", daemon=True).start()


def _write_for_ever() -> None:
    while True:
        sleep(EVERY)
        write()


def write() -> None:
    """Adds what this process has counted, also before it ends. The connection is not kept: it would be one more for each."""
    try:
        views.write()
    except Exception:
        logger.warning("Page views wait for the database", exc_info=True)
    finally:
        connection.close()
