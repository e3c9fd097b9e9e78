"""The history of invented appointments: they came by COPY or UPDATE, where no verb wrote an event."""

from django.db import connection

# Each step that an invented appointment keeps a time of, where no event tells of it yet.
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


def tell() -> int:
    """Write the events that are missing; returns their number. Repeating it writes nothing."""
    with connection.cursor() as cursor:
        cursor.execute(TELL)
        return cursor.rowcount
