"""The second check behind a link: a code that goes to the address with which the appointment was booked.

Where mails do not arrive, or there is no address, it is what the person knows: the initials of the name, and the last digits
of the telephone number. Wrong tries are counted, as those of codes that sign in.
"""

from collections import Counter
from datetime import UTC, datetime, timedelta

from django import forms
from django.conf import settings
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.crypto import constant_time_compare, get_random_string
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods

from accounts.limits import DatabaseLimit, tries
from accounts.limits.networks import network_of
from accounts.mails import outbox
from accounts.sealing import fingerprint
from agencies.text import folded, search_key
from appointments.messages import letters
from appointments.models import Appointment
from appointments.views.entry import for_link, is_own, remember

ASKED = "proofs"  # in the session: the codes that were asked for, each as a keyed hash and until when it is valid
REMEMBERED = 10  # of them
DIGITS = 4  # of the telephone number
# Wrong answers about one appointment: of one network, and of all of them together.
ANSWERS, ALL_ANSWERS = DatabaseLimit("answers", 5, 3600), DatabaseLimit("answers-of-all", 30, 3600)
TOO_MANY = gettext_lazy("Too many wrong answers. Please wait an hour, or call the branch.")


class CodeForm(forms.Form):
    code = forms.CharField(
        label=gettext_lazy("Code from the mail"),
        max_length=20,
        error_messages={"required": gettext_lazy("Enter the code from the mail.")},
        widget=forms.TextInput({"inputmode": "numeric", "autocomplete": "one-time-code"}),
    )


class KnownForm(forms.Form):
    initials = forms.CharField(
        label=gettext_lazy("Initials of the name"),
        max_length=10,
        help_text=gettext_lazy("The first letters of the first name and the surname, like Ε Π."),
        error_messages={"required": gettext_lazy("Enter the initials.")},
        widget=forms.TextInput({"autocomplete": "off", "autocapitalize": "characters", "spellcheck": "false"}),
    )
    digits = forms.CharField(
        label=gettext_lazy("Last four digits of the telephone number"),
        max_length=10,
        help_text=gettext_lazy("Of the number that was given when the appointment was booked."),
        error_messages={"required": gettext_lazy("Enter the four digits.")},
        widget=forms.TextInput({"inputmode": "numeric", "autocomplete": "off"}),
    )


@require_http_methods(["GET", "HEAD", "POST"])
@for_link
def proof(request: HttpRequest, appointment: Appointment) -> HttpResponse:
    if is_own(request, appointment):
        return redirect(_next(request, appointment))
    now, by_mail = timezone.now(), _is_by_mail(request, appointment)
    if request.method == "POST" and by_mail and request.POST.get("action") == "send":
        return _send(request, appointment, now)
    kind = CodeForm if by_mail else KnownForm
    form = kind(request.POST if request.method == "POST" else None)
    if form.is_valid():
        refusal = (
            _wrong_code(request, appointment, form, now) if by_mail else _wrong_answer(request, appointment, form, now)
        )
        if not refusal:
            remember(request, appointment, by_mail=by_mail)
            return redirect(_next(request, appointment))
        form.add_error(next(iter(form.fields)), refusal)
    context = {
        "appointment": appointment,
        "agency": appointment.agency,
        "form": form,
        "by_mail": by_mail,
        "is_asked": appointment.opened_as in request.session.get(ASKED, {}),
        "is_answerable": by_mail or _digits(appointment),
        "progress": outbox.progress(request.session, appointment.email, now=now),
    }
    return render(request, "appointments/owners/proof.html", context)


def _is_by_mail(request: HttpRequest, appointment: Appointment) -> bool:
    if not appointment.email or appointment.is_mail_returned:
        return False
    return not outbox.progress(request.session, appointment.email, now=timezone.now()).is_refused


