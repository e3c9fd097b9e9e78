"""The opening rules of branches with their services and channels, as the demo needs them to invent appointments."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time
from functools import cache
from itertools import accumulate
from random import Random
from typing import NamedTuple
from zoneinfo import ZoneInfo

from agencies.models import Agency, Branch, Channel, OpeningRule, Procedure
from agencies.models.services import serves
from agencies.models.until import minutes_until
from agencies.openings.holidays import holidays_of
from agencies.wallclock import instant

# How popular each hour is. The late morning is most popular, lunch and the end of a long day are less so.
POPULAR_HOURS = {8: 7, 9: 10, 10: 12, 11: 11, 12: 9, 13: 6, 14: 4, 15: 4, 16: 5, 17: 5, 18: 4, 19: 3}
# The highest booked share of a branch's day.
FULL = 0.12
POPULAR_CHANNELS = {Channel.IN_PERSON: 5, Channel.VIDEO: 3, Channel.PHONE: 1}


class Choice(NamedTuple):
    procedure: int
    minutes: int
    channel: str


@dataclass(frozen=True, eq=False)
class Offer:
    """One opening rule of a branch, with its times (`starts`: minutes of the local day) and its services."""

    rule: int
    agency: Agency
    branch: Branch
    weekdays: frozenset[int]
    desks: int
    slot_minutes: int
    starts: list[int]
    choices: list[Choice]
    # Cumulative weights, which are fastest for `random.choices`.
    popularity: list[int]
    choice_popularity: list[int]

    def is_open(self, day: date) -> bool:
        return day.isoweekday() in self.weekdays and day not in closed_days(self.branch, day.year)

    def visits(self, random: Random) -> float:
        """Returns the usual number of visits on an open day. At one branch it is about the same every day."""
        share = FULL * Random(self.branch.code).random() * random.uniform(0.6, 1.4)  # noqa: S311
        return self.desks * len(self.starts) * share / 2

    def choice(self, random: Random) -> Choice:
        return random.choices(self.choices, cum_weights=self.choice_popularity)[0]

    def moment(self, day: date, random: Random) -> datetime:
        """Returns a random time on that day (UTC). Popular times come more often."""
        minutes = random.choices(self.starts, cum_weights=self.popularity)[0]
        return moment(self.branch.zone, day, minutes)


def offers(agencies: list[Agency] | None = None) -> list[Offer]:
    """Returns every rule of the agencies' open branches. None means all live agencies."""
    branches = Branch.objects.open() if agencies is None else Branch.objects.filter(agency__in=agencies, is_open=True)
    rules = OpeningRule.objects.filter(branch__in=branches).select_related("branch__agency")
    procedures: dict[int, list[Procedure]] = defaultdict(list)
    for procedure in Procedure.objects.filter(is_offered=True):
        procedures[procedure.agency_id].append(procedure)
    found = []
    for rule in rules.prefetch_related("procedures").order_by("pk"):
        only = {procedure.pk for procedure in rule.procedures.all()}
        choices = list(_choices(rule, [one for one in procedures[rule.branch.agency_id] if serves(only, one.pk)]))
        if choices:
            found.append(_offer(rule, choices))
    return found


def _choices(rule: OpeningRule, procedures: list[Procedure]) -> Iterator[Choice]:
    for procedure in procedures:
        for channel in procedure.channels:
            if channel in rule.channels:
                yield Choice(procedure.pk, procedure.duration_minutes, channel)


def _offer(rule: OpeningRule, choices: list[Choice]) -> Offer:
    opens, closes = rule.opens_at.hour * 60 + rule.opens_at.minute, minutes_until(rule.closes_at)
    longest = max(choice.minutes for choice in choices)
    starts = list(range(opens, closes - longest + 1, rule.slot_minutes)) or [opens]
    # Agencies list their most popular services first.
    order = list(dict.fromkeys(choice.procedure for choice in choices))
    return Offer(
        rule=rule.pk,
        agency=rule.branch.agency,
        branch=rule.branch,
        weekdays=frozenset(rule.weekdays),
        desks=rule.desks,
        slot_minutes=rule.slot_minutes,
        starts=starts,
        choices=choices,
        popularity=list(accumulate(POPULAR_HOURS.get(start // 60, 2) for start in starts)),
        choice_popularity=list(
            accumulate(
                POPULAR_CHANNELS[Channel(one.channel)] * 12 // (order.index(one.procedure) + 1) + 1 for one in choices
            )
        ),
    )


@cache
def moment(zone: ZoneInfo, day: date, minutes: int = 0) -> datetime:
    """Returns the moment (UTC) for minutes of the local day. Cached, because most of the many calls are the same."""
    return instant(datetime.combine(day, time(*divmod(minutes, 60))), zone)


def closed_days(branch: Branch, year: int) -> frozenset[date]:
    return _closed_days(branch.country, branch.municipality, year)


@cache
def _closed_days(country: str, municipality: str, year: int) -> frozenset[date]:
    return frozenset(holiday.day for holiday in holidays_of(country, "", municipality, year))
