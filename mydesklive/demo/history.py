"""The published history: as many served appointments as the agencies published, from the first day of each agency.

The numbers are facts. Times, places and services are invented, and so are missed and cancelled appointments and ratings,
and the year before the demo's present, which nobody has published. There is no personal data in it. Every machine gets the
same rows.
"""

import csv
from collections.abc import Iterable, Iterator
from datetime import date, timedelta
from itertools import accumulate
from pathlib import Path
from random import Random
from typing import NamedTuple

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from agencies.models import Agency
from agencies.wallclock import midnight
from appointments.models import Appointment, Status
from mydesklive.demo import rows
from mydesklive.demo.offers import Offer, moment, offers
from mydesklive.demo.rows import Row

PUBLISHED = Path(__file__).parent / "data/published_2022.csv"
# The last day of the published figures.
UNTIL = settings.DEMO_FACTS_UNTIL
SEED = 231_805
DAY = timedelta(days=1)
# The share of each status for each served appointment: invented, but typical for appointment systems.
SHARES = {Status.COMPLETED: 1.0, Status.NO_SHOW: 0.067, Status.CANCELLED: 0.082}
# Fewer citizens come in the holiday months.
SEASONS = {1: 0.9, 4: 0.9, 8: 0.45, 9: 1.15, 10: 1.15, 12: 0.8}
# In the first summer of the pandemic, branches were closed to visitors without an appointment.
FIRST_SUMMER = {(2020, month): 1.7 for month in (5, 6, 7, 8)}
# Days of general strikes in Greece.
STRIKES = {date(2020, 11, 26), date(2021, 6, 10), date(2022, 4, 6), date(2022, 11, 9)}
WEEKDAYS = {1: 1.2, 2: 1.1, 3: 1.0, 4: 1.0, 5: 0.8, 6: 0.4, 7: 0.4}


class Published(NamedTuple):
    slug: str
    live_since: date
    served: int


class OpenDay(NamedTuple):
    """A day, how busy it is, the offers that are open on it, and their cumulative popularity."""

    day: date
    busy: float
    places: list[Offer]
    popularity: list[float]


def published() -> list[Published]:
    """Returns the published figures of agencies. Agencies that publish nothing are left out."""
    with PUBLISHED.open(encoding="utf-8", newline="") as file:
        return [
            Published(row["slug"], date.fromisoformat(row["live_since"]), int(row["served"]))
            for row in csv.DictReader(file)
            if row["served"]
        ]


def is_written() -> bool:
    before = midnight(UNTIL + 2 * DAY, timezone.get_default_timezone())
    return Appointment.objects.filter(starts_at__lt=before).exists()


@transaction.atomic
def write(figures: Iterable[Published], until: date = UNTIL) -> int:
    """Writes the appointments of all agencies and returns their number. Check `is_written` first: a second run adds more."""
    random = Random(SEED)  # noqa: S311 (no secret)
    # All reading comes before the writing, because the connection does only one of them at a time.
    places = [(figure, offers([Agency.objects.get(slug=figure.slug)])) for figure in figures]
    ratings: list[tuple[object, ...]] = []
    number = rows.write(_all(places, until, random, ratings))
    rows.write_ratings(ratings)
    rows.analyse()
    return number


@transaction.atomic
def go_on(since: date, until: date) -> int:
    """Writes the days from `since` to `until`, which nobody has published. Each month is busier, up to what is usual now."""
    ratings: list[tuple[object, ...]] = []
    number = rows.write(_usual(offers(), since, until, ratings))
    rows.write_ratings(ratings)
    rows.analyse()
    return number


def _usual(places: list[Offer], since: date, until: date, ratings: list[tuple[object, ...]]) -> Iterator[Row]:
    length = (until - since).days + 1
    for offer in places:
        for number in range(length):
            day = since + number * DAY
            random = Random(f"{offer.rule} {day} before")  # noqa: S311
            growth = 0.35 + 0.6 * number / length
            expected = offer.is_open(day) * offer.visits(random) * growth * SEASONS.get(day.month, 1)
            for _visit in range(int(expected + random.random())):
                starts_at = offer.moment(day, random)
                created_at = max(starts_at - random.uniform(0.1, 12) * DAY, moment(offer.branch.zone, since))
                row = rows.invented(offer, offer.choice(random), starts_at, created_at, random)
                rows.finish(row, random.choices([*SHARES], [*SHARES.values()])[0], random)
                if given := rows.rating(row, offer, random):
                    ratings.append(given)
                yield row


def _all(
    agencies: list[tuple[Published, list[Offer]]], until: date, random: Random, ratings: list[tuple[object, ...]]
) -> Iterator[Row]:
    for figure, places in agencies:
        days = list(_days(figure.live_since, until, places, random))
        for status, share in SHARES.items():
            for offer, row in _of_agency(figure, days, status, round(figure.served * share), random):
                yield row
                if given := rows.rating(row, offer, random):
                    ratings.append(given)


def _of_agency(
    figure: Published, days: list[OpenDay], status: Status, total: int, random: Random
) -> Iterator[tuple[Offer, Row]]:
    for day, number in zip(days, spread(total, [day.busy for day in days]), strict=True):
        for offer in random.choices(day.places, cum_weights=day.popularity, k=number):
            starts_at = offer.moment(day.day, random)
            opened = moment(offer.branch.zone, figure.live_since)
            created_at = max(opened, starts_at - timedelta(minutes=int(90 + random.random() * 12 * 24 * 60)))
            row = rows.invented(offer, offer.choice(random), starts_at, created_at, random)
            yield offer, rows.finish(row, status, random)


def _days(since: date, until: date, places: list[Offer], random: Random) -> Iterator[OpenDay]:
    """Yields the days on which a branch is open. They get busier from year to year, as more people hear of the platform."""
    popularity = {offer: offer.desks * len(offer.starts) * _liking(offer) for offer in places}
    length = (until - since).days + 1
    for number in range(length):
        day = since + number * DAY
        if open_places := [offer for offer in places if offer.is_open(day)]:
            growth = 0.35 + number / length
            season = FIRST_SUMMER.get((day.year, day.month)) or SEASONS.get(day.month, 1)
            busy = (day not in STRIKES) * growth * season * WEEKDAYS[day.isoweekday()] * random.uniform(0.8, 1.2)
            most = min(1, len(open_places) / (len(places) / 2))
            yield OpenDay(day, busy * most, open_places, list(accumulate(popularity[one] for one in open_places)))


def _liking(offer: Offer) -> float:
    """Returns the popularity of the branch. Some branches have far more visitors, and always the same ones."""
    return 0.2 + Random(offer.branch.code).random() ** 3 * 3  # noqa: S311


def spread(total: int, weights: list[float]) -> Iterator[int]:
    """Yields whole numbers in proportion to the weights. Their sum is exactly the total."""
    whole, reached, given = sum(weights), 0.0, 0
    for weight in weights:
        reached += weight
        until_here = round(total * reached / whole)
        yield until_here - given
        given = until_here
