import django.db.models.deletion
from django.db import migrations, models

GUARD = """
CREATE FUNCTION appointments_reading_stands() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' AND NOT EXISTS (
        SELECT FROM appointments_appointment record
        WHERE record.id = OLD.appointment_id
            AND (record.name <> '' OR record.email <> '' OR record.phone <> '' OR record.citizen_id IS NOT NULL)
    ) THEN
        RETURN OLD;
    END IF;
    IF TG_OP = 'UPDATE' AND NEW.officer_id IS NULL
        AND (NEW.id, NEW.appointment_id, NEW.branch_id, NEW."by", NEW.at, NEW.page)
            IS NOT DISTINCT FROM (OLD.id, OLD.appointment_id, OLD.branch_id, OLD."by", OLD.at, OLD.page)
    THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'who looked at a record is only added to (reading %)', OLD.id USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER appointments_reading_stands BEFORE UPDATE OR DELETE ON appointments_reading
    FOR EACH ROW EXECUTE FUNCTION appointments_reading_stands();
"""
UNGUARD = """
DROP TRIGGER appointments_reading_stands ON appointments_reading;
DROP FUNCTION appointments_reading_stands;
"""


class Migration(migrations.Migration):
    """Readings tell for which branch and by whom they were, and are never changed."""

    dependencies = [
        ("appointments", "0042_visits_of_booking_pages"),
    ]

    operations = [
        migrations.AddField(
            model_name="reading",
            name="branch",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.DO_NOTHING,
                related_name="+",
                to="agencies.branch",
                verbose_name="branch",
            ),
        ),
        migrations.AddField(
            model_name="reading",
            name="by",
            field=models.CharField(
                choices=[("officer", "Officer"), ("system", "Agency's system")],
                db_default="officer",
                default="officer",
                max_length=7,
                verbose_name="by",
            ),
        ),
        migrations.RunSQL(GUARD, UNGUARD),
    ]
