"""The second question: which branch."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_safe

from appointments.views.times.elsewhere import to_choose_from
from appointments.views.times.journey import Journey


@require_safe
def branch(request: HttpRequest, platform_slug: str, code: str) -> HttpResponse:
    journey = Journey.find(platform_slug, code, request.GET.dict())
    if not journey.channel:
        return redirect(f"{journey.address('start')}?{request.GET.urlencode()}")
    found = to_choose_from(request, journey.branches, journey.free(timezone.now())[journey.channel])
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
