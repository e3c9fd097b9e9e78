from django.db import migrations


class Migration(migrations.Migration):
    """Slots are updated in place all day: leave room on each page, and clean up long before a fifth has changed."""

    dependencies = [("appointments", "0001_initial")]

    operations = [
        migrations.RunSQL(
            "ALTER TABLE appointments_timeslot SET (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.02)",
            "ALTER TABLE appointments_timeslot RESET (fillfactor, autovacuum_vacuum_scale_factor)",
        )
    ]
