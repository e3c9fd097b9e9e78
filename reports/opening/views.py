"""The files of open data. Anybody may have them, keep them in caches, and ask whether there is anything new."""

from collections.abc import Callable
from datetime import date
from functools import wraps
from itertools import groupby

from django.db.models import Min
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils.cache import get_conditional_response
from django.views.decorators.cache import cache_control
from django.views.decorators.http import conditional_page, require_safe

from agencies.models import Agency
from reports.models import Release
from reports.opening import files
from reports.opening.catalog import catalog as listed
from reports.opening.datasets import DATASETS, LICENCE, LICENCE_NAME, VERSION, Dataset
from reports.opening.hiding import LEAST, SMALL

MINUTES = 60
JSON, JSON_LD, CSV = "application/json", "application/ld+json", "text/csv; charset=utf-8"

Made = Callable[[HttpRequest, Dataset, list[Release]], StreamingHttpResponse]
View = Callable[..., HttpResponseBase]
published = cache_control(public=True, max_age=5 * MINUTES)


def _file(made: Made) -> View:
    """Makes the view of a dataset: of all months, or of one. Who has the file already gets no body."""

    @require_safe
    @published
    @wraps(made)
    def view(request: HttpRequest, dataset: str, month: str = "") -> HttpResponseBase:
        asked = DATASETS.get(dataset)
        months = files.releases(_month(month) if month else None)
        if asked is None or (month and not months):
            raise Http404
        tag = files.tag(asked, request.get_full_path(), months)
        response = get_conditional_response(request, etag=tag) or made(request, asked, months)
        response.headers["ETag"] = tag
        response.headers["Link"] = _links()
        return response

    return view


def _month(text: str) -> date:
    try:
        return date.fromisoformat(f"{text}-01")
    except ValueError:
        raise Http404 from None


def _links() -> str:
    """Returns where the columns are described, and what one may do with the file (RFC 8288)."""
    return f'<{files.address("reports:dictionary-json")}>; rel="describedby", <{LICENCE}>; rel="license"'


@require_safe
@conditional_page
def page(request: HttpRequest) -> HttpResponse:
    """Shows what there is, and what it means. The newest year comes first."""
    months = files.releases()[::-1]
    years = [(year, list(found)) for year, found in groupby(months, key=lambda one: one.month.year)]
    context: dict[str, object] = {
        "datasets": DATASETS.values(),
        "years": years,
        "latest": months[0] if months else None,
    }
    context |= {"licence": LICENCE, "licence_name": LICENCE_NAME, "version": VERSION, "small": SMALL, "least": LEAST}
    return render(request, "reports/open_data.html", context)


@_file
def dataset_csv(request: HttpRequest, dataset: Dataset, months: list[Release]) -> StreamingHttpResponse:
    """Returns the dataset for programs, or with `?for=excel` for Excel in Greek."""
    for_excel = request.GET.get("for") == "excel"
    lines = files.csv_lines(dataset, months, for_excel=for_excel)
    return StreamingHttpResponse(lines, content_type=CSV, headers=_named(request, dataset, months, "csv"))


@_file
def dataset_json(request: HttpRequest, dataset: Dataset, months: list[Release]) -> StreamingHttpResponse:
    return StreamingHttpResponse(files.json_parts(dataset, months), content_type=JSON)


def _named(request: HttpRequest, dataset: Dataset, months: list[Release], ending: str) -> dict[str, str]:
    is_one = request.resolver_match is not None and "month" in request.resolver_match.kwargs
    name = "-".join((dataset.name, *([str(months[0])] if is_one else [])))
    return {"Content-Disposition": f'attachment; filename="{name}.{ending}"'}


@require_safe
@published
@conditional_page
def dictionary_json(request: HttpRequest) -> JsonResponse:
    return JsonResponse(files.dictionary(), json_dumps_params={"ensure_ascii": False, "indent": 1})


@require_safe
@published
@conditional_page
def dictionary_csv(request: HttpRequest) -> HttpResponse:
    headers = {"Content-Disposition": 'attachment; filename="dictionary.csv"'}
    return HttpResponse("".join(files.dictionary_lines()), content_type=CSV, headers=headers)


@require_safe
@published
@conditional_page
def catalog(request: HttpRequest) -> JsonResponse:
    publishing = Agency.objects.visible().filter(publishes_figures=True)
    first = publishing.order_by().aggregate(first=Min("live_since"))["first"]
    node = listed(files.releases(), live_since=first)
    return JsonResponse(node, content_type=JSON_LD, json_dumps_params={"ensure_ascii": False, "indent": 1})
