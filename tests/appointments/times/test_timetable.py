"""The week of a branch's openings: what is closed is drawn and written as closed."""

from datetime import time
from typing import Any

import pytest
from django.test import Client

from agencies.models import Branch, Closure
from appointments.times.timetable import WIDTH, Day, week_of
from tests.builders import EVERY_DAY, MONDAY, a_closure, a_rule, an_open_branch
from tests.pages import text_of
from tests.planning import RULES, in_days

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]


@pytest.fixture
def branch() -> Branch:
    """Open from eight to two every day, and from four to six."""
    branch = an_open_branch(weekdays=EVERY_DAY)
    a_rule(branch, weekdays=EVERY_DAY, opens_at=time(16), closes_at=time(18))
    return branch


def closed_day(branch: Branch, **closure: Any) -> Day:
    a_closure(branch, in_days(2), **closure)
    return week_of(branch, MONDAY).days[2]


@pytest.mark.parametrize("kind", [Closure.Kind.HOLIDAY, Closure.Kind.CLOSED])
def test_closed_day_is_struck_out(branch: Branch, kind: str) -> None:
    day = closed_day(branch, kind=kind)
    assert day.shut == [rule.pk for rule in day.rules]
    assert [(span.x, span.width) for span in day.closed] == [(0, WIDTH)]
    other = week_of(branch, MONDAY).days[3]
    assert (other.shut, other.closed) == ([], [])


def test_closed_hours_strike_out_only_what_they_cover(branch: Branch) -> None:
    day = closed_day(branch, from_time=time(13), until_time=time(0))
    assert day.shut == [day.rules[1].pk]
    afternoon = day.bars[1]
    [span] = day.closed
    assert day.bars[0].x < span.x < day.bars[0].x + day.bars[0].width
    assert span.x < afternoon.x
    assert span.x + span.width == WIDTH


def test_absence_of_some_desks_strikes_out_nothing(branch: Branch) -> None:
    day = closed_day(branch, kind=Closure.Kind.ABSENCE, desks=1)
    assert (day.shut, day.closed) == ([], [])


def test_page_strikes_out_the_hours(supervisor: Client, branch: Branch) -> None:
    a_closure(branch, in_days(2))
    page = text_of(supervisor.get(f"{RULES}?branch={branch.code}&week={MONDAY}"))
    assert page.count("<s>08:00–14:00</s>") == page.count("<s>16:00–18:00</s>") == 1
    assert page.count('class="week__closed"') == 1
