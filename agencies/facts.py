"""Reads the few columns of a service, a branch and a caller that free times and bookings need, without the texts.

It uses plain SQL, because the ORM takes longer to write such a query than PostgreSQL to answer it. A column that is not
named here is read when code first uses it.
"""

from functools import cache
from itertools import islice
from typing import Any

from django.db import connection, models

from agencies.models import Agency, Branch, Procedure, SystemToken

Columns = dict[str, tuple[str, ...]]

PROCEDURE: Columns = {
    "procedure": (
        *("id", "agency_id", "code", "duration_minutes", "channels", "identification", "open_limit", "is_offered"),
    ),
    "agency": ("id", "slug", "stage", "lead_minutes", "hold_minutes", "reminders"),
}
BRANCH: Columns = {
    "branch": ("id", "agency_id", "code", "country", "timezone", "is_open"),
    "agency": ("id", "slug", "stage"),
}
TOKEN: Columns = {"token": ("id", "agency_id")}


def listed(columns: Columns) -> str:
    """Returns the columns as a list for SELECT."""
    return ", ".join(f"{table}.{name}" for table, names in columns.items() for name in names)


def parts(row: tuple, columns: Columns, *kinds: type[models.Model]) -> list[Any]:
    """Turns a row of the SELECT into one object of each kind."""
    values = iter(row)
    return [
        kind.from_db(None, _attributes(kind, names), [*islice(values, len(names))])
        for kind, names in zip(kinds, columns.values(), strict=True)
    ]


@cache
def _attributes(kind: type[models.Model], columns: tuple[str, ...]) -> list[str]:
    """Returns the attributes of objects for these columns."""
    attributes = {field.column: field.attname for field in kind._meta.concrete_fields}
    return [attributes[name] for name in columns]


PROCEDURE_BY_CODE = f"""
SELECT {listed(PROCEDURE)} FROM agencies_procedure procedure JOIN agencies_agency agency ON agency.id = procedure.agency_id
WHERE procedure.code = %s
"""
BRANCH_BY_CODE = f"""
SELECT {listed(BRANCH)} FROM agencies_branch branch JOIN agencies_agency agency ON agency.id = branch.agency_id
WHERE branch.code = %s
"""
TOKEN_BY_DIGEST = f"SELECT {listed(TOKEN)} FROM agencies_systemtoken token WHERE token.digest = %s AND token.is_active"


def procedure_of(code: str) -> Procedure | None:
    """Returns the service with its agency, even if it is not offered."""
    if row := _row(PROCEDURE_BY_CODE, code):
        procedure, agency = parts(row, PROCEDURE, Procedure, Agency)
        procedure.agency = agency
        return procedure
    return None


def offered_procedure_of(code: str) -> Procedure | None:
    """Returns the service if the public can book it."""
    procedure = procedure_of(code)
    return procedure if procedure and procedure.is_offered and procedure.agency.is_live else None


def open_branch_of(code: str) -> Branch | None:
    """Returns the branch if the public can book there."""
    if row := _row(BRANCH_BY_CODE, code):
        branch, agency = parts(row, BRANCH, Branch, Agency)
        branch.agency = agency
        return branch if branch.is_open and agency.is_live else None
    return None


def token_of(key: str) -> SystemToken | None:
    """Returns the token of an agency's system if the key is valid."""
    row = _row(TOKEN_BY_DIGEST, SystemToken.digest_of(key))
    return parts(row, TOKEN, SystemToken)[0] if row else None


def _row(sql: str, value: str) -> tuple | None:
    with connection.cursor() as cursor:
        cursor.execute(sql, [value])
        return cursor.fetchone()
