from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from appointments.booking.ratings import rate as keep
from appointments.forms import RatingForm
from appointments.models import Appointment, Status
from appointments.views.entry import for_link, is_own


@require_http_methods(["GET", "HEAD", "POST"])
@for_link
def rate(request: HttpRequest, appointment: Appointment) -> HttpResponse:
    if appointment.status != Status.COMPLETED or appointment.rated_at:
        return redirect(appointment)
    form = RatingForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        keep(appointment, form.cleaned_data["score"], comment=form.cleaned_data["comment"], now=timezone.now())
        messages.success(request, _("Thank you for your opinion."))
        return redirect(appointment)
    visit = {"procedure": appointment.procedure, "branch": appointment.branch} if is_own(request, appointment) else {}
    back = {"back_url": appointment.get_absolute_url(), "back_text": _("Your appointment")}
    context = {**visit, **back, "agency": appointment.agency, "form": form}
    return render(request, "appointments/booking/rate.html", context)
