"""Who of the agency has looked at a record: written with one statement, however many they are, and told to the citizen."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.db import connection
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.security import What, tell_when_done
from agencies.models import Branch
from appointments.models import Appointment, Reading

WRITE = """
WITH reader AS (
    SELECT %(by)s::varchar AS role, %(officer)s::bigint AS officer, %(page)s::varchar AS page, %(now)s::timestamptz AS now
)
INSERT INTO appointments_reading (appointment_id, branch_id, "by", officer_id, at, page)
SELECT record.id, record.branch_id, reader.role, reader.officer, reader.now, reader.page
FROM reader, appointments_appointment record
WHERE record.id = ANY(%(pks)s::bigint[]) AND NOT EXISTS (
    SELECT FROM appointments_reading before
    WHERE before.appointment_id = record.id AND before.page = reader.page AND before."by" = reader.role
        AND before.officer_id IS NOT DISTINCT FROM reader.officer
        AND before.at > %(since)s AND before.at <= reader.now
)
RETURNING appointment_id
"""


@dataclass(frozen=True, slots=True)
class Reader:
    """Who looks: an officer, or a system of the agency; and the name of the page."""

    by: Reading.By
    officer: int | None
    page: str


def write(pks: Collection[int], *, by: Reader, now: datetime, one_look: timedelta) -> int:
    """Store that the records of these appointments were looked at; return how many rows were written.

    What the same reader has seen on the same page for less than `one_look` is not written again.
    """
    asked = {"pks": sorted(pks), "by": by.by, "officer": by.officer, "page": by.page, "now": now}
    with connection.cursor() as cursor:
        cursor.execute(WRITE, asked | {"since": now - one_look})
        written = [pk for (pk,) in cursor.fetchall()]
    if written:
        told = {"appointment": written[0]} if len(written) == 1 else {"records": len(written)}
        tell_when_done(What.RECORD_READ, **told, page=by.page)
    return len(written)


@dataclass(frozen=True, slots=True)
class Look:
    """What the citizen reads of a day on which people or systems of the agency have looked at the record."""

    day: date
    by: str
    text: str


def for_citizen(appointment: Appointment) -> list[Look]:
    """Return who has looked at the record, a line for each day (on the branch's clock), branch and kind of reader.

    The officers are counted and not named. One query, and one more if the appointment has been at another branch.
    """
    officers: dict[tuple[date, str, int | None], set[int | None]] = {}
    for at, by, branch, officer in appointment.readings.order_by("at").values_list("at", "by", "branch", "officer"):
        officers.setdefault((appointment.branch.local(at).date(), by, branch), set()).add(officer)
    elsewhere = {branch for _day, _by, branch in officers} - {appointment.branch_id, None}
    branches = Branch.objects.in_bulk(elsewhere) if elsewhere else {}
    return [
        Look(day, by, _told(by, len(who), branches.get(branch or 0), appointment))
        for (day, by, branch), who in officers.items()
    ]


def _told(by: str, officers: int, branch: Branch | None, appointment: Appointment) -> str:
    if by == Reading.By.SYSTEM:
        return _("A computer system of %(agency)s looked at it") % {"agency": appointment.agency.name}
    number = max(officers, 1)  # who has no account any more is nobody in particular
    told = ngettext("An officer of %(branch)s looked at it", "%(number)d officers of %(branch)s looked at it", number)
    return told % {"number": number, "branch": (branch or appointment.branch).name}
