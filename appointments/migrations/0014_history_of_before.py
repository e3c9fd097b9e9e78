from django.db import migrations

# Each step that an appointment keeps a time of, where no event tells of it yet. Who it was is taken from what is known of
# that step: the way of booking, who cancelled, the officer who served, or the officer whose click is in the log of those
# seconds. What is older than the agency keeps of people needs no history any more.
WRITE = """
INSERT INTO appointments_event (at, verb, appointment_id, "by", officer_id, page, before, details)
SELECT step.at, step.verb, appointment.id,
    CASE WHEN step."by" = '' AND coalesce(step.officer, click.user_id) IS NOT NULL THEN 'officer' ELSE step."by" END,
    coalesce(step.officer, click.user_id), '', '{}', '{}'
FROM appointments_appointment appointment
JOIN agencies_agency agency ON agency.id = appointment.agency_id
    AND appointment.ends_at > now() - make_interval(days => agency.retention_days)
CROSS JOIN LATERAL (
    SELECT CASE WHEN appointment.citizen_id IS NULL THEN 'guest' ELSE 'citizen' END AS citizen,
        EXISTS (
            SELECT FROM appointments_notification WHERE appointment_id = appointment.id AND kind = 'verify'
        ) AS verifies
) AS known
CROSS JOIN LATERAL (
    SELECT 'request' AS verb, created_at AS at, known.citizen AS "by", NULL::bigint AS officer, NULL AS click
    WHERE status <> 'held' AND (verifies OR status = 'unverified')
    UNION ALL SELECT CASE WHEN verifies THEN 'verify' ELSE 'book' END, booked_at,
        CASE source WHEN 'staff' THEN 'officer' WHEN 'system' THEN 'system' ELSE known.citizen END, NULL, 'Booked'
    UNION ALL SELECT 'move', moved_at, '', NULL, 'Moved'
    UNION ALL SELECT 'check_in', arrived_at, '', NULL, 'Arrived'
    UNION ALL SELECT 'serve', serving_at, '', appointment.officer_id, 'Service begun'
    UNION ALL SELECT 'complete', completed_at, '', appointment.officer_id, 'Completed'
    UNION ALL SELECT 'miss', ended_at, 'officer', NULL, 'Did not come' WHERE status = 'no_show'
    UNION ALL SELECT 'expire', ended_at, 'worker', NULL, NULL WHERE status = 'expired' AND name <> ''
    UNION ALL SELECT 'cancel', ended_at, CASE cancelled_by WHEN 'citizen' THEN known.citizen ELSE 'officer' END, NULL,
        'Cancelled' WHERE status = 'cancelled'
) AS step
LEFT JOIN LATERAL (
    SELECT entry.user_id FROM django_admin_log entry
    JOIN django_content_type kind ON kind.id = entry.content_type_id AND kind.model = 'appointment'
    WHERE entry.object_id = appointment.id::text AND entry.change_message = step.click
        AND entry.action_time BETWEEN step.at - interval '1 minute' AND step.at + interval '1 minute'
    ORDER BY entry.id LIMIT 1
) AS click ON step.officer IS NULL AND step.click IS NOT NULL
WHERE step.at IS NOT NULL AND NOT EXISTS (
    SELECT FROM appointments_event event WHERE event.appointment_id = appointment.id AND event.verb = step.verb
)
ORDER BY step.at, appointment.id
"""


class Migration(migrations.Migration):
    """What happened before there was one history, written down from what the appointments tell."""

    dependencies = [
        ("admin", "0003_logentry_add_action_flag_choices"),
        ("agencies", "0004_notice_minutes"),
        ("appointments", "0013_minutes_before"),
    ]

    operations = [migrations.RunSQL(WRITE, migrations.RunSQL.noop)]
