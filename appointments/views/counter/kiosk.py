"""The kiosk at a branch's entrance: check in with a reference, or take a ticket. Nobody signs in or sees a name.

The secret key in the address opens the pages. So the pages set no cookie and need no CSRF token: only somebody who
knows the key could send a form here from another site. `?print=1` prints each ticket at once.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import wraps

from django import forms
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_safe

from accounts.limits import DatabaseLimit, Limit
from accounts.limits.networks import network_of
from accounts.sealing import random_key
from agencies.models import Branch, Channel, Procedure
from agencies.openings.walk_ins import receives, walk_in_procedures
from appointments import counter, references
from appointments.counter import arrivals
from appointments.counter.arrivals import Answer, Arrival
from appointments.models import Queue, Ticket
from appointments.views.acting import visitor

# At one kiosk, from one network: whoever has got hold of its address elsewhere must not shut the citizens out there.
TRIES = DatabaseLimit("wrong-references", 30, 10 * 60)
TICKETS = Limit("tickets", 20, 60)  # at one kiosk
LONGEST = 300  # characters of a scanned address
CODE = re.compile(r"[\w-]{22}", re.ASCII)


@dataclass(frozen=True)
class Kiosk:
    branch: Branch
    key: str
    prints: bool

    def address(self, view: str, *args: str) -> str:
        return reverse(f"appointments:{view}", args=[self.key, *args]) + self.query

    @property
    def query(self) -> str:
        return "?print=1" if self.prints else ""

    @property
    def beginning(self) -> str:
        """The address where the next citizen begins, in the first language."""
        with translation.override(settings.LANGUAGE_CODE):
            return self.address("kiosk")

    @property
    def addresses(self) -> dict[str, str]:
        return {name: self.address(name) for name in ("kiosk", "kiosk_appointment", "kiosk_walk_in")}


View = Callable[..., HttpResponse]


def for_kiosk(view: View) -> View:
    """Gives the view the kiosk with this key. Raises Http404 if the key is unknown or was replaced."""

    @wraps(view)
    def opened(request: HttpRequest, key: str, **kwargs: str) -> HttpResponse:
        found = get_object_or_404(Queue.objects.select_related("branch__agency"), kiosk_key=key)
        return view(request, Kiosk(found.branch, key, request.GET.get("print") == "1"), **kwargs)

    return csrf_exempt(never_cache(opened))


class ReferenceForm(forms.Form):
    reference = forms.CharField(
        max_length=LONGEST, error_messages={"required": _("Type the reference of your appointment.")}
    )

    def clean_reference(self) -> str:
        reference = self.cleaned_data["reference"]
        if references.readings(reference):
            return reference
        raise forms.ValidationError(_("A reference has ten letters and digits, like K7M4Q 2XDBN."))


@require_safe
@for_kiosk
def start(request: HttpRequest, kiosk: Kiosk) -> HttpResponse:
    return _page(request, kiosk, "kiosk.html")


@require_http_methods(["GET", "HEAD", "POST"])
@for_kiosk
def appointment(request: HttpRequest, kiosk: Kiosk) -> HttpResponse:
    """Checks a citizen in by the reference.

    The keys on the screen are buttons of the form that send one letter each, so they also work without JavaScript.
    """
    typed = request.POST.get("reference", "")[:LONGEST]
    key = request.POST.get("key")
    if request.method != "POST" or key:
        return _ask(request, kiosk, _struck(typed, key or ""))
    form = ReferenceForm(request.POST)
    if not form.is_valid():
        return _ask(request, kiosk, typed, str(form.errors["reference"][0]))
    arrival = _arrival(request, kiosk, form.cleaned_data["reference"])
    if arrival is None:
        return _ask(request, kiosk, "", str(_("Too many wrong references. Please ask an officer.")))
    if arrival.ticket:
        return redirect(_with(kiosk.address("kiosk_ticket", arrival.ticket.code), answer=arrival.answer))
    if arrival.answer == Answer.UNKNOWN:
        return _ask(request, kiosk, typed, f"{arrival.title}. {arrival.text}")
    return _refused(request, kiosk, arrival)


@require_http_methods(["GET", "HEAD", "POST"])
@for_kiosk
def walk_in(request: HttpRequest, kiosk: Kiosk) -> HttpResponse:
    """Shows the services and gives a ticket. Without services, shows when people may come without an appointment."""
    now = timezone.now()
    procedures = walk_in_procedures(kiosk.branch, now=now)
    chosen = next((one for one in procedures if one.code == request.POST.get("procedure")), None)
    if chosen and (taken := _taken(request, kiosk, chosen, now)):
        return redirect(kiosk.address("kiosk_ticket", taken.code))
    hours = [] if procedures else arrivals.walk_in_hours(kiosk.branch, [Channel.IN_PERSON], now=now)
    context = {"procedures": procedures, "hours": hours, "refused": request.method == "POST", "code": random_key()}
    context["is_open"] = bool(procedures) or receives(kiosk.branch, now=now)
    platform = reverse("agencies:platform", args=[kiosk.branch.agency.platform_slug])
    return _page(request, kiosk, "kiosk_walk_in.html", platform=settings.SITE_URL + platform, **context)


@require_safe
@for_kiosk
def ticket(request: HttpRequest, kiosk: Kiosk, code: str) -> HttpResponse:
    """Shows the ticket. The citizen can print it or take it along on the phone."""
    now = timezone.now()
    tickets = Ticket.objects.of_day(kiosk.branch, kiosk.branch.today(now)).select_related("branch", "desk")
    found = get_object_or_404(tickets, code=code)
    answer = request.GET.get("answer", "")
    return _page(
        request,
        kiosk,
        "kiosk_ticket.html",
        place=arrivals.place_of(found, now=now),
        arrival=Arrival(Answer(answer), found.appointment, found) if answer in [*Answer] else None,
        phone=settings.SITE_URL + found.get_absolute_url(),
        now=now,
    )


def _arrival(request: HttpRequest, kiosk: Kiosk, reference: str) -> Arrival | None:
    """Checks the citizen in. Returns None after too many wrong references, so that nobody finds one by trying."""
    now, who = timezone.now(), f"{kiosk.key} {network_of(request)}"
    if TRIES.passed(who, now=now):
        return None
    arrival = arrivals.by_reference(reference, kiosk.branch, by=visitor(request), now=now)
    if arrival.answer != Answer.UNKNOWN:
        TRIES.uncount(who, now=now)
    return arrival


def _refused(request: HttpRequest, kiosk: Kiosk, arrival: Arrival) -> HttpResponse:
    """Shows why the citizen cannot check in and what to do instead.

    If the appointment can no longer be used, the page also offers a ticket while the branch gives out tickets.
    """
    procedure = arrival.appointment.procedure if arrival.appointment else None
    walk_ins = arrival.books_again and walk_in_procedures(kiosk.branch, now=timezone.now())
    book_again = ""
    if procedure:
        page = reverse("appointments:procedure", args=[procedure.agency.platform_slug, procedure.code])
        book_again = settings.SITE_URL + page
    return _page(request, kiosk, "kiosk_answer.html", arrival=arrival, walk_ins=walk_ins, book_again=book_again)


def _taken(request: HttpRequest, kiosk: Kiosk, procedure: Procedure, now: datetime) -> Ticket | None:
    """Takes a ticket and returns it. A repeated press returns the same ticket.

    Returns None if the form's code is malformed, or if too many tickets were taken at this kiosk in the last minute.
    """
    code = request.POST.get("code", "")
    if not CODE.fullmatch(code) or TICKETS.passed(kiosk.key, now=now):
        return None
    language, priority = get_language() or "el", bool(request.POST.get("priority"))
    return counter.take_ticket(
        kiosk.branch, procedure, by=visitor(request), now=now, language=language, priority=priority, code=code
    )


def _struck(typed: str, key: str) -> str:
    """Returns the content of the field after a key on the screen was pressed."""
    if key == "back":
        return typed[:-1]
    return typed + key if len(typed) < references.LENGTH and key in references.ALPHABET else typed


def _ask(request: HttpRequest, kiosk: Kiosk, typed: str = "", error: str = "") -> HttpResponse:
    return _page(request, kiosk, "kiosk_appointment.html", typed=typed, error=error, keys=references.ALPHABET)


def _with(address: str, **query: str) -> str:
    joint = "&" if "?" in address else "?"
    return address + joint + "&".join(f"{name}={value}" for name, value in query.items())


def _page(request: HttpRequest, kiosk: Kiosk, template: str, **context: object) -> HttpResponse:
    everywhere = {"kiosk": kiosk, "branch": kiosk.branch, "agency": kiosk.branch.agency}
    return render(request, f"appointments/counter/{template}", everywhere | context)
