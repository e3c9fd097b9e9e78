"""A connection that gives up a server that says nothing, and a cursor that knows whether anything was written."""

import re
from functools import lru_cache
from threading import Lock
from time import monotonic
from typing import Any

import psycopg
from django.db.backends.postgresql.base import ServerBindingCursor
from psycopg import errors
from psycopg.abc import RV, PQGen
from psycopg.pq import TransactionStatus

from accounts.database.outages import is_stale

# Seconds without requests to a server that did not answer, so that the next pages do not wait as well. Then one tries.
PAUSE = 2.0
# Seconds in which a server has to accept a connection, or to answer whether it is there again.
TRIAL = 2.0

WRITES = re.compile(r"\b(?:insert|update|delete|merge|truncate|copy|create|alter|drop|call|do)\b", re.IGNORECASE)


class Unanswered(psycopg.OperationalError):
    """The server is there but says nothing, or it said nothing a moment ago."""


class Breaker:
    """Remembers for a short time that the server does not answer. There is one for all threads of the process."""

    def __init__(self) -> None:
        self.is_open = False
        self._until = 0.0
        self._lock = Lock()

    def trip(self) -> None:
        self.is_open, self._until = True, monotonic() + PAUSE

    def admit(self) -> None:
        """Lets the caller try, if the pause is over and nobody else tries. Raises Unanswered otherwise."""
        if not self.is_open:
            return
        with self._lock:
            if monotonic() < self._until:
                raise Unanswered("The database did not answer a moment ago.")
            self._until = monotonic() + PAUSE + TRIAL

    def reset(self) -> None:
        self.is_open = False


BREAKER = Breaker()


class Effects:
    """Whether the work may have written something for good."""

    possible = False


@lru_cache(maxsize=2048)
def writes(statement: str) -> bool:
    """Returns whether the statement may write. It may say so of one that only reads."""
    return WRITES.search(statement) is not None


class Connection(psycopg.Connection[Any]):
    """`deadline` is in seconds for each statement, `limits` the settings that each transaction has to make itself."""

    deadline: float | None = None
    limits: dict[str, str] | None = None
    effects = Effects()

    def wait(self, gen: PQGen[RV], interval: float = 0.1, timeout: float | None = None) -> RV:
        try:
            return super().wait(gen, interval, timeout or self.deadline)
        except errors._WaitTimeout as error:  # noqa: SLF001 - it has no public name
            self.close()
            BREAKER.trip()
            raise Unanswered(f"The database has not answered for {timeout or self.deadline} seconds.") from error
        except psycopg.OperationalError as error:
            error.lost = self.broken  # type: ignore[attr-defined]
            raise

    def is_free(self) -> bool:
        """Returns whether the next statement is a transaction of its own."""
        return self.autocommit and self.pgconn.transaction_status == TransactionStatus.IDLE

    def answers(self) -> bool:
        """Returns whether the server answers soon."""
        before, self.deadline = self.deadline, TRIAL
        try:
            self.execute("SELECT 1")
        except psycopg.Error:
            return False
        finally:
            self.deadline = before
        return True


class Cursor(ServerBindingCursor, psycopg.Cursor[Any]):
    """Repeats a statement whose plan no longer fits, and notes what is written outside of transactions."""

    _conn: Connection

    def execute(self, query: Any, params: Any = None, **options: Any) -> Any:
        if not self._conn.is_free():
            return super().execute(query, params, **options)
        noted = self._conn.effects.possible
        self._conn.effects.possible = noted or not isinstance(query, str) or writes(query)
        try:
            return self._execute_alone(query, params, **options)
        except psycopg.Error as error:
            if error.sqlstate and not self._conn.broken:  # the server has refused the statement, so it wrote nothing
                self._conn.effects.possible = noted
            raise

    def _execute_alone(self, query: Any, params: Any, **options: Any) -> Any:
        limits = self._conn.limits
        if limits is not None and limits["statement_timeout"] != "0":
            with self._conn.transaction():
                super().execute(local(limits), limits)
                return super().execute(query, params, **options)
        try:
            return super().execute(query, params, **options)
        except psycopg.Error as error:
            if not is_stale(error):
                raise
            super().execute("DEALLOCATE ALL")  # psycopg forgets its plans with it
            return super().execute(query, params, **options)


def local(limits: dict[str, str]) -> str:
    """Returns the statement that makes the settings for the current transaction."""
    return f"SELECT {_set_all(limits, 'true')}"


def session(limits: dict[str, str]) -> str:
    return f"SELECT {_set_all(limits, 'false')}"


def _set_all(limits: dict[str, str], is_local: str) -> str:
    return ", ".join(f"set_config('{name}', %({name})s, {is_local})" for name in limits)
