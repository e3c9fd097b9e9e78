from django.contrib.postgres.operations import AddIndexConcurrently, RemoveIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    """The index of messages that did not arrive holds those that came back or were perhaps not sent, too. Nobody waits for it."""

    atomic = False
    dependencies = [("appointments", "0026_mails_that_come_back")]

    operations = [
        AddIndexConcurrently(
            model_name="notification",
            index=models.Index(
                condition=models.Q(("state__in", ("failed", "bounced", "unsure"))),
                fields=["due_at", "id"],
                name="message_undelivered",
            ),
        ),
        RemoveIndexConcurrently(model_name="notification", name="message_failed"),
    ]
