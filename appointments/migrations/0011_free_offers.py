import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    """An offer says why a time is held; a disruption is one of the reasons."""

    dependencies = [("appointments", "0010_one_history")]

    operations = [
        migrations.AddField(
            model_name="offer",
            name="reason",
            field=models.CharField(
                choices=[
                    ("disruption", "The time cannot be kept"),
                    ("waitlist", "An earlier time was wished for"),
                    ("suggestion", "An officer suggests another time"),
                ],
                db_default="disruption",
                default="disruption",
                max_length=10,
                verbose_name="reason",
            ),
        ),
        migrations.AlterField(
            model_name="offer",
            name="disruption",
            field=models.ForeignKey(
                blank=True,
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="offers",
                to="appointments.disruption",
                verbose_name="disruption",
            ),
        ),
        migrations.AlterField(
            model_name="offer",
            name="state",
            field=models.CharField(
                choices=[
                    ("open", "Waiting for the answer"),
                    ("accepted", "Accepted"),
                    ("changed", "Chose another time"),
                    ("cancelled", "Cancelled"),
                    ("lapsed", "No answer in time"),
                    ("none_found", "No other time found"),
                    ("kept", "Served after all"),
                    ("withdrawn", "Withdrawn"),
                ],
                default="open",
                max_length=10,
                verbose_name="state",
            ),
        ),
        migrations.AlterField(
            model_name="offer",
            name="was_branch",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="agencies.branch",
                verbose_name="branch of the appointment",
            ),
        ),
        migrations.AlterField(
            model_name="offer",
            name="was_starts_at",
            field=models.DateTimeField(verbose_name="time of the appointment"),
        ),
        migrations.AddConstraint(
            model_name="offer",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("disruption__isnull", False), ("reason", "disruption")),
                    models.Q(models.Q(("reason", "disruption"), _negated=True), ("disruption__isnull", True)),
                    _connector="OR",
                ),
                name="offer_of_disruption_names_it",
            ),
        ),
    ]
