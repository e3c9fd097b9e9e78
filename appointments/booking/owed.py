"""The messages that each change of an appointment owes. They are rows, written in the transaction of the change.

Rows survive a crash, a lost broker or a restart. The worker is woken when the transaction commits; if that fails, its
periodic sweep finds the rows.
"""

import json
from collections.abc import Iterable
from datetime import datetime, time, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import connection

from accounts.typed.phones import mobile_number
from accounts.work.waking import wake_worker
from agencies.models import ForWhom
from agencies.wallclock import instant
from appointments.models import Appointment, Notification, Status
from appointments.models.notification import AWAITED

Kind, Medium, State = Notification.Kind, Notification.Medium, Notification.State
# The tasks that send what somebody waits for.
URGENT_TASKS = {Medium.EMAIL: "appointments.tasks.deliver_urgent", Medium.SMS: "appointments.tasks.deliver_urgent_sms"}

# Night on the citizen's clock. A reminder that would be due at night is sent the evening before; a message of the kinds
# in WAITS_FOR_MORNING that is still unsent when the night begins waits for the morning.
NIGHT_BEGINS, NIGHT_ENDS, EVENING = time(21), time(8), time(20)
WAITS_FOR_MORNING = (Kind.REMINDER, Kind.RATING)
# News of changed details waits so long, because who corrects one thing often corrects the next. It does not wait for the
# morning if the appointment is within a day, and not at all if it is within two hours.
SETTLES, SOON, AT_ONCE = timedelta(minutes=10), timedelta(days=1), timedelta(hours=2)
# Messages that are owed once an appointment is completed.
AFTERWARDS = (Kind.RATING, Kind.SUMMARY)
# An SMS would not do: it proves no address, or has no room.
BY_MAIL_ALONE = (Kind.VERIFY, Kind.RATING, Kind.SUMMARY, Kind.CORRECTED, Kind.FOR_YOU)
# No reminder is due sooner than this after the message that tells the time. Whoever has just booked or moved remembers it,
# and a second message of the same hour makes people read none of them.
FRESH = timedelta(hours=2)


class Owed(NamedTuple):
    """A message to be written. `minutes_before` tells the reminders of one appointment apart."""

    kind: str
    medium: str
    due_at: datetime
    minutes_before: int = 0


def owe_verification(appointment: Appointment, *, now: datetime) -> None:
    """Ask a guest by e-mail to confirm the address, before the time is booked."""
    _owe(appointment, _to_all_media(appointment, Kind.VERIFY, now, media=[Medium.EMAIL]))


def owe_confirmation(appointment: Appointment, *, now: datetime) -> None:
    _owe(appointment, confirmation(appointment, appointment.agency.reminders, appointment.zone, now=now))
    owe_person(appointment, now=now)


def confirmation(appointment: Appointment, reminders: Iterable[int], zone: ZoneInfo, *, now: datetime) -> list[Owed]:
    """Return the messages that a booking owes: the confirmation and the reminders.

    `reminders` are minutes before the appointment. `zone` is the citizen's, which says when it is night.
    """
    return [*_to_all_media(appointment, Kind.CONFIRMATION, now), *_reminders(appointment, reminders, zone, now)]


def owe_move(appointment: Appointment, *, now: datetime) -> None:
    """Tell the citizen the new time, and write reminders of it."""
    _owe(appointment, [*_to_all_media(appointment, Kind.MOVED, now), *_own_reminders(appointment, now)])
    owe_person(appointment, now=now)


def owe_kept(appointment: Appointment, *, now: datetime) -> None:
    """Tell the citizen that the wall-clock time stays although the clock has changed, and write new reminders."""
    _owe(appointment, [*_to_all_media(appointment, Kind.KEPT, now), *_own_reminders(appointment, now)])
    owe_person(appointment, now=now)


def owe_cancellation(appointment: Appointment, *, now: datetime) -> None:
    _owe(appointment, _to_all_media(appointment, Kind.CANCELLED, now))
    owe_person(appointment, now=now)


def owe_offer(appointment: Appointment, *, due: datetime) -> None:
    """Tell the citizen at `due` that another time is offered, or that none was found."""
    _owe(appointment, _to_all_media(appointment, Kind.OFFER, due))


def owe_rating(appointment: Appointment, *, now: datetime) -> None:
    """Ask the citizen for a rating one hour after the end, or on the next morning if that is at night."""
    due = after_night(now + timedelta(hours=1), appointment.zone)
    _owe(appointment, _to_all_media(appointment, Kind.RATING, due, media=[Medium.EMAIL]))


