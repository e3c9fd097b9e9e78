"""Reading a time that somebody asks to book, and checking whether the rules allow it."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import connection
from django.utils import timezone

from agencies.facts import (
    AGENCY_COLUMNS,
    AGENCY_WIDTH,
    BRANCH_COLUMNS,
    IS_SYSTEM,
    PROCEDURE_COLUMNS,
    PROCEDURE_WIDTH,
    SYSTEM_COLUMNS,
    AnyProcedure,
    BranchFacts,
    ProcedureFacts,
    Row,
    SystemFacts,
    facts_of,
    facts_of_branch,
    procedure_in,
)
from agencies.models import OpeningRule, Procedure, SystemToken
from agencies.models.services import RULE_SERVES, serves
from appointments.errors import (
    ChannelNotOffered,
    ForeignProcedure,
    NotOffered,
    SlotNotFound,
    SlotNotReleased,
    SlotPassed,
)
from appointments.models import TimeSlot
from appointments.times.slots import FREE, slots_needed


@dataclass(frozen=True, slots=True)
class AskedTime:
    """A time that somebody asks to book: its slot, the channels of its rule, its branch, and the wanted service.

    It holds only what the verbs need, so that a booking does not read the texts of everything it touches.
    """

    pk: int
    rule_id: int
    starts_at: datetime
    slot_length: timedelta
    bookable_from: datetime | None
    has_desk: bool
    channels: list[str]
    branch: BranchFacts
    procedure: ProcedureFacts

    @property
    def branch_id(self) -> int:
        return self.branch.pk

    @property
    def ends_at(self) -> datetime:
        """The end of the service, which may differ from the end of the slot."""
        return self.starts_at + self.procedure.duration

    @property
    def slots_needed(self) -> int:
        return slots_needed(self.procedure.duration, self.slot_length)


SLOT_COLUMNS = """slot.id, slot.rule_id, slot.starts_at, slot.ends_at - slot.starts_at, slot.bookable_from,
    slot.taken < slot.capacity, rule.channels"""
ASKED = f"""
SELECT {SYSTEM_COLUMNS}, {PROCEDURE_COLUMNS}, {AGENCY_COLUMNS}, {SLOT_COLUMNS}, {BRANCH_COLUMNS}
FROM (SELECT) AS one
LEFT JOIN agencies_systemtoken system ON {IS_SYSTEM}
LEFT JOIN (
    agencies_procedure procedure JOIN agencies_agency agency ON agency.id = procedure.agency_id
) ON procedure.code = %(procedure)s
LEFT JOIN (
    appointments_timeslot slot
    JOIN agencies_branch branch ON branch.id = slot.branch_id
    JOIN agencies_openingrule rule ON rule.id = slot.rule_id
) ON slot.id = %(slot)s AND {RULE_SERVES.format(procedure="procedure.id")}
"""
SYSTEM_WIDTH = 2
SLOT = slice(PROCEDURE_WIDTH + AGENCY_WIDTH, PROCEDURE_WIDTH + AGENCY_WIDTH + 7)


Asked = tuple[ProcedureFacts | None, AskedTime | None]


def asked_for(slot_id: int, code: str) -> Asked:
    """Read the service with this code, and the time of this slot if its rule serves the service. One query.

    Each is None if it does not exist.
    """
    return _read("", slot_id, code, timezone.now())[1]


def asked_by(key: str, slot_id: int, code: str, *, now: datetime | None = None) -> tuple[SystemFacts | None, Asked]:
    """Read the system with this token, if the token is valid at `now`, and what `asked_for` reads. One query."""
    return _read(SystemToken.digest_of(key), slot_id, code, now or timezone.now())


def _read(digest: str, slot_id: int, code: str, now: datetime) -> tuple[SystemFacts | None, Asked]:
    with connection.cursor() as cursor:
        cursor.execute(ASKED, {"digest": digest, "slot": slot_id, "procedure": code, "now": now})
        row = cursor.fetchone()
    system, rest = row[:SYSTEM_WIDTH], row[SYSTEM_WIDTH:]
    return (None if system[0] is None else SystemFacts(*system)), _asked_in(rest)


def _asked_in(row: Row) -> Asked:
    if row[0] is None:
        return None, None
    procedure, slot, branch = procedure_in(row), row[SLOT], row[SLOT.stop :]
    if slot[0] is None:
        return procedure, None
    return procedure, AskedTime(*(*slot, BranchFacts(*branch), procedure))


def asked_plainly(slot_id: int, code: str) -> Asked:
    """Return the same as `asked_for`, read in six queries through the models. Tests compare the two."""
    found = Procedure.objects.filter(code=code).first()
    if found is None:
        return None, None
    procedure, slot = facts_of(found), TimeSlot.objects.filter(pk=slot_id).first()
    rule = OpeningRule.objects.filter(slots=slot).first() if slot else None
    if slot is None or rule is None or not serves([one.pk for one in rule.procedures.all()], found.pk):
        return procedure, None
    length, branch = slot.ends_at - slot.starts_at, facts_of_branch(slot.branch)
    facts = (slot.pk, rule.pk, slot.starts_at, length, slot.bookable_from, slot.has_desk, rule.channels)
    return procedure, AskedTime(*facts, branch, procedure)


# The other slots of the branch that begin with the asked one, have a desk, and serve the service in the channel.
SIBLINGS = f"""
SELECT {SLOT_COLUMNS}
FROM appointments_timeslot slot JOIN agencies_openingrule rule ON rule.id = slot.rule_id
WHERE slot.branch_id = %(branch)s AND slot.starts_at = %(starts_at)s AND slot.id <> %(slot)s
    AND {FREE.format(slot="slot")} AND %(channel)s = ANY(rule.channels)
    AND {RULE_SERVES.format(procedure="%(procedure)s")}
