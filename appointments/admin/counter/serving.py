"""The page of an officer who is serving: the citizen's notes, the documents to check, own notes, and the result."""

from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import path
from django.utils import timezone, translation
from django.utils.formats import date_format
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST

from accounts.people import signed_in
from agencies.models import Channel, Procedure
from appointments import counter
from appointments.admin.calls.door import identity_of, panel_of
from appointments.admin.counter import follow_up
from appointments.admin.counter.board import (
    hall_of,
    last_step,
    queue_address,
    services_of,
    serving_address,
    shown,
    undoable,
)
from appointments.admin.counter.presses import AlreadyDone, Answer, Press
from appointments.admin.pages import acting, find_ticket, officers_page, page, visits_before
from appointments.booking.persons import tax_number_of
from appointments.counter import Result
from appointments.counter.desks import queue_of
from appointments.errors import BookingError
from appointments.models import Event, Ticket

Outcome, Delivery = Ticket.Outcome, Ticket.Delivery


class ResultForm(forms.Form):
    """What an officer records while serving.

    A walk-in gets no messages, so the form then has no note to the citizen.
    """

    documents_seen = forms.MultipleChoiceField(
        label=_("Documents seen"), required=False, widget=forms.CheckboxSelectMultiple
    )
    citizen_note = forms.CharField(
        label=_("Note to the citizen"), required=False, max_length=2000, widget=forms.Textarea({"rows": 5})
    )
    internal_note = forms.CharField(
        label=_("Internal note"), required=False, max_length=2000, widget=forms.Textarea({"rows": 3})
    )
    outcome = forms.ChoiceField(label=_("Result"), choices=Outcome, required=False, widget=forms.RadioSelect)
    delivery = forms.ChoiceField(
        label=_("How it is delivered"), choices=[("", _("Nothing to deliver")), *Delivery.choices], required=False
    )

    def __init__(self, ticket: Ticket, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.ticket = ticket
        self.documents = documents_of(ticket.procedure, translation.get_language() or "el")
        self.fields["documents_seen"].choices = self.documents  # type: ignore[attr-defined]
        if ticket.is_walk_in:
            del self.fields["citizen_note"]

    def result(self) -> Result:
        return Result(**self.cleaned_data)

    def suggestion(self) -> str:
        """Returns a note that lists the missing documents, in the citizen's language. Empty if nothing is missing."""
        if self.ticket.is_walk_in or self.cleaned_data["outcome"] != Outcome.MISSING_DOCUMENT:
            return ""
        told = documents_of(self.ticket.procedure, self.ticket.language)
        missing = [text for value, text in told if value not in self.cleaned_data["documents_seen"]]
        return "\n".join([missing_lead(self.ticket), *(f"– {text}" for text in missing)]) if missing else ""


def documents_of(procedure: Procedure, language: str) -> list[tuple[str, str]]:
    """Returns the service's documents as pairs: the text that is stored, and the text in this language."""
    lines = {code: _lines(getattr(procedure, f"documents_{code}")) for code in ("el", "en")}
    stored = lines["el"] or lines["en"]
    called = lines.get(language, [])
    return list(zip(stored, called if len(called) == len(stored) else stored, strict=True))


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip()]


def missing_lead(ticket: Ticket) -> str:
    with translation.override(ticket.language):
        return gettext("To go on, we still need:")


@officers_page
def serving(request: HttpRequest, code: str) -> HttpResponse:
    ticket = find_ticket(request, code)
    return _page(request, ticket, ResultForm(ticket, initial=_written(ticket)))


@officers_page
@require_POST
def save(request: HttpRequest, code: str) -> HttpResponse:
    """Saves what is typed so far. The script sends it every few seconds; without a script there is a button."""
    ticket = find_ticket(request, code)
    form = ResultForm(ticket, request.POST)
    if ticket.state not in Ticket.AT_DESK or not form.is_valid():
        return HttpResponse(status=409)
    try:
        counter.record(ticket, form.result())
    except BookingError:
        return HttpResponse(status=409)
    if request.headers.get("X-Requested-With") == "queue":
        # The time on the branch's clock, because the browser's may be another one.
        saved_at = date_format(ticket.branch.local(timezone.now()), "H:i")
        return HttpResponse(status=204, headers={"X-Saved": saved_at})
    messages.success(request, gettext("Saved."))
    return redirect(serving_address(ticket))


