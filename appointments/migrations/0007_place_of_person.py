from django.db import migrations

# In a function each statement sees what others have committed before it, so that the lock and the count after it can be
# sent as part of one statement. A single place needs no lock: there the constraint alone decides.
CREATE = """
CREATE FUNCTION appointments_free_place(person text, procedure bigint, open_limit integer, own bigint) RETURNS integer
LANGUAGE plpgsql AS $$
BEGIN
    IF open_limit > 1 THEN
        PERFORM pg_advisory_xact_lock(hashtextextended(person, procedure));
    END IF;
    RETURN (
        SELECT min(place) FROM generate_series(0, open_limit - 1) AS place
        WHERE NOT EXISTS (
            SELECT FROM appointments_appointment
            WHERE person_key = person AND person_key <> '' AND procedure_id = procedure AND limit_place = place
                AND status IN ('held', 'unverified', 'booked', 'arrived', 'serving') AND id IS DISTINCT FROM own
        )
    );
END $$
"""


class Migration(migrations.Migration):
    """The first place that is free among a person's open appointments for a procedure, from 0; null when all are taken."""

    dependencies = [("appointments", "0006_alert_mail")]

    operations = [migrations.RunSQL(CREATE, "DROP FUNCTION appointments_free_place")]