ORDER BY slot.id
"""


def siblings(asked: AskedTime, channel: str, *, now: datetime, assisted: bool = False) -> list[AskedTime]:
    """Return the same time as other opening rules of the branch give it, where their first slot has a desk. One query.

    A time that several rules give is listed once, under one slot. When that slot is full, these are still to be had.
    """
    params: dict[str, Any] = {
        "slot": asked.pk,
        "branch": asked.branch_id,
        "starts_at": asked.starts_at,
        "procedure": asked.procedure.pk,
        "channel": channel,
        "now": datetime.max.replace(tzinfo=UTC) if assisted else now,
    }
    with connection.cursor() as cursor:
        cursor.execute(SIBLINGS, params)
        rows = cursor.fetchall()
    return [AskedTime(*(*row, asked.branch, asked.procedure)) for row in rows]


def bookable_slot(
    slot: int, procedure: AnyProcedure, channel: str, *, now: datetime, assisted: bool = False
) -> AskedTime:
    """Return the time of the slot with this key if the rules let the service begin there in this channel.

    Raises the BookingError that says why they do not. See `require_bookable`.
    """
    _procedure, asked = asked_for(slot, procedure.code)
    return require_bookable(asked, channel, now=now, assisted=assisted)


def require_bookable(asked: AskedTime | None, channel: str, *, now: datetime, assisted: bool = False) -> AskedTime:
    """Return `asked`, or raise the BookingError that says why the rules do not allow it. None raises SlotNotFound.

    Officers (`assisted`) may book up to the last minute. Whether a desk is still free is decided when it is taken.
    """
    if asked is None:
        raise SlotNotFound
    procedure = asked.procedure
    if asked.branch.agency_id != procedure.agency_id:
        raise ForeignProcedure
    offered = procedure.is_offered or (assisted and procedure.by_referral)
    if not (offered and procedure.agency.is_live and asked.branch.is_open):
        raise NotOffered
    if channel not in procedure.channels or channel not in asked.channels:
        raise ChannelNotOffered
    if asked.starts_at < (now if assisted else now + procedure.agency.notice):
        raise SlotPassed
    if not assisted and asked.bookable_from and asked.bookable_from > now:
        raise SlotNotReleased
    return asked
