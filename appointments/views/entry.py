"""Who may open an appointment: its signed-in citizen, and browsers that used its link or booked it."""

from collections.abc import Callable
from functools import wraps

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache

from appointments.booking import verification
from appointments.errors import CancelledAlready, TooLate
from appointments.models import Appointment, Status

REMEMBERED = 20  # appointments that a session can open

View = Callable[[HttpRequest, Appointment], HttpResponseBase]


def for_appointment(view: View) -> Callable[[HttpRequest, str], HttpResponseBase]:
    """Gives the view the appointment that the address names. Strangers get 404.

    The key of a link (`?key=`) is exchanged for a place in the session and removed from the address, so that the key
    does not leak. A wrong key gets 403. Long after the appointment the link opens one page alone, which names nobody.
    """

    @wraps(view)
    def opened(request: HttpRequest, reference: str) -> HttpResponseBase:
        if "key" in request.GET:
            return _enter(request, reference)
        appointment = find_own(request, reference)
        if appointment is None:
            raise Http404
        now = timezone.now()
        if not (_is_citizens(request, appointment) or appointment.link_tells_who(now)):
            return render(request, "appointments/booking/past.html", {"appointment": appointment})
        if came_by_mail(request, appointment):
            verification.note_proof(appointment, now=now)
        return view(request, appointment)

    return never_cache(opened)


def find_own(request: HttpRequest, reference: str) -> Appointment | None:
    """Returns the appointment if the visitor may see it, otherwise None.

    A time that is only held is not an appointment.
    """
    related = ("agency", "branch", "procedure__agency", "citizen", "video_call")
    appointments = Appointment.objects.select_related(*related)
    appointment = appointments.filter(reference=reference).beyond_hold().one()
    return appointment if appointment and _is_own(request, appointment) else None


def refuse_change(request: HttpRequest, appointment: Appointment) -> HttpResponse:
    """Leads to the appointment and says why it cannot be changed here."""
    error = CancelledAlready() if appointment.status == Status.CANCELLED else TooLate()
    messages.error(request, str(error))
    return redirect(appointment)


def remember(request: HttpRequest, appointment: Appointment) -> None:
    """Lets this browser open the appointment from now on."""
    known = [one for one in request.session.get("appointments", []) if one != appointment.opened_as]
    request.session["appointments"] = [*known, appointment.opened_as][-REMEMBERED:]


def came_by_mail(request: HttpRequest, appointment: Appointment) -> bool:
    """Returns whether this browser has opened a link of our messages about the appointment."""
    return appointment.opened_as in request.session.get("mailed", [])


def _is_own(request: HttpRequest, appointment: Appointment) -> bool:
    return _is_citizens(request, appointment) or appointment.opened_as in request.session.get("appointments", [])


def _is_citizens(request: HttpRequest, appointment: Appointment) -> bool:
    return request.user.is_authenticated and appointment.citizen_id == request.user.pk


def _enter(request: HttpRequest, reference: str) -> HttpResponseBase:
    appointment = Appointment.objects.filter(reference=reference).one()
    if appointment and appointment.is_link_key(request.GET["key"]):
        remember(request, appointment)
        if appointment.is_mailed_key(request.GET["key"]) and not came_by_mail(request, appointment):
            request.session["mailed"] = [*request.session.get("mailed", []), appointment.opened_as][-REMEMBERED:]
    elif not (appointment and _is_own(request, appointment)):
        return _refuse(request)
    query = request.GET.copy()
    del query["key"]
    return redirect(f"{request.path}?{query.urlencode()}" if query else request.path)


def _refuse(request: HttpRequest) -> HttpResponse:
    """Shows the page for a wrong link. It does not tell whether the appointment exists."""
    return render(request, "appointments/booking/bad_link.html", status=403)