@officers_page
@require_POST
def complete(request: HttpRequest, code: str) -> HttpResponse:
    ticket = find_ticket(request, code)
    form = ResultForm(ticket, request.POST)
    if not form.is_valid():
        return _page(request, ticket, form)
    if not form.cleaned_data.get("citizen_note") and (suggestion := form.suggestion()):
        shown_again = ResultForm(ticket, initial=form.cleaned_data | {"citizen_note": suggestion})
        told = Answer(text=gettext("Check the note to the citizen, then complete."), refused=True)
        return _page(request, ticket, shown_again, told)
    press = Press(ticket.branch, acting(request), timezone.now(), request.POST)
    try:
        with queue_of(ticket.branch):
            counter.complete(press.fresh(Event.Verb.COMPLETE), result=form.result(), **press.by)
    except AlreadyDone:
        pass
    except BookingError as error:
        told = Answer(text=f"{ticket.spoken_number}: {error}", refused=True)
        return _page(request, find_ticket(request, code), form, told)
    if request.headers.get("X-Requested-With") == "queue":
        return HttpResponse(headers={"X-Go": queue_address(ticket.branch)})
    return redirect(queue_address(ticket.branch))


def _page(request: HttpRequest, ticket: Ticket, form: ResultForm, told: Answer | None = None) -> HttpResponse:
    now, officer = timezone.now(), signed_in(request)
    followers = ticket.appointment.followers.select_related("branch", "procedure") if ticket.appointment else []
    context = {
        "title": ticket.spoken_number,
        "ticket": ticket,
        "appointment": ticket.appointment,
        "form": form,
        "documents": _checklist(ticket, form),
        "lead": missing_lead(ticket),
        "tax_number": tax_number_of(ticket.appointment),
        "followers": followers,
        "notices": list(ticket.notices.told()) if ticket.is_walk_in and ticket.is_remote else [],
        "visits": visits_before(request, ticket.appointment) if ticket.appointment else [],
        "procedures": services_of(ticket.branch),
        "is_open": ticket.state in Ticket.AT_DESK,
        "queue_url": queue_address(ticket.branch),
        "told": told,
        **shown(ticket.branch, officer.pk, hall_of(ticket.branch, now), now),
    }
    if ticket.appointment and ticket.channel == Channel.VIDEO:
        context |= panel_of(ticket.appointment, now) | identity_of(ticket.appointment)
    if told is None:
        context |= undoable(last_step(officer, ticket.branch, now), now)
    return page(request, "counter/serving.html", context)


def _checklist(ticket: Ticket, form: ResultForm) -> list[dict[str, Any]]:
    """Returns each document with its name for the officer, its name for the citizen, and whether it was seen."""
    told = dict(documents_of(ticket.procedure, ticket.language))
    seen = form["documents_seen"].value() or []
    return [
        {"value": value, "label": label, "told": told[value], "seen": value in seen} for value, label in form.documents
    ]


def _written(ticket: Ticket) -> dict[str, Any]:
    names = ("documents_seen", "internal_note", "citizen_note", "outcome", "delivery")
    written = {name: getattr(ticket, name) for name in names}
    if not ticket.outcome and ticket.appointment and ticket.appointment.followers.exists():
        written["outcome"] = Outcome.FOLLOW_UP
    return written


urls = [
    path("queue/tickets/<slug:code>/", serving, name="appointments_serving"),
    path("queue/tickets/<slug:code>/save/", save, name="appointments_serving_save"),
    path("queue/tickets/<slug:code>/complete/", complete, name="appointments_serving_complete"),
    path("queue/tickets/<slug:code>/follow-up/", follow_up.book, name="appointments_follow_up"),
]
