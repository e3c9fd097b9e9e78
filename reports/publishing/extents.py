"""How many services and branches agencies had at the end of a day: counted by this service, or as published before.

From the day on which this service began to count, the counts are its own. For earlier days there are only those that were
published. Where neither exists, nobody knows, and that is not zero.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, timedelta

from django.db.models import Count
from django.utils import timezone

from agencies.models import Agency, ProductionPeriod, PublishedCount
from agencies.wallclock import midnight

Kind = ProductionPeriod.Kind
HOME = "GR"


@dataclass(frozen=True)
class Extent:
    """The counts of one agency; None is not published or not known. `as_published` is set if they were published.

    `places` are the countries with the regions of Greece where the counted branches are.
    """

    procedures: int | None = None
    branches: int | None = None
    countries: int | None = None
    regions: int | None = None
    places: frozenset[tuple[str, str]] = frozenset()
    as_published: PublishedCount | None = None

    @property
    def is_counted(self) -> bool:
        return self.procedures is not None and self.as_published is None

    def without_branches(self) -> "Extent":
        """Returns what an agency shows that does not publish its branches."""
        return self if self.as_published else Extent(self.procedures)


UNKNOWN = Extent()


@dataclass
class Extents:
    """What is known of a day, by the keys of agencies.

    `counted` are those in production then. `earlier` are those that this service has seen in production until then, `later`
    those that it has seen afterwards. It counts since the day `counting_since`.
    """

    counted: dict[int, Extent] = field(default_factory=dict)
    published: dict[int, PublishedCount] = field(default_factory=dict)
    earlier: set[int] = field(default_factory=set)
    later: set[int] = field(default_factory=set)
    counting_since: date | None = None

    def was_in_production(self, agency: Agency, day: date) -> bool:
        """Returns whether the agency was in production at the end of the day, as this service saw it, or by its start."""
        if agency.live_since is None or agency.live_since > day:
            return False
        if agency.pk in self.counted or agency.pk in self.earlier:
            return agency.pk in self.counted
        return agency.pk in self.later or agency.pk in self.published

    def shows(self, agency: Agency, day: date) -> bool:
        """Returns whether anybody may read the figures of the agency until the end of the day."""
        return agency.publishes_figures and self.was_in_production(agency, day)

    def of(self, agency: Agency) -> Extent:
        if given := self.published.get(agency.pk):
            return Extent(given.procedures, given.branches, given.countries, given.regions, as_published=given)
        return self.counted.get(agency.pk, UNKNOWN)


def extents(day: date) -> Extents:
    """Returns what is known of the end of that day. Takes three queries."""
    zone = timezone.get_default_timezone()
    end = midnight(day + timedelta(days=1), zone)
    known = Extents(published={one.agency_id: one for one in PublishedCount.objects.on(day).order_by("since")})
    seen = ProductionPeriod.objects.filter(kind=Kind.AGENCY).order_by("since").values_list("agency_id", "since")
    for agency, since in seen:
        known.counting_since = known.counting_since or since.astimezone(zone).date()
        (known.earlier if since < end else known.later).add(agency)
    rows: dict[int, list[tuple]] = defaultdict(list)
    counted = ProductionPeriod.objects.just_before(end).values_list("agency_id", "kind", "country", "region")
    for agency, *row in counted.annotate(number=Count("pk")):
        rows[agency].append(tuple(row))
    known.counted = {agency: _counted(found) for agency, found in rows.items() if _number(found, Kind.AGENCY)}
    return known


def _counted(rows: list[tuple]) -> Extent:
    places = frozenset((country, region) for kind, country, region, _number in rows if kind == Kind.BRANCH)
    return Extent(
        procedures=_number(rows, Kind.PROCEDURE),
        branches=_number(rows, Kind.BRANCH),
        countries=len(countries_of(places)),
        regions=len(regions_of(places)),
        places=places,
    )


def _number(rows: list[tuple], kind: str) -> int:
    return sum(number for its_kind, _country, _region, number in rows if its_kind == kind)


def countries_of(places: Iterable[tuple[str, str]]) -> set[str]:
    return {country for country, _region in places}


def regions_of(places: Iterable[tuple[str, str]]) -> set[str]:
    return {region for country, region in places if country == HOME and region}


def total(extents: Iterable[Extent]) -> Extent:
    """Returns the counts of all together, as far as they are known. A country or region with several agencies counts once."""
    all_ = list(extents)
    places = frozenset().union(*(one.places for one in all_))
    with_branches = [one for one in all_ if one.branches is not None]
    are_places_known = bool(with_branches) and all(one.is_counted for one in with_branches)
    return Extent(
        procedures=_sum(one.procedures for one in all_),
        branches=_sum(one.branches for one in all_),
        countries=len(countries_of(places)) if are_places_known else None,
        regions=len(regions_of(places)) if are_places_known else None,
        places=places,
    )


def _sum(numbers: Iterable[int | None]) -> int | None:
    known = [number for number in numbers if number is not None]
    return sum(known) if known else None
