from django.contrib.postgres.operations import AddIndexConcurrently, RemoveIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    """Each lane finds its due messages without reading those of the others."""

    atomic = False
    dependencies = [("appointments", "0031_messages_perhaps_sent")]

    operations = [
        AddIndexConcurrently(
            model_name='notification',
            index=models.Index(condition=models.Q(('state__in', ('pending', 'sending'))), fields=['medium', 'due_at', 'id'], name='message_due_by_medium'),
        ),
        AddIndexConcurrently(
            model_name='notification',
            index=models.Index(condition=models.Q(('kind__in', ('verify', 'confirmation', 'moved', 'cancelled', 'offer', 'delayed')), ('state__in', ('pending', 'sending'))), fields=['medium', 'due_at', 'id'], name='message_due_urgent'),
        ),
        RemoveIndexConcurrently(model_name="notification", name="message_due"),
    ]
