"""Which errors mean that the database could not do its work at this moment, so that trying again helps."""

from collections.abc import Iterator

import psycopg
from django.db import InterfaceError, OperationalError

# Seconds after which a program should try again.
RETRY_AFTER = 5

# Django calls these internal errors, and others not supported.
NOT_NOW = {
    "25006",  # the server only reads at the moment
    "25P02",  # the transaction has failed before
    "25P03",  # the transaction stood still for too long
    "25P04",  # the transaction took too long
}
STALE_PLAN = "cached plan must not change result type"
# A statement that was prepared on another connection of a pooler, or there already.
STALE_STATEMENTS = {"26000", "42P05"}
# Deadlock, serialization, and a server that has ended the connection. All have undone the transaction.
UNDONE = {"40P01", "40001", "57P01", "57P02"}


def is_outage(error: BaseException) -> bool:
    return any(map(_is_one, _chain(error)))


def is_stale(error: BaseException | None) -> bool:
    """Returns whether a prepared statement no longer fits, because a table has changed or the connection is another."""
    if isinstance(error, psycopg.errors.FeatureNotSupported):
        return STALE_PLAN in str(error)
    return isinstance(error, psycopg.Error) and error.sqlstate in STALE_STATEMENTS


def is_worth_repeating(error: BaseException) -> bool:
    """Returns whether the same work would probably succeed at once, if nothing of it was written."""
    return any(
        is_stale(one) or getattr(one, "lost", False) or getattr(one, "sqlstate", None) in UNDONE
        for one in _chain(error)
    )


def _is_one(error: BaseException) -> bool:
    if isinstance(error, OperationalError | InterfaceError | psycopg.OperationalError | psycopg.InterfaceError):
        return True
    return is_stale(error) or (isinstance(error, psycopg.Error) and error.sqlstate in NOT_NOW)


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """Yields the error and those that led to it."""
    while error is not None:
        yield error
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
