"""An officer books another appointment for the citizen at the desk: a second visit, or a specialist, also elsewhere."""

import uuid
from datetime import datetime
from typing import Any

from django.contrib import messages
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext

from accounts.models import User
from accounts.people import signed_in
from agencies import access
from agencies.models import Branch
from agencies.wallclock import parse_day
from appointments import booking
from appointments.admin.counter.board import serving_address
from appointments.admin.forms import CallerForm, WishForm
from appointments.admin.pages import acting, find_ticket, officers_page, page, require_slot
from appointments.booking.persons import Contact, decrypted
from appointments.errors import BookingError, KeyReused
from appointments.forms import refuse
from appointments.models import Appointment, Ticket
from appointments.times.week import find_seven_days


@officers_page
def book(request: HttpRequest, code: str) -> HttpResponse:
    """Shows the page on which an officer books. The service, channel and branch are in the address."""
    ticket, now = find_ticket(request, code), timezone.now()
    asked = "procedure" in request.GET
    initial = {"procedure": ticket.procedure.code, "channel": ticket.channel, "branch": ticket.branch.code}
    wish = WishForm(_branches(ticket, signed_in(request)), request.GET if asked else None, initial=initial)
    context = {"title": gettext("Follow-up appointment"), "ticket": ticket, "wish": wish}
    context["back"] = serving_address(ticket)
    if not (asked and wish.is_valid()):
        return page(request, "counter/follow_up.html", context)
    given = wish.cleaned_data
    service = (given["procedure"], given["channel"], given["branch"].country)
    contact = CallerForm(*service, request.POST or None, initial=_contact(ticket))
    if request.method == "POST" and contact.is_valid() and (made := _book(request, ticket, wish, contact, now)):
        messages.success(request, _told(made))
        return redirect(serving_address(ticket))
    asked_day = parse_day(request.GET.get("from", ""))
    times = find_seven_days(given["procedure"], given["branch"], given["channel"], asked=asked_day, now=now)
    return page(request, "counter/follow_up.html", context | {"contact": contact, "times": times})


def _branches(ticket: Ticket, officer: User) -> QuerySet[Branch]:
    """Returns the officer's own branches, and the branches that accept follow-ups from others.

    All are of the ticket's agency.
    """
    own = access.counters(officer).values("pk")
    return Branch.objects.filter(Q(pk__in=own) | Q(takes_referrals=True), agency=ticket.branch.agency_id)


def _contact(ticket: Ticket) -> dict[str, Any]:
    """Returns what is known about the citizen at the desk, as the first values of the form."""
    known: dict[str, Any] = {"key": uuid.uuid4(), "name": ticket.name, "language": ticket.language}
    if appointment := ticket.appointment:
        known |= {name: getattr(appointment, name) for name in ("name", "email", "phone", "language")}
        known["tax_number"] = decrypted(appointment.tax_number_encrypted)
    return known


def _book(
    request: HttpRequest, ticket: Ticket, wish: WishForm, contact: CallerForm, now: datetime
) -> Appointment | None:
    given = dict(contact.cleaned_data)
    slot, key = given.pop("slot"), given.pop("key")
    zone = ticket.appointment.timezone if ticket.appointment else ""
    try:
        require_slot(slot, [wish.cleaned_data["branch"]])
        made = booking.book(
            slot,
            wish.cleaned_data["procedure"],
            wish.cleaned_data["channel"],
            Contact(timezone=zone, **given),
            by=acting(request),
            now=now,
            idempotency_key=f"staff:{signed_in(request).pk}:{key}",
            follows=ticket.appointment,
        )
    except KeyReused:
        contact.ask_again()
        return None
    except BookingError as error:
        refuse(contact, error)
        return None
    return made


def _told(made: Appointment) -> str:
    when = date_format(made.branch.local(made.starts_at), "l j E, H:i")
    return gettext("Booked: %(when)s, %(branch)s, reference %(reference)s.") % {
        "when": when,
        "branch": Branch.objects.get(pk=made.branch_id).name,
        "reference": made.spoken_reference,
    }
