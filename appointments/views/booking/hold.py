"""What pages share that need a held time.

A time whose deadline has passed is held again, or the citizen chooses anew.
"""

from collections.abc import Callable
from functools import wraps

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache

from appointments.demand import steps
from appointments.errors import HoldExpired, OfferGone
from appointments.models import Appointment
from appointments.models.appointment import PROMISED
from appointments.views.booking.draft import Draft, is_held
from appointments.views.entry import find_own, remember
from appointments.views.times.journey import Journey

View = Callable[[HttpRequest, Draft, Appointment, Journey], HttpResponse]


def for_held(view: View) -> Callable[[HttpRequest, str, str], HttpResponse]:
    """Gives the view the draft, the held time and the journey to it. What was typed is kept, whatever happens to the time."""

    @wraps(view)
    def opened(request: HttpRequest, platform_slug: str, code: str) -> HttpResponse:
        journey, draft = Journey.find(platform_slug, code, {}), Draft(request)
        if {"email", "for_whom"} & request.POST.keys():
            draft.keep_typed(request.POST, now=timezone.now())
        if "keep" in request.POST:  # the page is left, and nobody reads the answer (js/booking/booking.js)
            return HttpResponse(status=204)
        held = draft.held(journey)
        if held is None:
            return _booked_before(request, draft, journey) or _lost(request, draft, journey)
        if held.status in PROMISED:
            return finished(request, draft, held)
        journey = journey.to(held)
        try:
            return view(request, draft, _still_held(request, draft, held), journey)
        except HoldExpired:
            return redirect(journey.address("times", gone="1"))

    return never_cache(opened)


def finished(request: HttpRequest, draft: Draft, appointment: Appointment) -> HttpResponse:
    """Ends the draft and leads to the last page. A second click on the button does the same."""
    draft.finish(appointment)
    steps.booked(request, appointment, now=timezone.now())
    remember(request, appointment)
    return redirect("appointments:done", appointment.reference)


def _booked_before(request: HttpRequest, draft: Draft, journey: Journey) -> HttpResponse | None:
    """Leads to the appointment that an earlier click on the last button has booked, or returns None.

    A citizen who goes back to the form is told so, because nothing of the form is left.
    """
    reference = request.POST.get("hold", "")
    booked = find_own(request, reference or draft.booked(journey.procedure))
    if booked is None:
        return None
    if not reference:
        text = _(
            "You have booked this appointment already: you see it here. For another one, choose the service again."
        )
        messages.info(request, text)
    return redirect("appointments:done", booked.reference)


def _lost(request: HttpRequest, draft: Draft, journey: Journey) -> HttpResponse:
    """Leads back to the times of the same channel and branch, and says why the time is no longer kept.

    Who comes without having chosen a time begins at the first question.
    """
    place = draft.place(journey.procedure)
    if place is None:
        if request.method == "POST":
            messages.error(request, str(OfferGone()))
        return redirect(journey.address("start"))
    journey = Journey(journey.procedure, place, journey.offered)
    if draft.holds_latest(journey.procedure):
        return redirect(journey.address("times", gone="1"))
    text = _("You have chosen another time in another tab, so this time is no longer kept. Choose again.")
    messages.error(request, text)
    return redirect(journey.address("times"))


def _still_held(request: HttpRequest, draft: Draft, held: Appointment) -> Appointment:
    now = timezone.now()
    if is_held(held, now):
        return held
    renewed = draft.renew(held, now=now)
    messages.info(request, _("The time we kept for you had run out, but it was still free: we keep it for you again."))
    return renewed
