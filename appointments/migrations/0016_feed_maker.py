import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

# The admin's log tells who made the address last.
MAKERS = """
UPDATE appointments_feed feed SET made_by_id = (
    SELECT entry.user_id
    FROM django_admin_log entry JOIN django_content_type model ON model.id = entry.content_type_id
    WHERE model.app_label = 'appointments' AND model.model = 'feed' AND entry.object_id = feed.id::text
    ORDER BY entry.action_time DESC LIMIT 1
)
"""


class Migration(migrations.Migration):
    """A feed gets the person who made it, with whose role it ends."""

    dependencies = [
        ("appointments", "0015_until_midnight"),
        ("admin", "0003_logentry_add_action_flag_choices"),
        ("contenttypes", "0002_remove_content_type_name"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddField(
            model_name="feed",
            name="made_by",
            field=models.ForeignKey(
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
                verbose_name="made by",
            ),
        ),
        migrations.RunSQL(MAKERS, migrations.RunSQL.noop),
    ]
