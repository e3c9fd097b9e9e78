"""Which messages an agency may put in its own words, which placeholders each has, and which it must have.

A kind of message that is not listed here is always in our words.
"""

from typing import NamedTuple

from django.conf import settings
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from appointments.models import Notification

Kind, Medium = Notification.Kind, Notification.Medium


class Key(NamedTuple):
    """Names one text of an agency."""

    kind: str
    medium: str
    language: str


# What each placeholder says, in the order of the list that administrators read.
MEANING: dict[str, str | Promise] = {
    "when": _("the day and time, also on the reader’s own clock if it differs"),
    "service": _("the service"),
    "branch": _("the branch"),
    "place": _("the branch with its address, or by video, or by telephone"),
    "reference": _("the reference of the appointment"),
    "name": _("the citizen’s name; left out if the address is not proven"),
    "agency": _("the name of your agency"),
    "phone": _("the telephone number of the branch"),
    "link": _("the link with which the citizen goes on; alone on a line it is a button"),
    "how": _("how the appointment is held: the link of the video call, or who calls whom"),
    "documents": _("what to have with one, as a list"),
    "directions": _("how to get there: address, directions, access and map"),
    "until": _("until when the citizen can move, cancel or confirm"),
    "why": _("who has cancelled, and why"),
    "offer": _("the reason, and the time that is offered and until when, or that none was found"),
    "delay": _("how much later it will begin"),
    "result": _("what was done, and what the officer wrote"),
}
# These say more than a few words, or nothing at all, so they stand on a line of their own.
BLOCKS = {"how", "documents", "directions", "until", "why", "offer", "delay", "result"}
# A subject is read on locked screens.
IN_SUBJECT = ("when", "service", "branch", "agency")

_PLAIN = {"when", "service", "branch", "place", "reference", "agency", "phone"}
_AHEAD = _PLAIN | {"name", "link", "how", "documents", "directions", "until"}
_IN_MAIL: dict[str, set[str]] = {
    Kind.VERIFY: _AHEAD - {"name", "how"},
    Kind.CONFIRMATION: _AHEAD,
    Kind.REMINDER: _AHEAD,
    Kind.MOVED: _AHEAD,
    Kind.KEPT: _AHEAD,
    Kind.CANCELLED: _PLAIN | {"name", "link", "why"},
    Kind.OFFER: _PLAIN | {"name", "link", "offer"},
    Kind.DELAYED: _PLAIN | {"name", "link", "delay"},
    Kind.RATING: _PLAIN | {"name", "link"},
    Kind.SUMMARY: _PLAIN | {"name", "link", "result"},
}
# No SMS has a link, for it can be read on locked screens, or a name, for no telephone number is ever proved.
_IN_SMS: dict[str, set[str]] = {
    Kind.CONFIRMATION: _PLAIN | {"how"},
    Kind.REMINDER: _PLAIN | {"how"},
    Kind.MOVED: _PLAIN | {"how"},
    Kind.KEPT: _PLAIN | {"how"},
    Kind.CANCELLED: _PLAIN,
    Kind.OFFER: _PLAIN | {"offer"},
    Kind.DELAYED: _PLAIN | {"delay"},
}
_ALLOWED = {Medium.EMAIL: _IN_MAIL, Medium.SMS: _IN_SMS}
# Without these the message would not say what it is sent for.
_NEEDED: dict[str, set[str]] = {
    Kind.VERIFY: {"when", "link", "until"},
    Kind.CANCELLED: {"when", "reference", "why"},
    Kind.OFFER: {"when", "reference", "link", "offer"},
    Kind.DELAYED: {"when", "reference", "link", "delay"},
    Kind.RATING: {"link"},
    Kind.SUMMARY: {"reference", "link", "result"},
}
_USUAL = {"when", "reference", "link"}

# Every text that an agency may write.
EVERY_KEY = tuple(
    Key(kind, medium, language)
    for kind in Kind
    for medium, kinds in _ALLOWED.items()
    for language, _name in settings.LANGUAGES
    if kind in kinds
)


def allowed(key: Key) -> list[str]:
    """Return the placeholders that the body may have, in the order of their list."""
    return [name for name in MEANING if name in _ALLOWED[Medium(key.medium)][key.kind]]


def needed(key: Key) -> list[str]:
    """Return the placeholders that the body must have."""
    needs = _NEEDED.get(key.kind, _USUAL)
    return [name for name in allowed(key) if name in needs]


def in_subject(key: Key) -> list[str]:
    """Return the placeholders that the subject may have."""
    return [name for name in IN_SUBJECT if name in allowed(key)]
