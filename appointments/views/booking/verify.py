"""A guest confirms the e-mail address, by the link in the mail alone. Whoever booked has the page, but perhaps not the mail.

It takes a button, because programs that scan mail open every link.
"""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from appointments import booking
from appointments.booking import verification
from appointments.errors import HoldExpired, WrongStatus
from appointments.models import Appointment, Status
from appointments.views.acting import visitor
from appointments.views.entry import came_by_mail, for_appointment, for_link, is_own


@require_http_methods(["GET", "HEAD", "POST"])
@for_link
def verify(request: HttpRequest, appointment: Appointment) -> HttpResponse:
    now = timezone.now()
    waiting = appointment.status == Status.UNVERIFIED
    if waiting and not came_by_mail(request, appointment):
        return redirect("appointments:done", appointment.reference)  # which says to open the mail
    if request.method == "POST" and waiting:
        try:
            booking.verify(appointment, by=visitor(request), now=now)
        except HoldExpired:
            waiting = False
        except WrongStatus:  # the address has become another one, whose mail has to be opened
            return redirect(appointment)
        else:
            if not is_own(request, appointment):
                messages.success(request, _("Your appointment is booked. We have sent you the confirmation."))
            return redirect("appointments:done", appointment.reference)
    if appointment.status not in (Status.UNVERIFIED, Status.EXPIRED):
        return redirect(appointment)
    in_time = waiting and not appointment.is_overdue(now)
    context = {
        "appointment": appointment,
        "agency": appointment.agency,
        "in_time": in_time,
        "is_own": is_own(request, appointment),
    }
    return render(request, "appointments/booking/verify.html", context)


@require_POST
@for_appointment
def verify_again(request: HttpRequest, appointment: Appointment) -> HttpResponse:
    """Sends the mail once more if the guest has not got it."""
    if appointment.status != Status.UNVERIFIED:
        return redirect(appointment)
    if verification.send_again(appointment, now=timezone.now()):
        text = _("We have sent the mail to %(email)s again. It may take a few minutes.")
        messages.success(request, text % {"email": appointment.email})
    else:
        messages.error(request, _("We cannot send the mail again. Check the address, or book once more."))
    return redirect("appointments:done", appointment.reference)
