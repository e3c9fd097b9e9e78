"""The entrance to a video appointment. Messages carry only this address of our own, never the provider's."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from functools import wraps

from django.contrib import messages
from django.http import HttpRequest
from django.http.response import HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from agencies.models import Channel
from appointments import booking
from appointments.calls import meeting
from appointments.calls.door import Door, Role, digest, door_of
from appointments.calls.guests import mailed_links
from appointments.calls.roles import host_key
from appointments.counter import arrivals
from appointments.counter.arrivals import Place
from appointments.errors import BookingError
from appointments.forms import PhoneForm, refuse
from appointments.models import Appointment, Status
from appointments.views import acting, changes
from appointments.views.entry import for_appointment
from videocalls import presence, rooms
from videocalls.models import Participant
from videocalls.presence import RoomFull
from videocalls.providers import Visitor

CITIZEN = "citizen"
View = Callable[[HttpRequest, Appointment, Visitor], HttpResponseBase]


def for_participant(view: View) -> Callable[[HttpRequest, str], HttpResponseBase]:
    """Gives the view the video appointment and the visitor: an officer of the branch as host, or the citizen."""

    @for_appointment
    def as_citizen(request: HttpRequest, appointment: Appointment) -> HttpResponseBase:
        if appointment.channel != Channel.VIDEO:
            return redirect(appointment)
        back = reverse("appointments:join", args=[appointment.reference])
        return view(request, appointment, Visitor(key=CITIZEN, name=appointment.name, back=back))

    @wraps(view)
    def opened(request: HttpRequest, reference: str) -> HttpResponseBase:
        if hosted := _hosted(request, reference):
            officer, back = request.user, _desk_of(hosted)
            host = Visitor(key=host_key(officer.pk), name=str(officer), is_host=True, back=back)
            return view(request, hosted, host)
        return as_citizen(request, reference)

    return never_cache(opened)


def _desk_of(appointment: Appointment) -> str:
    """Returns the address of the officers' page about the call."""
    return reverse("admin:appointments_call", args=[appointment.reference])


def _hosted(request: HttpRequest, reference: str) -> Appointment | None:
    """Returns the video appointment if the signed-in officer serves at its branch, otherwise None."""
    if not (request.user.is_authenticated and request.user.is_officer):
        return None
    appointments = Appointment.objects.seen_by(request.user).filter(channel=Channel.VIDEO, reference=reference)
    related = appointments.select_related("agency", "branch", "procedure", "citizen", "video_call")
    return related.beyond_hold().first()


@dataclass(frozen=True)
class Waiting:
    """What the citizen's page shows on this device: the door, where the citizen stands, and the place in the line."""

    appointment: Appointment
    door: Door
    participant: Participant | None
    device: str
    place: Place | None = None

    @property
    def stands(self) -> str:
        """Returns where the citizen is while the door is open: outside, waiting, inside, left, or elsewhere.

        Elsewhere is at another device. If that one is away while the citizen only waits, this one takes its place by itself.
        """
        person = self.participant
        if self.door.state != "open" or person is None or person.waiting_from is None:
            return "outside"
        if person.left_at is not None and not person.is_inside:
            return "left"
        if presence.is_elsewhere(person, self.device):
            is_kept = person.is_inside or presence.is_here(person, now=self.door.now)
            return "elsewhere" if is_kept else "outside"
        return "inside" if person.is_inside else "waiting"

    @property
    def is_inside(self) -> bool:
        """Returns whether the citizen is inside, with whatever device."""
        return self.participant is not None and self.participant.is_inside

    @property
    def told(self) -> str:
        return self.participant.told if self.participant and self.stands == "waiting" else ""

    @property
    def may_rate(self) -> bool:
        return self.appointment.status == Status.COMPLETED and self.appointment.rated_at is None

    @property
    def is_to_rate(self) -> bool:
        """Returns whether the citizen comes from a call that is completed now."""
        return self.may_rate and self.participant is not None and self.participant.waiting_from is not None

    @property
    def goes_to(self) -> str:
        """Returns where the page goes by itself, or "": into the room, or to the rating after the call."""
        if self.stands == "inside" and not self.door.by_phone:
            return reverse("appointments:enter", args=[self.appointment.reference])
        return reverse("appointments:rate", args=[self.appointment.reference]) if self.is_to_rate else ""

    def state(self, now: datetime) -> str:
        """Returns what the page shows, in short. The line counts only for who waits in it."""
        door, branch = self.door, self.appointment.branch
        shown = (
            door.state,
            door.by_phone,
            door.failed,
            door.phone_by,
            door.opens_at.isoformat(),
            self.stands,
            self.is_inside,
            self.told,
        )
        line = changes.of_branch(branch, branch.today(now), now=now) if self.stands == "waiting" else ""
        return digest(*shown, self.appointment.status, self.appointment.phone, line)


@require_http_methods(["GET", "HEAD", "POST"])
@for_participant
def join(request: HttpRequest, appointment: Appointment, visitor: Visitor) -> HttpResponseBase:
    """The page of who waits for the call. Officers have a page of their own."""
    if visitor.is_host:
        return redirect(visitor.back)
    now = timezone.now()
    if request.method == "POST":
        return _answer(request, appointment, visitor, now)
    waiting = _waiting(request, appointment, now)
    if waiting.is_to_rate and "seen" not in request.GET:
        return redirect(waiting.goes_to)
    state = waiting.state(now)
    if changes.is_unchanged(request, state):
        response = HttpResponse(status=204)
    else:
        response = _page(request, waiting, state, PhoneForm(appointment.branch.country, initial=_number(appointment)))
    response.headers["X-Left"] = str(waiting.door.wait_seconds)
    return response


