"""Tests that hidden counts stay hidden from somebody who knows every total, all that is shown, and the rules."""

from collections import defaultdict
from collections.abc import Iterator
from itertools import permutations, product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reports.opening import hiding
from reports.opening.hiding import LEAST, SMALL, hidden, shown

Column = tuple[int, ...]
Seen = tuple[tuple[int | None, ...], int]


def all_that_may_be_seen(column: Column, monkeypatch: pytest.MonkeyPatch) -> Iterator[Seen]:
    """Yields what is published of the column for each way in which the key may draw, with its total."""
    for turns in permutations(range(len(column))):
        monkeypatch.setattr(hiding, "_turn", lambda _name, key, _count, turns=turns: turns[key])
        yield tuple(shown(dict(enumerate(column)), name="").values()), sum(column)


@pytest.mark.parametrize(("cells", "most"), [(2, 60), (3, 22)])
def test_hidden_count_may_be_anything_below_the_sum_of_the_hidden(
    monkeypatch: pytest.MonkeyPatch, cells: int, most: int
) -> None:
    """Goes through every column of a size, as somebody with any time would, and keeps those that look the same."""
    same: dict[Seen, list[Column]] = defaultdict(list)
    for column in product(range(most + 1), repeat=cells):
        for seen in {*all_that_may_be_seen(column, monkeypatch)}:
            same[seen].append(column)
    tried = 0
    for (cells_shown, total), columns in same.items():
        left = total - sum(cell or 0 for cell in cells_shown)
        for place, cell in enumerate(cells_shown):
            found = {column[place] for column in columns}
            if cell is not None or not any(0 < value < SMALL for value in found) or left > most:
                continue
            tried += 1
            assert min(found) <= 1, (cells_shown, total)
            assert max(found) >= left - 1, (cells_shown, total)
            assert left >= min(LEAST, total)
    assert tried > 50


@given(st.lists(st.integers(0, 40), max_size=12), st.text(max_size=3))
def test_what_is_hidden_comes_to_enough_or_is_everything(counts: list[int], name: str) -> None:
    column = dict(enumerate(counts))
    closed = hidden(column, name=name)
    cells = shown(column, name=name)
    assert all(count is None or count == column[key] for key, count in cells.items())
    assert not any(cell is not None and 0 < cell < SMALL for cell in cells.values())
    if closed:
        assert 0 not in cells.values()
        assert sum(column[key] for key in closed) >= min(LEAST, sum(counts))
    else:
        assert cells == column


def test_nothing_small_is_shown_as_it_is() -> None:
    assert shown({"a": 10, "b": 0, "c": 5_000}, name="") == {"a": 10, "b": 0, "c": 5_000}


def test_one_small_count_takes_another_one_with_it() -> None:
    cells = shown({"a": 3, "b": 500, "c": 70, "d": 0}, name="2026-10 kep served")
    assert cells["a"] is cells["d"] is None
    assert [cells["b"], cells["c"]].count(None) == 1


def test_draw_is_the_same_each_time_and_differs_by_name() -> None:
    column = dict.fromkeys(range(50), 100) | {99: 3}
    draws = {f"month {number}": hidden(column, name=f"month {number}") for number in range(40)}
    assert draws == {name: hidden(column, name=name) for name in draws}
    assert len({frozenset(keys) for keys in draws.values()}) > 15


def test_draw_prefers_small_counts_and_takes_large_ones_at_times() -> None:
    column = {"tiny": 2, "small": 40, "large": 5_000}
    draws = [hidden(column, name=str(number)) for number in range(2_000)]
    large = sum("large" in keys for keys in draws)
    assert 0 < large < 100


def test_draw_cannot_be_told_without_the_key(settings: object) -> None:
    column = dict.fromkeys(range(50), 100) | {99: 3}
    before = [hidden(column, name=str(number)) for number in range(20)]
    settings.DATA_KEY = "another key"  # type: ignore[attr-defined]
    after = [hidden(column, name=str(number)) for number in range(20)]
    assert before != after
