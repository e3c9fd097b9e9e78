"""Measures the pages of figures at the server, and what it costs to keep them: a changed day, the nightly check, a rebuild."""

import time
from collections.abc import Callable
from datetime import datetime, timedelta
from types import MappingProxyType

from django.test import Client

from accounts.models import User
from appointments.models import ChangedDay
from bench.results import Row, milliseconds
from reports import checking, counting
from reports.models import DailyFact

PAGES = MappingProxyType(
    {
        "The published table": "/reports/agencies/",
        "Overview": "/reports/",
        "Overview of one agency": "/reports/?agency=kep",
        "On the day": "/reports/service/",
        "On the day, by branch": "/reports/service/?agency=kep",
        "Unmet demand": "/reports/demand/",
        "Compare": "/reports/compare/",
    }
)
GOALS = ((500_000, 150), (5_000_000, 200), (50_000_000, 300))  # up to how many appointments, and milliseconds
DAY_GOAL, GROWTH = 50, 1.5
TIMES = 5


def measure(size: int, *, now: datetime) -> tuple[list[Row], dict[str, float]]:
    """Returns the rows for a past of that size, and how many seconds each page took."""
    past, goal = f"{size / 1e6:g} million past", next(goal for most, goal in GOALS if size <= most)
    rebuilt = _timed(lambda: counting.rebuild(now=now))
    client = Client(headers={"Host": "localhost"})
    client.force_login(User.objects.get_or_create(email="official@bench.example", is_official=True)[0])
    took = {name: _page(client, address) for name, address in PAGES.items()}
    rows = [
        Row(f"{name}, at the server, {past}", milliseconds(one), "", None, f"< {goal} ms", one * 1000 < goal)
        for name, one in took.items()
    ]
    day = min(_changed_day(now) for _ in range(TIMES))
    rows.append(
        Row(
            f"One changed day counted again, {past}",
            milliseconds(day),
            "",
            None,
            f"< {DAY_GOAL} ms",
            day * 1000 < DAY_GOAL,
        )
    )
    checked = _timed(lambda: checking.check(now=now))
    rows.append(Row(f"Nightly check of all figures, {past}", f"{checked:.1f} s", f"rebuilt in {rebuilt:.1f} s"))
    return rows, took


def steadiness(short: dict[str, float], long: dict[str, float]) -> list[Row]:
    """Compares each page with a long and with a short past: its cost should not depend on the past."""
    return [
        Row(
            f"{name}, long past against short",
            milliseconds(long[name]),
            milliseconds(short[name]),
            long[name] / short[name],
            f"≤ {GROWTH}",
            long[name] / short[name] <= GROWTH,
        )
        for name in short
    ]


def _page(client: Client, address: str) -> float:
    answer = client.get(address)
    assert answer.status_code == 200, (address, answer.status_code)
    return min(_timed(lambda: client.get(address)) for _ in range(TIMES))


def _changed_day(now: datetime) -> float:
    """Counts the busiest branch's busiest day of the last year again, as after a late correction."""
    busiest = DailyFact.objects.filter(day__gte=now.date() - timedelta(days=365), day__lt=now.date()).order_by("-due")
    found = busiest.values_list("branch_id", "day").first()
    assert found is not None
    ChangedDay.objects.create(branch_id=found[0], day=found[1])
    return _timed(lambda: counting.count_changed(now=now))


def _timed(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started
