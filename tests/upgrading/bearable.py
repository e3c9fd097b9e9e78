"""Refuses migrations that the running release cannot bear: `python -m tests.upgrading.bearable`, a part of `make lint`.

In an upgrade the migrations run first, while old processes still read and write. Two linters look at each migration:
Squawk reads the SQL, with PostgreSQL's own grammar, and django-migration-linter reads the Python of data migrations. A few
rules here are about what only we know. The SQL is that of a throw-away database which has all earlier migrations.

A migration may bear a finding with a reason, next to its operations:

    bearable = {"require-concurrent-index-creation": "the table is new in this release and still empty"}

A reason that nothing asks for is refused too.
"""

import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mydesklive.local import places, postgres

if TYPE_CHECKING:
    from django.db.backends.base.base import BaseDatabaseWrapper
    from django.db.migrations import Migration
    from django.db.migrations.state import ProjectState

# The last migrations that ran before the service was open to anybody. All later ones are looked at.
LAST_UNSEEN = {
    "accounts": "0003_names_are_no_links",
    "agencies": "0010_one_search",
    "appointments": "0020_clock_changes",
    "reports": "0001_daily_count",
    "videocalls": "0002_lease",
}
NOT_ASKED = {
    "prefer-bigint-over-int": "Django chooses the types of columns from the models",
    "prefer-bigint-over-smallint": "the same",
    "prefer-text-field": "the same",
    "prefer-robust-stmts": "Django's operations have no IF NOT EXISTS",
    "require-lock-timeout": "the connection of a migration has one",
    "require-statement-timeout": "the same",
    "RUNPYTHON_ARGS_NAMING_CONVENTION": "a name is no danger",
    "RUNPYTHON_MODEL_VARIABLE_NAME": "the same",
}
FLAGS = re.IGNORECASE | re.DOTALL
# What neither linter knows: the beginnings of statements, and what is wrong with them.
OURS = {
    "stricter-than-the-old-code": (
        (
            r"ADD CONSTRAINT .*\b(CHECK|EXCLUDE|UNIQUE)\b|^CREATE UNIQUE|^CREATE (OR REPLACE )?((CONSTRAINT )?TRIGGER|RULE)"
            r"|^REVOKE|ENABLE ROW LEVEL"
        ),
        "the old code may write rows that this refuses, or that it changes: say why it does not",
    ),
    "taken-from-the-old-code": (
        r"^(DROP|ALTER|CREATE OR REPLACE) (FUNCTION|PROCEDURE|TRIGGER|VIEW|MATERIALIZED VIEW|TYPE|SEQUENCE|EXTENSION)\b",
        "the old code may still use it: take it away or change it in the next release",
    ),
    "locks-the-table": (
        r"^(LOCK|TRUNCATE|CLUSTER|VACUUM FULL|REFRESH)\b|^ALTER TABLE .*\bSET (UNLOGGED|LOGGED|TABLESPACE|ACCESS METHOD)\b",
        "nobody reads or writes the table meanwhile",
    ),
    "hidden-in-a-block": (r"^DO\b", "no linter reads a block: write its statements out"),
}
COMMENT = re.compile(r"^\s*--.*\n?", re.MULTILINE)
CHANGES_SCHEMA = re.compile(r"\s*(ALTER|CREATE|DROP|TRUNCATE|LOCK|CLUSTER|REFRESH|REINDEX|REVOKE|DO)\b", FLAGS)
ROWS = re.compile(r"^(UPDATE|DELETE|INSERT|MERGE|WITH|COPY)\b", FLAGS)
TABLE = r'(?:TABLE|ON)\s+(?:ONLY\s+|IF NOT EXISTS\s+|IF EXISTS\s+)*"?(\w+)"?'
CREATED = re.compile(rf"^CREATE {TABLE}", FLAGS)
ALTERED = re.compile(rf"^ALTER {TABLE}", FLAGS)
NAMED = re.compile(TABLE, FLAGS)

Findings = dict[str, str]  # rule, what is wrong


def findings(migration: "Migration", state: "ProjectState", connection: "BaseDatabaseWrapper") -> Findings:
    """Returns what the running release could not bear. The database and the state are those before the migration."""
    with connection.schema_editor(collect_sql=True, atomic=migration.atomic) as editor:
        migration.apply(state.clone(), editor, collect_sql=True)
    statements = [one for text in editor.collected_sql if (one := COMMENT.sub("", text).strip())]
    found = judged(statements, in_transaction=migration.atomic) | _data_migrations(migration)
    if migration.atomic and _alters(statements) and _changes_rows(migration, statements):
        found["rows-under-a-lock"] = (
            "rows are changed while the table is locked: put them into a migration of their own"
        )
    return {rule: text for rule, text in found.items() if rule not in NOT_ASKED}


def judged(statements: Sequence[str], *, in_transaction: bool) -> Findings:
    return _squawk(statements, in_transaction=in_transaction) | _ours(statements)


