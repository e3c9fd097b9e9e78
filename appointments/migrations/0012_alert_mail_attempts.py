from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("appointments", "0011_free_offers")]

    operations = [
        # With a default in the database: the code before it writes these rows without naming the column.
        migrations.AddField(
            model_name="alertmail",
            name="attempts",
            field=models.PositiveSmallIntegerField(db_default=0, default=0, verbose_name="attempts"),
        ),
        migrations.AddField(
            model_name="alertmail",
            name="retry_at",
            field=models.DateTimeField(blank=True, null=True, verbose_name="next attempt"),
        ),
    ]
