"""The fourth question: the citizen's name and contact."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import translation
from django.views.decorators.http import require_http_methods

from appointments.forms import DetailsForm, initial_details
from appointments.models import Appointment
from appointments.views.booking.draft import Draft, citizen
from appointments.views.booking.hold import for_held, journey_of


@require_http_methods(["GET", "HEAD", "POST"])
@for_held
def details(request: HttpRequest, draft: Draft, held: Appointment) -> HttpResponse:
    journey = journey_of(held)
    if request.method == "POST":
        form = DetailsForm(held.procedure, held.channel, held.branch.country, request.POST)
        if form.is_valid():
            return redirect(journey.address("check"))
    else:
        initial = initial_details(citizen(request), draft.typed, translation.get_language() or "el")
        form = DetailsForm(held.procedure, held.channel, held.branch.country, initial=initial)
    return render(
        request, "appointments/booking/details.html", journey.context("details") | {"held": held, "form": form}
    )
