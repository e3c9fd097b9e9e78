"""The start of a booking, and the first question: in which channel."""

from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_safe

from agencies.models import Channel
from appointments.demand import steps
from appointments.views.times.journey import Journey

HINTS = {
    Channel.IN_PERSON: _("You come to the branch at the time you choose."),
    Channel.VIDEO: _("From your phone or computer, with camera and microphone. We send you the link."),
    Channel.PHONE: _("An officer calls you at the time you choose."),
}


@require_safe
def start(request: HttpRequest, platform_slug: str, code: str) -> HttpResponse:
    """Redirects to the first question without a valid answer.

    Wrong answers are passed on, so that their field shows the error.
    """
    journey = Journey.find(platform_slug, code, request.GET.dict())
    given = {name: value for name, value in request.GET.items() if name in {"channel", "branch"}}
    if journey.next_question == "times":
        return redirect(journey.address("times"))
    path, *_rest = journey.address(journey.next_question).partition("?")
    return redirect(f"{path}?{urlencode(given)}" if given else path)


@require_safe
def channel(request: HttpRequest, platform_slug: str, code: str) -> HttpResponse:
    journey = Journey.find(platform_slug, code, request.GET.dict())
    choices = _choices(journey)
    if not any(choice["earliest"] for choice in choices):
        steps.nothing_free(request, journey.procedure, steps.ANY, now=timezone.now())
    context = journey.context("channel") | {"choices": choices, "branch_code": request.GET.get("branch", "")}
    if "channel" in request.GET:
        context["form"] = journey.channel_form
    return render(request, "appointments/times/channel.html", context)


def _choices(journey: Journey) -> list[dict[str, object]]:
    """Returns each channel with its first free time."""
    first = {
        channel: min(times.values(), key=lambda time: time.starts_at, default=None)
        for channel, times in journey.free(timezone.now()).items()
    }
    branches = {branch.pk: branch for branch in journey.offered.branches.get(journey.agency.pk, [])}
    return [
        {
            "value": value,
            "label": label,
            "hint": HINTS[Channel(value)],
            "earliest": time.starts_at if (time := first[value]) else None,
            "branch": branches[time.branch] if time else None,
        }
        for value, label in journey.procedure.channel_choices
    ]
