"""The opening rules of a branch in one week: a row for each day, in words and as a drawing of the desks by the hour."""

import math
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta

from agencies.models import Branch, Closure, OpeningRule
from agencies.models.until import minutes_until
from agencies.wallclock import parse_day

DAYS = timedelta(days=7)
# Units of the drawing: the width of the hours, the height of one desk, and the greatest height of all desks of a day.
WIDTH, DESK, HIGHEST = 720, 12, 96
MARKS = 8
ALL_DAY = 24 * 60  # minutes


@dataclass(frozen=True)
class Bar:
    rule: OpeningRule
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True)
class Span:
    x: float
    width: float


@dataclass(frozen=True)
class Day:
    date: date
    rules: list[OpeningRule]
    closures: list[Closure]
    bars: list[Bar] = field(default_factory=list)
    closed: list[Span] = field(default_factory=list)
    # The keys of the rules that open although nobody is there: a closure of all desks covers their hours.
    shut: list[int] = field(default_factory=list)
    height: float = DESK


@dataclass(frozen=True)
class Week:
    branch: Branch
    monday: date
    days: list[Day]
    hours: list[int]
    lines: list[float]

    @property
    def previous(self) -> date:
        return self.monday - DAYS

    @property
    def next(self) -> date:
        return self.monday + DAYS

    @property
    def last(self) -> date:
        return self.monday + DAYS - timedelta(days=1)

    @property
    def is_empty(self) -> bool:
        return not any(day.rules for day in self.days)


def asked_week(branch: Branch, asked: str, *, now: datetime) -> date:
    """Return the Monday of the week of the asked day (ISO 8601), or of today at the branch."""
    day = parse_day(asked) or branch.today(now)
    return day - timedelta(days=day.weekday())


def week_of(branch: Branch, monday: date) -> Week:
    dates = [monday + timedelta(days=number) for number in range(7)]
    rules = list(branch.opening_rules.order_by("opens_at", "closes_at", "pk"))
    closures = _closures(branch, dates)
    by_day = {day: [rule for rule in rules if rule.is_on(day)] for day in dates}
    begin, end = _hours([rule for day in by_day.values() for rule in day])
    scale = WIDTH / ((end - begin) * 60)
    days = [
        _day(
            day,
            on_day,
            [closure for closure in closures if closure.from_date <= day <= closure.until_date],
            begin,
            scale,
        )
        for day, on_day in by_day.items()
    ]
    marks = range(begin, end + 1, _step(end - begin))
    return Week(branch, monday, days, list(marks), [round((hour - begin) * 60 * scale, 1) for hour in marks])


def _closures(branch: Branch, dates: list[date]) -> list[Closure]:
    return list(Closure.objects.of(branch).during(dates[0], dates[-1]).select_related("officer"))


def _hours(rules: list[OpeningRule]) -> tuple[int, int]:
    """Return the first and the last hour of the drawing. It covers all openings of the week in equal steps."""
    begin = min((rule.opens_at.hour for rule in rules), default=8)
    end = max((math.ceil(minutes_until(rule.closes_at) / 60) for rule in rules), default=14)
    step = _step(end - begin)
    return begin, begin + math.ceil((end - begin) / step) * step


def _step(hours: int) -> int:
    """Return how many hours there are from one mark to the next, so that there is room for the labels."""
    return math.ceil(hours / MARKS)


def _day(day: date, rules: list[OpeningRule], closures: list[Closure], begin: int, scale: float) -> Day:
    bars, height = [], 0.0
    lanes: list[list[OpeningRule]] = []
    for rule in rules:
        lane = next((lane for lane in lanes if minutes_until(lane[-1].closes_at) <= _minutes(rule.opens_at)), None)
        if lane is None:
            lanes.append([rule])
        else:
            lane.append(rule)
    desk = min(DESK, HIGHEST / max(sum(max(rule.desks for rule in lane) for lane in lanes), 1)) if lanes else DESK
    for lane in lanes:
        for rule in lane:
            x = (_minutes(rule.opens_at) - begin * 60) * scale
            width = (minutes_until(rule.closes_at) - _minutes(rule.opens_at)) * scale
            bars.append(Bar(rule, round(x, 1), round(height, 1), round(width, 1), round(rule.desks * desk - 1, 1)))
        height += max(rule.desks for rule in lane) * desk
    hours = _closed(closures)
    shut = [
        rule.pk
        for rule in rules
        if any(since <= _minutes(rule.opens_at) and minutes_until(rule.closes_at) <= until for since, until in hours)
    ]
    return Day(day, rules, closures, bars, _drawn(hours, begin, scale), shut, round(max(height, DESK), 1))


def _closed(closures: list[Closure]) -> list[tuple[int, int]]:
    """Return the minutes of the day, from and until, in which all desks are closed."""
    return [
        (_minutes(closure.from_time), minutes_until(closure.until_time))
        if closure.from_time is not None and closure.until_time is not None
        else (0, ALL_DAY)
        for closure in closures
        if closure.desks is None
    ]


def _drawn(hours: list[tuple[int, int]], begin: int, scale: float) -> list[Span]:
    """Return the closed hours as parts of the drawing, which may begin later and end sooner than they do."""
    found = []
    for since, until in hours:
        left, right = (min(max((minute - begin * 60) * scale, 0), WIDTH) for minute in (since, until))
        if right > left:
            found.append(Span(round(left, 1), round(right - left, 1)))
    return found


def _minutes(moment: time) -> int:
    return moment.hour * 60 + moment.minute
