import django.utils.timezone
from django.db import migrations, models
from django.db.models.functions import Now


class Migration(migrations.Migration):
    """Since when a role is given. The time of those that are there begins with this migration."""

    dependencies = [("agencies", "0021_invitations")]

    bearable = {"adding-field-with-default": "the moment is the same for all rows, so PostgreSQL writes none of them"}

    operations = [
        migrations.AddField(
            "membership",
            "given_at",
            models.DateTimeField(db_default=Now(), default=django.utils.timezone.now, editable=False, verbose_name="since"),
        ),
        migrations.AddField("membership", "warned_at", models.DateTimeField(blank=True, editable=False, null=True)),
    ]
