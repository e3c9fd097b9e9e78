"""Erasing personal data when the agency's retention period is over. A nightly task calls this."""

from datetime import datetime, timedelta

from django.contrib.sessions.models import Session
from django.db import connection, transaction
from django.db.models import Q, QuerySet

from accounts.security import What, tell_when_done
from accounts.work.sweeps import each
from agencies.models import Agency
from appointments.models import (
    Acceptance,
    Appointment,
    IdentityCheck,
    KeptDraft,
    Notification,
    Party,
    Reading,
    ReceivedSms,
    Ticket,
)

# Rows changed by one statement, so that locks stay short even if there is much to erase.
BATCH = 5_000
# A gateway that gets no answer repeats an SMS for hours, at most for days.
REPEATED = timedelta(days=30)

# The fields that tell who the citizen was, emptied. Branch, time, service and outcome stay for statistics.
NOBODY = {
    "citizen": None,
    "name": "",
    "email": "",
    "returned_from": "",
    "phone": "",
    "timezone": "",
    "notes": "",
    "cancel_reason": "",
    "tax_number_encrypted": None,
    "person_key": "",
    "limit_place": None,
    "idempotency_key": None,
    "request_digest": "",
    "search": "",
}

# What a session holds of a draft, and until when.
TYPED = ("typed", "typed_until")

# The same for a ticket.
UNSAID = {"name": "", "phone": "", "internal_note": "", "citizen_note": "", "park_reason": ""}


def erase_old(*, now: datetime) -> int:
    """Erase personal data the agency's `retention_days` after the appointment or visit; return how many rows."""
    return sum(each(Agency.objects.all(), lambda agency: _erase_all(agency, now), doing="erasing old data of"))


def _erase_all(agency: Agency, now: datetime) -> int:
    ended_before = now - timedelta(days=agency.retention_days)
    erased = _erase(agency, ended_before) + _erase_walk_ins(agency, ended_before)
    _fold_history(agency, ended_before)
    if erased:
        tell_when_done(What.PERSONAL_DATA_ERASED, agency=agency.pk, rows=erased)
    return erased


def _erase(agency: Agency, ended_before: datetime) -> int:
    named = ~Q(name="") | ~Q(email="") | ~Q(phone="") | ~Q(person_key="") | Q(citizen__isnull=False)
    old = Appointment.objects.filter(named, agency=agency, ends_at__lt=ended_before).order_by("pk")
    erased = 0
    while pks := list(old.values_list("pk", flat=True)[:BATCH]):
        erased += forget(pks)
    return erased


def forget(pks: list[int]) -> int:
    """Erase all that tells who came with these appointments; return how many they are."""
    erased = Appointment.objects.filter(pk__in=pks).update(**NOBODY)
    Party.objects.filter(appointment__in=pks).delete()
    Acceptance.objects.filter(appointment__in=pks).delete()
    Reading.objects.filter(appointment__in=pks).delete()
    IdentityCheck.objects.filter(appointment__in=pks).update(valid_until=None)
    # The error of a mail server may contain the citizen's address.
    told = Notification.objects.filter(appointment__in=pks).exclude(last_error="", sent_to="")
    told.update(last_error="", sent_to="")
    _erase_queue(Ticket.objects.filter(appointment__in=pks))
    return erased


def _erase_walk_ins(agency: Agency, arrived_before: datetime) -> int:
    said = ~Q(name="") | ~Q(phone="") | ~Q(internal_note="") | ~Q(citizen_note="") | ~Q(park_reason="")
    old = Ticket.objects.filter(said, branch__agency=agency, appointment=None, arrived_at__lt=arrived_before)
    erased = 0
    while pks := list(old.order_by("pk").values_list("pk", flat=True)[:BATCH]):
        erased += _erase_queue(Ticket.objects.filter(pk__in=pks))
    return erased


