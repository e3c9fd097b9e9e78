"""What every figure is, and on which day it counts. This is the one place that decides it; docs/figures.md says it in words.

- A request counts on the day on which it was made, a cancellation on the day on which it came, all else on the day of
  the appointment. A visit without an appointment counts on the day of its ticket.
- Nothing counts after the day of the appointment.
- Days are local to the branch's zone. Holds and unconfirmed bookings of guests are not requests.

Some days of branches are counted by a table `reach` (branch_id, agency_id, day, begins, ends), whose rows come from `changed`.
A day lasts from `begins` until before `ends` (UTC), so that each part finds its rows by an index. All days of branches are
counted by a table `clock` (branch_id, agency_id, begins, offsets), with what their clocks show.
"""

from collections.abc import Callable, Sequence
from itertools import pairwise

from agencies.wallclock import CLOCKS, ON_CLOCK

# SQL: true for a row of appointments that counts as a request.
SUBMITTED = "status NOT IN ('held', 'unverified', 'expired')"

# The ends of the buckets of spreads. The last bucket has no end.
MINUTES = (1, 2, 3, 5, 7, 10, 15, 20, 30, 45, 60, 90, 120, 180)
SECONDS = [60 * minutes for minutes in MINUTES]
DAYS = (1, 2, 3, 5, 7, 10, 14, 21, 28, 42, 56, 90)
PUNCTUAL_MINUTES = 10
LATE_HOURS = 24  # a cancellation that comes later than this before the appointment is late

# What is told of each row that counts: 1 or 0, or a value.
TOLD = (
    *("requested", "booked", "due", "minutes", "moved", "video_calls", "video_connected", "messages", "messages_lost"),
    *("walk_ins", "access_needs", "missing_documents", "overran"),
    *("cancelled", "cancelled_late", "cancelled_by_citizen", "cancelled_late_by_citizen"),
    *("ahead", "late", "waiting", "serving"),
)


def _seconds(begin: str, end: str) -> str:
    """Returns the SQL of the whole seconds from one moment to another, 0 if it was before, NULL if one is not known."""
    return f"CASE WHEN {end} < {begin} THEN 0 ELSE floor(extract(epoch FROM {end} - {begin}))::bigint END"


def _rows(outcome: str, places: str, /, source: str, **told: str) -> str:
    """Returns the SQL of rows that count, and of what is told of each: 1 or 0, or a value. NULL is nothing."""
    columns = ", ".join(f"{told.get(name, 'NULL::bigint')} AS {name}" for name in TOLD)
    return f"""
        SELECT reach.agency_id, reach.branch_id, reach.day, one.procedure_id, one.channel, {source} AS source,
            {outcome} AS outcome, {columns}
        FROM {places}
    """


def _spread(value: str, ends: Sequence[int]) -> str:
    """Returns the SQL of a spread: how many rows have a value in each bucket. It is empty if none has a value."""
    last = f"count(*) FILTER (WHERE {value} >= {ends[-1]})"
    among = [f"count(*) FILTER (WHERE {value} >= {low} AND {value} < {high})" for low, high in pairwise((0, *ends))]
    return f"CASE WHEN count({value}) = 0 THEN '{{}}' ELSE ARRAY[{', '.join((*among, last))}]::int[] END"


OUTCOME = """CASE one.status WHEN 'completed' THEN 'served' WHEN 'no_show' THEN 'missed' WHEN 'cancelled' THEN 'cancelled'
    ELSE 'open' END"""
REQUESTED_AT, CANCELLED_AT = "least(one.created_at, one.starts_at)", "least(one.ended_at, one.starts_at)"
IS_LATE = f"{CANCELLED_AT} > one.starts_at - interval '{LATE_HOURS} hours'"
IS_BY_CITIZEN = "one.cancelled_by = 'citizen'"

Within = Callable[[str], str]


def _on_days(at: str) -> str:
    return f"""reach JOIN appointments_appointment one ON one.branch_id = reach.branch_id
        AND {at} >= reach.begins AND {at} < reach.ends"""


