"""Officers move an appointment by dropping it in the calendar (with a question first), or choose who will serve."""

from datetime import datetime, timedelta

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext
from django.views.decorators.http import require_POST

from accounts.people import signed_in
from agencies import access
from appointments import booking
from appointments.admin.forms import AssignForm, MoveForm
from appointments.admin.pages import acting, address, find, officers_page, require_slot, way_back
from appointments.errors import BookingError, NoFreeTime, SlotNotFound, WrongStatus
from appointments.models import Appointment, TimeSlot
from appointments.models.appointment import CHANGEABLE
from appointments.times import asking
from appointments.times.availability import free_times

MOMENT = timedelta(minutes=1)


@officers_page
def move(request: HttpRequest, reference: str) -> HttpResponse:
    """Shows what the move would do (GET), then moves the appointment (POST, 204). The dialog shows refusals too (409).

    Sending the form again after a lost connection changes nothing more.
    """
    appointment, now = find(request, reference), timezone.now()
    try:
        if request.method == "POST":
            return _moved(request, appointment, now)
        slot = _slot_at(appointment, request.GET.get("at", ""), now)
        asking.bookable_slot(slot.pk, appointment.procedure, appointment.channel, now=now, assisted=True)
    except BookingError as error:
        return _said(request, appointment, status=409, error=error)
    return _said(request, appointment, slot=slot)


def _moved(request: HttpRequest, appointment: Appointment, now: datetime) -> HttpResponse:
    form = MoveForm(request.POST)
    if not form.is_valid():
        raise SlotNotFound
    slot = form.cleaned_data["slot"]
    if TimeSlot.objects.filter(pk=slot, branch=appointment.branch, starts_at=appointment.starts_at).exists():
        return HttpResponse(status=204)
    if request.POST.get("revision") != str(appointment.revision):
        raise WrongStatus
    require_slot(slot, access.counters(signed_in(request)))
    booking.reschedule(appointment, slot, by=acting(request), now=now, revision=appointment.revision)
    return HttpResponse(status=204)


def _slot_at(appointment: Appointment, at: str, now: datetime) -> TimeSlot:
    """Returns the branch's slot at this ISO time on the branch's clock. Raises NoFreeTime if none can be used.

    The new time may overlap with the appointment's old time, because a move gives the old time back.
    """
    try:
        moment = appointment.branch.instant(datetime.fromisoformat(at).replace(tzinfo=None))
    except ValueError:
        raise NoFreeTime from None
    until = moment + MOMENT
    free = free_times(
        appointment.procedure,
        appointment.branch,
        appointment.channel,
        now=now,
        since=moment,
        until=until,
        assisted=True,
    )
    slots = TimeSlot.objects.filter(pk__in=[one.slot for one in free])
    if not free and abs(moment - appointment.starts_at) < appointment.ends_at - appointment.starts_at:
        own = TimeSlot.objects.filter(pk__in=appointment.slot_ids)
        slots = TimeSlot.objects.filter(rule__in=own.values("rule"))
    slot = slots.filter(branch=appointment.branch, starts_at=moment).order_by("pk").first()
    if slot is None or moment == appointment.starts_at:
        raise NoFreeTime
    return slot


def _said(
    request: HttpRequest,
    appointment: Appointment,
    *,
    slot: TimeSlot | None = None,
    error: BookingError | None = None,
    status: int = 200,
) -> HttpResponse:
    context = {"appointment": appointment, "slot": slot, "error": error, "here": request.path}
    return render(request, "admin/appointments/calendar/_move.html", context, status=status)


def assigning(appointment: Appointment) -> AssignForm | None:
    """Returns the form that chooses the officer, or None once the appointment is being served or has ended."""
    if appointment.status not in CHANGEABLE:
        return None
    return AssignForm(access.officers(appointment.branch), initial={"officer": appointment.officer_id})


@officers_page
@require_POST
def assign(request: HttpRequest, reference: str) -> HttpResponse:
    appointment = find(request, reference)
    form = AssignForm(access.officers(appointment.branch), request.POST)
    if not form.is_valid():
        messages.error(request, gettext("Choose an officer of the branch."))
        return redirect(way_back(request, appointment))
    try:
        booking.assign(appointment, form.cleaned_data["officer"], by=acting(request), now=timezone.now())
    except BookingError as error:
        messages.error(request, str(error))
    else:
        messages.success(request, gettext("Saved who will serve."))
    return redirect(address("change", appointment.reference))
