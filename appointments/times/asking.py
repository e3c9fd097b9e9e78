"""What may be booked: a slot that is asked for, if the procedure can begin there as far as rules tell."""

from datetime import datetime

from django.db import connection

from agencies.facts import PROCEDURE, Columns, listed, parts
from agencies.models import Agency, Branch, OpeningRule, Procedure
from agencies.models.services import RULE_SERVES
from appointments.errors import (
    ChannelNotOffered,
    ForeignProcedure,
    NotOffered,
    SlotNotFound,
    SlotNotReleased,
    SlotPassed,
)
from appointments.models import TimeSlot

# What the verbs need of a slot, its branch and its rule: a booking should not carry the texts of everything it touches.
ASKED_COLUMNS: Columns = PROCEDURE | {
    "slot": ("id", "branch_id", "rule_id", "starts_at", "ends_at", "bookable_from"),
    "branch": ("id", "agency_id", "code", "country", "timezone", "is_open"),
    "rule": ("id", "branch_id", "channels"),
}
ASKED = f"""
SELECT {listed(ASKED_COLUMNS)}
FROM agencies_procedure procedure JOIN agencies_agency agency ON agency.id = procedure.agency_id
LEFT JOIN (
    appointments_timeslot slot
    JOIN agencies_branch branch ON branch.id = slot.branch_id
    JOIN agencies_openingrule rule ON rule.id = slot.rule_id
) ON slot.id = %(slot)s AND {RULE_SERVES.format(procedure="procedure.id")}
WHERE procedure.code = %(procedure)s
"""


def asked_for(slot_id: int, code: str) -> tuple[Procedure | None, TimeSlot | None]:
    """The service with this code, and the slot with its branch and rule if the rule gives it for the service."""
    with connection.cursor() as cursor:
        cursor.execute(ASKED, {"slot": slot_id, "procedure": code})
        row = cursor.fetchone()
    if row is None:
        return None, None
    procedure, agency, slot, branch, rule = parts(row, ASKED_COLUMNS, Procedure, Agency, TimeSlot, Branch, OpeningRule)
    procedure.agency = agency
    if slot.pk is None:
        return procedure, None
    slot.branch, slot.rule = branch, rule
    return procedure, slot


def bookable_slot(
    slot: int | TimeSlot | None, procedure: Procedure, channel: str, *, now: datetime, assisted: bool = False
) -> TimeSlot:
    """The slot with its rule and branch, if the procedure can begin there in this channel as far as rules tell.

    Officers (`assisted`) may book up to the last minute. Whether the time is still free is decided when it is taken.
    Raises the BookingError that says what is wrong.
    """
    if isinstance(slot, int):
        _procedure, slot = asked_for(slot, procedure.code)
    if slot is None or slot.rule is None:
        raise SlotNotFound
    if slot.branch.agency_id != procedure.agency_id:
        raise ForeignProcedure
    offered = procedure.is_offered or (assisted and procedure.by_referral)
    if not (offered and procedure.agency.is_live and slot.branch.is_open):
        raise NotOffered
    if channel not in procedure.channels or channel not in slot.rule.channels:
        raise ChannelNotOffered
    if slot.starts_at < (now if assisted else now + procedure.agency.notice):
        raise SlotPassed
    if not assisted and slot.bookable_from and slot.bookable_from > now:
        raise SlotNotReleased
    return slot
