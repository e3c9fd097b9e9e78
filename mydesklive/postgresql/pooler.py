"""Whether a connection pooler stands in front of PostgreSQL, and whether it bears prepared statements."""

import secrets
from collections.abc import Callable
from typing import Any

import psycopg
from psycopg import generators
from psycopg.abc import RV, PQGen
from psycopg.pq import ExecStatus
from psycopg.pq.abc import PGresult

# Seconds for each step.
PATIENCE = 2.0
# The process that serves a connection tells its number when it begins. Behind a pooler another one answers.
IS_POOLED = "SELECT pg_backend_pid() <> %s"
PREPARED = b"SELECT 'of myDESKlive: ' || $1::text"


class _Connection(psycopg.Connection[Any]):
    def wait(self, gen: PQGen[RV], interval: float = 0.1, timeout: float | None = None) -> RV:
        return super().wait(gen, interval, timeout or PATIENCE)

    def answer_to(self, send: Callable[[], None]) -> PGresult:
        send()
        result = self.wait(generators.execute(self.pgconn))[-1]
        if result.status not in {ExecStatus.COMMAND_OK, ExecStatus.TUPLES_OK}:
            raise psycopg.errors.error_from_result(result)
        return result


def is_pooled(connection: psycopg.Connection[Any]) -> bool:
    cursor = connection.execute(IS_POOLED, [connection.info.backend_pid])
    return bool((cursor.fetchone() or [False])[0])


def bears_preparing(params: dict[str, Any]) -> bool | None:
    """Returns whether a prepared statement is found again, although somebody else has got its connection to the server.

    Returns None if there is no pooler. Raises psycopg.OperationalError if there is no server.
    """
    connect = params | {"autocommit": True, "prepare_threshold": None, "cursor_factory": psycopg.Cursor}
    name = f"mydesklive_{secrets.token_hex(8)}".encode()  # it stays in the server as long as the pooler's connection
    with _Connection.connect(**connect) as first, _Connection.connect(**connect) as second:
        if not is_pooled(first):
            return None
        try:
            first.answer_to(lambda: first.pgconn.send_prepare(name, PREPARED))
            with second.transaction():
                second.execute("SELECT 1")  # a pooler gives away what was used last
                found = first.answer_to(lambda: first.pgconn.send_query_prepared(name, [b"a"]))
        except psycopg.Error:
            return False
    return found.get_value(0, 0) == b"of myDESKlive: a"
