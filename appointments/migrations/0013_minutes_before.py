from django.db import migrations, models


class Migration(migrations.Migration):
    """What a message says of how long before it comes gets a name of its own; the column stays, for the old code reads it."""

    dependencies = [("appointments", "0012_alert_mail_attempts")]

    operations = [
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.RenameField("notification", "lead_minutes", "minutes_before"),
                migrations.AlterField(
                    "notification",
                    "minutes_before",
                    models.PositiveIntegerField(
                        db_column="lead_minutes",
                        default=0,
                        help_text="Tells reminders apart.",
                        verbose_name="minutes before",
                    ),
                ),
                migrations.RemoveConstraint("notification", "one_message_per_event"),
                migrations.AddConstraint(
                    "notification",
                    models.UniqueConstraint(
                        fields=["appointment", "kind", "medium", "revision", "minutes_before"],
                        name="one_message_per_event",
                    ),
                ),
            ]
        )
    ]
