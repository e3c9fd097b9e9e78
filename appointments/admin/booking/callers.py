"""Officers book for citizens who call or stand at the counter."""

import uuid
from datetime import datetime
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.translation import gettext

from accounts.people import signed_in
from agencies import access
from agencies.wallclock import parse_day
from appointments import booking
from appointments.admin.forms import CallerForm, WishForm
from appointments.admin.pages import REMEMBERED, acting, address, find, officers_page, only, page, require_slot
from appointments.booking.persons import Contact
from appointments.errors import BookingError, KeyReused
from appointments.forms import refuse
from appointments.models import Appointment
from appointments.times.week import find_seven_days


@officers_page
def book(request: HttpRequest) -> HttpResponse:
    """Shows the page on which an officer books. The service, channel and branch are in the address."""
    now = timezone.now()
    asked = "procedure" in request.GET
    branches = access.counters(signed_in(request))
    initial = {"branch": request.GET.get("branch") or request.session.get(REMEMBERED) or only(branches)}
    wish = WishForm(branches, request.GET if asked else None, initial=initial)
    since = request.GET.get("from", "")
    context = {"title": gettext("Book for a caller"), "wish": wish, "since": since}
    if not (asked and wish.is_valid()):
        return page(request, "booking/book.html", context)
    caller = _caller_form(request, wish)
    if request.method == "POST" and caller.is_valid() and (appointment := _book(request, wish, caller, now)):
        return redirect(address("booked", appointment.reference))
    given = wish.cleaned_data
    times = find_seven_days(given["procedure"], given["branch"], given["channel"], asked=parse_day(since), now=now)
    wished = urlencode({name: request.GET.get(name, "") for name in wish.fields})
    return page(
        request, "booking/book.html", context | {"caller": caller, "times": times, "address": f"?{wished}&from="}
    )


def _caller_form(request: HttpRequest, wish: WishForm) -> CallerForm:
    given = wish.cleaned_data
    wished = (given["procedure"], given["channel"], given["branch"].country)
    return CallerForm(*wished, request.POST or None, initial={"key": uuid.uuid4(), "language": "el"})


def _book(request: HttpRequest, wish: WishForm, caller: CallerForm, now: datetime) -> Appointment | None:
    given = dict(caller.cleaned_data)
    slot, key = given.pop("slot"), given.pop("key")
    procedure, channel = wish.cleaned_data["procedure"], wish.cleaned_data["channel"]
    try:
        require_slot(slot, [wish.cleaned_data["branch"]])
        appointment = booking.book(
            slot,
            procedure,
            channel,
            Contact(**given),
            by=acting(request),
            now=now,
            idempotency_key=f"staff:{signed_in(request).pk}:{key}",
        )
    except KeyReused:
        caller.ask_again()
        return None
    except BookingError as error:
        refuse(caller, error)
        return None
    return appointment


@officers_page
def booked(request: HttpRequest, reference: str) -> HttpResponse:
    """Shows what the officer reads out to the caller."""
    return page(
        request,
        "booking/booked.html",
        {"title": gettext("The appointment is booked"), "appointment": find(request, reference)},
    )
