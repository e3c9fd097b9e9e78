from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from appointments import booking
from appointments.errors import BookingError
from appointments.forms import CancelForm, revision_seen
from appointments.models import Appointment
from appointments.views.acting import count_cancellation, visitor
from appointments.views.entry import for_appointment, refuse_change


@require_http_methods(["GET", "HEAD", "POST"])
@for_appointment
def cancel(request: HttpRequest, appointment: Appointment) -> HttpResponse:
    now = timezone.now()
    if not appointment.may_change(now):
        return refuse_change(request, appointment)
    form = CancelForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        reason, seen = form.cleaned_data["reason"], revision_seen(request.POST)
        try:
            count_cancellation(request, now=now)
            booking.cancel(appointment, by=visitor(request), reason=reason, now=now, revision=seen)
        except BookingError as error:
            messages.error(request, str(error))
        else:
            messages.success(request, _("Your appointment has been cancelled. Somebody else can have the time now."))
        return redirect(appointment)
    context = {"appointment": appointment, "agency": appointment.agency, "form": form}
    return render(request, "appointments/booking/cancel.html", context)
