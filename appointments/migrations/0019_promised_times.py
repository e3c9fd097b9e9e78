from datetime import timedelta

from django.db import migrations, models

from agencies.wallclock import CLOCKS, ON_CLOCK, clocks

# Appointments that are still to be served. Those that have ended keep only when they were (UTC).
OPEN = ["held", "unverified", "booked", "arrived", "serving"]
FILL = f"""
UPDATE appointments_appointment appointment SET promised_day = local::date, promised_time = local::time
FROM (
    SELECT appointment.id, {ON_CLOCK.format(at="appointment.starts_at")} AS local
    FROM appointments_appointment appointment JOIN agencies_branch branch ON branch.id = appointment.branch_id
    JOIN {CLOCKS} AS clock ON clock.zone = branch.timezone
    WHERE appointment.status = ANY(%(open)s)
) AS shown
WHERE shown.id = appointment.id
"""
# A step that moves an appointment and forgets the promise leaves none, instead of that of the earlier time.
GUARD = """
CREATE FUNCTION appointments_promise() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.promised_day := NULL;
    NEW.promised_time := NULL;
    RETURN NEW;
END $$;
CREATE TRIGGER appointments_promise BEFORE UPDATE ON appointments_appointment FOR EACH ROW
    WHEN (OLD.starts_at <> NEW.starts_at
        AND (OLD.promised_day, OLD.promised_time) IS NOT DISTINCT FROM (NEW.promised_day, NEW.promised_time))
    EXECUTE FUNCTION appointments_promise();
"""
UNGUARD = """
DROP TRIGGER appointments_promise ON appointments_appointment;
DROP FUNCTION appointments_promise;
"""


def fill(apps, schema_editor):
    Appointment = apps.get_model("appointments", "Appointment")
    found = Appointment.objects.filter(status__in=OPEN)
    ends = found.aggregate(first=models.Min("starts_at"), last=models.Max("starts_at"))
    if ends["first"] is None:
        return
    zones = apps.get_model("agencies", "Branch").objects.order_by().values_list("timezone", flat=True).distinct()
    known = clocks(zones, ends["first"].date(), ends["last"].date() + timedelta(days=1))
    with schema_editor.connection.cursor() as cursor:
        cursor.execute(FILL, {"open": OPEN, **known})


class Migration(migrations.Migration):
    """The wall-clock time that was promised is kept; open appointments promise what their branch's clock shows now."""

    dependencies = [("appointments", "0018_free_place_by_steps"), ("agencies", "0008_illustrative_places")]

    operations = [
        migrations.AddField("appointment", "promised_day", models.DateField(editable=False, null=True, verbose_name="promised day")),
        migrations.AddField("appointment", "promised_time", models.TimeField(editable=False, null=True, verbose_name="promised time")),
        migrations.RunPython(fill, migrations.RunPython.noop),
        migrations.RunSQL(GUARD, UNGUARD),
    ]