def _next(request: HttpRequest, appointment: Appointment) -> str:
    """Returns the page of the appointment that was asked for. No other address is taken."""
    own, wanted = appointment.get_absolute_url(), request.GET.get("next", "")
    return wanted if wanted.startswith(own) and wanted.isprintable() else own


def _send(request: HttpRequest, appointment: Appointment, now: datetime) -> HttpResponse:
    try:
        tries.count_code(request, appointment.email, now=now)
    except ValidationError as refusal:  # no code is sent, so the earlier one stays valid
        messages.error(request, " ".join(refusal.messages))
        return redirect(request.get_full_path())
    code = get_random_string(6, "0123456789")
    until = now + timedelta(minutes=settings.CODE_MINUTES)
    # A code that is not mailed, because the address has had too many, opens nothing. The page says the same.
    is_mailed = tries.may_mail(request, appointment.email, now=now)
    kept = {"code": _keyed(appointment, code) if is_mailed else "", "until": until.timestamp()}
    asked = {name: one for name, one in request.session.get(ASKED, {}).items() if name != appointment.opened_as}
    request.session[ASKED] = dict([*asked.items(), (appointment.opened_as, kept)][-REMEMBERED:])
    if is_mailed:
        letter, asker = letters.code(appointment, code), outbox.asker(request.session)
        outbox.owe(letter, letters.CODE, asked_by=asker, now=now)
    return redirect(request.get_full_path())


def _keyed(appointment: Appointment, code: str) -> str:
    return fingerprint(f"{appointment.opened_as} {code}", "code of an appointment")


def _wrong_code(request: HttpRequest, appointment: Appointment, form: forms.Form, now: datetime) -> str:
    """Returns why the code opens nothing, or "" if it does. It opens once."""
    asked = request.session.get(ASKED, {})
    kept = asked.get(appointment.opened_as, {"code": "", "until": 0})
    try:
        tries.count_guess(request, f"{appointment.opened_as} {kept['code']}", now=now)
    except ValidationError as refusal:
        return " ".join(refusal.messages)
    typed = "".join(form.cleaned_data["code"].split())
    is_right = bool(kept["code"]) and constant_time_compare(kept["code"], _keyed(appointment, typed))
    if not is_right or datetime.fromtimestamp(kept["until"], UTC) <= now:
        return _("This code is not right, or it is no longer valid. Ask for a new one.")
    tries.uncount_guess(request, f"{appointment.opened_as} {kept['code']}", now=now)
    request.session[ASKED] = {name: one for name, one in asked.items() if name != appointment.opened_as}
    return ""


def _wrong_answer(request: HttpRequest, appointment: Appointment, form: forms.Form, now: datetime) -> str:
    """Returns why the answers open nothing, or "" if they do."""
    who = f"{network_of(request)} {appointment.reference}"
    if ANSWERS.passed(who, now=now) or ALL_ANSWERS.passed(appointment.reference, now=now):
        return str(TOO_MANY)
    digits = _digits(appointment)
    typed = "".join(one for one in form.cleaned_data["digits"] if one.isdecimal())
    is_known = _is_of_name(form.cleaned_data["initials"], appointment.name)
    if not (digits and is_known and constant_time_compare(digits, typed)):
        return _("These are not the initials and the digits of this appointment.")
    ANSWERS.uncount(who, now=now)
    ALL_ANSWERS.uncount(appointment.reference, now=now)
    return ""


def _digits(appointment: Appointment) -> str:
    return "".join(one for one in appointment.phone if one.isdecimal())[-DIGITS:]


def _is_of_name(typed: str, name: str) -> bool:
    """Returns whether these are initials of the name in any order and alphabet: two of them at least, if it has two words."""
    initials = Counter(_letter(one) for one in typed if one.isalpha())
    own = Counter(_letter(word) for word in folded(name).split())
    return initials <= own and initials.total() >= min(2, own.total()) > 0


def _letter(word: str) -> str:
    return search_key(folded(word)[:1])
