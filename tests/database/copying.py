"""One database with all migrations, which each worker of pytest-xdist copies: migrating takes as long as fifty tests."""

import os

from django.db import connection

TEMPLATE = "migrated"


def copy_migrated() -> None:
    """Lets this worker's database be made as a copy. The first worker migrates, and the others wait for it.

    Only on a server that is thrown away: on another one the copy of an earlier run could be out of date.
    """
    test = connection.settings_dict["TEST"]
    with connection._nodb_cursor() as cursor:
        for limit in ("lock_timeout", "statement_timeout"):  # however long the first one takes
            cursor.execute(f"SET {limit} = 0")
        cursor.execute("SELECT pg_advisory_lock(1)")  # until this connection ends
        if not connection.creation._database_exists(cursor, TEMPLATE):
            _migrate()
    test["TEMPLATE"], test["MIGRATE"] = TEMPLATE, False


def is_shared() -> bool:
    return "PYTEST_XDIST_WORKER" in os.environ and "mydesklive-test-" in os.environ["DATABASE_URL"]


def _migrate() -> None:
    own, test = connection.settings_dict["NAME"], connection.settings_dict["TEST"]
    name, test["NAME"] = test["NAME"], TEMPLATE
    connection.creation.create_test_db(verbosity=0, serialize=False)
    connection.close()  # a database in use can't be copied
    connection.settings_dict["NAME"], test["NAME"] = own, name
