from django.db import migrations, models


class Migration(migrations.Migration):
    """What was asked for with an idempotency key is kept as a digest; rows from before have none."""

    dependencies = [("appointments", "0016_feed_maker")]

    operations = [
        migrations.AddField(
            "appointment",
            "request_digest",
            models.CharField(blank=True, db_default="", default="", editable=False, max_length=64),
        ),
    ]
