import django.contrib.postgres.fields
import django.db.models.deletion
from django.db import migrations, models

import appointments.models.disruption


class Migration(migrations.Migration):

    dependencies = [
        ("agencies", "0003_staff_day"),
        ("appointments", "0004_queue"),
    ]

    operations = [
        migrations.AddField(
            model_name="disruption",
            name="ways",
            field=django.contrib.postgres.fields.ArrayField(
                base_field=models.CharField(
                    choices=[
                        ("same", "Another time at the same branch"),
                        ("near", "A time at a branch near by"),
                        ("video", "A video call, for services that are given by video"),
                    ],
                    max_length=5,
                ),
                default=appointments.models.disruption.every_way,
                size=None,
                verbose_name="what is offered",
            ),
        ),
        # Without a default: nothing has written offers yet.
        migrations.AddField(
            model_name="offer",
            name="was_branch",
            field=models.ForeignKey(
                db_index=False,
                default=None,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="agencies.branch",
                verbose_name="branch where it fell out",
            ),
            preserve_default=False,
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
                ],
                default="open",
                max_length=10,
                verbose_name="state",
            ),
        ),
        migrations.AddConstraint(
            model_name="offer",
            constraint=models.CheckConstraint(
                condition=models.Q(("state", "open"), _negated=True)
                | models.Q(("deadline__isnull", False), ("hold__isnull", False)),
                name="open_offer_holds_a_time",
            ),
        ),
    ]
