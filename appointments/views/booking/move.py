"""The citizen moves an appointment: choose a time, compare both, confirm.

The old time is kept until the new one is sure.
"""

from datetime import datetime

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from agencies import offering
from agencies.models import Branch
from agencies.wallclock import parse_day
from appointments import booking
from appointments.booking import telling
from appointments.booking.allowance import overlaps
from appointments.errors import BookingError, LimitReached, SlotTaken
from appointments.forms import TimeForm, revision_seen
from appointments.models import Appointment
from appointments.times import asking, glance
from appointments.times.asking import AskedTime
from appointments.times.week import find_week
from appointments.views.acting import visitor
from appointments.views.entry import for_appointment, refuse_change
from appointments.views.times import elsewhere


@require_safe
@for_appointment
def move(request: HttpRequest, appointment: Appointment) -> HttpResponse:
    now = timezone.now()
    if not appointment.may_change(now):
        return refuse_change(request, appointment)
    return _times(request, appointment, TimeForm(), now)


@require_safe
@for_appointment
def move_branch(request: HttpRequest, appointment: Appointment) -> HttpResponse:
    now, procedure = timezone.now(), appointment.procedure
    if not appointment.may_change(now):
        return refuse_change(request, appointment)
    offered = offering.current()
    branches = offered.serving(procedure, appointment.channel)
    context = {"appointment": appointment, "agency": appointment.agency, "keep": []}
    free = glance.earliest_in([appointment.channel], procedure, offered, now=now)[appointment.channel]
    context |= elsewhere.to_choose_from(request, branches, free)
    return render(request, "appointments/booking/move_branch.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@for_appointment
def move_check(request: HttpRequest, appointment: Appointment) -> HttpResponse:
    now = timezone.now()
    if not appointment.may_change(now):
        return refuse_change(request, appointment)
    form = TimeForm(request.POST if request.method == "POST" else request.GET)
    slot = _slot(form, appointment, now)
    overlap = _at_same_time(request, appointment, slot) if slot else None
    is_told = not overlap or request.POST.get("overlap") == overlap.reference
    if slot and request.method == "POST" and is_told and _move(request, appointment, slot, form, now):
        messages.success(request, _("Your appointment has been moved. We have sent you the new time."))
        return redirect(appointment)
    if slot is None or form.errors:
        return _times(request, appointment, form, now)
    context = {"appointment": appointment, "agency": appointment.agency, "slot": slot, "form": form, "overlap": overlap}
    context["branch"] = Branch.objects.get(pk=slot.branch_id)
    return render(request, "appointments/booking/move_check.html", context)


def _move(request: HttpRequest, appointment: Appointment, slot: AskedTime, form: TimeForm, now: datetime) -> bool:
    """Moves the appointment, and returns whether that was possible. Otherwise the form says why not."""
    try:
        seen = revision_seen(request.POST)
        booking.reschedule(appointment, slot.pk, by=visitor(request), now=now, revision=seen)
    except LimitReached as error:
        form.add_error("slot", str(_limited(error, request, appointment, now)))
    except BookingError as error:
        form.add_error("slot", str(error))
    return not form.errors


def _at_same_time(request: HttpRequest, appointment: Appointment, slot: AskedTime) -> Appointment | None:
    """Returns another appointment that the visitor has at the chosen time. It is no obstacle, but is told."""
    who, known = visitor(request).citizen, request.session.get("appointments", [])
    ends_at = slot.starts_at + (appointment.ends_at - appointment.starts_at)
    keys = [appointment.person_key] if appointment.person_key else []
    return overlaps.at_same_time(keys, who, slot.starts_at, ends_at, known=known, but=appointment)


def _limited(error: LimitReached, request: HttpRequest, appointment: Appointment, now: datetime) -> BookingError:
    """Returns what the visitor may know of the person's other appointments."""
    keys, known = [appointment.person_key], request.session.get("appointments", [])
    return telling.refusal(error, keys, visitor(request).citizen, appointment.procedure, known=known, now=now)


def _slot(form: TimeForm, appointment: Appointment, now: datetime) -> AskedTime | None:
    """Returns the chosen time if the appointment may move there as far as the rules say.

    Otherwise the form says why not.
    """
    if not form.is_valid():
        return None
    try:
        channel = appointment.channel
        slot = asking.bookable_slot(form.cleaned_data["slot"], appointment.procedure, channel, now=now)
        has_desk = slot.has_desk or slot.pk in appointment.slot_ids
        if not has_desk and not asking.siblings(slot, channel, now=now):
            raise SlotTaken
    except BookingError as error:
        form.add_error("slot", str(error))
        return None
    if appointment.is_at(slot.starts_at, slot.branch_id):
        form.add_error("slot", _("This is the time that you have already. Choose another one."))
        return None
    return slot


def _times(request: HttpRequest, appointment: Appointment, form: TimeForm, now: datetime) -> HttpResponse:
    procedure, channel = appointment.procedure, appointment.channel
    offered = offering.current()
    branches = offered.serving(procedure, channel)
    code = request.GET.get("branch", "")
    branch = next((one for one in branches if one.code == code), appointment.branch)
    week = find_week(procedure, branch, channel, asked=parse_day(request.GET.get("day", "")), now=now)
    context: dict[str, object] = {
        "appointment": appointment,
        "agency": appointment.agency,
        "branch": branch,
        "week": week,
        "form": form,
        "other_branches": any(one.pk != branch.pk for one in branches),
        "fell_out": appointment.has_fallen_out,
    }
    if week is None:
        free = glance.earliest_in([channel], procedure, offered, now=now)[channel]
        context["elsewhere"] = elsewhere.with_earliest_times(branch, branches, free)
    return render(request, "appointments/booking/move.html", context)