def owe_summary(appointment: Appointment, *, now: datetime) -> None:
    """Send the citizen what the officer wrote. The caller gives as `now` when the step can no longer be taken back."""
    _owe(appointment, _to_all_media(appointment, Kind.SUMMARY, now, media=[Medium.EMAIL]))


def owe_declined(appointment: Appointment, *, now: datetime) -> None:
    """Tell who declined the invitation in a calendar that the appointment stands. Once for each revision."""
    _owe(appointment, _to_all_media(appointment, Kind.DECLINED, now, media=[Medium.EMAIL]))


def give_up_mail(appointment: Appointment, *, now: datetime) -> None:
    """Note that mails to the address do not arrive, and tell by SMS what they would tell.

    The caller has locked the appointment.
    """
    appointment.returned_from = appointment.email
    appointment.save(update_fields=["returned_from"])
    owe_by_sms(appointment, now=now)


def owe_by_sms(appointment: Appointment, *, now: datetime) -> None:
    """Tell by SMS what mails did not tell, and what they will not tell if the address takes none any more.

    What was or will be told by SMS anyway is not told twice.
    """
    if not _reaches(appointment, Medium.SMS):
        return
    states = [State.BOUNCED, State.FAILED, *([State.PENDING] if appointment.is_mail_returned else [])]
    known = set(map(_told_once, appointment.notifications.by_sms().filter(revision=appointment.revision)))
    mails = appointment.notifications.by_mail().filter(revision=appointment.revision)
    for mail in mails.filter(state__in=states).exclude(kind__in=BY_MAIL_ALONE):
        if _told_once(mail) not in known:
            known.add(_told_once(mail))
            _owe(appointment, [Owed(mail.kind, Medium.SMS, max(mail.due_at, now), mail.minutes_before)])


def _told_once(message: Notification) -> tuple[str, int]:
    """Return what one message is enough for. Only reminders are told apart by their time."""
    return message.kind, message.minutes_before if message.kind == Kind.REMINDER else 0


def owe_notice(appointment: Appointment, earlier: str, *, now: datetime) -> None:
    """Tell the earlier address that it was changed, and not to which one."""
    appointment.notifications.create(
        kind=Kind.CORRECTED,
        medium=Medium.EMAIL,
        revision=appointment.revision,
        language=appointment.language,
        due_at=now,
        sent_to=earlier,
    )
    wake_worker("appointments.tasks.deliver_due")


def owe_person(appointment: Appointment, *, now: datetime) -> None:
    """Tell the person for whom somebody else has booked, if that person has an address: what has become of it, by one mail."""
    party = getattr(appointment, "party", None)
    if (
        party is None
        or party.kind != ForWhom.OTHER
        or not party.email
        or party.email.lower() == appointment.email.lower()
    ):
        return
    is_cancelled = appointment.status == Status.CANCELLED
    before = appointment.notifications.filter(kind=Kind.FOR_YOU).exclude(state=State.DROPPED)
    if is_cancelled and not before.exists():
        return  # the person has never heard of it
    appointment.notifications.get_or_create(
        kind=Kind.FOR_YOU,
        medium=Medium.EMAIL,
        revision=appointment.revision,
        defaults={
            "language": appointment.language,
            "due_at": now,
            "sent_to": party.email,
            "details": {"cancelled": True} if is_cancelled else {},
        },
    )
    wake_worker("appointments.tasks.deliver_due")


def owe_these(appointment: Appointment, messages: Iterable[Owed]) -> None:
    """Owe messages that the caller has chosen. Those that are owed already stay as they are."""
    _owe(appointment, messages)


def coming_reminders(appointment: Appointment, *, now: datetime) -> list[Owed]:
    """Return the reminders that a booking or a move at this moment would owe."""
    return list(_own_reminders(appointment, now))


