"""The officers' page about one video call: who is at the door and inside, what to do, and the identity on camera."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.loader import render_to_string
from django.urls import path, reverse
from django.utils import timezone, translation
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from agencies.models import Channel
from appointments.admin.forms import IdentityForm
from appointments.admin.pages import acting, find, officers_page, page, way_back
from appointments.calls import identity, meeting
from appointments.calls.door import Role, at_door, digest, door_of
from appointments.calls.guests import mailed_links
from appointments.errors import BookingError
from appointments.history import Actor
from appointments.models import Appointment, IdentityCheck, Status
from videocalls import presence, rooms
from videocalls.models import VideoCall

NOT_YET = "soon"
# What officers say by one press to who waits. It is said in the citizen's language.
SAYINGS = {
    NOT_YET: _("One moment, please. I will let you in soon."),
    "longer": _("It takes some more minutes. Please stay on this page."),
    "documents": _("Please have your identity card and your documents at hand."),
    "sound": _("Please check that your microphone and your camera are on."),
}


@dataclass(frozen=True)
class Press:
    """A button of the page that an officer pressed, with the fields of its form."""

    appointment: Appointment
    call: VideoCall
    by: Actor
    now: datetime
    form: Mapping[str, str]


def _admit(press: Press) -> None:
    meeting.let_in(press.appointment, _who(press), by=press.by, now=press.now)


def _tell(press: Press) -> None:
    saying = SAYINGS.get(press.form.get("saying", ""))
    with translation.override(press.appointment.language):
        presence.tell(_who(press), press.form.get("text", "").strip() or (str(saying) if saying else ""))


def _who(press: Press) -> Any:
    return get_object_or_404(press.call.participants.select_related("call"), key=press.form.get("who", ""))


STEPS: dict[str, Callable[[Press], object]] = {
    "admit": _admit,
    "tell": _tell,
    "phone": lambda press: meeting.take_phone(press.appointment, Role.HOST, by=press.by, now=press.now),
    "video": lambda press: meeting.leave_phone(press.appointment, by=press.by, now=press.now),
    "end": lambda press: presence.end(press.call, now=press.now),
    "go-on": lambda press: presence.go_on(press.call),
}


@require_safe
@never_cache
@officers_page
def call_page(request: HttpRequest, reference: str) -> HttpResponse:
    """Shows the call. A page that asks with `seen` gets 204 while nothing has changed, or the part that has."""
    appointment, now = _found(request, reference), timezone.now()
    panel = panel_of(appointment, now)
    if request.GET.get("seen") == panel["panel_state"]:
        return HttpResponse(status=204)
    if "seen" in request.GET:
        return HttpResponse(render_to_string("admin/appointments/calls/_panel.html", panel, request))
    context = panel | {
        "title": gettext("Video call"),
        "origin": settings.SITE_URL,
        "mailed": list(mailed_links(appointment.video_call)),
        "goes_in": "in" in request.GET and panel["door"].has_room,
        "enter_url": reverse("appointments:enter", args=[reference]),
    }
    return page(request, "calls/call.html", context)


@officers_page
@require_POST
def take(request: HttpRequest, reference: str, step: str) -> HttpResponse:
    """Does what a button says. After letting the citizen in, the page leads the officer into the room."""
    if step not in STEPS:
        raise Http404
    appointment = _found(request, reference)
    here, call = reverse("admin:appointments_call", args=[reference]), appointment.video_call
    if call is None:
        return redirect(here)
    try:
        STEPS[step](Press(appointment, call, acting(request), timezone.now(), request.POST))
    except BookingError as error:
        messages.error(request, str(error))
        return redirect(here)
    if step == "admit" and request.POST.get("enter"):
        return redirect(f"{here}?in=1")
    return redirect(way_back(request, appointment) if "next" in request.POST else here)


@officers_page
@require_POST
def check_identity(request: HttpRequest, reference: str) -> HttpResponse:
    appointment = _found(request, reference)
    form = IdentityForm(request.POST)
    if form.is_valid():
        try:
            identity.check(appointment, **form.cleaned_data, by=acting(request), now=timezone.now())
        except BookingError as error:
            messages.error(request, str(error))
        else:
            messages.success(request, gettext("The identity check is saved."))
    else:
        messages.error(request, gettext("The identity check is not saved: the date is wrong."))
    return redirect(way_back(request, appointment))


def panel_of(appointment: Appointment, now: datetime) -> dict[str, Any]:
    """Returns the context of the part about the door, for this page and the page of who serves the citizen."""
    door, call = door_of(appointment, now=now), appointment.video_call
    at = at_door(call, now=now) if call else None
    state = digest(door.state, door.by_phone, appointment.status, appointment.phone, at.state if at else "")
    return {
        "appointment": appointment,
        "door": door,
        "at": at,
        "is_hosted": call is not None and rooms.is_hosted(call),
        "sayings": SAYINGS,
        "not_yet": NOT_YET,
        "seats": presence.GUESTS,
        "panel_state": state,
        "now": now,
    }


def identity_of(appointment: Appointment) -> dict[str, Any]:
    """Returns the context of the checklist, for the page of who serves the citizen."""
    made = IdentityCheck.objects.select_related("officer").filter(appointment=appointment).first()
    names = ("is_shown", "is_same_face", "valid_until")
    initial = {name: getattr(made, name) for name in names} if made else None
    may_check = appointment.channel == Channel.VIDEO and appointment.status == Status.SERVING
    return {"identity": made, "identity_form": IdentityForm(initial=initial), "may_check_identity": may_check}


def _found(request: HttpRequest, reference: str) -> Appointment:
    """Returns the video appointment at one of the officer's branches. Raises Http404 for others."""
    appointment = find(request, reference)
    if appointment.channel != Channel.VIDEO:
        raise Http404
    return appointment


urls = [
    path("<str:reference>/call/", call_page, name="appointments_call"),
    path("<str:reference>/call/identity/", check_identity, name="appointments_call_identity"),
    path("<str:reference>/call/<slug:step>/", take, name="appointments_call_step"),
]
