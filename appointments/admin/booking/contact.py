"""Officers correct how a citizen is reached, and send again what did not arrive."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.utils.translation import gettext
from django.views.decorators.http import require_POST

from appointments import booking
from appointments.admin.forms import StaffContactForm
from appointments.admin.pages import acting, address, find, officers_page, page, told, way_back
from appointments.errors import BookingError
from appointments.forms import refuse, revision_seen
from appointments.messages.again import send_again
from appointments.models import Notification

SURE = "sure"


@officers_page
def contact(request: HttpRequest, reference: str) -> HttpResponse:
    appointment = find(request, reference)
    form = StaffContactForm(appointment, request.POST if request.method == "POST" else None)
    if form.is_valid():
        to, seen = booking.NewContact(**form.cleaned_data), revision_seen(request.POST)
        try:
            booking.correct(appointment, to, by=acting(request), now=timezone.now(), revision=seen)
        except BookingError as error:
            refuse(form, error)
        else:
            messages.success(request, gettext("Contact changed: %(name)s, %(reference)s.") % told(appointment))
            return redirect(address("change", appointment.reference))
    back = way_back(request, appointment)
    context = {"title": gettext("Change the contact"), "appointment": appointment, "form": form, "next": back}
    return page(request, "booking/contact.html", context)


@officers_page
@require_POST
def again(request: HttpRequest, reference: str, message: int) -> HttpResponse:
    """Sends the message again. One that has perhaps arrived is asked about first, as somebody might get it twice."""
    appointment = find(request, reference)
    found = get_object_or_404(Notification, appointment=appointment, pk=message)
    if found.may_be_sent_again and not found.is_known_lost and SURE not in request.POST:
        context = {"title": gettext("Send it again?"), "appointment": appointment, "message": found, "sure": SURE}
        return page(request, "booking/again.html", context)
    try:
        send_again(found, by=acting(request), now=timezone.now())
    except BookingError as error:
        messages.error(request, str(error))
    else:
        messages.success(request, gettext("The message is being sent again."))
    return HttpResponseRedirect(f"{address('change', appointment.reference)}#messages")
