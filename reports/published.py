"""The published table: the figures of each agency until a day, if the agency publishes them."""

from dataclasses import dataclass
from datetime import date

from accounts.database.patience import REPORT, patience
from agencies.models import Agency, PublishedCount
from reports import counting
from reports.counting import Totals
from reports.publishing.definitions import BY_NAME, Figure
from reports.publishing.extents import UNKNOWN, Extent, Extents, extents, total

COUNTS = ("submitted", "served", "missed", "cancelled")
EXTENT = ("procedures", "branches", "countries", "regions")
# The columns of numbers on the page; countries and regions stand beside the branches.
SHOWN = tuple(BY_NAME[name] for name in (*COUNTS, "satisfied_percent", "procedures", "branches"))
FEWEST_RATINGS = 10


@dataclass(frozen=True)
class Line:
    """The figures of one agency. None means that they are not published, or that it was not in production on that day."""

    agency: Agency
    as_of: date
    totals: Totals | None = None
    extent: Extent = UNKNOWN

    @property
    def extent_source(self) -> str | None:
        """Returns where services and branches come from: "published", "counted", or None if they are not known."""
        if self.extent.as_published:
            return "published"
        return "counted" if self.extent.is_counted else None

    @property
    def lacks_extent(self) -> bool:
        """Returns whether nobody counted the services and branches on the day, though there are other figures."""
        return self.totals is not None and self.extent_source is None

    @property
    def extent_day(self) -> date | None:
        """Returns the day to which services and branches belong."""
        if self.extent.as_published:
            return self.extent.as_published.cut_off
        return self.as_of if self.extent.is_counted else None

    @property
    def satisfied_share(self) -> float | None:
        """Returns the percentage of ratings with the best score."""
        return _share(self.totals) if self.totals else None

    @property
    def cells(self) -> list[tuple[Figure, int | None]]:
        """Returns the numbers that the page shows, with what they are."""
        return _cells(self.totals, self.extent)

    def as_dict(self) -> dict[str, object]:
        """Returns the figures by the names that programs know, None where they are not published."""
        return {
            "slug": self.agency.slug,
            "platform": self.agency.platform,
            "live_since": self.agency.live_since,
            **_numbers(self.totals, self.extent),
            "name_el": self.agency.name_el,
            "name_en": self.agency.name_en,
            "extent_source": self.extent_source,
            "extent_day": self.extent_day,
        }


@dataclass(frozen=True)
class Table:
    """The lines until the end of the day `as_of`. Services and branches are counted since the day `counting_since`."""

    as_of: date
    lines: list[Line]
    counting_since: date | None = None

    @property
    def sum(self) -> Totals:
        published = [line.totals for line in self.lines if line.totals]
        names = Totals.__dataclass_fields__
        return Totals(**{name: sum(getattr(totals, name) for totals in published) for name in names})

    @property
    def total(self) -> int:
        """Returns the number of served requests of all agencies that publish their figures."""
        return self.sum.served

    @property
    def platforms(self) -> int:
        return sum(line.totals is not None for line in self.lines)

    @property
    def extent(self) -> Extent:
        """Returns the services and branches of all agencies together, as far as they are known."""
        return total(line.extent for line in self.lines)

    @property
    def given(self) -> list[PublishedCount]:
        """Returns the published counts in the table, one for each source and day."""
        found = (line.extent.as_published for line in self.lines)
        return list({(one.source, one.cut_off): one for one in found if one}.values())

    @property
    def lacks_extent(self) -> bool:
        """Returns whether this is so for one of the agencies."""
        return any(line.lacks_extent for line in self.lines)

    @property
    def is_extent_counted(self) -> bool:
        return any(line.extent_source == "counted" for line in self.lines)

    @property
    def first_day(self) -> date | None:
        """Returns the day on which the first of the platforms began."""
        return min((line.agency.live_since for line in self.lines if line.agency.live_since), default=None)

    @property
    def is_before_the_first(self) -> bool:
        return self.first_day is not None and self.as_of < self.first_day

    @property
    def satisfied_share(self) -> float | None:
        return _share(self.sum)

    @property
    def most_served(self) -> int:
        return max((line.totals.served for line in self.lines if line.totals), default=0)

    def as_dict(self) -> dict[str, object]:
        return {
            "as_of": self.as_of,
            "agencies": [line.as_dict() for line in self.lines],
            "total": self.total,
            "totals": self.totals,
        }

    @property
    def totals(self) -> dict[str, int | None]:
        """Returns the last line of the table, by the names that programs know."""
        return _numbers(self.sum, self.extent)

    @property
    def cells(self) -> list[tuple[Figure, int | None]]:
        return _cells(self.sum, self.extent)


@patience(REPORT)
def published(as_of: date) -> Table:
    """Returns the table at the end of that day."""
    counted, known = counting.totals(as_of), extents(as_of)
    lines = [_line(agency, counted, known, as_of) for agency in Agency.objects.visible()]
    return Table(as_of, lines, known.counting_since)


def _line(agency: Agency, counted: dict[int, Totals], known: Extents, as_of: date) -> Line:
    if not known.shows(agency, as_of):
        return Line(agency, as_of)
    extent = known.of(agency)
    return Line(
        agency,
        as_of,
        totals=counted.get(agency.pk, Totals()),
        extent=extent if agency.publishes_branches else extent.without_branches(),
    )


def _share(totals: Totals) -> float | None:
    """Returns the percentage, or None if there are too few ratings to say anything about the service."""
    return 100 * totals.satisfied / totals.ratings if totals.ratings >= FEWEST_RATINGS else None


def _numbers(totals: Totals | None, extent: Extent) -> dict[str, int | None]:
    share = _share(totals) if totals else None
    return {
        **{name: getattr(totals, name, None) for name in COUNTS},
        **{name: getattr(extent, name) for name in EXTENT},
        "satisfied_percent": None if share is None else round(share),
    }


def _cells(totals: Totals | None, extent: Extent) -> list[tuple[Figure, int | None]]:
    numbers = _numbers(totals, extent)
    return [(figure, numbers[figure.name]) for figure in SHOWN]
