"""Sending a message again that did not arrive, when an officer says so."""

from datetime import datetime

from django.db import transaction

from accounts.work.waking import wake_worker
from appointments import history
from appointments.booking.contacts.owing import reach_of
from appointments.errors import AlreadyAsked, NoLongerTrue, NowhereToSend
from appointments.history import Actor
from appointments.messages.truth import is_true
from appointments.models import Event, Notification

State = Notification.State


@transaction.atomic
def send_again(failed: Notification, *, by: Actor, now: datetime) -> Notification:
    """Owe the message once more, due now. It goes where the citizen is reached today.

    Raises AlreadyAsked if it is on its way already (after a double click), NoLongerTrue, or NowhereToSend.
    """
    rows = Notification.objects.filter(pk=failed.pk).undelivered()
    message = rows.select_for_update(no_key=True, of=("self",)).first()
    if message is None:
        raise AlreadyAsked
    if not is_true(message, now=now):
        raise NoLongerTrue
    if not reach_of(message.appointment)[message.medium]:
        raise NowhereToSend
    message.state, message.due_at, message.attempts = State.PENDING, now, 0
    message.last_error = message.sent_to = ""
    message.leased_until = None
    message.save(update_fields=["state", "due_at", "attempts", "last_error", "sent_to", "leased_until"])
    details = {"message": message.pk, "kind": message.kind, "medium": message.medium}
    history.note(Event.Verb.RESEND, by=by, now=now, appointment=message.appointment, details=details)
    wake_worker("appointments.tasks.deliver_due")
    return message
