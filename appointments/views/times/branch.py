"""The second question: which branch."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_safe

from agencies.finding.places import by_place, soonest
from appointments.times.availability import earliest
from appointments.views.times.journey import Journey

MAX_QUERY = 100
SOONEST = 3  # branches offered before the list of all


@require_safe
def branch(request: HttpRequest, platform_slug: str, code: str) -> HttpResponse:
    journey = Journey.find(platform_slug, code, request.GET.dict())
    if not journey.channel:
        return redirect(f"{journey.address('start')}?{request.GET.urlencode()}")
    query = request.GET.get("q", "").strip()[:MAX_QUERY]
    free = earliest(journey.procedure, journey.channel, now=timezone.now())
    moments = {pk: time.starts_at for pk, time in free.items()}
    places = by_place(journey.branches.matching(query), moments)
    context = journey.context("branch") | {
        "query": query,
        "places": places,
        "soonest": soonest(places, SOONEST) if len(places) > 1 else [],
        "choose": f"{journey.address('times', branch='')}&branch=",
        "keep": [("channel", journey.channel)],
    }
    if "branch" in request.GET:
        context["form"] = journey.branch_form
    return render(request, "appointments/times/branch.html", context)
