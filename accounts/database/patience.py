"""How long each kind of work waits for the database, so that one locked row or one slow statement never stops everybody.

A process has a usual patience: that of a page, unless the worker or the command line says otherwise. A piece of work that
needs another one asks for it by name, for one block. The backend (`mydesklive.postgresql`) tells it to the server.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from django.db import connection

# Seconds after the server's own limit at which a server that says nothing at all is given up.
MARGIN = 1.5


@dataclass(frozen=True)
class Patience:
    """Limits in seconds: for each lock, for each statement, and between the statements of a transaction. 0 is no limit."""

    lock: int
    statement: int
    idle: int

    @property
    def deadline(self) -> float | None:
        """Returns the seconds after which a statement without an answer is given up. The server itself may hang."""
        return self.statement + MARGIN if self.statement else None

    def as_settings(self) -> dict[str, str]:
        """Returns the limits as PostgreSQL's settings, in milliseconds."""
        return {
            "lock_timeout": str(self.lock * 1000),
            "statement_timeout": str(self.statement * 1000),
            "idle_in_transaction_session_timeout": str(self.idle * 1000),
        }


PROBE = Patience(lock=1, statement=1, idle=5)
PAGE = Patience(lock=3, statement=6, idle=10)
REPORT = Patience(lock=3, statement=20, idle=10)
TASK = Patience(lock=20, statement=300, idle=60)
COMMAND = Patience(lock=60, statement=0, idle=600)
# A migration that waits for a table makes everybody wait who comes after it. So it gives up before pages do, and is started
# again.
MIGRATION = Patience(lock=2, statement=0, idle=600)

_usual = PAGE


def usual() -> Patience:
    return _usual


def set_usual(kind: Patience) -> None:
    """Sets the patience of this process. Connections that are already open keep theirs."""
    global _usual  # noqa: PLW0603 - a process has one kind of work
    _usual = kind


@contextmanager
def patience(kind: Patience) -> Iterator[None]:
    """Gives the block this patience, and afterwards the former one. In a transaction it ends with the transaction."""
    database: Any = connection
    with database.patiently(kind):
        yield
