"""What the placeholders say in one message, and the message in the agency's words."""

from collections.abc import Callable, Mapping
from typing import Any

from django.template import Context
from django.template.loader import get_template, render_to_string
from django.utils.functional import Promise
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from accounts.typed import on_one_line
from agencies.models import Channel
from appointments.messages.segments import shortened
from appointments.messages.texts import parsing
from appointments.messages.texts.kinds import Key, Kind, Medium, allowed
from appointments.messages.texts.parsing import Value, Values
from appointments.models import Appointment

Told = Mapping[str, Any]  # what our templates are given
Ways = tuple[tuple[str, Promise], ...]
# Whose HTML is more than a paragraph.
_BOXES = {"how", "documents", "directions", "offer", "result"}
# Where the link leads: the first of these that the message has.
_USUAL_WAY: Ways = (("link", _("See, move or cancel your appointment")),)
_WAYS: dict[str, Ways] = {
    Kind.VERIFY: (("verify_link", _("Confirm my appointment")),),
    Kind.CANCELLED: (("again_link", _("Choose another time")),),
    Kind.RATING: (("rating_link", _("Answer")),),
    Kind.OFFER: (("offer_link", _("Accept the new time")), ("move_link", _("Choose another time"))),
    Kind.DELAYED: (("join_link", _("Join the video call")), ("link", _("See your place in the queue"))),
    Kind.SUMMARY: (("link", _("See the appointment")),),
}


def mail(subject: str, body: str, key: Key, told: Told) -> tuple[str, str, str]:
    """Return the subject, the plain text and the HTML of a mail in the agency's words."""
    values = _values(key, told)
    text = parsing.as_text(body, values)
    on_branch_clock = {**values, "when": _plain(told["when"])}  # one clock is enough for a line
    title = _line(subject, on_branch_clock)
    written = {**told, "own": text, "own_html": parsing.as_html(body, values), "subject": title}
    return title, render_to_string("emails/own.txt", written), render_to_string("emails/own.html", written)


def sms(body: str, key: Key, told: Told) -> str:
    """Return the text. Names in it take at most `told["most"]` signs each, or are whole if that is None."""
    return _line(body, _values(key, told))


def _line(text: str, values: Values) -> str:
    return on_one_line(parsing.as_text(text, values))


def _values(key: Key, told: Told) -> dict[str, Value]:
    return {name: _value(name, key, told) for name in allowed(key)}


def _value(name: str, key: Key, told: Told) -> Value:
    if name == "link":
        return _link(key.kind, told)
    if words := _WORDS.get(name):
        said = on_one_line(words(key, told))
        return _plain(shortened(said, told.get("most")) if name in _NAMES else said)
    if key.medium == Medium.SMS:
        return _plain(on_one_line(_rendered(f"sms/_{name}.txt", told)))
    text = _rendered(f"emails/_{name}.txt", told).strip()
    html = render_to_string(f"emails/_{name}.html", dict(told)) if name in _BOXES else _paragraph(text)
    return Value(text, html, alone=html)


def _plain(text: str) -> Value:
    return Value(text, format_html("{}", text))


def _paragraph(text: str) -> SafeString:
    return format_html('<p style="margin:0 0 16px;">{}</p>', text) if text else SafeString()


def _rendered(template: str, told: Told) -> str:
    return get_template(template).template.render(Context(dict(told), autoescape=False))  # type: ignore[attr-defined]


def _link(kind: str, told: Told) -> Value:
    url, words = _way_on(kind, told)
    button = render_to_string("emails/_button.html", {"url": url, "text": words})
    html = format_html('<a href="{}" style="color:#0a4d9c;">{}</a>', url, url)
    return Value(url, html, alone=button, alone_text=f"{words}:\n{url}")


def _way_on(kind: str, told: Told) -> tuple[str, str]:
    """Return where the link of this kind of message leads, and what its button says."""
    ways = _WAYS.get(kind, _USUAL_WAY)
    return next((str(told[name]), str(words)) for name, words in ways if told.get(name))


def _when(key: Key, told: Told) -> str:
    if key.medium == Medium.SMS:
        return str(told["short_when"])
    if not told["own_time"]:
        return str(told["when"])
    return gettext("%(when)s, your time: %(own)s") % {"when": told["when"], "own": told["own_time"]}


def _place(_key: Key, told: Told) -> str:
    """Return where it is. The way into a call is in `how`, because no SMS may have a link."""
    appointment: Appointment = told["appointment"]
    return told["place"] if appointment.channel == Channel.IN_PERSON else appointment.get_channel_display()


# What an SMS may shorten: the page and the mail have it whole.
_NAMES = {"service", "branch", "place", "agency", "name"}
_WORDS: dict[str, Callable[[Key, Told], str]] = {
    "when": _when,
    "service": lambda _key, told: told["procedure"].name,
    "branch": lambda _key, told: told["branch"].name,
    "place": _place,
    "reference": lambda _key, told: told["appointment"].spoken_reference,
    "name": lambda _key, told: told["appointment"].name,
    "agency": lambda _key, told: told["agency"].name,
    "phone": lambda _key, told: told["branch"].phone,
}
