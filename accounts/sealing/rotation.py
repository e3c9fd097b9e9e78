"""Sealing anew what older keys have sealed. It runs while everything else does, as often as anybody likes."""

from collections.abc import Iterator
from dataclasses import dataclass

from cryptography.fernet import InvalidToken
from django.apps import apps
from django.conf import settings
from django.db import connection, models

from accounts.sealing import LABEL, label, opened, sealed
from accounts.sealing.fields import SealedField

BATCH = 500

# Not of a column that somebody has written meanwhile.
OLD = "SELECT id, {column} FROM {table} WHERE id > %s AND substring({column} FROM 1 FOR %s) <> %s ORDER BY id LIMIT %s"
WRITE = "UPDATE {table} SET {column} = %s WHERE id = %s AND {column} = %s"


@dataclass(frozen=True)
class Column:
    """One column of sealed values, how many of them were sealed anew, and how many none of the keys opens."""

    name: str
    renewed: int
    unreadable: int


def sealed_columns() -> list[tuple[type[models.Model], SealedField]]:
    return [
        (model, field)
        for model in apps.get_models()
        for field in model._meta.local_fields
        if isinstance(field, SealedField)
    ]


def renew(model: type[models.Model], field: SealedField) -> Column:
    """Seal with DATA_KEY what older keys have sealed in this column."""
    renewed = unreadable = 0
    names = {"table": model._meta.db_table, "column": field.column or ""}
    for pk, token in _old(names):
        try:
            fresh = sealed(opened(token, field.purpose), field.purpose)
        except InvalidToken:
            unreadable += 1
            continue
        with connection.cursor() as cursor:
            cursor.execute(WRITE.format(**names), [fresh, pk, token])
            renewed += cursor.rowcount
    return Column(f"{model._meta.label}.{field.name}", renewed, unreadable)


def _old(names: dict[str, str]) -> Iterator[tuple[int, bytes]]:
    last, rows = 0, [(0, b"")]
    while rows:
        with connection.cursor() as cursor:
            cursor.execute(OLD.format(**names), [last, LABEL, label(settings.DATA_KEY), BATCH])
            rows = [(pk, bytes(token)) for pk, token in cursor.fetchall()]
        yield from rows
        last = rows[-1][0] if rows else last
