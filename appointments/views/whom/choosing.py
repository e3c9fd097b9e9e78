"""The question for whom the appointment is, where the service allows more than one answer."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from appointments.details import WhomForm
from appointments.models import Appointment
from appointments.views.acting import to_sign_in
from appointments.views.booking.draft import Draft
from appointments.views.booking.hold import for_held
from appointments.views.times.journey import Journey


@require_http_methods(["GET", "HEAD", "POST"])
@for_held
def whom(request: HttpRequest, draft: Draft, held: Appointment, journey: Journey) -> HttpResponse:
    if "whom" not in journey.questions:
        return redirect(journey.address("details"))
    if request.POST.get("leave") == "sign-in":
        return redirect(to_sign_in(request.path))
    typed = draft.typed(now=timezone.now())
    form = WhomForm(held.procedure, request.POST if request.method == "POST" else None, initial=typed)
    if form.is_valid():
        return redirect(journey.address("details"))
    context = journey.context("whom") | {"held": held, "form": form, "carried": "typed"}
    return render(request, "appointments/whom/whom.html", context)
