"""What happened to invented appointments. COPY and UPDATE made them, so no verb has written their events and tickets."""

from datetime import UTC, date

from django.db import connection

from agencies.models import Branch
from agencies.wallclock import CLOCKS, ON_CLOCK, clocks, midnight

# Writes one event for each step of an invented appointment that has a time, if the event does not exist yet.
TELL = """
INSERT INTO appointments_event (at, verb, appointment_id, "by", officer_id, page, before, details)
SELECT step.at, step.verb, appointment.id, step."by", step.officer, '', '{}', '{}'
FROM appointments_appointment appointment
CROSS JOIN LATERAL (
    SELECT 'book' AS verb, booked_at AS at, CASE source WHEN 'staff' THEN 'officer' ELSE 'guest' END AS "by",
        NULL::bigint AS officer
    UNION ALL SELECT 'check_in', arrived_at, 'guest', NULL
    UNION ALL SELECT 'serve', serving_at, 'officer', appointment.officer_id
    UNION ALL SELECT 'complete', completed_at, 'officer', appointment.officer_id
    UNION ALL SELECT CASE status WHEN 'no_show' THEN 'miss' ELSE 'cancel' END, ended_at,
        CASE status WHEN 'no_show' THEN 'officer' ELSE 'guest' END, NULL WHERE status IN ('no_show', 'cancelled')
) AS step
WHERE appointment.idempotency_key >= 'demo:' AND appointment.idempotency_key < 'demo;' AND step.at IS NOT NULL
    AND NOT EXISTS (
        SELECT FROM appointments_event event WHERE event.appointment_id = appointment.id AND event.verb = step.verb
    )
ORDER BY step.at, appointment.id
"""

# Gives one in three of the visits that were served before a day a ticket, and lets as many come without an appointment.
# Their reference decides how long they waited, so every machine gets the same. The longest wait on Mondays.
VISITED = f"""
WITH seen AS (
    SELECT appointment.*, abs(hashtext(reference)) AS luck, ({ON_CLOCK.format(at="starts_at")})::date AS day,
        row_number() OVER (
            PARTITION BY branch_id, ({ON_CLOCK.format(at="starts_at")})::date ORDER BY starts_at, appointment.id
        ) AS place
    FROM appointments_appointment appointment JOIN agencies_branch branch ON branch.id = branch_id
    LEFT JOIN {CLOCKS} AS clock ON clock.zone = branch.timezone
    WHERE status = 'completed' AND channel = 'in_person' AND starts_at >= %(since)s AND starts_at < %(until)s
        AND abs(hashtext(reference)) %% 3 = 0
        AND NOT EXISTS (SELECT FROM appointments_ticket WHERE appointment_id = appointment.id)
), timed AS (
    SELECT *, serving_at - make_interval(mins => 1 + luck / 7 %% 9 + CASE WHEN luck / 11 %% 8 = 0 THEN 18 ELSE 0 END
        + CASE WHEN extract(isodow FROM day) = 1 THEN 6 ELSE 0 END) AS came
    FROM seen
)
INSERT INTO appointments_ticket (branch_id, day, number, code, appointment_id, procedure_id, channel, language, name,
    priority, state, due_at, arrived_at, called_at, calls, serving_at, ended_at, park_reason, documents_seen,
    internal_note, citizen_note, outcome, delivery)
SELECT branch_id, day, 200 + 2 * place + extra, left(md5(reference || extra), 22), CASE WHEN extra = 0 THEN id END,
    procedure_id, channel, 'el', '', luck %% 17 = 0, 'done', came, came, serving_at, 1, serving_at, completed_at, '', '{{}}',
    '', '', CASE WHEN luck / 5 %% 20 = 0 THEN 'missing' ELSE 'done' END, ''
FROM timed CROSS JOIN (VALUES (0), (1)) AS extra (extra)
"""


def visit(since: date, until: date) -> int:
    """Gives the visits of the days from `since` to before `until` tickets, and returns how many."""
    zones = Branch.objects.order_by().values_list("timezone", flat=True).distinct()
    period = {"since": midnight(since, UTC), "until": midnight(until, UTC), **clocks(zones, since, until)}
    with connection.cursor() as cursor:
        cursor.execute(VISITED, period)
        return cursor.rowcount


def tell() -> int:
    """Writes the missing events and returns their number. A second run writes nothing."""
    with connection.cursor() as cursor:
        cursor.execute(TELL)
        return cursor.rowcount
