"""Migrates a new database as its owner, then works in it as the product: run by test_roles.py in a process of its own."""

import os
import sys

import django
from django.core.management import call_command
from django.db import ProgrammingError, connection, transaction

REFUSED = (
    "CREATE TABLE other (id int)",
    "DROP TABLE appointments_event",
    "TRUNCATE appointments_event",
    "ALTER TABLE accounts_user ADD COLUMN x int",
    "ALTER TABLE appointments_event DISABLE TRIGGER ALL",
    "DROP FUNCTION appointments_event_stands()",
    "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'",
    "CREATE SCHEMA other",
    "CREATE ROLE other",
    "SET ROLE mydesklive_owner",
    "COPY accounts_user TO PROGRAM 'cat'",
    "SELECT pg_read_file('postgresql.conf')",
    "SELECT rolpassword FROM pg_authid",
)
INSUFFICIENT_PRIVILEGE = "42501"


def migrate() -> None:
    call_command("migrate", verbosity=0, interactive=False)
    connection.close()
    connection.settings_dict["USER"] = "mydesklive"
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_user, usesuper FROM pg_user WHERE usename = current_user")
        assert cursor.fetchone() == ("mydesklive", False)


def work() -> None:
    from agencies.models import Role
    from appointments import booking, counter
    from appointments.booking import retention
    from tests.builders import (
        GUEST,
        NOON,
        NOW,
        a_desk,
        a_user,
        an_officer,
        an_open_branch,
        booked_at,
        by,
        minutes,
        slot_at,
        today_at,
    )

    branch = an_open_branch(desks=2)  # publishes times
    officer = an_officer(branch, Role.SUPERVISOR)
    a_user("eleni@example.org")
    moved, cancelled, served = (booked_at(branch, hour) for hour in (9, 10, 12))
    booking.reschedule(moved, slot_at(today_at(11), branch).pk, by=GUEST, now=NOW)
    booking.cancel(cancelled, by=GUEST, now=NOW)
    ticket = counter.check_in(served, by=GUEST, now=NOON)
    counter.call(ticket, a_desk(branch, officer), by=by(officer), now=NOON)
    assert retention.erase_old(now=NOON + minutes(24 * 60 * (branch.agency.retention_days + 9)))


def run_every_task() -> None:
    from mydesklive.celery import app

    app.loader.import_default_modules()
    for entry in app.conf.beat_schedule.values():
        result = app.tasks[entry["task"]].apply()
        assert result.successful(), (entry["task"], result.result)


def be_refused() -> None:
    for statement in REFUSED:
        try:
            with transaction.atomic(), connection.cursor() as cursor:
                cursor.execute(statement)
        except ProgrammingError as error:
            if getattr(error.__cause__, "sqlstate", "") != INSUFFICIENT_PRIVILEGE:
                raise
        else:
            sys.exit(f"The product may: {statement}")


if __name__ == "__main__":
    os.environ["DJANGO_SETTINGS_MODULE"] = "mydesklive.settings"
    django.setup()
    for step in (migrate, work, run_every_task, be_refused):
        step()
        print(step.__name__, flush=True)  # noqa: T201 (told to the test)
