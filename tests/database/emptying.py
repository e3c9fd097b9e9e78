"""Empties the database after a test that commits. TRUNCATE would make new files for every table and index each time."""

from django.db import connection

from accounts.database.patience import COMMAND, patience

# Migrating fills these, and no test changes them. Django's own flush would fill them again each time.
FILLED = {"auth_permission", "django_content_type"}


def empty_database() -> None:
    """Deletes the rows of all tests. Neither foreign keys nor triggers, which guard the history, stand against it.

    For this, the user of the test database has to be a superuser.
    """
    tables = set(connection.introspection.django_table_names(only_existing=True, include_views=False)) - FILLED
    deletes = ";".join(f"DELETE FROM {connection.ops.quote_name(table)}" for table in sorted(tables))
    with patience(COMMAND), connection.cursor() as cursor:
        cursor.execute(f"BEGIN; SET LOCAL session_replication_role = replica; {deletes}; COMMIT")
