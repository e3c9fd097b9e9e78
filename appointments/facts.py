"""What citizens are told of a branch and of a service besides the time, and how it differs from what they were told.

One more entry in FACTS makes a field one that citizens are told about when it changes.
"""

from collections.abc import Iterator, Mapping
from copy import copy
from dataclasses import dataclass
from typing import Any, NamedTuple

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from agencies.models import Branch, Channel, Procedure
from agencies.text import in_language
from appointments.models import Notification

Row = Branch | Procedure
# The names of an appointment's fields that refer to these rows.
ROWS: dict[type, str] = {Branch: "branch", Procedure: "procedure"}


@dataclass(frozen=True)
class Fact:
    """`stems` are the row's fields without the ending of their language. Texts of `lines` have one thing on each line.

    Whoever does not come to the branch is not told of a fact that is `only_there`. A fact that is `whole` is never
    shortened.
    """

    row: str
    name: str
    label: Promise | str
    stems: tuple[str, ...]
    lines: bool = False
    only_there: bool = False
    whole: bool = False

    def columns(self, row: Row) -> Iterator[str]:
        own = {field.name for field in row._meta.concrete_fields}
        return (name for stem in self.stems for name in (stem, f"{stem}_el", f"{stem}_en") if name in own)

    def told(self, row: Row, language: str) -> str:
        """Return the fact as it is told in the language, on one line."""
        texts = [self._text(row, stem, language) for stem in self.stems]
        parts = [part for text in texts for part in (text.splitlines() if self.lines else [text])]
        return ", ".join(filter(None, (" ".join(part.split()) for part in parts)))

    def _text(self, row: Row, stem: str, language: str) -> str:
        return in_language(row, stem, language) if hasattr(row, f"{stem}_el") else str(getattr(row, stem))


FACTS = (
    Fact("branch", "branch", _("Branch"), ("name",)),
    Fact("branch", "address", _("Address"), ("address", "city"), only_there=True, whole=True),
    Fact("branch", "phone", _("Telephone of the branch"), ("phone",), whole=True),
    Fact("branch", "directions", _("How to get there"), ("directions",), only_there=True),
    Fact("branch", "access", _("Accessibility"), ("access",), only_there=True),
    Fact("procedure", "service", _("Service"), ("name",)),
    Fact("procedure", "documents", _("What to have with you"), ("documents",), lines=True),
)
LABELS = {fact.name: fact.label for fact in FACTS}


class Changed(NamedTuple):
    """A fact that is told otherwise now. A text is empty if there is none."""

    fact: Fact
    was: str
    now: str


def stored(row: Row) -> dict[str, str]:
    """Return the values of the row that citizens are told, by the names that `changes` reads: "branch.address_el"."""
    kind = ROWS[type(row)]
    names = [name for fact in FACTS if fact.row == kind for name in fact.columns(row)]
    return {f"{kind}.{name}": getattr(row, name) for name in names}


def changes(was: Mapping[str, Any], row: Row, language: str, channel: str = Channel.IN_PERSON) -> list[Changed]:
    """Return what is told of the row otherwise than with the earlier values `was`, in the language, for the channel."""
    kind, earlier = ROWS[type(row)], copy(row)
    for name, value in was.items():
        if name.startswith(f"{kind}."):
            setattr(earlier, name.partition(".")[2], value)
    facts = [fact for fact in FACTS if fact.row == kind and (channel == Channel.IN_PERSON or not fact.only_there)]
    told = (Changed(fact, fact.told(earlier, language), fact.told(row, language)) for fact in facts)
    return [one for one in told if one.was != one.now]


def news(message: Notification) -> list[Changed]:
    """Return what the message about changed details tells its reader, as the rows are now."""
    appointment = message.appointment
    rows: tuple[Row, ...] = (appointment.branch, appointment.procedure)
    return [one for row in rows for one in changes(message.details, row, message.language, appointment.channel)]
