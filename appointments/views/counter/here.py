"""The appointment's page on its day: the citizen says that they have arrived, and sees the place in the queue."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from appointments.counter import arrivals
from appointments.models import Appointment
from appointments.views import changes
from appointments.views.acting import visitor
from appointments.views.entry import for_appointment


@require_http_methods(["GET", "HEAD", "POST"])
@for_appointment
def here(request: HttpRequest, appointment: Appointment) -> HttpResponse:
    now = timezone.now()
    if request.method == "POST":
        arrival = arrivals.check_in(appointment, appointment.branch, by=visitor(request), now=now)
        note = messages.success if arrival.ticket else messages.warning
        note(request, f"{arrival.title}. {arrival.text}")
        return redirect(appointment)
    if "seen" not in request.GET:
        return redirect(appointment)
    day = appointment.branch.today(now)
    state = changes.of_branch(appointment.branch, day, now=now)
    if changes.is_unchanged(request, state):
        return HttpResponse(status=204)
    context = {"appointment": appointment, "visit": arrivals.visit_of(appointment, now=now), "state": state}
    return render(request, "appointments/counter/_visit.html", context)
