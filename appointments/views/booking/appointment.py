"""The pages of an appointment for its citizen: the end of a booking, the appointment, and the list of all of them."""

from typing import cast

from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from accounts.models import User
from appointments.counter import arrivals
from appointments.history import readings, timeline
from appointments.messages import seen
from appointments.models import Appointment, Status, Ticket
from appointments.models.appointment import EXPECTED, PROMISED
from appointments.views import changes
from appointments.views.entry import for_appointment
from appointments.views.offers.answer import latest_offer

PER_PAGE = 20


@require_safe
@for_appointment
def done(request: HttpRequest, appointment: Appointment) -> HttpResponse:
    if appointment.status not in EXPECTED:
        return redirect(appointment)
    state = f"{appointment.status}-{int(appointment.is_mail_returned)}"
    if changes.is_unchanged(request, state):
        return HttpResponse(status=204)
    return render(request, "appointments/booking/done.html", _context(appointment) | {"state": state})


@require_safe
@for_appointment
def detail(request: HttpRequest, appointment: Appointment) -> HttpResponse:
    now, offer = timezone.now(), latest_offer(appointment)
    fell_out = offer if offer and offer.is_of_disruption and offer.is_unsettled else None
    visit = None if fell_out else arrivals.visit_of(appointment, now=now)
    context = _context(appointment) | {
        "visit": visit,
        "state": changes.of_branch(appointment.branch, appointment.branch.today(now), now=now) if visit else "",
        "fell_out": fell_out,
        "held": offer if offer and offer.is_open(now) else None,
        "may_change": appointment.may_change(now),
        "may_correct": appointment.may_correct(now),
        "may_rate": appointment.status == Status.COMPLETED and appointment.rated_at is None,
        "is_ahead": appointment.status in PROMISED and appointment.ends_at > now and not fell_out,
        "history": timeline.for_citizen(appointment),
        "looks": readings.for_citizen(appointment),
        "messages_sent": seen.for_citizen(appointment),
        "summary": _summary(appointment),
    }
    return render(request, "appointments/booking/detail.html", context)


def _summary(appointment: Appointment) -> Ticket | None:
    """Returns the ticket with the officer's note to the citizen, once the service is completed.

    None if there is no note.
    """
    if appointment.status != Status.COMPLETED:
        return None
    return Ticket.objects.filter(appointment=appointment).exclude(citizen_note="").first()


@require_safe
@never_cache
@login_required
def mine(request: HttpRequest) -> HttpResponse:
    """Lists the citizen's appointments: first the coming ones, soonest on top; then the others, latest on top."""
    own = Appointment.objects.of_citizen(cast(User, request.user)).select_related("agency", "branch", "procedure")
    now = timezone.now()
    ahead = own.filter(status__in=PROMISED, ends_at__gt=now)
    behind = own.exclude(pk__in=ahead.values("pk")).order_by("-starts_at", "-pk")
    page = Paginator(behind, PER_PAGE).get_page(request.GET.get("page"))
    return render(request, "appointments/booking/list.html", {"ahead": list(ahead), "page": page})


def _context(appointment: Appointment) -> dict[str, object]:
    return {"appointment": appointment, "agency": appointment.agency}
