from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models
from django.db.models import Q
from django.db.models.functions import Least


class Migration(migrations.Migration):
    """The requests and the cancellations of one day are found by indexes, however long the past is."""

    atomic = False
    dependencies = [("appointments", "0037_changed_days")]

    operations = [
        AddIndexConcurrently(
            model_name="appointment",
            index=models.Index(
                models.F("branch"), Least("created_at", "starts_at"), name="appointment_by_request"
            ),
        ),
        AddIndexConcurrently(
            model_name="appointment",
            index=models.Index(
                models.F("branch"),
                Least("ended_at", "starts_at"),
                condition=Q(status="cancelled"),
                name="appointment_by_cancellation",
            ),
        ),
    ]
