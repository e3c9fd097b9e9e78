"""The work that the worker owes appointments. A new kind of work is one more entry in LANES (accounts/work/due.py)."""

from datetime import datetime, timedelta

from django.db.models import F
from django.db.models.functions import Coalesce
from django.utils.translation import gettext_lazy as _

from accounts.work.due import Lane, Oldest, Rows, first
from appointments.messages.returned import reading
from appointments.models import AlertMail, Appointment, Disruption, Mailbox, Notice, Notification
from appointments.models.notification import NoticeQuerySet, NotificationQuerySet
from videocalls import rooms
from videocalls.models import Meeting, Participant, VideoCall


def minutes(number: int) -> timedelta:
    return timedelta(minutes=number)


def _messages(rows: NotificationQuerySet) -> Oldest:
    return lambda now: first(rows.due(now=now), "due_at")


def _awaited(rows: NotificationQuerySet, notices: NoticeQuerySet) -> Oldest:
    """What somebody waits for at this moment: messages, and the notices that go before them."""
    return lambda now: (first(rows.due(now=now), "due_at"), first(notices.due(now=now), "due_at"))


def _holds(now: datetime) -> Rows:
    return first(Appointment.objects.overdue(now=now), "expires_at")


def _disruptions(now: datetime) -> Rows:
    preparing = Disruption.objects.filter(state=Disruption.State.PREPARING)
    return first(preparing.annotate(since=Coalesce("preparing_since", "created_at")), "since")


def _calls(now: datetime) -> tuple[Rows, ...]:
    """Appointments that wait for a call, and calls that wait for their room."""
    without = first(Appointment.objects.without_call(now=now).exclude(booked_at=None), "booked_at")
    waiting = VideoCall.objects.to_prepare(now=now).annotate(since=Coalesce("retry_at", "created_at"))
    return without, first(waiting, "since")


def _meetings(now: datetime) -> Rows:
    return first(Meeting.objects.to_remove(now=now), "unneeded_at")


def _rooms_to_forget(now: datetime) -> Rows:
    """Rooms that have been closed for so long that nobody should be known in them any more."""
    known = Participant.objects.known().filter(call__closes_at__lte=now - rooms.KEPT)
    return first(known.annotate(since=F("call__closes_at") + rooms.KEPT), "since")


def _alerts(now: datetime) -> Rows:
    return first(AlertMail.objects.due(now=now).annotate(since=Coalesce("retry_at", F("alert__raised_at"))), "since")


def _mailbox(now: datetime) -> Rows:
    """Since when the mailbox should have been read. Trying in vain does not count."""
    return first(Mailbox.objects.filter(key=reading.current() or "", due_at__lte=now), "due_at")


LANES = (
    Lane(
        "urgent mail",
        _("Mails that somebody waits for"),
        minutes(2),
        _awaited(Notification.objects.by_mail().urgent(), Notice.objects.by_mail()),
    ),
    Lane("mail", _("Mails"), minutes(5), _messages(Notification.objects.by_mail())),
    Lane(
        "urgent sms",
        _("SMS that somebody waits for"),
        minutes(2),
        _awaited(Notification.objects.by_sms().urgent(), Notice.objects.by_sms()),
    ),
    Lane("sms", _("SMS"), minutes(5), _messages(Notification.objects.by_sms())),
    Lane("holds", _("Times to give back"), minutes(2), _holds),
    Lane("disruptions", _("Offers after disruptions"), minutes(15), _disruptions),
    Lane("video", _("Rooms for video calls"), minutes(5), _calls),
    Lane("mailbox", _("Mails that come back"), minutes(15), _mailbox),
    Lane("old rooms", _("Video rooms to remove"), minutes(15), _meetings),
    Lane("video rooms", _("People to forget in video rooms"), minutes(30), _rooms_to_forget),
    Lane("alerts", _("Alerts"), timedelta(hours=13), _alerts),  # they are mailed by day
)