def _erase_queue(tickets: QuerySet[Ticket]) -> int:
    """Erase names, notes and other free text on the tickets; return their number."""
    return tickets.update(**UNSAID)


# Replaces the events of an appointment (or of the ticket of a walk-in) by one row, which keeps what the steps were and
# when. That is enough for statistics, and holds nothing by which a step could be taken back.
FOLD = """
WITH old AS (
    SELECT event.id, event.appointment_id, CASE WHEN event.appointment_id IS NULL THEN event.ticket_id END AS ticket_id
    FROM appointments_event event
    LEFT JOIN appointments_appointment appointment ON appointment.id = event.appointment_id
    LEFT JOIN appointments_ticket ticket ON ticket.id = event.ticket_id
    LEFT JOIN agencies_branch branch ON branch.id = ticket.branch_id
    WHERE event.at < %(before)s AND event.verb <> 'past' AND (
        (appointment.agency_id = %(agency)s AND appointment.ends_at < %(before)s)
        OR (event.appointment_id IS NULL AND branch.agency_id = %(agency)s)
    )
    ORDER BY event.id LIMIT %(batch)s
), whole AS (
    SELECT DISTINCT appointment_id, ticket_id FROM old
), gone AS (
    DELETE FROM appointments_event event USING whole
    WHERE event.appointment_id = whole.appointment_id
        OR (event.appointment_id IS NULL AND event.ticket_id = whole.ticket_id)
    RETURNING event.id, event.at, event.verb, event.details, event.undone_at, whole.appointment_id, whole.ticket_id
), steps AS (
    SELECT id, at, appointment_id, ticket_id, jsonb_build_array(verb, at) AS step FROM gone
    WHERE verb <> 'past' AND undone_at IS NULL
    UNION ALL
    SELECT id, at, appointment_id, ticket_id, jsonb_array_elements(details->'steps') FROM gone WHERE verb = 'past'
)
INSERT INTO appointments_event (at, verb, appointment_id, ticket_id, "by", page, before, details)
SELECT min(at), 'past', appointment_id, ticket_id, 'worker', 'forget', '{}',
    jsonb_build_object('steps', jsonb_agg(step ORDER BY at, id))
FROM steps GROUP BY appointment_id, ticket_id
"""


def _fold_history(agency: Agency, ended_before: datetime) -> None:
    """Fold the events of each old appointment and walk-in into one. The database lets only this change the history."""
    more = True
    while more:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT set_config('mydesklive.retention', 'on', true)")
            cursor.execute(FOLD, {"agency": agency.pk, "before": ended_before, "batch": BATCH})
            more = cursor.rowcount > 0


def forget_received(*, now: datetime) -> int:
    """Delete which SMS were received. No gateway repeats one after so long."""
    return ReceivedSms.objects.filter(received_at__lt=now - REPEATED).delete()[0]


def forget_typed(*, now: datetime) -> int:
    """Take out of sessions what was typed and not booked, soon after the held time; return how many they were.

    A session that is written in the same moment keeps its turn for the next run.
    """
    return sum(_forget_typed(draft) for draft in KeptDraft.objects.filter(forget_at__lte=now).order_by("pk")[:BATCH])


def _forget_typed(draft: KeptDraft) -> bool:
    session = Session.objects.filter(session_key=draft.session).first()
    if session:
        rest = {name: value for name, value in session.get_decoded().items() if name not in TYPED}
        same = Session.objects.filter(session_key=draft.session, session_data=session.session_data)
        if not same.update(session_data=Session.objects.encode(rest)):
            return False
    return bool(KeptDraft.objects.filter(pk=draft.pk, forget_at=draft.forget_at).delete()[0])


def uncount_past(*, now: datetime) -> int:
    """Stop counting past appointments that no officer has closed towards the limit per person; return their number."""
    past = Appointment.objects.open().filter(ends_at__lt=now, limit_place__isnull=False)
    return past.update(limit_place=None)
