"""An appointment as its citizen sees it: the page at the end of a booking, everything about it, and the list of all."""

from dataclasses import dataclass
from datetime import datetime
from typing import cast

from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from accounts.models import User
from appointments.counter import arrivals
from appointments.history import timeline
from appointments.models import Appointment, Status, Ticket
from appointments.models.appointment import EXPECTED, PROMISED
from appointments.views import changes
from appointments.views.entry import for_appointment
from appointments.views.offers.answer import latest_offer

PER_PAGE = 20


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened to an appointment."""

    at: datetime
    text: str


@require_safe
@for_appointment
def done(request: HttpRequest, appointment: Appointment) -> HttpResponse:
    if appointment.status not in EXPECTED:
        return redirect(appointment)
    return render(request, "appointments/booking/done.html", _context(appointment))


@require_safe
@for_appointment
def detail(request: HttpRequest, appointment: Appointment) -> HttpResponse:
    now, offer = timezone.now(), latest_offer(appointment)
    visit = None if offer and offer.is_hanging else arrivals.visit_of(appointment, now=now)
    fell_out = offer if offer and offer.is_hanging else None
    context = _context(appointment) | {
        "visit": visit,
        "state": changes.of_branch(appointment.branch, appointment.branch.today(now), now=now) if visit else "",
        "fell_out": fell_out,
        "is_held": fell_out is not None and fell_out.is_open(now),
        "may_change": appointment.may_change(now),
        "may_rate": appointment.status == Status.COMPLETED and appointment.rated_at is None,
        "is_ahead": appointment.status in PROMISED and appointment.ends_at > now and not fell_out,
        "history": history(appointment),
        "summary": _summary(appointment),
    }
    return render(request, "appointments/booking/detail.html", context)


def _summary(appointment: Appointment) -> Ticket | None:
    """What the officer wrote down for the citizen, once it is done."""
    if appointment.status != Status.COMPLETED:
        return None
    return Ticket.objects.filter(appointment=appointment).exclude(citizen_note="").first()


@require_safe
@never_cache
@login_required
def mine(request: HttpRequest) -> HttpResponse:
    """The appointments of who has signed in: those ahead, soonest first, then those behind, latest first."""
    own = Appointment.objects.of_citizen(cast(User, request.user)).select_related("agency", "branch", "procedure")
    now = timezone.now()
    ahead = own.filter(status__in=PROMISED, ends_at__gt=now)
    behind = own.exclude(pk__in=ahead.values("pk")).order_by("-starts_at", "-pk")
    page = Paginator(behind, PER_PAGE).get_page(request.GET.get("page"))
    return render(request, "appointments/booking/list.html", {"ahead": list(ahead), "page": page})


def history(appointment: Appointment) -> list[Event]:
    """What happened to it so far, in order."""
    moves = timeline.moves(appointment) if appointment.moved_at else []
    moments = [
        (appointment.created_at, _("Requested") if appointment.status == Status.UNVERIFIED else ""),
        (appointment.booked_at, _("Booked")),
        *((move.at, _move_text(move)) for move in moves),
        (appointment.moved_at, "" if moves else _("Time changed")),
        (appointment.arrived_at, _("You arrived")),
        (appointment.serving_at, _("The officer began")),
        (appointment.completed_at, _("Completed")),
        (appointment.ended_at, _end_text(appointment)),
    ]
    return sorted((Event(at, text) for at, text in moments if at and text), key=lambda event: event.at)


def _move_text(move: timeline.Move) -> str:
    by_citizen = move.by == Appointment.CancelledBy.CITIZEN
    text = _("You moved it from %(was)s to %(now)s") if by_citizen else _("The agency moved it from %(was)s to %(now)s")
    return text % {"was": move.was, "now": move.became}


def _end_text(appointment: Appointment) -> str:
    if appointment.status == Status.CANCELLED:
        by_citizen = appointment.cancelled_by == Appointment.CancelledBy.CITIZEN
        return _("Cancelled by you") if by_citizen else _("Cancelled by the agency")
    return {Status.NO_SHOW: _("Marked as missed"), Status.EXPIRED: _("Not confirmed in time")}.get(
        Status(appointment.status), ""
    )


def _context(appointment: Appointment) -> dict[str, object]:
    return {"appointment": appointment, "agency": appointment.agency}
