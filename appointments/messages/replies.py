"""SMS that citizens send: they confirm that they come, or cancel. What is not plain does nothing, and is asked back.

The gateway tells from which number an SMS came. It acts on that number's appointment if there is only one, or on the one
whose reference it names.
"""

from collections.abc import Iterable
from datetime import datetime

from django.db import transaction

from accounts.limits import DatabaseLimit, keyed
from accounts.typed.phones import GREECE, normalized
from agencies.text import search_key
from appointments import booking, history, references
from appointments.booking import owed
from appointments.errors import BookingError
from appointments.history import Actor, By
from appointments.history.timeline import BY_SMS
from appointments.models import Appointment, Event, ReceivedSms, Status

Outcome = ReceivedSms.Outcome
CITIZEN = Actor(By.GUEST, page=BY_SMS)
OF_ONE_NUMBER = DatabaseLimit("sms-replies", 20, 3600)
LONGEST_SPLIT = 3  # words into which people divide a reference


def _keys(*words: str) -> set[str]:
    return {search_key(word) for word in words}


# Keys do not depend on accents, case and alphabet. In Latin letters, η is written as it looks, too.
_CANCELS = (
    "ακύρωση",
    "ακυρώνω",
    "ακυρώστε",
    "ακύρωσε",
    "ακυρώνεται",
    "άκυρο",
    "cancel",
    "akyrwsh",
    "akurwsh",
    "akurosi",
)
_CONFIRMS = ("επιβεβαιώνω", "επιβεβαίωση", "confirm", "epivevaiwsh")
# Only these may have other words of ours beside them: «όχι» with anything else may mean the opposite.
_WITH_OTHERS = dict.fromkeys(_keys(*_CANCELS), Outcome.CANCELLED) | dict.fromkeys(_keys(*_CONFIRMS), Outcome.CONFIRMED)
_ALONE = _WITH_OTHERS | dict.fromkeys(_keys("όχι", "no"), Outcome.CANCELLED)
_ALONE |= dict.fromkeys(_keys("ναι", "yes", "ok", "okay"), Outcome.CONFIRMED)
_OTHERS = _keys("το", "ραντεβού", "μου", "παρακαλώ", "ευχαριστώ", "my", "the", "appointment", "please", "thanks")
_LABELS = _keys("κωδικός", "κωδ", "reference", "ref")


def receive(name: str, number: str, text: str, *, now: datetime) -> str:
    """Act on the SMS that the gateway calls `name`, once, and return what became of it."""
    with transaction.atomic():
        received, is_new = ReceivedSms.objects.get_or_create(digest=keyed(name), defaults={"received_at": now})
        if is_new:
            received.outcome = _outcome(number, text, now)
            received.save(update_fields=["outcome"])
    return received.outcome


def _outcome(number: str, text: str, now: datetime) -> Outcome:
    try:
        phone = normalized(number, GREECE)
    except ValueError:
        return Outcome.UNKNOWN
    if OF_ONE_NUMBER.passed(phone, now=now):
        return Outcome.TOO_MANY
    appointments = _open(phone, now)
    if not appointments:
        return Outcome.UNKNOWN
    named, rest = _named(appointments, text)
    appointment, meant = named or appointments[0], meaning(rest)
    if meant is None:
        outcome = Outcome.UNCLEAR
    elif named is None and len(appointments) > 1:
        outcome = Outcome.SEVERAL
    else:
        outcome = _done(appointment, meant, now)
    if outcome != Outcome.CANCELLED:  # the cancellation has a message of its own
        owed.owe_reply(appointment, outcome, now=now)
    return outcome


def _open(phone: str, now: datetime) -> list[Appointment]:
    """Return the booked appointments of this number (E.164), the next one first, however the number was stored."""
    found = Appointment.objects.matching(phone).filter(status=Status.BOOKED, ends_at__gt=now)
    related = found.select_related("agency", "branch", "procedure").order_by("starts_at", "pk")
    return [one for one in related if _number(one) == phone]


def _number(appointment: Appointment) -> str:
    try:
        return normalized(appointment.phone, appointment.branch.country)
    except ValueError:
        return ""


def _named(appointments: Iterable[Appointment], text: str) -> tuple[Appointment | None, str]:
    """Return the appointment whose reference the text names, and the rest of the text."""
    words, known = text.split(), {one.reference: one for one in appointments}
    for length in range(1, LONGEST_SPLIT + 1):
        for begin in range(len(words) - length + 1):
            typed = "".join(word.strip(".,:!()«»\"'#") for word in words[begin : begin + length])
            for reference in references.readings(typed):
                if reference in known:
                    rest = [*words[:begin], *words[begin + length :]]
                    return known[reference], " ".join(word for word in rest if search_key(word) not in _LABELS)
    return None, text


def meaning(text: str) -> Outcome | None:
    """Return what is asked for (CANCELLED or CONFIRMED), or None if it is not plain."""
    if (alone := search_key("".join(text.split()))) in _ALONE:
        return _ALONE[alone]
    words = [word for word in search_key(text).split() if word not in _OTHERS]
    return _WITH_OTHERS.get(words[0]) if len(words) == 1 else None


def _done(appointment: Appointment, meant: Outcome, now: datetime) -> Outcome:
    if meant == Outcome.CONFIRMED:
        history.note(Event.Verb.CONFIRM, by=CITIZEN, now=now, appointment=appointment)
        return meant
    try:
        booking.cancel(appointment, by=CITIZEN, now=now)
    except BookingError:
        return Outcome.TOO_LATE
    return meant
