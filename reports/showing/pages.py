"""The page of a report, and its files. All of them are for those alone who see figures."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from csp.decorators import csp_update
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import FileResponse, Http404, HttpRequest, HttpResponse, JsonResponse, QueryDict, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_safe

from accounts.database.patience import REPORT, patience
from reports.counting import one_moment
from reports.publishing import workbook
from reports.reading.counts import first_month
from reports.reading.moment import counted_until
from reports.selecting.filters import FilterForm, OwnField
from reports.selecting.selection import Selection
from reports.selecting.viewers import Viewer, is_colleague
from reports.showing import files
from reports.showing.tables import Report, Text

# Makes the report of what is selected. `counted_at` is the moment until which changes are counted.
Build = Callable[[Selection, datetime], Report]
Ask = Callable[[HttpRequest, FilterForm, Report], HttpResponseBase]
# The one style that the library of the charts writes into each drawing. It is the same in all, so it can be named.
CHART_STYLE = "'sha256-jSYQUrW7J0b3jPqhZP9C2Xh1PyJKHKXd4s0fpGGKrww='"


@dataclass(frozen=True)
class Page:
    """A page of figures: its tab, what makes its report, and the fields that it has besides the filters."""

    label: Text
    build: Build
    own: Sequence[OwnField] = ()


# The pages, by the names of their addresses, in the order of their tabs.
PAGES: dict[str, Page] = {}


def routes(
    name: str,
    label: Text,
    build: Build,
    *,
    own: Sequence[OwnField] = (),
    otherwise: Callable[[HttpRequest], HttpResponseBase] | None = None,
) -> list[URLPattern]:
    """Returns the addresses of the page and of its files. `otherwise` answers those who see no figures.

    `own` are fields that the page has besides the filters.
    """
    PAGES[name] = Page(label, build, own)
    page = csp_update({"style-src": [CHART_STYLE]})(_view(name, _page, otherwise))
    file = "overview" if name == "index" else name
    return [
        path("" if name == "index" else f"{name}/", page, name=name),
        *(path(f"{file}.{kind}", _view(name, ask), name=f"{name}-{kind}") for kind, ask in FILES.items()),
    ]


def _view(
    name: str, ask: Ask, otherwise: Callable[[HttpRequest], HttpResponseBase] | None = None
) -> Callable[[HttpRequest], HttpResponseBase]:
    @require_safe
    @cache_control(private=True, no_cache=True)
    def view(request: HttpRequest) -> HttpResponseBase:
        viewer = Viewer.of(request.user)
        if not viewer.sees_figures:
            return otherwise(request) if otherwise else refused(request)
        form = filters(name, request.GET, viewer, today=timezone.localdate())
        return ask(request, form, made(PAGES[name].build, form.selection, now=timezone.now()))

    return view


@patience(REPORT)
def made(build: Build, selection: Selection, *, now: datetime) -> Report:
    """Returns the report. All its figures are those of one moment."""
    with one_moment():
        return build(selection, counted_until(now=now))


def filters(name: str, query: QueryDict, viewer: Viewer, *, today: date) -> FilterForm:
    """Returns the filters of a page, with its own fields."""
    return FilterForm(query, viewer=viewer, today=today, first=first_month() or today, own=PAGES[name].own)


def refused(request: HttpRequest) -> HttpResponseBase:
    """Answers somebody who sees no figures: to strangers the page does not exist."""
    if not request.user.is_authenticated:
        return redirect_to_login(request.get_full_path())
    if is_colleague(request.user):
        raise PermissionDenied
    raise Http404


def _page(request: HttpRequest, form: FilterForm, report: Report) -> HttpResponse:
    query = request.GET.urlencode()
    name = request.resolver_match.url_name if request.resolver_match else ""
    context = {
        "form": form,
        "report": report,
        "query": f"?{query}" if query else "",
        "name": name,
        "tabs": [(reverse(f"reports:{key}"), page.label, key == name) for key, page in PAGES.items()],
        "files": {kind: reverse(f"reports:{name}-{kind}") for kind in FILES},
    }
    return render(request, "reports/report.html", context, status=200 if form.is_valid() else 400)


def _csv(request: HttpRequest, form: FilterForm, report: Report) -> HttpResponseBase:
    """Returns all tables as a long one, or one as it stands (`?table=`), for programs or for Excel (`?for=excel`)."""
    name = request.GET.get("table", "")
    table = report.table(name)
    if wrong := _wrong(form):
        return wrong
    if name and not table:
        raise Http404
    for_excel = request.GET.get("for") == "excel"
    lines = files.csv_lines(report, table, for_excel=for_excel)
    headers = _attached(report, f"-{name}.csv" if name else ".csv")
    return StreamingHttpResponse(lines, content_type="text/csv; charset=utf-8", headers=headers)


def _json(_request: HttpRequest, form: FilterForm, report: Report) -> HttpResponseBase:
    return _wrong(form) or JsonResponse(files.as_dict(report), json_dumps_params={"ensure_ascii": False})


def _xlsx(_request: HttpRequest, form: FilterForm, report: Report) -> HttpResponseBase:
    if wrong := _wrong(form):
        return wrong
    made_at: date = timezone.localdate(report.counted_at)
    return FileResponse(files.xlsx(report, made_at), content_type=workbook.TYPE, headers=_attached(report, ".xlsx"))


FILES: dict[str, Ask] = {"csv": _csv, "xlsx": _xlsx, "json": _json}


def _wrong(form: FilterForm) -> HttpResponse | None:
    """Returns what is wrong with the filters, by their names. A file with other figures than asked for would mislead."""
    return None if form.is_valid() else JsonResponse(form.errors, status=400, json_dumps_params={"ensure_ascii": False})


def _attached(report: Report, ending: str) -> dict[str, Any]:
    return {"Content-Disposition": f'attachment; filename="{files.name(report, ending)}"'}
