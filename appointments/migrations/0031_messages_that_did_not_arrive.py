from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    """Finds the few messages that did not arrive among those of years."""

    atomic = False
    dependencies = [
        ("appointments", "0030_where_messages_went"),
    ]

    operations = [
        AddIndexConcurrently(
            model_name='notification',
            index=models.Index(condition=models.Q(('state__in', ('pending', 'sending', 'sent', 'dropped')), _negated=True), fields=['due_at'], name='message_not_arrived'),
        ),
    ]
