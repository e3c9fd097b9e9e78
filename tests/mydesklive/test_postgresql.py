import psycopg
import pytest
from django.db import connection

pytestmark = pytest.mark.django_db(transaction=True)


def stop_the_server_process() -> None:
    """Ends the connection, as a restart of PostgreSQL does."""
    pid = connection.connection.info.backend_pid
    with psycopg.connect(connection.connection.info.dsn, autocommit=True) as other:
        other.execute("SELECT pg_terminate_backend(%s, 5000)", [pid])


def test_idle_connection_is_usable() -> None:
    connection.ensure_connection()
    assert connection.is_usable()


def test_connection_that_the_server_has_closed_is_replaced() -> None:
    connection.ensure_connection()
    stop_the_server_process()
    assert not connection.is_usable()
    connection.close()
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
        assert cursor.fetchone() == (1,)


def test_connection_with_news_from_the_server_is_usable() -> None:
    with connection.cursor() as cursor:
        cursor.execute("LISTEN news")
    with psycopg.connect(connection.connection.info.dsn, autocommit=True) as other:
        other.execute("NOTIFY news")
    assert connection.is_usable()
