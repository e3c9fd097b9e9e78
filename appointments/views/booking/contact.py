"""The citizen corrects where messages go: a wrong address, another telephone number."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from accounts.limits import DatabaseLimit
from accounts.limits.networks import network_of
from appointments import booking
from appointments.booking import telling
from appointments.booking.persons import person_keys
from appointments.errors import BookingError, LimitReached, TooManyCorrections
from appointments.forms import ContactForm, refuse, revision_seen
from appointments.models import Appointment, Status
from appointments.views.acting import visitor
from appointments.views.entry import for_appointment, refuse_change, remember

# Corrections from one network: each may send a mail to somebody who has never heard of us.
OF_NETWORK = DatabaseLimit("corrections-of-network", 30, 3600)


@require_http_methods(["GET", "HEAD", "POST"])
@for_appointment
def contact(request: HttpRequest, appointment: Appointment) -> HttpResponse:
    if not appointment.may_correct(timezone.now()):
        return refuse_change(request, appointment)
    form = ContactForm(appointment, request.POST if request.method == "POST" else None)
    if form.is_valid() and (corrected := _correct(request, appointment, form)):
        remember(request, corrected)
        messages.success(request, _told(appointment, corrected))
        is_waiting = corrected.status == Status.UNVERIFIED
        return redirect("appointments:done", corrected.reference) if is_waiting else redirect(corrected)
    context = {"appointment": appointment, "agency": appointment.agency, "form": form}
    return render(request, "appointments/booking/contact.html", context)


def _correct(request: HttpRequest, appointment: Appointment, form: ContactForm) -> Appointment | None:
    """Returns the corrected appointment. None if it was refused; the form then says why."""
    now, to, seen = timezone.now(), booking.NewContact(**form.cleaned_data), revision_seen(request.POST)
    try:
        if OF_NETWORK.passed(network_of(request), now=now):
            raise TooManyCorrections
        return booking.correct(appointment, to, by=visitor(request), now=now, revision=seen)
    except LimitReached as error:
        known, keys = request.session.get("appointments", []), person_keys(email=to.email)
        refuse(form, telling.refusal(error, keys, None, appointment.procedure, known=known, now=now))
    except BookingError as error:
        refuse(form, error)
    return None


def _told(before: Appointment, corrected: Appointment) -> str:
    if corrected.status == Status.UNVERIFIED and corrected.address_changes != before.address_changes:
        return _("We have sent a new mail to %(email)s. Open it and confirm.") % {"email": corrected.email}
    return _("Saved. From now on we write there.")
