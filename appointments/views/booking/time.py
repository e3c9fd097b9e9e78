"""The third question: at which time. The chosen time is held for the citizen."""

from datetime import datetime

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from accounts.limits.work import puzzle
from agencies.wallclock import parse_day
from appointments.demand import steps
from appointments.errors import BookingError, HoldExpired, ProofNeeded, WorkToDo
from appointments.forms import TimeForm
from appointments.times.week import find_week
from appointments.views.acting import to_sign_in
from appointments.views.booking.draft import Draft, is_held, thing_of
from appointments.views.times import elsewhere
from appointments.views.times.journey import Journey


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def times(request: HttpRequest, platform_slug: str, code: str) -> HttpResponse:
    journey = Journey.find(platform_slug, code, request.GET.dict())
    if journey.next_question != "times":
        return redirect(f"{journey.address('start')}?{request.GET.urlencode()}")
    now = timezone.now()
    form, refused = TimeForm(request.POST) if request.method == "POST" else TimeForm(), {}
    if form.is_valid():
        slot = form.cleaned_data["slot"]
        try:
            held = Draft(request).take(slot, journey, now=now)
        except BookingError as error:
            if not isinstance(error, WorkToDo):  # that is no mistake of the visitor
                form.add_error("slot", str(error))
            refused = _ways_on(error, request, journey, slot, now)
        else:
            steps.held(request, held, now=now)
            return redirect(journey.address_after("times"))
    if "gone" in request.GET and not form.is_bound:
        form = _told(HoldExpired())
    context = _context(request, journey, form, now) | refused
    if context["week"] is None and request.method == "GET":
        steps.nothing_free(request, journey.procedure, journey.channel, journey.branch, now=now)
    return render(request, "appointments/booking/time.html", context)


def _ways_on(
    error: BookingError, request: HttpRequest, journey: Journey, slot: int, now: datetime
) -> dict[str, str | int]:
    """Returns what the refused visitor can do to get this time: sign in, or let the browser work for it."""
    if not isinstance(error, ProofNeeded):
        return {}
    ways: dict[str, str | int] = {"sign_in": _sign_in(request, journey, slot)}
    if isinstance(error, WorkToDo):
        ways |= {"puzzle": puzzle(thing_of(slot), now=now), "puzzled": slot, "why": str(error)}
    return ways


def _sign_in(request: HttpRequest, journey: Journey, slot: int) -> str:
    """Returns the address of the sign-in page, which leads back to the same day with the chosen time."""
    day = request.GET.get("day", "")
    return to_sign_in(journey.address("times", day=day, slot=f"{slot}"))


def _told(error: BookingError) -> TimeForm:
    """Returns a form with an error, as if it had been sent. A later page sends the citizen back here with a refusal."""
    form = TimeForm({"slot": "1"})
    form.is_valid()
    form.add_error("slot", str(error))
    return form


def _context(request: HttpRequest, journey: Journey, form: TimeForm, now: datetime) -> dict[str, object]:
    procedure, branch, channel = journey.procedure, journey.branch, journey.channel
    assert branch  # noqa: S101 (the journey asks for the time only after the branch)
    week = find_week(procedure, branch, channel, asked=parse_day(request.GET.get("day", "")), now=now)
    held = Draft(request).held(journey)
    if held and not is_held(held, now):
        held = None
    context = journey.context("times") | {
        "branch": branch,
        "week": week,
        "form": form,
        "held": held,
        "branch_url": journey.address("branch"),
        "choose": f"{journey.address('times', branch='')}&branch=",
        "action": journey.address("times", day=week.open.date.isoformat() if week else ""),
    }
    if week:
        context["chosen"] = next((time for time in week.open.times if f"{time.slot}" == request.GET.get("slot")), None)
    if week is None:
        free = journey.free(now)
        context["elsewhere"] = elsewhere.with_earliest_times(branch, journey.branches, free[channel])
        context["otherwise"] = [
            {"label": label, "url": f"{journey.address('start')}?channel={value}"}
            for value, label in procedure.channel_choices
            if value != channel and free[value]
        ]
    return context
