"""A guest confirms the e-mail address: with a button, because programs that scan mail open every link."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from appointments import booking
from appointments.errors import HoldExpired
from appointments.models import Appointment, Status
from appointments.views.entry import for_appointment


@require_http_methods(["GET", "HEAD", "POST"])
@for_appointment
def verify(request: HttpRequest, appointment: Appointment) -> HttpResponse:
    now = timezone.now()
    waiting = appointment.status == Status.UNVERIFIED
    if request.method == "POST" and waiting:
        try:
            appointment = booking.verify(appointment, now=now)
        except HoldExpired:
            waiting = False
        else:
            messages.success(request, _("Thank you. Your appointment is booked."))
            return redirect(appointment)
    if appointment.status not in (Status.UNVERIFIED, Status.EXPIRED):
        return redirect(appointment)
    in_time = waiting and bool(appointment.expires_at and appointment.expires_at > now)
    context = {"appointment": appointment, "agency": appointment.agency, "in_time": in_time}
    return render(request, "appointments/verify.html", context)
