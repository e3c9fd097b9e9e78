"""The entrance to a video appointment. Messages carry only this address of our own, never the provider's."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import wraps
from math import ceil

from django.contrib import messages
from django.db import DatabaseError
from django.http import HttpRequest
from django.http.response import HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from agencies.models import Channel
from appointments import booking
from appointments.calls.provision import ON_THE_DAY
from appointments.counter import arrivals
from appointments.errors import BookingError
from appointments.forms import PhoneForm, refuse
from appointments.models import Appointment, Status
from appointments.views import acting
from appointments.views.entry import for_appointment
from videocalls import rooms
from videocalls.providers import Visitor

View = Callable[[HttpRequest, Appointment, Visitor], HttpResponseBase]


def for_participant(view: View) -> Callable[[HttpRequest, str], HttpResponseBase]:
    """Gives the view the video appointment and the visitor: an officer of the branch as host, or the citizen."""

    @for_appointment
    def as_citizen(request: HttpRequest, appointment: Appointment) -> HttpResponseBase:
        if appointment.channel != Channel.VIDEO:
            return redirect(appointment)
        return view(request, appointment, Visitor(key="citizen", name=appointment.name))

    @wraps(view)
    def opened(request: HttpRequest, reference: str) -> HttpResponseBase:
        if hosted := _hosted(request, reference):
            officer = request.user
            return view(request, hosted, Visitor(key=f"officer-{officer.pk}", name=str(officer), is_host=True))
        return as_citizen(request, reference)

    return never_cache(opened)


def _hosted(request: HttpRequest, reference: str) -> Appointment | None:
    """Returns the video appointment if the signed-in officer serves at its branch, otherwise None."""
    if not (request.user.is_authenticated and request.user.is_officer):
        return None
    appointments = Appointment.objects.seen_by(request.user).filter(channel=Channel.VIDEO, reference=reference)
    related = appointments.select_related("agency", "branch", "procedure", "citizen", "video_call")
    return related.beyond_hold().first()


@dataclass(frozen=True, slots=True)
class Door:
    """Whether and how the visitor can join now.

    `state` is one of cancelled, unverified, over, early, open. `opens_at` is in UTC, `wait` is the time until then.
    `by_phone` says that the officer calls instead, and `failed` that this was not planned.
    """

    state: str
    opens_at: datetime
    wait: timedelta
    by_phone: bool
    failed: bool

    @property
    def wait_minutes(self) -> int:
        return ceil(self.wait / timedelta(minutes=1))

    @property
    def takes_number(self) -> bool:
        """Returns whether the citizen can still correct the telephone number."""
        return self.state in ("early", "open")


def door_of(appointment: Appointment, *, now: datetime) -> Door:
    opens_at, closes_at = appointment.call_window
    call = appointment.video_call
    state = _state(appointment, opens_at, closes_at, now)
    # Before the room opens, the call may still be made or tried again. So nothing has failed yet.
    failed = state == "open" and (call is None or call.state != call.State.READY)
    by_phone = failed or (call is not None and not rooms.is_hosted(call))
    return Door(state, opens_at, max(opens_at - now, timedelta()), by_phone, failed)


def _state(appointment: Appointment, opens_at: datetime, closes_at: datetime, now: datetime) -> str:
    if appointment.status == Status.CANCELLED:
        return "cancelled"
    if appointment.status == Status.UNVERIFIED:
        return "unverified"
    if appointment.status not in ON_THE_DAY or now >= closes_at:
        return "over"
    return "early" if now < opens_at else "open"


@require_http_methods(["GET", "HEAD", "POST"])
@for_participant
def join(request: HttpRequest, appointment: Appointment, visitor: Visitor) -> HttpResponseBase:
    """Shows when the room opens, then the way in, or that the officer will call. The citizen can correct the number."""
    typed = request.POST if request.method == "POST" else None
    form = PhoneForm(appointment.branch.country, typed, initial={"phone": appointment.phone})
    if not visitor.is_host and form.is_valid() and _correct_number(request, appointment, form):
        messages.success(request, _("Thank you. The officer sees the new number."))
        return redirect("appointments:join", appointment.reference)
    context = {
        "appointment": appointment,
        "agency": appointment.agency,
        "visitor": visitor,
        "door": door_of(appointment, now=timezone.now()),
        "form": form,
    }
    return render(request, "appointments/calls/join.html", context)


def _correct_number(request: HttpRequest, appointment: Appointment, form: PhoneForm) -> bool:
    """Returns whether the new number is kept. Otherwise the form says why not."""
    to = booking.NewContact(appointment.email, form.cleaned_data["phone"])
    try:
        booking.correct(appointment, to, by=acting.visitor(request), now=timezone.now())
    except BookingError as error:
        refuse(form, error)
        return False
    return True


@require_safe
@for_participant
def enter(request: HttpRequest, appointment: Appointment, visitor: Visitor) -> HttpResponse:
    """Redirects to the provider's room with a token made now. If there is no way in, redirects to the join page."""
    now = timezone.now()
    call = appointment.video_call
    is_open = _state(appointment, *appointment.call_window, now) == "open"
    if is_open and not visitor.is_host:
        with suppress(BookingError, DatabaseError):  # an error of the queue must not keep the citizen out
            arrivals.check_in_remotely(appointment, by=acting.visitor(request), now=now)
    if call and is_open and (address := rooms.enter(call, visitor, now=now)):
        return redirect(address)
    return redirect("appointments:join", appointment.reference)
