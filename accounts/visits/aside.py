"""Writing something down beside a page. It never makes the page fail, and never makes it wait.

The database runs the statement in a function of its own (`accounts_write_aside`). It waits a moment for a lock. If anything
goes wrong, it undoes the statement and returns the code of the error. So it takes one round trip, also in a transaction.
"""

import json
import logging
from typing import Any

from django.db import DatabaseError, connection
from django.db.models import Model

logger = logging.getLogger(__name__)
WRITE = "SELECT accounts_write_aside(%s, %s::jsonb)"


def write(statement: str, **told: Any) -> None:
    """Runs a statement of ours. It reads what is told as one value of JSON, $1."""
    try:
        with connection.cursor() as cursor:
            cursor.execute(WRITE, [statement, json.dumps(told, default=str)])
            (refusal,) = cursor.fetchone()
    except DatabaseError as error:
        refusal = type(error).__name__
    if refusal:
        logger.warning("Not counted: %s", refusal)


def add(model: type[Model], **columns: Any) -> None:
    """Adds a row, unless there is one already that a constraint says is the same."""
    table, names = model._meta.db_table, ", ".join(columns)
    write(
        f"""INSERT INTO {table} ({names}) SELECT {names} FROM jsonb_populate_record(NULL::{table}, $1)
        ON CONFLICT DO NOTHING""",
        **columns,
    )
