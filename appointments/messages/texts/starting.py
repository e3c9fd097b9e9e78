"""A first draft for whoever writes an own text: ours, with placeholders."""

from collections.abc import Iterator

from django.utils import translation
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from appointments.messages.texts.kinds import BLOCKS, Key, Kind, Medium, allowed

_HEADINGS: dict[str, str | Promise] = {
    Kind.VERIFY: gettext_lazy("One step is left"),
    Kind.CONFIRMATION: gettext_lazy("Your appointment is booked."),
    Kind.REMINDER: gettext_lazy("Your appointment is coming up."),
    Kind.MOVED: gettext_lazy("Your appointment has a new time. The old one no longer holds."),
    Kind.KEPT: gettext_lazy("The clock has changed where the branch is. Your appointment keeps its local time."),
    Kind.CANCELLED: gettext_lazy("Cancelled"),
    Kind.OFFER: gettext_lazy("Another time for your appointment"),
    Kind.DELAYED: gettext_lazy("Your appointment will begin later."),
    Kind.RATING: gettext_lazy("How were you served?"),
    Kind.SUMMARY: gettext_lazy("What was done at your appointment"),
}
# What the message is sent for stands above the facts, what helps stands below.
_FIRST, _LAST = ("why", "offer", "delay", "result"), ("how", "documents", "directions")


def draft(key: Key) -> tuple[str, str]:
    """Return a subject and a body in the language of the text."""
    with translation.override(key.language):
        heading = str(_HEADINGS[key.kind]).rstrip(".")
        if key.medium == Medium.SMS:
            return "", _sms(heading, key)
        return f"{heading}: {{when}}", "\n\n".join(_paragraphs(heading, key))


def _paragraphs(heading: str, key: Key) -> Iterator[str]:
    names = allowed(key)
    yield f"**{heading}**"
    yield "**{when}**"
    yield from (f"{{{name}}}" for name in _FIRST if name in names)
    facts = ((_("Service"), "service"), (_("Where"), "place"), (_("Reference"), "reference"))
    yield "\n".join(f"{word}: {{{name}}}" for word, name in facts)
    yield from (f"{{{name}}}" for name in (*_LAST, "link", "until") if name in names)


def _sms(heading: str, key: Key) -> str:
    said = [f"{heading}: {{when}}, {{branch}}.", _("Reference") + " {reference}."]
    return " ".join((*said, *(f"{{{name}}}" for name in allowed(key) if name in BLOCKS)))
