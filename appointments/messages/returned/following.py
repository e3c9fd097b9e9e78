"""What follows from a notice that a mail did not arrive, and from an answer to an invitation. Repeating it changes nothing."""

from datetime import datetime

from accounts.mails import marks
from accounts.mails.marks import Notice
from appointments import history
from appointments.booking import owed
from appointments.history import worker
from appointments.messages.notices.sending import came_back
from appointments.messages.returned.answers import Answer
from appointments.models import Appointment, Event, Notification, ReturnedMail, Status

Outcome = ReturnedMail.Outcome
State = Notification.State
READER = worker("read_mailbox")
# Messages of these states may have been sent. A worker that has not noted yet that it sent one records nothing any more.
PERHAPS_SENT = (State.SENT, State.SENDING, State.PENDING)


def follow_notice(notice: Notice, *, now: datetime) -> Outcome:
    """Note what became of the mail, of whatever kind. The caller has opened a transaction."""
    if not marks.followed(notice, now=now):
        return Outcome.NOTHING
    return Outcome.BOUNCED if notice.is_final else Outcome.DELAYED


def follow_told(notice: Notice, *, now: datetime) -> bool:
    """Note what became of a mail to somebody in a line, or with a guest's link. Return whether anything followed."""
    return notice.is_final and came_back(notice.mark.key, by=READER, now=now)


def follow_message(notice: Notice, *, now: datetime) -> bool:
    """Note what became of a message about an appointment. Return whether anything followed."""
    message = Notification.objects.filter(pk=notice.mark.key).by_mail().first()
    if message is None:
        return False
    appointment = _locked(pk=message.appointment_id)
    # A mail to an earlier address says nothing about the one that the contact was corrected to.
    if appointment is None or not notice.mark.is_for(appointment.email):
        return False
    if not notice.is_final:
        return _delayed(message, notice.status)
    return _came_back(message, appointment, notice, now)


def _delayed(message: Notification, status: str) -> bool:
    """Note it for officers. The mail systems go on trying."""
    sent = Notification.objects.filter(pk=message.pk, state=State.SENT)
    return bool(sent.update(last_error=f"{status} delayed".strip()))


def _came_back(message: Notification, appointment: Appointment, notice: Notice, now: datetime) -> bool:
    """Mark the message, and the address if the fault is its own, and have told by SMS what mails do not tell."""
    told = Notification.objects.filter(pk=message.pk, state__in=PERHAPS_SENT)
    if not told.update(state=State.BOUNCED, leased_until=None, last_error=notice.status):
        return False
    details = {"message": message.pk, "kind": message.kind, "medium": message.medium, "status": notice.status}
    history.note(Event.Verb.FAIL, by=READER, now=now, appointment=appointment, details=details)
    if notice.is_of_address:
        owed.give_up_mail(appointment, now=now)
    else:
        owed.owe_by_sms(appointment, now=now)
    return True


def follow_answer(answer: Answer, *, now: datetime) -> Outcome:
    """Tell who declined the invitation that this cancels nothing: once for each time that was promised.

    Only the person with the booked address declines, and only that address is written to. The caller has opened a transaction.
    """
    appointment = _locked(reference=answer.reference)
    if appointment is None or not answer.is_by(appointment.email):
        return Outcome.FOREIGN
    is_ahead = appointment.status == Status.BOOKED and now < appointment.starts_at
    if not (answer.is_declined and is_ahead) or answer.sequence < appointment.revision:
        return Outcome.NOTHING
    owed.owe_declined(appointment, now=now)
    return Outcome.DECLINED


def _locked(**wanted: object) -> Appointment | None:
    return Appointment.objects.select_for_update(no_key=True).filter(**wanted).one()
