import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from accounts.work import kept
from accounts.work.kept import Kept

MANY = 8


def test_one_thread_makes_what_all_wait_for() -> None:
    values: Kept[str, list[int]] = Kept(most=10)
    made: list[int] = []
    all_ask = threading.Barrier(MANY + 1)

    def make() -> list[int]:
        made.append(1)
        all_ask.wait(5)
        return made

    def ask(_: int) -> list[int]:
        threading.Thread(target=all_ask.wait, args=[5], daemon=True).start()
        return values.get("table", holds=lambda _kept: True, make=make)

    with ThreadPoolExecutor(MANY) as pool:
        answers = list(pool.map(ask, range(MANY)))
    assert made == [1]
    assert all(answer is made for answer in answers)


def test_value_that_no_longer_holds_is_made_anew() -> None:
    values: Kept[str, int] = Kept(most=10)
    assert values.get("a", holds=lambda number: number == 1, make=lambda: 1) == 1
    assert values.get("a", holds=lambda number: number == 1, make=lambda: 2) == 1
    assert values.get("a", holds=lambda number: number == 2, make=lambda: 2) == 2


def test_oldest_value_goes_first() -> None:
    values: Kept[int, int] = Kept(most=2)
    for number in (1, 2, 3):
        values.get(number, holds=lambda _kept: True, make=lambda number=number: number)
    made = [values.get(number, holds=lambda _kept: True, make=lambda: 0) for number in (3, 2, 1)]
    assert made == [3, 2, 0]


def test_maker_that_fails_leaves_the_turn_to_the_next() -> None:
    values: Kept[str, int] = Kept(most=10)

    def fail() -> int:
        raise LookupError("gone")

    with pytest.raises(LookupError, match="gone"):
        values.get("a", holds=lambda _kept: True, make=fail)
    assert values.get("a", holds=lambda _kept: True, make=lambda: 1) == 1


def test_maker_that_hangs_delays_others_and_does_not_stop_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept, "PATIENCE", 0.01)
    values: Kept[str, int] = Kept(most=10)
    begun, go_on = threading.Event(), threading.Event()

    def hang() -> int:
        begun.set()
        go_on.wait(5)
        return 1

    with ThreadPoolExecutor(1) as pool:
        slow = pool.submit(values.get, "a", holds=lambda _kept: True, make=hang)
        begun.wait(5)
        assert values.get("a", holds=lambda _kept: True, make=lambda: 2) == 2
        go_on.set()
        assert slow.result() == 1