def _ever(at: str) -> str:
    return f"""clock JOIN appointments_appointment one ON one.branch_id = clock.branch_id CROSS JOIN LATERAL (
        SELECT clock.agency_id, clock.branch_id, ({ON_CLOCK.format(at=at)})::date AS day) AS reach"""


TICKETS_ON_DAYS = "reach JOIN appointments_ticket one ON one.branch_id = reach.branch_id AND one.day = reach.day"
TICKETS_EVER = """clock JOIN appointments_ticket one ON one.branch_id = clock.branch_id CROSS JOIN LATERAL (
    SELECT clock.agency_id, clock.branch_id, one.day) AS reach"""


def _requests(within: Within) -> str:
    return _rows(
        OUTCOME,
        f"{within(REQUESTED_AT)} WHERE one.{SUBMITTED}",
        source="one.source",
        requested="1",
        booked="(one.booked_at IS NOT NULL)::int",
        ahead=f"({_seconds(REQUESTED_AT, 'one.starts_at')}) / 86400",
    )


def _visits(within: Within) -> str:
    return _rows(
        OUTCOME,
        f"""{within("one.starts_at")}
        LEFT JOIN appointments_ticket ticket ON ticket.appointment_id = one.id
        LEFT JOIN LATERAL (
            SELECT bool_or(role = 'host') AND bool_or(role = 'visitor') AS both FROM videocalls_participant
            WHERE call_id = one.video_call_id AND admitted_at IS NOT NULL
        ) AS call ON one.channel = 'video'
        LEFT JOIN LATERAL (
            SELECT count(*) AS messages, count(*) FILTER (WHERE state <> 'sent') AS lost FROM appointments_notification
            WHERE appointment_id = one.id AND state IN ('sent', 'failed', 'bounced', 'unsure') AND kind <> 'corrected'
        ) AS told ON true
        WHERE one.{SUBMITTED}""",
        source="one.source",
        due="1",
        minutes=f"({_seconds('one.starts_at', 'one.ends_at')}) / 60",
        moved="(one.moved_at IS NOT NULL)::int",
        late=_seconds("one.starts_at", "one.serving_at"),
        video_calls="(one.channel = 'video' AND one.video_call_id IS NOT NULL)::int",
        video_connected="coalesce(call.both, false)::int",
        messages="told.messages",
        messages_lost="told.lost",
        access_needs="ticket.priority::int",
        overran="(one.status = 'completed' AND one.completed_at - one.serving_at > one.ends_at - one.starts_at)::int",
        missing_documents="(ticket.outcome = 'missing')::int",
        waiting=_seconds("ticket.arrived_at", "ticket.called_at"),
        serving=f"CASE WHEN one.status = 'completed' THEN {_seconds('one.serving_at', 'one.completed_at')} END",
    )


def _cancellations(within: Within) -> str:
    return _rows(
        OUTCOME,
        f"{within(CANCELLED_AT)} WHERE one.status = 'cancelled'",
        source="one.source",
        cancelled="1",
        cancelled_late=f"({IS_LATE})::int",
        cancelled_by_citizen=f"({IS_BY_CITIZEN})::int",
        cancelled_late_by_citizen=f"({IS_BY_CITIZEN} AND {IS_LATE})::int",
    )


def _walk_ins(tickets: str) -> str:
    return _rows(
        "CASE one.state WHEN 'done' THEN 'served' WHEN 'gone' THEN 'missed' ELSE 'open' END",
        f"{tickets} WHERE one.appointment_id IS NULL",
        source="'walk_in'",
        walk_ins="1",
        access_needs="one.priority::int",
        missing_documents="(one.outcome = 'missing')::int",
        waiting=_seconds("one.arrived_at", "one.called_at"),
        serving=f"CASE WHEN one.state = 'done' THEN {_seconds('one.serving_at', 'one.ended_at')} END",
    )


