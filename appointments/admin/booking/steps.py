"""The steps that officers take with an appointment. Those that need an answer have a page; the others are one click."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from urllib.parse import quote

from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST

from accounts.people import signed_in
from agencies import access
from agencies.models import Channel
from agencies.wallclock import parse_day
from appointments import booking, counter
from appointments.admin.forms import CancelForm, MoveForm
from appointments.admin.pages import acting, find, officers_page, page, require_slot, told, way_back
from appointments.errors import BookingError, WaitedAtDoor, WrongStatus
from appointments.forms import refuse, revision_seen
from appointments.history import Actor
from appointments.models import Appointment, Desk, Status, Ticket
from appointments.times.week import SevenDays, find_seven_days


@dataclass(frozen=True)
class Step:
    """A step as officers see it: its name in addresses, its label and icon, and whether it has a page of its own."""

    name: str
    label: str | Promise
    icon: str
    asks: bool = False


ARRIVE = Step("arrive", _("Arrived"), "how_to_reg")
SERVE = Step("serve", _("Begin"), "play_arrow")
COMPLETE = Step("complete", _("Complete"), "check")
MISS = Step("miss", _("Did not come"), "person_off")
MOVE = Step("move", _("Move"), "event_repeat", asks=True)
CANCEL = Step("cancel", _("Cancel"), "event_busy", asks=True)

# The most likely next step comes first.
BY_STATUS = {
    Status.UNVERIFIED: (ARRIVE, MOVE, CANCEL),
    Status.BOOKED: (ARRIVE, SERVE, MISS, MOVE, CANCEL),
    Status.ARRIVED: (SERVE, MISS, MOVE, CANCEL),
    Status.SERVING: (COMPLETE,),
    Status.NO_SHOW: (ARRIVE,),
}


# Nobody arrives earlier than this. On the list of a later day, such a button would only be pressed by mistake.
EARLIEST = timedelta(hours=12)


def possible(appointment: Appointment, now: datetime) -> list[Step]:
    """Returns the steps that are possible now, the most likely first.

    By telephone and video nobody arrives at a counter, so the step that begins the service comes first.
    """
    begins = {ARRIVE: EARLIEST, SERVE: EARLIEST, MISS: timedelta()}
    steps = [
        step
        for step in BY_STATUS.get(Status(appointment.status), ())
        if step not in begins or now >= appointment.starts_at - begins[step]
    ]
    if appointment.channel != Channel.IN_PERSON and SERVE in steps:
        steps.sort(key=lambda step: step != SERVE)
    return steps


# One click also changes the open ticket of the appointment, if there is one, so that the queue shows the same.


def _arrive(appointment: Appointment, by: Actor, now: datetime) -> object:
    """Checks the citizen in: with a ticket on the day of the appointment, without one on another day.

    Raises WrongStatus if the appointment's status does not allow it. `check_in` may be repeated, but nobody should
    arrive twice.
    """
    _require(ARRIVE, appointment)
    if _is_today(appointment, now):
        return counter.check_in(appointment, by=by, now=now)
    return booking.arrive(appointment, by=by, now=now)


def _serve(appointment: Appointment, by: Actor, now: datetime) -> object:
    """Calls the citizen to the officer's desk and begins the service.

    An officer without a desk calls the name aloud, so the ticket begins without a desk.
    """
    _require(SERVE, appointment)
    with transaction.atomic():
        ticket = _ticket(appointment)
        if ticket is None and not _is_today(appointment, now):
            return booking.serve(appointment, by=by, now=now)
        if ticket is None:
            called = appointment.channel != Channel.IN_PERSON and appointment.status == Status.BOOKED
            ticket = (
                counter.admit(appointment, by=by, now=now) if called else counter.check_in(appointment, by=by, now=now)
            )
        desk = Desk.objects.filter(branch=appointment.branch, officer=by.officer).first()
        if desk and ticket.state in (Ticket.State.WAITING, Ticket.State.PARKED):
            ticket = counter.call(ticket, desk, by=by, now=now)
        return counter.serve(ticket, by=by, now=now)


def _complete(appointment: Appointment, by: Actor, now: datetime) -> object:
    if ticket := _ticket(appointment):
        return counter.complete(ticket, by=by, now=now)
    return booking.complete(appointment, by=by, now=now)


def _miss(appointment: Appointment, by: Actor, now: datetime, *, sure: bool = False) -> object:
    if ticket := _ticket(appointment):
        return counter.miss(ticket, by=by, now=now, sure=sure)
    return booking.miss(appointment, by=by, now=now, sure=sure)


def _require(step: Step, appointment: Appointment) -> None:
    if step not in BY_STATUS.get(Status(appointment.status), ()):
        raise WrongStatus


def _ticket(appointment: Appointment) -> Ticket | None:
    """Returns the appointment's open ticket, or None. After midnight this may be a ticket of the day before."""
    return Ticket.objects.open().filter(appointment=appointment).first()


