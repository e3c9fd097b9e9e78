"""The citizen answers the offer of a time in place of one that fell out: accept, choose another one, or cancel."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from appointments import offers
from appointments.errors import BookingError
from appointments.forms import revision_seen
from appointments.models import Appointment, Offer
from appointments.views.acting import visitor
from appointments.views.entry import for_appointment


@require_http_methods(["GET", "HEAD", "POST"])
@for_appointment
def offer(request: HttpRequest, appointment: Appointment) -> HttpResponse:
    """Shows the offer and accepts it. Accepting is a POST, because programs that scan mail open every link."""
    now, latest = timezone.now(), latest_offer(appointment)
    if latest and request.method == "POST":
        try:
            offers.accept(latest, by=visitor(request), now=now, revision=revision_seen(request.POST))
        except BookingError as error:
            messages.error(request, str(error))
            latest.refresh_from_db()
        else:
            messages.success(request, _("The new time is yours. We have sent it to you."))
            return redirect(appointment)
    if latest is None or not latest.is_unsettled or not (latest.is_of_disruption or latest.is_open(now)):
        return redirect(appointment)
    context = {
        "appointment": appointment,
        "agency": appointment.agency,
        "offer": latest,
        "is_open": latest.is_open(now),
    }
    return render(request, "appointments/offers/answer.html", context)


def latest_offer(appointment: Appointment) -> Offer | None:
    found = appointment.offers.select_related("disruption", "was_branch", "hold__branch", "hold__procedure")
    return found.order_by("-created_at", "-pk").first()
