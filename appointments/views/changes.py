"""Tells a public page whether anything has changed since it last asked, with one cheap query.

A page sends the state that it shows (`?seen=…`) and gets 204, or its new part. `xmin` is the transaction that last
wrote a row. So every change of a row changes the sum, even a change by plain SQL. Waiting times depend on the clock
too, so the minute is part of the state.
"""

from datetime import UTC, date, datetime

from django.db import connection
from django.http import HttpRequest

from agencies.models import Branch
from agencies.wallclock import zone_of

LINE = """
SELECT (SELECT count(*) || '.' || coalesce(sum(xmin::text::bigint), 0) FROM appointments_ticket
        WHERE branch_id = place.branch_id AND day = place.day)
    || '-' || (SELECT coalesce(sum(xmin::text::bigint), 0) FROM appointments_desk WHERE branch_id = place.branch_id)
"""
OF_BRANCH = f"{LINE} FROM (SELECT %s::bigint AS branch_id, %s::date AS day) place"
# Also with which device the person who waits with the ticket is in its video call.
IN_CALL = """
|| coalesce((
    SELECT '-' || md5(device || (seat IS NOT NULL)) FROM videocalls_participant
    WHERE call_id = place.video_call_id AND key = 'citizen'
), '')
"""
OF_TICKET = f"{LINE} {IN_CALL} FROM appointments_ticket place WHERE place.code = %s"
# The days around now in any time zone. Python says which of them it is at the branch.
OF_SCREEN = """
SELECT branch.timezone, (
    SELECT json_object_agg(day, seen) FROM (
        SELECT ticket.day, count(*) || '.' || sum(ticket.xmin::text::bigint) AS seen FROM appointments_ticket ticket
        WHERE ticket.branch_id = branch.id AND ticket.day BETWEEN %(day)s::date - 1 AND %(day)s::date + 1
            AND ticket.called_at IS NOT NULL
        GROUP BY ticket.day
    ) AS called
)
FROM appointments_queue queue JOIN agencies_branch branch ON branch.id = queue.branch_id
WHERE queue.display_key = %(key)s
"""


def is_unchanged(request: HttpRequest, state: str) -> bool:
    return request.GET.get("seen") == state


def of_branch(branch: Branch, day: date, *, now: datetime) -> str:
    return f"{_asked(OF_BRANCH, branch.pk, day)}-{_minute(now)}"


def of_ticket(code: str, *, now: datetime) -> str | None:
    """Returns the state of the ticket's queue, or None if there is no such ticket."""
    state = _asked(OF_TICKET, code)
    return f"{state}-{_minute(now)}" if state else None


def of_screen(display_key: str, *, now: datetime) -> str | None:
    """Returns the state of what the hall screen with this key shows, or None if no screen has this key."""
    with connection.cursor() as cursor:
        cursor.execute(OF_SCREEN, {"day": now.astimezone(UTC).date(), "key": display_key})
        row = cursor.fetchone()
    if row is None:
        return None
    zone, called = row
    return (called or {}).get(now.astimezone(zone_of(zone)).date().isoformat(), "0")


def _asked(question: str, *params: str | int | date) -> str | None:
    with connection.cursor() as cursor:
        cursor.execute(question, params)
        row = cursor.fetchone()
    return row[0] if row else None


def _minute(now: datetime) -> int:
    return int(now.timestamp()) // 60
