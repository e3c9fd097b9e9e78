from collections.abc import Callable
from functools import wraps

from django.conf import settings
from django.http import FileResponse, HttpRequest, HttpResponse, JsonResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.cache import get_conditional_response
from django.views.decorators.cache import cache_control
from django.views.decorators.http import conditional_page, require_safe

from reports import downloads, kept
from reports.forms import AsOfForm
from reports.published import Table
from reports.publishing import workbook
from reports.publishing.definitions import FIGURES
from reports.selecting.viewers import Viewer

MINUTES = 60
PLAIN = "text/plain; charset=utf-8"


def published_table(_request: HttpRequest) -> HttpResponse:
    """Leads those who see no figures of their own to the public ones."""
    return redirect("reports:agencies")


@require_safe
@conditional_page
def agencies(request: HttpRequest) -> HttpResponse:
    """Shows the published table. If the date is wrong, it shows a message and the table of today."""
    form = _form(request)
    as_of = form.cleaned_data["as_of"] if form.is_valid() else form.today
    table = kept.table(as_of)
    context = {"form": form, "table": table, "is_today": as_of == form.today, "figures": FIGURES}
    context |= {"notes": downloads.notes(table), "facts_until": settings.MYDESK_DEMO and settings.DEMO_FACTS_UNTIL}
    context["may_subscribe"] = Viewer.of(request.user).sees_figures
    return render(request, "reports/agencies.html", context, status=200 if form.is_valid() else 400)


Download = Callable[[HttpRequest, Table], HttpResponseBase]


def _download(kind: str) -> Callable[[Download], Callable[[HttpRequest], HttpResponseBase]]:
    """Makes a view of the table in one form. It may be kept for five minutes, and who has it already gets no body."""

    def view_of(made: Download) -> Callable[[HttpRequest], HttpResponseBase]:
        @require_safe
        @cache_control(public=True, max_age=5 * MINUTES)
        @wraps(made)
        def view(request: HttpRequest) -> HttpResponseBase:
            form = _form(request)
            if not form.is_valid():
                return _refused(form, kind)
            table = kept.table(form.cleaned_data["as_of"])
            tag = downloads.tag(table, request.get_full_path())
            response = get_conditional_response(request, etag=tag) or made(request, table)
            response.headers["ETag"] = tag
            return response

        return view

    return view_of


def _refused(form: AsOfForm, kind: str) -> HttpResponse:
    if kind == "json":
        return JsonResponse(form.errors, status=400, json_dumps_params={"ensure_ascii": False})
    return HttpResponse("\n".join(map(str, form.errors["as_of"])), status=400, content_type=PLAIN)


@_download("json")
def agencies_json(_request: HttpRequest, table: Table) -> HttpResponse:
    meaning = f"{settings.SITE_URL}{reverse('reports:agencies')}#definitions"
    return JsonResponse(table.as_dict() | {"definitions": meaning}, json_dumps_params={"ensure_ascii": False})


@_download("csv")
def agencies_csv(request: HttpRequest, table: Table) -> StreamingHttpResponse:
    """Returns the table for programs, or with `?for=excel` for Excel in Greek."""
    for_excel = request.GET.get("for") == "excel"
    lines = downloads.csv_lines(table, for_excel=for_excel)
    name = downloads.name(table, "-excel.csv" if for_excel else ".csv")
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return StreamingHttpResponse(lines, content_type="text/csv; charset=utf-8", headers=headers)


@_download("xlsx")
def agencies_xlsx(_request: HttpRequest, table: Table) -> FileResponse:
    name = downloads.name(table, ".xlsx")
    return FileResponse(downloads.xlsx(table), content_type=workbook.TYPE, as_attachment=True, filename=name)


def _form(request: HttpRequest) -> AsOfForm:
    return AsOfForm(request.GET.get("as_of", ""), today=timezone.localdate())
