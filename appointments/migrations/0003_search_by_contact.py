import django.contrib.postgres.indexes
import django.contrib.postgres.search
from django.db import migrations


class Migration(migrations.Migration):
    """Officers find an appointment by name, e-mail address or telephone with the citizen at the counter."""

    dependencies = [("appointments", "0002_slot_storage")]

    operations = [
        migrations.AddField(
            model_name="appointment",
            name="search",
            field=django.contrib.postgres.search.SearchVectorField(db_default="", default="", editable=False),
        ),
        migrations.AddIndex(
            model_name="appointment",
            index=django.contrib.postgres.indexes.GinIndex(fields=["search"], name="appointment_search"),
        ),
    ]
