"""Who may open an appointment: its signed-in citizen, browsers that booked it, and those that used its link and proved more.

A link may be forwarded, printed or seen over a shoulder. So a browser that has it sees nothing personal until the page of
the second check (`views/owners/proof.py`) has been passed. That is remembered as long as the session of the browser lasts.
"""

from collections.abc import Callable
from functools import wraps
from urllib.parse import urlencode

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache

from appointments import sight
from appointments.booking import verification
from appointments.errors import CancelledAlready, TooLate
from appointments.models import Appointment, Status

REMEMBERED = 20  # appointments that a session can open

View = Callable[[HttpRequest, Appointment], HttpResponseBase]


def for_appointment(view: View) -> Callable[[HttpRequest, str], HttpResponseBase]:
    """Gives the view the appointment that the address names. Strangers get 404, and who has only its link a second check.

    The key of a link (`?key=`) is exchanged for a place in the session and removed from the address, so that the key
    does not leak. A wrong key gets 403. Long after the appointment the link opens one page alone, which names nobody.
    """

    def checked(request: HttpRequest, appointment: Appointment) -> HttpResponseBase:
        if not is_own(request, appointment):
            return _to_second_check(request, appointment)
        if came_by_mail(request, appointment):
            verification.note_proof(appointment, now=timezone.now())
        return view(request, appointment)

    return for_link(wraps(view)(checked))


def for_link(view: View) -> Callable[[HttpRequest, str], HttpResponseBase]:
    """Gives the view the appointment also if the visitor has no more than its link. The page shows nothing personal then.

    So nobody has looked at the record then, and no look is written down, even if the visitor is an officer.
    """

    @wraps(view)
    def opened(request: HttpRequest, reference: str) -> HttpResponseBase:
        with sight.aside():
            if "key" in request.GET:
                return _enter(request, reference)
            appointment = _found(reference)
            if appointment is None or not (is_own(request, appointment) or has_link(request, appointment)):
                raise Http404
            if not (_is_citizens(request, appointment) or appointment.link_tells_who(timezone.now())):
                return render(request, "appointments/booking/past.html", {"appointment": appointment})
            if not is_own(request, appointment):
                return view(request, appointment)
        return view(request, appointment)

    return never_cache(opened)


def find_own(request: HttpRequest, reference: str) -> Appointment | None:
    """Returns the appointment if the visitor may see it, otherwise None.

    A time that is only held is not an appointment.
    """
    appointment = _found(reference)
    return appointment if appointment and is_own(request, appointment) else None


def _found(reference: str) -> Appointment | None:
    related = ("agency", "branch", "procedure__agency", "citizen", "video_call", "party", "acceptance__declaration")
    return Appointment.objects.select_related(*related).filter(reference=reference).beyond_hold().one()


def refuse_change(request: HttpRequest, appointment: Appointment) -> HttpResponse:
    """Leads to the appointment and says why it cannot be changed here."""
    error = CancelledAlready() if appointment.status == Status.CANCELLED else TooLate()
    messages.error(request, str(error))
    return redirect(appointment)


def remember(request: HttpRequest, appointment: Appointment, *, by_mail: bool = False) -> None:
    """Lets this browser open the appointment from now on. `by_mail` is whether its visitor reads mails to the address."""
    _keep(request, "appointments", appointment)
    if by_mail:
        _keep(request, "mailed", appointment)


def has_link(request: HttpRequest, appointment: Appointment) -> bool:
    """Returns whether this browser has opened a link of the appointment, with or without the second check."""
    return appointment.opened_as in request.session.get("linked", [])


def came_by_mail(request: HttpRequest, appointment: Appointment) -> bool:
    """Returns whether this browser has opened a link of our messages about the appointment, or typed a code from one."""
    return appointment.opened_as in request.session.get("mailed", [])


def is_own(request: HttpRequest, appointment: Appointment) -> bool:
    """Returns whether the visitor may see whose it is, and change it."""
    return _is_citizens(request, appointment) or appointment.opened_as in request.session.get("appointments", [])


def _is_citizens(request: HttpRequest, appointment: Appointment) -> bool:
    return request.user.is_authenticated and appointment.citizen_id == request.user.pk


def _enter(request: HttpRequest, reference: str) -> HttpResponseBase:
    appointment = Appointment.objects.filter(reference=reference).one()
    if appointment and appointment.is_link_key(request.GET["key"]):
        _keep(request, "linked", appointment)
        if appointment.is_mailed_key(request.GET["key"]):
            _keep(request, "mailed", appointment)
    elif not (appointment and is_own(request, appointment)):
        return _refuse(request)
    query = request.GET.copy()
    del query["key"]
    return redirect(f"{request.path}?{query.urlencode()}" if query else request.path)


def _keep(request: HttpRequest, name: str, appointment: Appointment) -> None:
    known = [one for one in request.session.get(name, []) if one != appointment.opened_as]
    request.session[name] = [*known, appointment.opened_as][-REMEMBERED:]


def _to_second_check(request: HttpRequest, appointment: Appointment) -> HttpResponse:
    back = urlencode({"next": request.get_full_path()})
    return redirect(f"{reverse('appointments:open', args=[appointment.reference])}?{back}")


def _refuse(request: HttpRequest) -> HttpResponse:
    """Shows the page for a wrong link. It does not tell whether the appointment exists."""
    return render(request, "appointments/booking/bad_link.html", status=403)
