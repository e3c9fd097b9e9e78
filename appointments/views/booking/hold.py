"""Pages that need a held time: they come to it again where its deadline has passed, or lead back to the times."""

from collections.abc import Callable
from functools import wraps

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache

from appointments.errors import HoldExpired
from appointments.models import Appointment
from appointments.models.appointment import PROMISED
from appointments.views.booking.draft import Draft, is_held
from appointments.views.entry import find_own, remember
from appointments.views.times.journey import Journey

View = Callable[[HttpRequest, Draft, Appointment], HttpResponse]


def for_held(view: View) -> Callable[[HttpRequest, str, str], HttpResponse]:
    """Gives the view the draft and the time that is held. Whatever becomes of the time, what was typed is kept."""

    @wraps(view)
    def opened(request: HttpRequest, platform_slug: str, code: str) -> HttpResponse:
        journey, draft = Journey.find(platform_slug, code, {}), Draft(request)
        if "name" in request.POST:
            draft.keep_typed(request.POST)
        held = draft.held(journey.procedure)
        if held is None:
            return _booked_before(request) or redirect(journey.address("start"))
        if held.status in PROMISED:
            return finished(request, draft, held)
        try:
            return view(request, draft, _still_held(request, draft, held))
        except HoldExpired:
            return redirect(journey_of(held).address("times", gone="1"))

    return never_cache(opened)


def finished(request: HttpRequest, draft: Draft, appointment: Appointment) -> HttpResponse:
    """To the page at the end, once or again after a second click."""
    draft.finish()
    remember(request, appointment)
    return redirect("appointments:done", appointment.reference)


def journey_of(held: Appointment) -> Journey:
    return Journey(held.procedure, {"channel": held.channel, "branch": held.branch.code})


def _booked_before(request: HttpRequest) -> HttpResponse | None:
    """What a second click on the last button has booked already."""
    booked = find_own(request, request.POST.get("hold", ""))
    return redirect("appointments:done", booked.reference) if booked else None


def _still_held(request: HttpRequest, draft: Draft, held: Appointment) -> Appointment:
    now = timezone.now()
    if is_held(held, now):
        return held
    renewed = draft.renew(held, now=now)
    messages.info(request, _("The time we kept for you had run out, but it was still free: we keep it for you again."))
    return renewed