# The columns of DailyFact.
KEY = ("agency_id", "branch_id", "day", "procedure_id", "channel", "source", "outcome")
SUMS = {name: name for name in TOLD[:-4]} | {
    "days_ahead": "ahead",
    "late_seconds": "late",
    "waiting_seconds": "waiting",
    "serving_seconds": "serving",
}
FIGURES = {
    **{column: f"coalesce(sum({value}), 0)::bigint" for column, value in SUMS.items()},
    "begun": "count(late)",
    "punctual": f"count(*) FILTER (WHERE late <= {PUNCTUAL_MINUTES * 60})",
    "waited": "count(waiting)",
    "timed": "count(serving)",
    "ahead_spread": _spread("ahead", DAYS),
    "late_spread": _spread("late", SECONDS),
    "waiting_spread": _spread("waiting", SECONDS),
    "serving_spread": _spread("serving", SECONDS),
}
COLUMNS = ", ".join((*KEY, *FIGURES))


def _facts(within: Within, tickets: str) -> str:
    rows = " UNION ALL ".join((_requests(within), _visits(within), _cancellations(within), _walk_ins(tickets)))
    figures = ", ".join(f"{sql} AS {name}" for name, sql in FIGURES.items())
    return f"SELECT {', '.join(KEY)}, {figures} FROM ({rows}) AS row GROUP BY {', '.join(KEY)}"


FACTS_ON_DAYS, FACTS_EVER = _facts(_on_days, TICKETS_ON_DAYS), _facts(_ever, TICKETS_EVER)


def _hours(within: Within, tickets: str, clock: str = "") -> str:
    """Returns the SQL of how many visits began in each hour: an appointment at its time, a visit without one on arrival."""
    hour = f"extract(hour FROM {ON_CLOCK})::int AS hour"
    place = "SELECT reach.agency_id, reach.branch_id, reach.day"
    hours = ", ".join(f"count(*) FILTER (WHERE hour = {number})" for number in range(24))
    return f"""
        SELECT agency_id, branch_id, day, ARRAY[{hours}]::int[] AS hours FROM (
            {place}, {hour.format(at="one.starts_at")} FROM {within("one.starts_at")} {clock}
            WHERE one.status = 'completed'
            UNION ALL
            {place}, {hour.format(at="one.arrived_at")} FROM {tickets} {clock}
            WHERE one.appointment_id IS NULL AND one.state = 'done'
        ) AS visit GROUP BY agency_id, branch_id, day
    """


OF_BRANCH = f"""JOIN agencies_branch branch ON branch.id = reach.branch_id
    LEFT JOIN {CLOCKS} AS clock ON clock.zone = branch.timezone"""
HOURS_ON_DAYS, HOURS_EVER = _hours(_on_days, TICKETS_ON_DAYS, OF_BRANCH), _hours(_ever, TICKETS_EVER)

# The same of ratings, for the days of a table `rated` (agency_id, day).
RATINGS = """
SELECT agency_id, rated.day, procedure_id, channel, score, count(*) AS ratings
FROM rated JOIN appointments_rating rating USING (agency_id) WHERE rating.served_on = rated.day
GROUP BY agency_id, rated.day, procedure_id, channel, score
"""

# The minutes of desks that opening rules give. Empty slots are deleted a day after they began: a day that began before
# %(slots_from)s keeps what was counted.
OFFERED = f"sum(slot.desks * (({_seconds('slot.starts_at', 'slot.ends_at')}) / 60)) AS minutes"
CAPACITY_ON_DAYS = f"""
SELECT reach.branch_id, reach.day, {OFFERED}
FROM reach JOIN appointments_timeslot slot ON slot.branch_id = reach.branch_id
    AND slot.starts_at >= reach.begins AND slot.starts_at < reach.ends
WHERE reach.begins > %(slots_from)s GROUP BY reach.branch_id, reach.day
"""
CAPACITY_EVER = f"""
SELECT clock.branch_id, shown.day, {OFFERED}
FROM clock JOIN appointments_timeslot slot ON slot.branch_id = clock.branch_id AND slot.starts_at > %(slots_from)s
CROSS JOIN LATERAL (SELECT ({ON_CLOCK.format(at="slot.starts_at")})::date AS day) AS shown
WHERE shown.day > ({ON_CLOCK.format(at="%(slots_from)s")})::date GROUP BY clock.branch_id, shown.day
"""
