from django.db import migrations

# The places are looked at one by one. The query over all of them, which this replaces, was planned anew for each
# booking, because PostgreSQL cannot know how many rows generate_series(0, open_limit - 1) gives. That took longer than
# anything else of a booking.
CREATE = """
CREATE OR REPLACE FUNCTION appointments_free_place(person text, procedure bigint, open_limit integer, own bigint)
RETURNS integer LANGUAGE plpgsql AS $$
BEGIN
    IF open_limit > 1 THEN
        PERFORM pg_advisory_xact_lock(hashtextextended(person, procedure));
    END IF;
    FOR place IN 0 .. open_limit - 1 LOOP
        IF NOT EXISTS (
            SELECT FROM appointments_appointment
            WHERE person_key = person AND person_key <> '' AND procedure_id = procedure AND limit_place = place
                AND status IN ('held', 'unverified', 'booked', 'arrived', 'serving') AND id IS DISTINCT FROM own
        ) THEN
            RETURN place;
        END IF;
    END LOOP;
    RETURN NULL;
END $$
"""


class Migration(migrations.Migration):
    """The free place of a person is found in steps that keep their plans. Reversing keeps the function, which is as right."""

    dependencies = [("appointments", "0017_request_digest")]

    operations = [migrations.RunSQL(CREATE, migrations.RunSQL.noop)]
