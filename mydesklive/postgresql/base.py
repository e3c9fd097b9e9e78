"""Django's PostgreSQL backend with limits for each kind of work, and a lighter health check. The settings name it as ENGINE.

On a connection of its own, the limits are settings of the session. Behind a pooler that gives each transaction to another
connection, nothing may be left on a session, so each transaction makes its own settings.
"""

import select
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, Self

from django.db.backends.base.base import NO_DB_ALIAS
from django.db.backends.postgresql import base
from django.db.backends.postgresql.psycopg_any import IsolationLevel
from django.db.backends.postgresql.schema import DatabaseSchemaEditor
from django.db.utils import Error
from psycopg import errors
from psycopg.pq import TransactionStatus

from accounts.database.patience import COMMAND, MIGRATION, Patience, usual
from mydesklive.postgresql.connection import BREAKER, Connection, Cursor, Effects, Unanswered, local, session
from mydesklive.postgresql.pooler import is_pooled


class SchemaEditor(DatabaseSchemaEditor):
    """Migrations have a patience of their own, wherever they are started."""

    def __enter__(self) -> Self:
        database: Any = self.connection
        self._patience = database.patiently(MIGRATION)
        self._patience.__enter__()
        return super().__enter__()

    def __exit__(self, *error: Any) -> None:  # noqa: PYI036 - Django passes on what it gets
        try:
            super().__exit__(*error)
        finally:
            self._patience.__exit__(None, None, None)


class DatabaseWrapper(base.DatabaseWrapper):
    SchemaEditorClass = SchemaEditor
    connection: Connection | None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.effects = Effects()
        self._patience: Patience | None = None

    @property
    def patience(self) -> Patience:
        return self._patience or (COMMAND if self.alias == NO_DB_ALIAS else usual())

    # Connecting

    def connect(self) -> None:
        """Connects, unless the server has not answered a moment ago. A connection that is not ready is not kept."""
        BREAKER.admit()
        try:
            super().connect()
        except BaseException as error:
            if isinstance(error, errors.ConnectionTimeout | Unanswered):
                BREAKER.trip()
            else:
                BREAKER.reset()
            if self.connection is not None:
                self.connection.close()
                self.connection = None
            raise
        BREAKER.reset()

    def ensure_connection(self) -> None:
        """Replaces a connection that has ended, so that the next step of a sweep and a repeated request have one."""
        if self.connection is not None and self.connection.closed and not self.in_atomic_block:
            self.close()
        super().ensure_connection()

    def close_if_unusable_or_obsolete(self) -> None:
        """Lets go a connection that has ended. Django would ask it for its state, which connects anew.

        This runs when an answer is whole already: nothing of it may depend on the server.
        """
        if self.connection is not None and self.connection.closed and not self.in_atomic_block:
            self.close()
            return
        super().close_if_unusable_or_obsolete()

    def get_new_connection(self, conn_params: dict[str, Any]) -> Connection:
        self.isolation_level = IsolationLevel.READ_COMMITTED
        connection = Connection.connect(**conn_params | {"cursor_factory": Cursor})
        connection.effects, connection.deadline = self.effects, self.patience.deadline
        return connection

    def init_connection_state(self) -> None:
        super().init_connection_state()
        if self.connection is None:
            return
        if is_pooled(self.connection):
            if not self.settings_dict.get("PREPARES_BEHIND_POOLER"):
                self.connection.prepare_threshold = None
            self.connection.limits = self._limits()
        else:
            self.connection.execute(session(self._limits()), self._limits())

    def is_usable(self) -> bool:
        """Returns whether a connection of an earlier request still works, mostly without a query.

        A server that stops sends a message, and then there is something to read. Django's own check sends a query each time.
        """
        if self.connection is None or self.connection.closed:
            return False
        poll = select.poll()
        poll.register(self.connection.fileno(), select.POLLIN)
        if not BREAKER.is_open and not poll.poll(0):
            return True
        with suppress(Unanswered):
            BREAKER.admit()
            if self.connection.answers():
                BREAKER.reset()
                return True
        return False

    # Limits

    @contextmanager
    def patiently(self, kind: Patience) -> Iterator[None]:
        """Gives the block this patience, and afterwards the former one (`accounts.database.patience`)."""
        before = self._patience
        try:
            self._become(kind)
            yield
        finally:
            try:
                self._become(before)
            except Error:  # a connection whose limits are unknown is not kept
                self.close()

    def _become(self, kind: Patience | None) -> None:
        self._patience = kind
        if self.connection is None or self.connection.closed:
            return
        self.connection.deadline = self.patience.deadline
        if self.connection.limits is not None:
            self.connection.limits = self._limits()
        if self.connection.pgconn.transaction_status == TransactionStatus.INERROR:
            return  # the rollback brings the limits of the session back
        with self.wrap_database_errors:
            if not self.connection.autocommit:
                self.connection.execute(local(self._limits()), self._limits())
            elif self.connection.limits is None:
                self.connection.execute(session(self._limits()), self._limits())

    def _limits(self) -> dict[str, str]:
        return self.patience.as_settings() | {"TimeZone": self.timezone_name}

    def _set_autocommit(self, autocommit: bool) -> None:
        super()._set_autocommit(autocommit)  # type: ignore[misc]
        if not autocommit and self.connection and self.connection.limits is not None:
            with self.wrap_database_errors:
                self.connection.execute(local(self.connection.limits), self.connection.limits)

    # What is written for good

    def _commit(self) -> None:
        """Commits, and notes it before: if the connection is lost now, nobody knows whether the server has done it."""
        if self.connection is None:
            return
        noted = self.effects.possible
        self.effects.possible = noted or self.connection.pgconn.transaction_status == TransactionStatus.INTRANS
        try:
            super()._commit()  # type: ignore[misc]
        except Error as error:
            if getattr(error.__cause__, "sqlstate", None) and not self.connection.broken:
                self.effects.possible = noted
            raise