def _is_today(appointment: Appointment, now: datetime) -> bool:
    return appointment.branch.today(appointment.starts_at) == appointment.branch.today(now)


ONE_CLICK: dict[str, tuple[Step, Callable[[Appointment, Actor, datetime], object]]] = {
    "arrive": (ARRIVE, _arrive),
    "serve": (SERVE, _serve),
    "complete": (COMPLETE, _complete),
    "miss": (MISS, _miss),
}


@officers_page
@require_POST
def take(request: HttpRequest, reference: str, name: str) -> HttpResponse:
    """Takes a one-click step. If it comes too late (two officers, an old page), it only shows an error."""
    appointment = find(request, reference)
    _step, run = ONE_CLICK[name]
    if name == "miss" and "sure" in request.POST:
        run = partial(_miss, sure=True)
    try:
        done = run(appointment, acting(request), timezone.now())
    except WaitedAtDoor:
        context = {"title": gettext("Did not come"), "appointment": appointment, "next": way_back(request, appointment)}
        return page(request, "calls/sure.html", context)
    except BookingError as error:
        messages.error(request, f"{appointment.spoken_reference}: {error}")
    else:
        if isinstance(done, Ticket) and done.appointment_id != appointment.pk:
            messages.info(request, _booked_again(done))
    return HttpResponseRedirect(f"{way_back(request, appointment)}#{appointment.reference}")


def _booked_again(checked_in: Ticket) -> str:
    """Returns the text for an officer who checked in a missed citizen who has booked again since."""
    text = gettext("The citizen has booked again. The new appointment is checked in: %(reference)s, number %(number)s.")
    new = checked_in.appointment
    return text % {"reference": new.spoken_reference if new else "", "number": checked_in.spoken_number}


@officers_page
def cancel(request: HttpRequest, reference: str) -> HttpResponse:
    appointment = find(request, reference)
    form = CancelForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        reason, seen = form.cleaned_data["reason"], revision_seen(request.POST)
        try:
            booking.cancel(appointment, by=acting(request), now=timezone.now(), reason=reason, revision=seen)
        except BookingError as error:
            refuse(form, error)
        else:
            messages.success(request, gettext("Cancelled: %(name)s, %(reference)s.") % told(appointment))
            return redirect(way_back(request, appointment))
    return page(request, "booking/cancel.html", _asking(request, appointment, form, gettext("Cancel the appointment")))


@officers_page
def move(request: HttpRequest, reference: str) -> HttpResponse:
    appointment, now = find(request, reference), timezone.now()
    form = MoveForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        slot, seen = form.cleaned_data["slot"], revision_seen(request.POST)
        try:
            require_slot(slot, access.counters(signed_in(request)))
            booking.reschedule(appointment, slot, by=acting(request), now=now, revision=seen)
        except BookingError as error:
            refuse(form, error)
        else:
            messages.success(request, gettext("Moved: %(name)s, %(reference)s.") % told(appointment))
            return redirect(way_back(request, appointment))
    times = _times_for_move(request, appointment, now)
    context = _asking(request, appointment, form, gettext("Move the appointment")) | {"times": times}
    return page(request, "booking/move.html", context)


def _times_for_move(request: HttpRequest, appointment: Appointment, now: datetime) -> SevenDays:
    """Returns seven days of free times from the day in the address, or else from the day of the appointment."""
    asked = parse_day(request.GET.get("from", "")) or appointment.branch.today(max(now, appointment.starts_at))
    return find_seven_days(appointment.procedure, appointment.branch, appointment.channel, asked=asked, now=now)


def _asking(request: HttpRequest, appointment: Appointment, form: object, title: str) -> dict[str, object]:
    back = way_back(request, appointment)
    return {
        "title": title,
        "appointment": appointment,
        "form": form,
        "next": back,
        "next_quoted": quote(back, safe=""),
        "changeable": MOVE in BY_STATUS.get(Status(appointment.status), ()),
    }
