from django.db import migrations

# Until the worker has counted them, the tables count these days from the rows.
ALL = """
INSERT INTO appointments_changedday (branch_id) SELECT id FROM agencies_branch;
INSERT INTO appointments_changedday (agency_id, day) SELECT DISTINCT agency_id, served_on FROM appointments_rating;
"""


class Migration(migrations.Migration):
    """All days of the past have to be counted."""

    dependencies = [("appointments", "0039_noting_changed_days"), ("reports", "0002_daily_facts")]

    operations = [migrations.RunSQL(ALL, migrations.RunSQL.noop)]
