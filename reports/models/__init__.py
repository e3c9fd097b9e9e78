"""The tables of reports. The roll-ups hold counts and sums alone, and nothing about a person; they have no admin."""

from reports.models.demand import (
    DailyDemand,
    DailySearch,
    DailyWait,
    Demand,
    MonthlyDemand,
    MonthlyWait,
    SampledDay,
    SettledDay,
)
from reports.models.facts import (
    WALK_IN,
    DailyCapacity,
    DailyFact,
    DailyHours,
    DailyRating,
    DailySum,
    Fact,
    MonthlyFact,
    MonthlyHours,
    MonthlyRating,
    MonthlySum,
    OfMonth,
    Outcome,
)
from reports.models.mailing import Recipient, Sending, Subscription
from reports.models.released import PageViews, Release, ReleasedRow

__all__ = [
    "WALK_IN",
    "DailyCapacity",
    "DailyDemand",
    "DailyFact",
    "DailyHours",
    "DailyRating",
    "DailySearch",
    "DailySum",
    "DailyWait",
    "Demand",
    "Fact",
    "MonthlyDemand",
    "MonthlyFact",
    "MonthlyHours",
    "MonthlyRating",
    "MonthlySum",
    "MonthlyWait",
    "OfMonth",
    "Outcome",
    "PageViews",
    "Recipient",
    "Release",
    "ReleasedRow",
    "SampledDay",
    "Sending",
    "SettledDay",
    "Subscription",
]
