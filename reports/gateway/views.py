"""The figures for the Single Digital Gateway, for officials, who hand them on. They are exact, so nobody else gets them."""

from collections.abc import Callable, Iterable
from datetime import date
from functools import wraps
from itertools import chain

from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse, JsonResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from reports.gateway import figures
from reports.publishing import separated
from reports.showing.pages import refused

CSV = "text/csv; charset=utf-8"

Made = Callable[[HttpRequest, date], HttpResponseBase]


def _for_officials(made: Made) -> Callable[[HttpRequest], HttpResponseBase]:
    """Makes a view of a month, `?month=2026-10`. Without one, it is the last month that is over."""

    @require_safe
    @never_cache
    @wraps(made)
    def view(request: HttpRequest) -> HttpResponseBase:
        if not getattr(request.user, "is_official", False):
            return refused(request)
        try:
            return made(request, _month(request.GET.get("month", "")))
        except ValidationError:
            return HttpResponse("month=YYYY-MM", status=400, content_type="text/plain; charset=utf-8")

    return view


def _month(text: str) -> date:
    if not text:
        return figures.before(timezone.localdate())
    try:
        return date.fromisoformat(f"{text}-01")
    except ValueError as error:
        raise ValidationError("No month") from error


@_for_officials
def statistics_json(_request: HttpRequest, month: date) -> JsonResponse:
    return JsonResponse(figures.statistics(month, now=timezone.localtime()), json_dumps_params={"ensure_ascii": False})


@_for_officials
def feedback_json(_request: HttpRequest, month: date) -> JsonResponse:
    return JsonResponse(figures.feedback(month, now=timezone.localtime()), json_dumps_params={"ensure_ascii": False})


@_for_officials
def statistics_csv(request: HttpRequest, month: date) -> StreamingHttpResponse:
    rows = ((f"{month:%Y-%m}", one.url, one.country, one.device, one.views) for one in figures.seen(month))
    return _csv(request, f"gateway-statistics-{month:%Y-%m}", ("month", "page", "country", "device", "views"), rows)


@_for_officials
def feedback_csv(request: HttpRequest, month: date) -> StreamingHttpResponse:
    rows = ((f"{month:%Y-%m}", one.url, one.rating, one.number) for one in figures.rated(month))
    return _csv(request, f"gateway-feedback-{month:%Y-%m}", ("month", "page", "rating", "number"), rows)


def _csv(
    request: HttpRequest, name: str, header: tuple[str, ...], rows: Iterable[tuple[object, ...]]
) -> StreamingHttpResponse:
    lines = separated.lines(chain([header], rows), for_excel=request.GET.get("for") == "excel")
    headers = {"Content-Disposition": f'attachment; filename="{name}.csv"'}
    return StreamingHttpResponse(lines, content_type=CSV, headers=headers)
