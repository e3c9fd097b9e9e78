"""What is written beside a page neither fails nor waits, whatever happens to it."""

import logging
from threading import Event, Thread
from time import monotonic

import pytest
from django.db import connection, transaction
from pytest_django import DjangoAssertNumQueries

from accounts.models import User
from accounts.visits import aside
from agencies.models import Search

ROW = {"language": "el", "day": "2026-03-02", "at": "2026-03-02T07:00:00Z", "text": "", "network": "a", "crowd": 1}


@pytest.mark.django_db
def test_row_is_added_once_in_one_statement(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    with django_assert_num_queries(1):
        aside.add(Search, agency_id=None, **ROW)
    aside.add(Search, agency_id=None, **ROW)
    assert Search.objects.count() == 1


@pytest.mark.django_db
@pytest.mark.parametrize("statement", ["SELECT 1 / 0", "INSERT INTO nowhere SELECT 1", "no SQL"])
def test_statement_that_fails_is_logged_and_leaves_the_transaction_alone(
    statement: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        aside.write(statement, text="Παπαδάκη")
    assert "Not counted" in caplog.text
    assert "Παπαδάκη" not in caplog.text
    assert User.objects.count() == 0


@pytest.mark.django_db(transaction=True)
def test_locked_table_is_not_waited_for() -> None:
    locked, done = Event(), Event()

    def lock() -> None:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("LOCK TABLE agencies_search IN ACCESS EXCLUSIVE MODE")
            locked.set()
            done.wait(30)
        connection.close()

    other = Thread(target=lock)
    other.start()
    locked.wait(30)
    before = monotonic()
    aside.add(Search, agency_id=None, **ROW)
    took = monotonic() - before
    done.set()
    other.join()
    assert took < 2  # a page waits three seconds for a lock
    assert not Search.objects.exists()
