"""The fourth question: the citizen's name and contact."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone, translation
from django.views.decorators.http import require_http_methods

from accounts import identities
from accounts.models import Identity
from accounts.providers import configured
from appointments.demand import steps
from appointments.details import BookingForm
from appointments.forms import initial_details
from appointments.models import Appointment
from appointments.views.acting import to_sign_in
from appointments.views.booking.draft import Draft, citizen
from appointments.views.booking.hold import for_held
from appointments.views.times.journey import Journey


@require_http_methods(["GET", "HEAD", "POST"])
@for_held
def details(request: HttpRequest, draft: Draft, held: Appointment, journey: Journey) -> HttpResponse:
    if way := _ways_out(request, journey).get(request.POST.get("leave", "")):
        return redirect(way)
    needed = held.procedure.assurance
    if not identities.is_enough(identities.level_of(request), needed):
        return _too_low(request, journey, needed)
    now, identity = timezone.now(), identities.of(request.user)
    if not (whom := draft.whom(held.procedure, now=now)):
        return redirect(journey.address("whom"))
    declaration = held.procedure.declaration
    if request.method == "POST":
        form = BookingForm(held, whom, declaration, request.POST, identity=identity)
        if form.is_valid():
            steps.filled(request, held, now=now)
            return redirect(journey.address("check"))
    else:
        initial = initial_details(citizen(request), draft.typed(now=now), translation.get_language() or "el")
        form = BookingForm(held, whom, declaration, initial=initial, identity=identity)
    context = journey.context("details") | {"held": held, "form": form, "carried": "details"}
    return render(request, "appointments/booking/details.html", context)


def _too_low(request: HttpRequest, journey: Journey, needed: str) -> HttpResponse:
    """Says which sign-in the service needs. The time stays held, and what was typed stays kept."""
    level = identities.level_of(request)
    context = journey.context("details") | {
        "needed": Identity.Level(needed).label,
        "level": Identity.Level(level).label if level else "",
        "reaching": configured.reaching(needed),
        "next": request.path,
    }
    return render(request, "appointments/booking/level.html", context)


def _ways_out(request: HttpRequest, journey: Journey) -> dict[str, str]:
    """Returns where the page's other buttons lead. They send the form too, so that what was typed is kept."""
    return {"back": journey.address_before("details"), "sign-in": to_sign_in(request.path)}
