"""The second question: which branch."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_safe

from agencies.finding.missed import missed
from appointments.demand import steps
from appointments.views.times.elsewhere import to_choose_from
from appointments.views.times.journey import Journey


@require_safe
def branch(request: HttpRequest, platform_slug: str, code: str) -> HttpResponse:
    journey = Journey.find(platform_slug, code, request.GET.dict())
    if not journey.channel:
        return redirect(f"{journey.address('start')}?{request.GET.urlencode()}")
    now = timezone.now()
    free = journey.free(now)[journey.channel]
    found = to_choose_from(request, journey.branches, free)
    if not free:
        steps.nothing_free(request, journey.procedure, journey.channel, now=now)
    if found["query"] and not found["places"]:
        missed(request, f"{found['query']}", journey.agency, now=now)
    context = (
        journey.context("branch")
        | found
        | {
            "choose": f"{journey.address('times', branch='')}&branch=",
            "keep": [("channel", journey.channel)],
        }
    )
    if "branch" in request.GET:
        context["form"] = journey.branch_form
    return render(request, "appointments/times/branch.html", context)
