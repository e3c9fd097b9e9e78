"""What must be true of the data when everything runs again: nothing lost, doubled, overbooked, half done or untold."""

import json
import time
from collections import Counter
from datetime import timedelta
from pathlib import Path

from django.db import connection
from django.utils import timezone

from appointments.models import Appointment, Notification, Status
from bench.soak.ledger import Ledger, Promise

# An unconfirmed booking may have run out since it was promised.
KEPT = (
    Status.UNVERIFIED,
    Status.EXPIRED,
    Status.BOOKED,
    Status.ARRIVED,
    Status.SERVING,
    Status.COMPLETED,
    Status.NO_SHOW,
)
# Slots whose count differs from their appointments, and bookings of which nobody is ever told.
MISCOUNTED = """
SELECT count(*) FROM (
    SELECT slot.id FROM appointments_timeslot slot
    LEFT JOIN appointments_appointment appointment ON slot.id = ANY(appointment.slot_ids)
    GROUP BY slot.id HAVING slot.taken <> count(appointment.id)
) AS wrong
"""
UNTOLD = """
SELECT count(*) FROM appointments_appointment appointment
WHERE status = 'booked' AND NOT EXISTS (
    SELECT FROM appointments_notification WHERE appointment_id = appointment.id
)
"""


def settle(patience: float) -> float:
    """Waits until no message and no hold is due any more. Returns the seconds that it took, or infinity."""
    started = time.monotonic()
    while time.monotonic() - started < patience:
        if not _is_due():
            return time.monotonic() - started
        time.sleep(0.5)
    return float("inf")


def _is_due() -> bool:
    now = timezone.now()
    overdue = Appointment.objects.filter(status=Status.HELD, expires_at__lte=now)
    waiting = Notification.objects.filter(
        state__in=[Notification.State.PENDING, Notification.State.SENDING], due_at__lte=now
    )
    return overdue.exists() or waiting.exists()


def examine(ledger: Ledger, mails: Path, sms: Path) -> dict[str, int]:
    """Compares what people were told with the rows, mails and SMS. Returns the counts that must all be zero."""
    promised = {promise.reference: promise for promise in ledger.promises}
    made = Appointment.objects.filter(email__startswith="soak-", status__in=KEPT)
    kept = {*made.values_list("reference", flat=True)}
    emails = Counter(made.values_list("email", flat=True))
    taken = _read(mails)
    sent = Counter(recipient for mail in taken for recipient in mail["to"])
    return {
        "promised, but not in the database": len(promised.keys() - kept),
        "booked twice for one person": sum(number > 1 for number in emails.values()),
        "slots that count wrongly": _scalar(MISCOUNTED),
        "bookings without a message": _scalar(UNTOLD),
        "promised, but no mail came": len([one for one in promised.values() if not _was_told(one, sent)]),
        "SMS that the gateway took twice": twice(sms),
        f"told twice by two messages {_doubled(taken)[:3]}": len(_doubled(taken)),
    }


def soon(ledger: Ledger, since: float) -> int:
    """Returns how many visitors have booked within the next three days since this second of the soak."""
    lately = [one.reference for one in ledger.promises if one.at >= since and one.by.startswith("visitor")]
    made = Appointment.objects.filter(reference__in=lately, starts_at__lt=timezone.now() + timedelta(days=3))
    return made.count()


def twice(file: Path) -> int:
    """Returns how many mails or SMS came twice with the same id. Mails do if a worker dies in the instant of sending."""
    return sum(number - 1 for number in Counter(str(one["id"]) for one in _read(file)).values())


def _was_told(promise: Promise, sent: Counter[str]) -> bool:
    return sent[promise.email] > 0


def _doubled(taken: list[dict[str, list[str]]]) -> list[str]:
    """Returns the subjects of what people were told twice, by two messages."""
    unlike = {(mail["id"], tuple(mail["to"]), str(mail["subject"])) for mail in taken}
    return [subject for (_to, subject), number in Counter(one[1:] for one in unlike).items() if number > 1]


def _read(file: Path) -> list[dict[str, list[str]]]:
    return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []


def _scalar(sql: str) -> int:
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return int(cursor.fetchone()[0])