@contextmanager
def executed(connection: "BaseDatabaseWrapper") -> Iterator[list[str]]:
    """Collects what changes the schema while the block runs, also by Python, which shows no SQL before it runs."""
    statements: list[str] = []

    def note(execute: Callable[..., Any], sql: Any, *rest: Any) -> Any:
        if CHANGES_SCHEMA.match(COMMENT.sub("", str(sql))):
            statements.append(COMMENT.sub("", str(sql)).strip())
        return execute(sql, *rest)

    with connection.execute_wrapper(note):
        yield statements


def verdict(migration: "Migration", found: Findings) -> Findings:
    """Returns the findings without those that the migration bears with a reason, and the reasons that nothing asks for."""
    reasons: dict[str, str] = getattr(migration, "bearable", {})
    left = {rule: text for rule, text in found.items() if not reasons.get(rule)}
    return left | dict.fromkeys(reasons.keys() - found.keys(), "`bearable` names it, but it is not found")


def _squawk(statements: Sequence[str], *, in_transaction: bool) -> Findings:
    if not statements:
        return {}
    words = [Path(sys.executable).with_name("squawk"), "--reporter=json", "--pg-version=17", "--stdin-filepath=sql"]
    words.append("--assume-in-transaction" if in_transaction else "--no-assume-in-transaction")
    words += [f"--exclude={rule}" for rule in NOT_ASKED if rule.islower()]
    answer = subprocess.run(words, input=_closed(statements), capture_output=True, text=True, check=False)
    if answer.returncode not in (0, 1):
        raise RuntimeError(answer.stderr)
    return {one["rule_name"]: one["message"] for one in json.loads(answer.stdout or "[]")}


def _closed(statements: Sequence[str]) -> str:
    return "\n".join(one if one.endswith(";") else f"{one};" for one in statements)


def _data_migrations(migration: "Migration") -> Findings:
    errors, _ignored, warnings = _linter().analyse_data_migration(migration)
    return {issue.code: issue.message for issue in (*errors, *warnings)}


@cache
def _linter() -> Any:
    from django_migration_linter.migration_linter import MigrationLinter

    return MigrationLinter(no_cache=True, no_output=True)


def _ours(statements: Sequence[str]) -> Findings:
    created = _tables(CREATED, statements)
    older = [one for one in statements if not (_tables(NAMED, [one]) & created)]
    return {rule: text for rule, (wrong, text) in OURS.items() if any(re.search(wrong, one, FLAGS) for one in older)}


def _alters(statements: Sequence[str]) -> bool:
    """Returns whether a table that exists already is locked."""
    return bool(_tables(ALTERED, statements) - _tables(CREATED, statements))


def _changes_rows(migration: "Migration", statements: Sequence[str]) -> bool:
    from django.db.migrations import RunPython

    return any(map(ROWS.match, statements)) or any(isinstance(one, RunPython) for one in migration.operations)


def _tables(pattern: re.Pattern[str], statements: Sequence[str]) -> set[str]:
    return {match[1] for one in statements for match in pattern.finditer(one)}


def look_at_all(connection: "BaseDatabaseWrapper") -> Iterator[tuple["Migration", Findings]]:
    """Migrates an empty database. Yields each migration after the unseen ones, with what is wrong with it."""
    from django.db.migrations.executor import MigrationExecutor

    executor = MigrationExecutor(connection)
    leaves = executor.loader.graph.leaf_nodes()
    unseen = [node for node in leaves if node[0] not in LAST_UNSEEN] + list(LAST_UNSEEN.items())
    if set(leaves) == set(unseen):
        return
    state = executor.migrate(unseen)
    executor.loader.build_graph()
    for migration, _backwards in executor.migration_plan(leaves):
        found = findings(migration, state, connection)
        with executed(connection) as statements:
            state = executor.apply_migration(state, migration)
        yield migration, verdict(migration, judged(statements, in_transaction=migration.atomic) | found)


@contextmanager
def _throw_away_database() -> Iterator[str]:
    folder = Path(tempfile.mkdtemp(prefix="mydesklive-lint-"))
    folder.chmod(0o711)  # PostgreSQL may run as another user, who has to enter the folder
    place = places.prepare(folder)
    try:
        with postgres.running(place, throw_away=True) as url:
            yield url
    finally:
        place.remove()


def main() -> int:
    with _throw_away_database() as url:
        os.environ["DATABASE_URL"] = url
        import django

        django.setup()
        from django.db import connection

        refused = {str(migration): wrong for migration, wrong in look_at_all(connection) if wrong}
        connection.close()
    for migration, wrong in refused.items():
        print(f"{migration}: the running release cannot bear it, or a lock may last.")  # noqa: T201
        for rule, text in wrong.items():
            print(f"  {rule}: {text}")  # noqa: T201
    return 1 if refused else 0


if __name__ == "__main__":
    sys.exit(main())
