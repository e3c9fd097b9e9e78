import csv

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.cache import cache_control
from django.views.decorators.http import conditional_page, require_safe

from reports import kept
from reports.forms import AsOfForm, PeriodForm
from reports.official import sums
from reports.published import COLUMNS

MINUTES = 60


@require_safe
def index(request: HttpRequest) -> HttpResponse:
    """Shows officials the counts of any period, and redirects everybody else to the published table."""
    if not getattr(request.user, "is_official", False):
        return redirect("reports:agencies")
    form = PeriodForm(request.GET, today=timezone.localdate())
    context = {"form": form, "sums": sums(*form.period)}
    return render(request, "reports/official.html", context, status=200 if form.is_valid() else 400)


@require_safe
@conditional_page
def agencies(request: HttpRequest) -> HttpResponse:
    """Shows the published table. If the date is wrong, it shows a message and the table of today."""
    form = _form(request)
    as_of = form.cleaned_data["as_of"] if form.is_valid() else form.today
    context = {"form": form, "table": kept.table(as_of), "is_today": as_of == form.today}
    if settings.MYDESK_DEMO:
        context["facts_until"] = settings.DEMO_FACTS_UNTIL
    return render(request, "reports/agencies.html", context, status=200 if form.is_valid() else 400)


@require_safe
@conditional_page
@cache_control(public=True, max_age=5 * MINUTES)
def agencies_json(request: HttpRequest) -> HttpResponse:
    form = _form(request)
    if not form.is_valid():
        return JsonResponse(form.errors, status=400, json_dumps_params={"ensure_ascii": False})
    return JsonResponse(kept.table(form.cleaned_data["as_of"]).as_dict())


@require_safe
@conditional_page
@cache_control(public=True, max_age=5 * MINUTES)
def agencies_csv(request: HttpRequest) -> HttpResponse:
    """Returns plain ASCII, which every spreadsheet opens correctly. An empty cell means that it is not published."""
    form = _form(request)
    if not form.is_valid():
        return HttpResponse(
            "\n".join(map(str, form.errors["as_of"])), status=400, content_type="text/plain; charset=utf-8"
        )
    as_of = form.cleaned_data["as_of"]
    response = HttpResponse(content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="agencies-{as_of}.csv"'
    writer = csv.DictWriter(response, COLUMNS)
    writer.writeheader()
    writer.writerows(line.as_dict() for line in kept.table(as_of).lines)
    return response


def _form(request: HttpRequest) -> AsOfForm:
    return AsOfForm(request.GET.get("as_of", ""), today=timezone.localdate())
