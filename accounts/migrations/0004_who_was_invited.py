from django.db import migrations

# An account that was made by giving somebody a role: in the admin's log, the role is added in the minute in which the account
# begins. All others were made by the people themselves, and what they wrote stays their own affair.
FILL = """
UPDATE accounts_user person SET is_invited = true
WHERE NOT is_invited AND EXISTS (
    SELECT FROM django_admin_log entry JOIN django_content_type kind ON kind.id = entry.content_type_id
    WHERE entry.action_flag = 1
        AND entry.action_time BETWEEN person.date_joined - interval '1 second' AND person.date_joined + interval '1 minute'
        AND (
            (kind.app_label, kind.model) = ('accounts', 'user') AND entry.object_id = person.id::text
            OR (kind.app_label, kind.model) = ('agencies', 'membership') AND EXISTS (
                SELECT FROM agencies_membership membership
                WHERE membership.user_id = person.id AND entry.object_id = membership.id::text
            )
        )
)
"""


class Migration(migrations.Migration):
    """Officers who were invited before 0002 keep their names in lists and searches. Repeating it changes nothing."""

    dependencies = [
        ("accounts", "0003_names_are_no_links"),
        ("admin", "0003_logentry_add_action_flag_choices"),
        ("agencies", "0001_initial"),
        ("contenttypes", "0002_remove_content_type_name"),
    ]

    operations = [migrations.RunSQL(FILL, migrations.RunSQL.noop, elidable=True)]
