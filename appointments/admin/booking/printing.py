"""What is printed for somebody without e-mail: a letter for a window envelope, and a slip on paper of 80 mm."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import URLPattern, path
from django.utils import timezone, translation
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods, require_safe

from agencies.models import Channel
from appointments import wording
from appointments.admin.pages import address, find, officers_page
from appointments.models import Appointment
from appointments.models.appointment import CHANGEABLE

# Characters of a line of the letter. With more lines than these it is set in smaller type, to stay on one sheet.
LINE, FEW, MANY = 75, 12, 24


class AddressForm(forms.Form):
    """Where the letter goes. It is printed and not kept."""

    address = forms.CharField(
        label=_("Postal address"),
        required=False,
        max_length=200,
        widget=forms.Textarea({"rows": 3, "autocomplete": "off"}),
        help_text=_("Street, postcode and town. It is printed on the letter and not kept."),
    )

    def lines(self) -> list[str]:
        return self.cleaned_data.get("address", "").split("\n")[:4] if self.is_valid() else []


@dataclass(frozen=True)
class Words:
    """The buttons of the page, in the officer's language. What is printed is in the citizen's."""

    language: str
    print: str
    back: str
    fill_in: str


def is_printed(appointment: Appointment) -> bool:
    """Returns whether the appointment still lies ahead, so that there is something to bring home."""
    return appointment.status in CHANGEABLE


@require_http_methods(["GET", "HEAD", "POST"])
@officers_page
def letter(request: HttpRequest, reference: str) -> HttpResponse:
    form = AddressForm(request.POST or None)
    return _printed(request, reference, "letter", form=form, lines=form.lines())


@require_safe
@officers_page
def slip(request: HttpRequest, reference: str) -> HttpResponse:
    return _printed(request, reference, "slip")


def _printed(request: HttpRequest, reference: str, paper: str, **more: Any) -> HttpResponse:
    """Shows the paper."""
    appointment, now = find(request, reference), timezone.now()
    if not is_printed(appointment):
        messages.warning(request, gettext("Nothing is printed about an appointment that has begun or is over."))
        return redirect(address("change", reference))
    words = Words(
        translation.get_language(), gettext("Print"), gettext("Back to the appointment"), gettext("Put on the letter")
    )
    with translation.override(appointment.language), timezone.override(appointment.branch.zone):
        context = {"words": words, "back": address("change", reference), "now": now, **_told(appointment, now), **more}
        return render(request, f"admin/appointments/booking/{paper}.html", context)


def _told(appointment: Appointment, now: datetime) -> dict[str, Any]:
    """Returns what is printed. No address in it has the key of our messages, which would prove an e-mail address."""
    latest = appointment.starts_at - timedelta(minutes=appointment.agency.change_minutes)
    comes = appointment.channel == Channel.IN_PERSON
    return {
        "appointment": appointment,
        "agency": appointment.agency,
        "branch": appointment.branch,
        "documents": appointment.procedure.documents,
        "when": wording.when(appointment),
        "own_time": wording.own_time(appointment),
        "place": wording.place(appointment) if comes else "",
        "calls": wording.calls(appointment),
        "join_url": appointment.page_url("join") if appointment.channel == Channel.VIDEO else "",
        "page_url": appointment.page_url(),
        "change_until": wording.on_both_clocks(latest, appointment) if latest > now else "",
        "comes": comes,
        "density": _density(appointment, comes=comes),
    }


def _density(appointment: Appointment, *, comes: bool) -> str:
    """Returns how small the type has to be: "", "small" or "smaller"."""
    branch = appointment.branch
    texts = [*appointment.procedure.documents, *(f"{branch.directions}\n{branch.access}".split("\n") if comes else ())]
    lines = sum(len(text) // LINE + 1 for text in texts)
    return "" if lines <= FEW else "small" if lines <= MANY else "smaller"


urls: list[URLPattern] = [
    path("<str:reference>/letter/", letter, name="appointments_appointment_letter"),
    path("<str:reference>/slip/", slip, name="appointments_appointment_slip"),
]
