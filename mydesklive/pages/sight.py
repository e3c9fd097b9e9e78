"""Writing down which records staff have looked at. Nothing is shown that could not be written down."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, cast

from django.http import HttpRequest, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.utils import timezone
from rest_framework.permissions import SAFE_METHODS

from accounts.models import User
from agencies.facts import SystemFacts
from appointments.history import readings
from appointments.history.readings import Reader
from appointments.models import Reading
from appointments.sight import Sight, looking

# These answers tell nothing of a record; nor do those from FAILURES on.
NOTHING_SHOWN, FAILURES = {403, 404}, 500


class SightMiddleware:
    """Stands behind those that find out who asks, and before all that answers."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        sight = Sight()
        with looking(sight):
            response = self.get_response(request)
        if response.status_code not in NOTHING_SHOWN and response.status_code < FAILURES:
            _write(request, sight)
        if isinstance(response, StreamingHttpResponse) and not hasattr(response, "file_to_stream"):
            response.streaming_content = _watched(request, sight, cast("Iterable[Any]", response.streaming_content))
        return response


def _watched(request: HttpRequest, sight: Sight, parts: Iterable[Any]) -> Iterator[Any]:
    """Yields the parts of an answer that is made while it is sent. What a part shows is written before the part leaves."""
    rest, sight.seen = iter(parts), {}
    while True:
        with looking(sight):
            part = next(rest, None)
        _write(request, sight)
        sight.seen = {}
        if part is None:
            return
        yield part


def _write(request: HttpRequest, sight: Sight) -> None:
    if sight.seen and (reader := _reader(request, sight)):
        others = [pk for pk, citizen in sight.seen.items() if citizen is None or citizen != reader.officer]
        if others:
            readings.write(others, by=reader, now=timezone.now(), one_look=sight.one_look)


def _reader(request: HttpRequest, sight: Sight) -> Reader | None:
    """Returns who looks, if it is somebody of an agency. What a system changes it knows; it looks if it only asks."""
    page = request.resolver_match.view_name if request.resolver_match else ""
    if isinstance(getattr(request, "auth", None), SystemFacts):
        return Reader(Reading.By.SYSTEM, None, page) if request.method in SAFE_METHODS else None
    if sight.reader:
        return Reader(Reading.By.OFFICER, sight.reader, page)
    user = request.user
    if not isinstance(user, User) or all(citizen == user.pk for citizen in sight.seen.values()):
        return None
    return Reader(Reading.By.OFFICER, user.pk, page) if user.has_role else None