def owe_reply(appointment: Appointment, outcome: str, *, now: datetime) -> None:
    """Answer the citizen's SMS by one, or by mail if none can be sent. One answer a minute is enough."""
    medium = Medium.SMS if _reaches(appointment, Medium.SMS) else Medium.EMAIL
    minutes = max((appointment.starts_at - now) // timedelta(minutes=1), 0)
    _owe(appointment, _to_all_media(appointment, Kind.REPLY, now, minutes_before=minutes, media=[medium]))
    unsent = appointment.notifications.filter(kind=Kind.REPLY, medium=medium, state=State.PENDING)
    unsent.update(details={"outcome": outcome})


def owe_delay(appointment: Appointment, *, now: datetime) -> None:
    """Tell the citizen that the turn will be later. Sent even at night, because the citizen waits or comes soon."""
    _owe(appointment, _to_all_media(appointment, Kind.DELAYED, now))


# What tells an earlier address that it was changed is always true, so no later step drops it.
DROP = """
UPDATE appointments_notification SET state = 'dropped'
WHERE appointment_id = %s AND state = 'pending' AND kind <> 'corrected' RETURNING id
"""


def drop_pending(appointment: Appointment) -> list[int]:
    """Drop the appointment's messages that are not sent yet. Return their keys, which the event of the change keeps."""
    with connection.cursor() as cursor:
        cursor.execute(DROP, [appointment.pk])
        return [pk for (pk,) in cursor.fetchall()]


def keep_pending(appointment: Appointment) -> None:
    """Carry messages that are not sent yet over to the appointment's new revision, because they are still true."""
    unsent = appointment.notifications.filter(state=State.PENDING, revision=appointment.revision - 1)
    unsent.exclude(kind=Kind.CORRECTED).update(revision=appointment.revision)


# A message that is being sent, or was sent, is carried too: it may be tried again, and it tells what was promised.
CARRY = """
UPDATE appointments_notification AS message SET revision = appointment.revision
FROM appointments_appointment AS appointment
WHERE appointment.id = message.appointment_id AND appointment.id = ANY(%s) AND message.revision = appointment.revision - 1
    AND (message.kind != %s OR message.state = 'pending')
"""


def carry_over(appointments: Iterable[int], *, anew: str) -> None:
    """Carry messages over to the new revision of these appointments (keys), because what they say is still true.

    Messages of the kind `anew` that are on their way stay behind, for the new revision owes another one.
    """
    with connection.cursor() as cursor:
        cursor.execute(CARRY, [list(appointments), anew])


def owe_again(appointment: Appointment, dropped: Iterable[int], kind: str) -> None:
    """Owe those of the dropped messages that are of this kind again, because they are still true."""
    again = Notification.objects.filter(pk__in=list(dropped), kind=kind, state=State.DROPPED)
    again.update(state=State.PENDING, revision=appointment.revision)


def take_back(appointment: Appointment, dropped: Iterable[int]) -> None:
    """Undo what a step did to messages: owe the `dropped` ones again, and delete what the step had owed itself."""
    Notification.objects.filter(pk__in=list(dropped), state=State.DROPPED).update(state=State.PENDING)
    appointment.notifications.filter(kind__in=AFTERWARDS, state=State.PENDING).delete()


def _own_reminders(appointment: Appointment, now: datetime) -> Iterable[Owed]:
    return _reminders(appointment, appointment.agency.reminders, appointment.zone, now)


def _reminders(appointment: Appointment, reminders: Iterable[int], zone: ZoneInfo, now: datetime) -> Iterable[Owed]:
    """Return the reminders that are due later than FRESH from `now`, when the citizen is told the time.

    Those that the night moves to the same evening become one.
    """
    by_due = {waking_hours(appointment.starts_at - timedelta(minutes=one), zone): one for one in sorted(reminders)}
    for due, minutes_before in by_due.items():
        if due >= now + FRESH:
            yield from _to_all_media(appointment, Kind.REMINDER, due, minutes_before=minutes_before)


def waking_hours(due: datetime, zone: ZoneInfo) -> datetime:
    """Return `due`, or the evening before (at EVENING in this zone) if `due` is at night."""
    if not _is_night(due, zone):
        return due
    local = due.astimezone(zone)
    evening = local.date() if local.time() >= NIGHT_BEGINS else local.date() - timedelta(days=1)
    return instant(datetime.combine(evening, EVENING), zone)


def after_night(due: datetime, zone: ZoneInfo) -> datetime:
    """Return `due`, or the morning after (at NIGHT_ENDS in this zone) if `due` is at night."""
    if not _is_night(due, zone):
        return due
    local = due.astimezone(zone)
    morning = local.date() + timedelta(days=local.time() >= NIGHT_BEGINS)
    return instant(datetime.combine(morning, NIGHT_ENDS), zone)


def waits_for_morning(message: Notification, *, now: datetime) -> bool:
    """Return whether the message is not sent at night."""
    far = message.appointment.starts_at - now > SOON
    return message.kind in WAITS_FOR_MORNING or (message.kind == Kind.CHANGED and far)


def _is_night(moment: datetime, zone: ZoneInfo) -> bool:
    return not NIGHT_ENDS <= moment.astimezone(zone).time() < NIGHT_BEGINS


def _to_all_media(
    appointment: Appointment, kind: str, due: datetime, *, minutes_before: int = 0, media: Iterable[str] = Medium
) -> Iterable[Owed]:
    return (Owed(kind, medium, due, minutes_before) for medium in media if _reaches(appointment, medium))


def is_reachable(appointment: Appointment) -> bool:
    """Return whether any message can be sent to the citizen."""
    return any(_reaches(appointment, medium) for medium in Medium)


def _reaches(appointment: Appointment, medium: str) -> bool:
    if medium == Medium.SMS:
        return bool(settings.SMS_URL and sms_number(appointment))
    return bool(appointment.email)


def sms_number(appointment: Appointment) -> str:
    """Return the number that SMS go to (E.164), or "". A number without a country code is one of the branch's country."""
    phone = appointment.phone
    return mobile_number(phone) if phone.startswith("+") else mobile_number(phone, appointment.branch.country)


# Reads a CTE called `appointment`, so that the statement that makes an appointment can include this one.
WRITE = """
INSERT INTO appointments_notification
    (appointment_id, kind, medium, lead_minutes, due_at, revision, language, state, attempts, last_error)
SELECT appointment.id, owed.kind, owed.medium, owed.minutes_before, owed.due_at, appointment.revision,
    appointment.language, 'pending', 0, ''
FROM appointment, json_to_recordset(%(messages)s::json)
    AS owed (kind text, medium text, due_at timestamptz, minutes_before integer)
"""
OWE = f"""
WITH appointment AS (SELECT id, revision, language FROM appointments_appointment WHERE id = %(id)s) {WRITE}
ON CONFLICT DO NOTHING
"""


def owe_changed(appointments: Iterable[Appointment], was: dict[str, str], *, now: datetime) -> None:
    """Tell these citizens what has changed since the values `was`, by one message for all that changes before it is sent."""
    owed = [
        {"appointment": one.pk, "medium": medium, "due_at": _of_change(one, now)}
        for one in appointments
        for medium in Medium
        if _reaches(one, medium)
    ]
    with connection.cursor() as cursor:
        cursor.execute(OWE_CHANGED, {"messages": json.dumps(owed, default=datetime.isoformat), "was": json.dumps(was)})
    wake_worker("appointments.tasks.deliver_due")


def _of_change(appointment: Appointment, now: datetime) -> datetime:
    ahead = appointment.starts_at - now
    if ahead <= AT_ONCE:
        return now
    return now + SETTLES if ahead <= SOON else after_night(now + SETTLES, appointment.zone)


# What a message on its way tells is told again, for it may still fail.
OWE_CHANGED = """
INSERT INTO appointments_notification AS message
    (appointment_id, kind, medium, lead_minutes, due_at, revision, language, state, attempts, last_error, details)
SELECT appointment.id, 'changed', owed.medium, 0, owed.due_at, appointment.revision, appointment.language, 'pending', 0, '',
    %(was)s::jsonb || coalesce((
        SELECT jsonb_object_agg(earlier.key, earlier.value)
        FROM appointments_notification AS sending, jsonb_each(sending.details) AS earlier
        WHERE sending.appointment_id = appointment.id AND sending.kind = 'changed'
            AND sending.medium = owed.medium AND sending.state = 'sending'
    ), '{}')
FROM json_to_recordset(%(messages)s::json) AS owed (appointment bigint, medium text, due_at timestamptz)
JOIN appointments_appointment AS appointment ON appointment.id = owed.appointment
ON CONFLICT (appointment_id, kind, medium, revision, lead_minutes) DO UPDATE SET details = EXCLUDED.details || message.details
"""


def as_json(messages: Iterable[Owed]) -> str:
    """Return the messages as the parameter of WRITE."""
    return json.dumps([one._asdict() for one in messages], default=datetime.isoformat)


def _owe(appointment: Appointment, messages: Iterable[Owed]) -> None:
    """Write the messages that are not there yet, and wake the worker once the change is committed."""
    owed = [*messages]
    if owed:
        with connection.cursor() as cursor:
            cursor.execute(OWE, {"id": appointment.pk, "messages": as_json(owed)})
        wake(owed)


def wake(messages: Iterable[Owed]) -> None:
    """Have the worker send those that somebody waits for. The others wait for the periodic sweeps."""
    for medium in sorted({one.medium for one in messages if one.kind in AWAITED}):
        wake_worker(URGENT_TASKS[Medium(medium)])
