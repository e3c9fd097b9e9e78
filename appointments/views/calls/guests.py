"""The guests of a video call: an interpreter or a companion, with a link of their own.

The link shows neither whose appointment it is nor what it is about. Whoever opens it gives a name and waits, until an
officer has looked who it is. One browser at a time holds the link, and another one has to wait anew.
"""

from dataclasses import dataclass
from datetime import datetime

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.limits import DatabaseLimit
from accounts.limits.networks import network_of
from appointments.calls.door import Door, Role, digest, door_of
from appointments.calls.guests import send_link
from appointments.errors import TooManyLinks
from appointments.forms import GuestForm, GuestMailForm, refuse
from appointments.models import Appointment
from appointments.views import changes
from appointments.views.calls.join import for_participant
from videocalls import presence, rooms
from videocalls.models import Participant
from videocalls.providers import Visitor

REMEMBERED = 20  # guests that a browser can be
# Mails with links that citizens send from one network.
LINKS = DatabaseLimit("guests-links", 10, 60 * 60)


@require_POST
@for_participant
def invite(request: HttpRequest, appointment: Appointment, visitor: Visitor) -> HttpResponseBase:
    """Makes a link for a guest, or takes one back. Whoever can join the call may do so."""
    call, now = appointment.video_call, timezone.now()
    if call and (token := request.POST.get("withdraw", "")):
        for guest in call.participants.filter(role=Role.GUEST, token=token):
            presence.withdraw(guest, now=now)
    elif not (call and door_of(appointment, now=now).takes_number and presence.invite(call)):
        messages.warning(request, _("There is no seat for another guest."))
    return redirect(f"{visitor.back}#guests")


@require_http_methods(["GET", "HEAD", "POST"])
@for_participant
def send(request: HttpRequest, appointment: Appointment, visitor: Visitor) -> HttpResponseBase:
    """Sends a guest's link by mail. Whoever may take the link back may send it. The page is for who mistypes."""
    call, now = appointment.video_call, timezone.now()
    token = request.GET.get("guest") or "-"
    found = call.participants.filter(role=Role.GUEST, token=token).first() if call else None
    if found is None or not door_of(appointment, now=now).takes_number:
        return redirect(f"{visitor.back}#guests")
    form = GuestMailForm(request.POST if request.method == "POST" else None)
    if form.is_valid() and _is_sent(request, form, found, now):
        messages.success(request, _("The link is on its way."))
        return redirect(f"{visitor.back}#guests")
    context = {"agency": appointment.agency, "guest": found, "form": form, "back_url": f"{visitor.back}#guests"}
    return render(request, "appointments/calls/send_link.html", context)


def _is_sent(request: HttpRequest, form: GuestMailForm, found: Participant, now: datetime) -> bool:
    """Returns whether the mail is owed. Otherwise the form says why not. Officers of one office share a network."""
    if not (request.user.is_authenticated and request.user.is_officer) and LINKS.passed(network_of(request), now=now):
        refuse(form, TooManyLinks())
        return False
    try:
        send_link(found, form.cleaned_data["email"], language=get_language() or "el", now=now)
    except TooManyLinks as error:
        refuse(form, error)
        return False
    return True


@dataclass(frozen=True)
class Come:
    """A guest's link that is opened: the guest, the appointment (which the page must not show), and the door.

    `stands` says where this browser's guest is: outside, waiting, inside, or left.
    """

    guest: Participant
    appointment: Appointment
    door: Door
    stands: str

    @property
    def goes_to(self) -> str:
        inside = self.stands == "inside" and not self.door.by_phone
        return reverse("appointments:guest_enter", args=[self.guest.token]) if inside else ""

    @property
    def asks_name(self) -> bool:
        return self.door.has_room and self.stands in ("outside", "left")

    @property
    def state(self) -> str:
        return digest(self.door.state, self.door.by_phone, self.stands, self.guest.told, self.door.opens_at)


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def guest(request: HttpRequest, token: str) -> HttpResponse:
    """The page of a guest: asks for a name, then waits at the door."""
    now = timezone.now()
    come = _opened(request, token, now)
    if come is None:
        return render(request, "appointments/calls/guest_gone.html", status=404)
    form = GuestForm(request.POST if request.method == "POST" else None)
    if come.door.state == "open" and form.is_valid():
        return _wait(request, come.guest, form.cleaned_data["name"], now)
    if come.stands in ("waiting", "inside"):
        presence.keep_alive(come.guest, now=now)
    response = HttpResponse(status=204) if changes.is_unchanged(request, come.state) else _page(request, come, form)
    response.headers["X-Left"] = str(come.door.wait_seconds)
    return response


def _page(request: HttpRequest, come: Come, form: GuestForm) -> HttpResponse:
    template = "_guest.html" if "seen" in request.GET else "guest.html"
    place = {"agency": come.appointment.agency, "branch": come.appointment.branch}
    shown = {"door": come.door, "guest": come.guest, "stands": come.stands, "state": come.state, "form": form}
    context = place | shown | {"goes_to": come.goes_to, "asks_name": come.asks_name}
    return render(request, f"appointments/calls/{template}", context)


@require_safe
@never_cache
def enter(request: HttpRequest, token: str) -> HttpResponse:
    """Redirects the guest who was let in to the room."""
    now, back = timezone.now(), reverse("appointments:guest", args=[token])
    come = _opened(request, token, now)
    if come is None or come.stands != "inside" or not come.door.has_room:
        return redirect(back)
    visitor = Visitor(key=come.guest.key, name=come.guest.name, back=back)
    return redirect(rooms.enter(come.guest.call, visitor, now=now) or back)


def _opened(request: HttpRequest, token: str, now: datetime) -> Come | None:
    """Returns what the link opens, or None if it opens nothing: it was taken back, or the call is over."""
    found = Participant.objects.select_related("call").filter(role=Role.GUEST, token=token).first()
    related = Appointment.objects.select_related("agency", "branch", "video_call")
    appointment = related.filter(video_call=found.call).first() if found else None
    if found is None or appointment is None:
        return None
    door = door_of(appointment, now=now)
    stands = _stands(found) if found.key in _known(request) else "outside"
    return Come(found, appointment, door, stands) if door.takes_number else None


def _known(request: HttpRequest) -> list[str]:
    """Returns the guests whose names this browser has given."""
    return request.session.get("guests", [])


def _stands(guest: Participant) -> str:
    if guest.is_inside:
        return "inside"
    return "waiting" if guest.left_at is None else "left"


def _wait(request: HttpRequest, guest: Participant, name: str, now: datetime) -> HttpResponse:
    if guest.key in _known(request):
        come: Participant | None = presence.arrive(guest.call, Visitor(guest.key, name), now=now)
    else:
        come = presence.claim(guest, name, now=now)
    if come is None:
        messages.error(request, _("Somebody uses this link at the moment. Ask for another one."))
    else:
        request.session["guests"] = [*(key for key in _known(request) if key != come.key), come.key][-REMEMBERED:]
    return redirect("appointments:guest", guest.token)
