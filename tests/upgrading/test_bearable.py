"""Migrations that the running release cannot bear are refused, and those that it can are not."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.postgres.operations import AddConstraintNotValid, AddIndexConcurrently, ValidateConstraint
from django.db import connection, models
from django.db.migrations import (
    AddConstraint,
    AddField,
    AddIndex,
    AlterField,
    AlterModelTable,
    CreateModel,
    DeleteModel,
    Migration,
    RemoveField,
    RemoveIndex,
    RenameField,
    RenameModel,
    RunPython,
    RunSQL,
    SeparateDatabaseAndState,
)
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ProjectState

from appointments.models import Appointment
from tests.upgrading.bearable import Findings, executed, findings, judged, verdict

pytestmark = pytest.mark.django_db

BY_NAME = models.Index(fields=["name"], name="by_name")
NAMED = models.CheckConstraint(condition=~models.Q(name=""), name="named")
NEW = CreateModel("New", [("id", models.BigAutoField(primary_key=True)), ("name", models.TextField())])


@pytest.fixture(scope="module")
def state(django_db_setup: None, django_db_blocker: Any) -> ProjectState:
    with django_db_blocker.unblock():
        return MigrationLoader(connection).project_state()


def made(*operations: Operation, atomic: bool = True, reasons: dict[str, str] | None = None) -> Migration:
    kind = type("Migration", (Migration,), {"operations": operations, "atomic": atomic, "bearable": reasons or {}})
    return kind("0099_made", "appointments")


def looked_at(state: ProjectState, migration: Migration) -> Findings:
    return verdict(migration, findings(migration, state, connection))


def fill(apps: Any, schema_editor: Any) -> None:
    Appointment = apps.get_model("appointments", "Appointment")
    Appointment.objects.filter(name="").update(name="-")


def fill_with_todays_model(apps: Any, schema_editor: Any) -> None:
    Appointment.objects.filter(name="").update(name="-")


def add(field: models.Field, model: str = "appointment") -> AddField:
    return AddField(model, "added", field)


UNBEARABLE: dict[str, Callable[[], list[Operation]]] = {
    "ban-drop-default ": lambda: [add(models.IntegerField(default=1))],
    "ban-drop-default": lambda: [
        AddField("appointment", "one", models.IntegerField(default=1)),
        AddField("appointment", "two", models.IntegerField(default=1, db_default=1)),
    ],
    "ban-drop-column": lambda: [RemoveField("appointment", "notes")],
    "ban-drop-table": lambda: [DeleteModel("Rating")],
    "renaming-column": lambda: [RenameField("appointment", "notes", "told")],
    "renaming-table": lambda: [RenameModel("Rating", "Opinion")],
    "renaming-table ": lambda: [AlterModelTable("Rating", "opinions")],
    "changing-column-type": lambda: [AlterField("appointment", "name", models.CharField(max_length=200))],
    "adding-not-nullable-field": lambda: [AlterField("appointment", "booked_at", models.DateTimeField())],
    "ban-drop-not-null": lambda: [AlterField("appointment", "created_at", models.DateTimeField(null=True))],
    "adding-field-with-default": lambda: [
        add(
            models.GeneratedField(
                expression=models.functions.Lower("name"), output_field=models.TextField(), db_persist=True
            )
        )
    ],
    "require-concurrent-index-creation": lambda: [AddIndex("appointment", BY_NAME)],
    "constraint-missing-not-valid stricter-than-the-old-code": lambda: [AddConstraint("appointment", NAMED)],
    "stricter-than-the-old-code": lambda: [AddConstraintNotValid("appointment", NAMED)],
    "disallowed-unique-constraint": lambda: [
        AlterField("appointment", "person_key", models.CharField(max_length=64, unique=True))
    ],
    "stricter-than-the-old-code ": lambda: [
        RunSQL("-- first\ncreate trigger t before update on agencies_agency for each row execute function f()", "")
    ],
    "hidden-in-a-block": lambda: [RunSQL(["-- tidy\nDO $$ BEGIN DROP TABLE agencies_agency; END $$"], [])],
    "RUNPYTHON_REVERSIBLE": lambda: [RunPython(fill)],
    "RUNSQL_REVERSIBLE": lambda: [RunSQL("UPDATE agencies_agency SET sms_enabled = false")],
    "RUNPYTHON_MODEL_IMPORT": lambda: [RunPython(fill_with_todays_model, RunPython.noop)],
    "rows-under-a-lock": lambda: [add(models.TextField(null=True)), RunPython(fill, RunPython.noop)],
    "rows-under-a-lock ": lambda: [
        add(models.TextField(null=True)),
        RunSQL("UPDATE appointments_appointment SET added = name", ""),
    ],
    "ban-drop-function": lambda: [RunSQL("DROP FUNCTION appointments_free_place", RunSQL.noop)],
    "require-concurrent-index-deletion": lambda: [RemoveIndex("appointment", "appointment_search")],
    "locks-the-table": lambda: [RunSQL("truncate appointments_rating", "")],
    "locks-the-table ": lambda: [RunSQL("ALTER TABLE appointments_rating\n  SET UNLOGGED", "")],
    "stricter-than-the-old-code  ": lambda: [RunSQL("ALTER TABLE agencies_agency ENABLE ROW LEVEL SECURITY", "")],
    "taken-from-the-old-code ": lambda: [
        RunSQL("CREATE OR REPLACE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'", "")
    ],
    "taken-from-the-old-code": lambda: [RunSQL("DROP TRIGGER appointments_promise ON appointments_appointment", "")],
}


@pytest.mark.parametrize("rules", UNBEARABLE)
def test_what_the_old_code_cannot_bear_is_refused(state: ProjectState, rules: str) -> None:
    assert set(rules.split()) <= looked_at(state, made(*UNBEARABLE[rules]())).keys()


BEARABLE: dict[str, Callable[[], Migration]] = {
    "a column that the database fills": lambda: made(add(models.IntegerField(default=1, db_default=1))),
    "a column that may be empty": lambda: made(add(models.TextField(null=True))),
    "a new table": lambda: made(NEW, AddIndex("new", BY_NAME), AddConstraint("new", NAMED)),
    "a constraint that is checked later": lambda: made(ValidateConstraint("appointment", "named")),
    "rows by themselves": lambda: made(RunPython(fill, RunPython.noop)),
    "a model that forgets a column": lambda: made(
        SeparateDatabaseAndState(state_operations=[RemoveField("appointment", "notes")])
    ),
    "a choice": lambda: made(
        AlterField("rating", "channel", models.CharField(choices=[("in_person", "At the desk")], max_length=10))
    ),
}


@pytest.mark.parametrize("what", BEARABLE)
def test_what_the_old_code_can_bear_passes(state: ProjectState, what: str) -> None:
    if what == "a constraint that is checked later":
        state = state.clone()
        AddConstraintNotValid("appointment", NAMED).state_forwards("appointments", state)
    assert looked_at(state, BEARABLE[what]()) == {}


def drop_in_python(apps: Any, schema_editor: Any) -> None:
    schema_editor.execute("ALTER TABLE appointments_rating DROP COLUMN comment")


def test_what_python_does_to_the_schema_is_refused(state: ProjectState) -> None:
    """Nobody sees it before it runs, so the lint runs it."""
    migration = made(RunPython(drop_in_python, RunPython.noop))
    with executed(connection) as statements, connection.schema_editor() as editor:
        migration.apply(state.clone(), editor)
    assert "ban-drop-column" in judged(statements, in_transaction=True)


@pytest.mark.django_db(transaction=True)  # such an index cannot be made inside a transaction
def test_an_index_that_lets_others_write_passes(state: ProjectState) -> None:
    assert looked_at(state, made(AddIndexConcurrently("appointment", BY_NAME), atomic=False)) == {}


def test_a_finding_passes_with_a_reason_alone(state: ProjectState) -> None:
    index = AddIndex("appointment", BY_NAME)
    assert looked_at(state, made(index, reasons={"require-concurrent-index-creation": ""}))
    assert looked_at(state, made(index, reasons={"require-concurrent-index-creation": "few rows"})) == {}


def test_a_reason_for_nothing_is_refused(state: ProjectState) -> None:
    stale = made(add(models.TextField(null=True)), reasons={"ban-drop-column": "nobody reads it"})
    assert looked_at(state, stale).keys() == {"ban-drop-column"}
