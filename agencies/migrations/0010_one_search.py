from django.db import migrations

# The column stays, with a default, as long as code that still fills it may run beside this one.
KEEP_TEXT = "ALTER TABLE agencies_branch ALTER COLUMN search_text SET DEFAULT ''"
DROP_DEFAULT = "ALTER TABLE agencies_branch ALTER COLUMN search_text DROP DEFAULT"


class Migration(migrations.Migration):
    dependencies = [
        ("agencies", "0009_branch_order"),
    ]

    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[migrations.RunSQL(KEEP_TEXT, DROP_DEFAULT)],
            state_operations=[migrations.RemoveField(model_name="branch", name="search_text")],
        ),
    ]
