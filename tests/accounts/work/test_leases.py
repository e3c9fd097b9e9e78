"""Leases alone, with video calls as rows. Messages, alerts and calls have their own tests."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection, transaction

from accounts.work import leases
from accounts.work.leases import Work
from tests.builders import NOW, minutes
from videocalls.models import VideoCall

State = VideoCall.State
LEASE = minutes(5)
WORK = Work(
    VideoCall.objects, LEASE, retries=(1, 10), due="retry_at", given_up=lambda now: {"state": "failed", "retry_at": now}
)

pytestmark = pytest.mark.django_db


def owed(count: int = 1, **fields: Any) -> list[VideoCall]:
    window = {"opens_at": NOW, "closes_at": NOW + timedelta(hours=1)}
    return [VideoCall.objects.create(provider="room", **window | fields) for _ in range(count)]


def take(now: datetime = NOW) -> list[VideoCall]:
    """Returns what one worker takes: the first free row."""
    with transaction.atomic():
        first = leases.lock_first(VideoCall.objects.filter(leases.is_free(now=now), state="pending").order_by("pk"))
        return WORK.take([first], now=now) if first else []


def stored() -> VideoCall:
    return VideoCall.objects.get()


def test_row_is_taken_once_while_it_is_leased() -> None:
    (row,) = owed()
    (taken,) = take()
    assert (taken.pk, taken.attempts, taken.leased_until) == (row.pk, 1, NOW + LEASE)
    assert (stored().attempts, stored().leased_until) == (1, NOW + LEASE)
    assert take() == take(NOW + LEASE - timedelta(microseconds=1)) == []


def test_taking_writes_what_the_caller_wants_with_it() -> None:
    owed()
    with transaction.atomic():
        (taken,) = WORK.take(VideoCall.objects.all(), now=NOW, state="ready")
    assert (taken.state, stored().state) == ("ready", "ready")


@pytest.mark.django_db(transaction=True)
def test_row_that_another_worker_looks_at_is_passed_over() -> None:
    first, second = owed(2)
    other = connection.copy()
    with closing(other), other.cursor() as cursor:
        other.set_autocommit(False)
        cursor.execute("SELECT id FROM videocalls_videocall WHERE id = %s FOR NO KEY UPDATE", [first.pk])
        assert take() == [second]
        assert take() == []
        other.rollback()
    assert take() == [first]


@pytest.mark.django_db(transaction=True)
def test_workers_side_by_side_take_each_row_once() -> None:
    rows = owed(30)

    def work(_worker: int) -> list[int]:
        try:
            return [row.pk for _ in range(30) for row in take()]
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as workers:
        taken = [pk for found in workers.map(work, range(4)) for pk in found]
    assert sorted(taken) == [row.pk for row in rows]


def test_row_of_a_worker_that_died_goes_to_the_next() -> None:
    owed()
    take()
    (taken,) = take(NOW + LEASE)
    assert (taken.attempts, taken.leased_until) == (2, NOW + LEASE * 2)


def test_only_who_holds_the_lease_records() -> None:
    owed()
    slow, fast = take(), take(NOW + LEASE)
    assert WORK.settle(slow, state="failed") == 0
    WORK.postpone(slow, OSError("late"), now=NOW + LEASE)
    assert (stored().state, stored().leased_until, stored().last_error) == ("pending", NOW + LEASE * 2, "")
    assert WORK.settle(fast, state="ready") == 1
    assert (stored().state, stored().leased_until) == ("ready", None)
    assert WORK.settle(slow, state="failed") == WORK.settle(fast, state="failed") == 0


@pytest.mark.parametrize("anew", [{"attempts": 0}, {"leased_until": None}])
def test_outcome_of_what_starts_anew_is_not_recorded(anew: dict[str, Any]) -> None:
    owed()
    taken = take()
    VideoCall.objects.update(**anew)
    assert WORK.settle(taken, state="ready") == 0


def test_row_that_kills_every_worker_is_given_up() -> None:
    owed()
    now = NOW
    for _ in range(3):
        assert len(take(now)) == 1
        now += LEASE
    assert take(now) == []
    call = stored()
    assert (call.state, call.retry_at, call.attempts, call.leased_until) == ("failed", now, 3, None)
    assert call.last_error == "the worker died at every attempt"


def test_failed_row_is_tried_again_later_and_later_and_given_up_in_the_end() -> None:
    owed()
    now = NOW
    for wait in (1, 10):
        WORK.postpone(take(now), OSError("down"), now=now)
        assert (stored().retry_at, stored().leased_until) == (now + minutes(wait), None)
        assert (stored().state, stored().last_error) == ("pending", "down")
        now += minutes(wait)
    WORK.postpone(take(now), OSError("still down"), now=now)
    call = stored()
    assert (call.state, call.retry_at, call.attempts, call.last_error) == ("failed", now, 3, "still down")


def test_rows_taken_together_are_postponed_each_by_its_own_attempts() -> None:
    (fresh,), (tried,), (spent,) = owed(), owed(attempts=1), owed(attempts=3)
    with transaction.atomic():
        taken = WORK.take(VideoCall.objects.order_by("-pk"), now=NOW)
    assert taken == [tried, fresh]  # in the order in which they were given
    WORK.postpone(taken, OSError("down"), now=NOW, provider="jitsi")
    found = VideoCall.objects.order_by("pk").values_list("pk", "state", "retry_at", "provider")
    assert [*found] == [
        (fresh.pk, "pending", NOW + minutes(1), "jitsi"),
        (tried.pk, "pending", NOW + minutes(10), "jitsi"),
        (spent.pk, "failed", NOW, "room"),
    ]


def test_of_rows_taken_together_those_that_started_anew_are_left() -> None:
    rows = owed(2)
    with transaction.atomic():
        taken = WORK.take(VideoCall.objects.all(), now=NOW)
    VideoCall.objects.filter(pk=rows[0].pk).update(attempts=0, leased_until=None)
    assert WORK.settle(taken, state="ready") == 1
    assert VideoCall.objects.get(state="ready") == rows[1]


@pytest.mark.parametrize(
    ("error", "kept"),
    [(OSError("no route"), "no route"), (TimeoutError(), "TimeoutError"), (OSError("x" * 300), "x" * 250)],
)
def test_error_is_kept_in_few_words(error: Exception, kept: str) -> None:
    assert leases.told(error) == kept