def _number(appointment: Appointment) -> dict[str, str]:
    return {"phone": appointment.phone}


def _waiting(request: HttpRequest, appointment: Appointment, now: datetime) -> Waiting:
    """Reads where the citizen stands. While the citizen waits, the page that asks keeps the place."""
    call = appointment.video_call
    participant = call.participants.filter(key=CITIZEN).first() if call else None
    waiting = Waiting(appointment, door_of(appointment, now=now), participant, acting.device_of(request))
    if participant and waiting.stands == "waiting":
        presence.keep_alive(participant, now=now)
    return waiting


def _page(request: HttpRequest, waiting: Waiting, state: str, form: PhoneForm) -> HttpResponse:
    appointment, now = waiting.appointment, waiting.door.now
    if waiting.stands == "waiting":
        waiting = replace(waiting, place=_place(request, appointment, now))
    call = appointment.video_call
    invites = waiting.door.takes_number and call is not None and rooms.is_hosted(call)
    context = {
        "appointment": appointment,
        "agency": appointment.agency,
        "waiting": waiting,
        "door": waiting.door,
        "state": state,
        "form": form,
        "guests": call.participants.filter(role=Role.GUEST).exclude(token="") if call and invites else [],
        "may_invite": invites,
        "mailed": list(mailed_links(call)) if invites else [],
        "seats": presence.GUESTS,
    }
    template = "_door.html" if "seen" in request.GET else "join.html"
    return render(request, f"appointments/calls/{template}", context)


def _place(request: HttpRequest, appointment: Appointment, now: datetime) -> Place | None:
    """Returns the citizen's place in the line. Whoever came before midnight gets one on the day."""
    by = acting.visitor(request)
    ticket = arrivals.open_ticket(appointment, now=now) or meeting.check_in(appointment, by=by, now=now)
    return arrivals.place_of(ticket, now=now) if ticket else None


def _answer(request: HttpRequest, appointment: Appointment, visitor: Visitor, now: datetime) -> HttpResponse:
    """Does what a button of the page says. A late press changes nothing."""
    step, by = request.POST.get("step", "number"), acting.visitor(request)
    if step == "arrive":
        # A page of before, or one that sends the form by itself, takes the place of no other device.
        if "here" in request.POST or _waiting(request, appointment, now).stands != "elsewhere":
            meeting.arrive(appointment, visitor, device=acting.device_of(request), by=by, now=now)
        return redirect(visitor.back)
    if step == "video":
        meeting.leave_phone(appointment, by=by, now=now)
        return redirect(visitor.back)
    form = PhoneForm(appointment.branch.country, request.POST, initial=_number(appointment))
    if not form.is_valid() or not _correct_number(request, appointment, form, now):
        waiting = _waiting(request, appointment, now)
        return _page(request, waiting, waiting.state(now), form)
    if step == "phone":
        _ask_for_call(request, appointment, visitor, now)
    else:
        messages.success(request, _("Thank you. The officer sees the new number."))
    return redirect(visitor.back)


def _ask_for_call(request: HttpRequest, appointment: Appointment, visitor: Visitor, now: datetime) -> None:
    """Asks the officer to call by telephone. Whoever asks while the door is open has come."""
    by = acting.visitor(request)
    try:
        meeting.take_phone(appointment, Role.VISITOR, by=by, now=now)
    except BookingError as error:
        messages.error(request, str(error))
        return
    appointment.refresh_from_db(fields=["video_call"])
    if _waiting(request, appointment, now).stands in ("outside", "left"):
        meeting.arrive(appointment, visitor, device=acting.device_of(request), by=by, now=now)


def _correct_number(request: HttpRequest, appointment: Appointment, form: PhoneForm, now: datetime) -> bool:
    """Returns whether the new number is kept. Otherwise the form says why not."""
    to = booking.NewContact(appointment.email, form.cleaned_data["phone"])
    try:
        booking.correct(appointment, to, by=acting.visitor(request), now=now)
    except BookingError as error:
        refuse(form, error)
        return False
    return True


@require_safe
@for_participant
def enter(request: HttpRequest, appointment: Appointment, visitor: Visitor) -> HttpResponse:
    """Redirects to the visitor's own address of the room, made now. If there is no way in, leads back to the door."""
    now, call = timezone.now(), appointment.video_call
    if call and door_of(appointment, now=now).has_room and _may_enter(request, appointment, visitor, now):
        return redirect(rooms.enter(call, visitor, now=now) or visitor.back)
    return redirect(visitor.back)


def _may_enter(request: HttpRequest, appointment: Appointment, visitor: Visitor, now: datetime) -> bool:
    """Returns whether the visitor has a seat in the room. An officer takes one by entering."""
    call = appointment.video_call
    if call is None:
        return False
    if not visitor.is_host:
        person = call.participants.inside().filter(key=visitor.key).first()
        if person:
            presence.go_on_at(person, acting.device_of(request))
        return person is not None
    try:
        presence.arrive(call, visitor, now=now)
    except RoomFull:
        messages.error(request, _("All seats of the video call are taken. Somebody has to leave first."))
        return False
    return True
