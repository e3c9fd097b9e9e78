"""What was sent about an appointment, as its citizen reads it."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from appointments.models import Appointment, Notification
from appointments.wording import hidden

Kind, State = Notification.Kind, Notification.State

SENT = {
    Kind.VERIFY: gettext_lazy("We asked %(address)s to confirm"),
    Kind.CONFIRMATION: gettext_lazy("We sent the confirmation to %(address)s"),
    Kind.REMINDER: gettext_lazy("We sent a reminder to %(address)s"),
    Kind.MOVED: gettext_lazy("We told the new time to %(address)s"),
    Kind.KEPT: gettext_lazy("We wrote to %(address)s that the time stays"),
    Kind.CANCELLED: gettext_lazy("We told the cancellation to %(address)s"),
    Kind.RATING: gettext_lazy("We asked %(address)s how it was"),
    Kind.OFFER: gettext_lazy("We wrote to %(address)s about another time"),
    Kind.DELAYED: gettext_lazy("We wrote to %(address)s that it will be later"),
    Kind.SUMMARY: gettext_lazy("We sent what was done to %(address)s"),
    Kind.CHANGED: gettext_lazy("We told %(address)s what has changed"),
    Kind.REPLY: gettext_lazy("We answered %(address)s"),
    Kind.DECLINED: gettext_lazy("We told %(address)s that declining in the calendar does not cancel it"),
    Kind.CORRECTED: gettext_lazy("We told %(address)s that the address was changed"),
    Kind.FOR_YOU: gettext_lazy("We told %(address)s, for whom the appointment is"),
}


@dataclass(frozen=True, slots=True)
class Seen:
    """One message: when it was sent or tried last, and what became of it."""

    at: datetime
    text: str
    is_problem: bool = False


def for_citizen(appointment: Appointment) -> list[Seen]:
    """Return the messages that were sent, and those that did not arrive, in order. One query.

    Addresses are hidden in part, because whoever has the link reads it.
    """
    return sorted(_of(appointment), key=lambda one: one.at)


def _of(appointment: Appointment) -> Iterator[Seen]:
    for one in appointment.notifications.order_by("due_at", "pk"):
        address = hidden(one.sent_to) or _("the address that you gave")
        if one.state == State.SENT:
            yield Seen(one.sent_at or one.due_at, str(SENT[Kind(one.kind)]) % {"address": address})
        elif one.may_be_sent_again:
            text = _("A message to %(address)s did not arrive. Is the address right?") % {"address": address}
            yield Seen(one.due_at, text, is_problem=True)
