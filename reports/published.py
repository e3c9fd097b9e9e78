"""The published table: the figures of each agency until a day, if the agency publishes them."""

from dataclasses import dataclass
from datetime import date

from django.db.models import Count, Q

from accounts.database.patience import REPORT, patience
from agencies.models import Agency
from reports import counting
from reports.counting import Totals

COLUMNS = ("slug", "platform", "live_since", "submitted", "served", "missed", "cancelled", "procedures", "branches")
FEWEST_RATINGS = 10


@dataclass(frozen=True)
class Line:
    """The figures of one agency. None means that they are not published, or that it was not in production on that day."""

    agency: Agency
    totals: Totals | None = None
    procedures: int | None = None
    branches: int | None = None

    @property
    def satisfied_share(self) -> float | None:
        """Returns the percentage of ratings with the best score."""
        return _share(self.totals) if self.totals else None

    def as_dict(self) -> dict[str, object]:
        counts = {name: getattr(self.totals, name, None) for name in ("submitted", "served", "missed", "cancelled")}
        return {
            "slug": self.agency.slug,
            "platform": self.agency.platform,
            "live_since": self.agency.live_since,
            **counts,
            "procedures": self.procedures,
            "branches": self.branches,
        }


@dataclass(frozen=True)
class Table:
    as_of: date
    lines: list[Line]

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
    def procedures(self) -> int:
        return sum(line.procedures or 0 for line in self.lines)

    @property
    def branches(self) -> int:
        return sum(line.branches or 0 for line in self.lines)

    @property
    def satisfied_share(self) -> float | None:
        return _share(self.sum)

    @property
    def most_served(self) -> int:
        return max((line.totals.served for line in self.lines if line.totals), default=0)

    def as_dict(self) -> dict[str, object]:
        return {"as_of": self.as_of, "agencies": [line.as_dict() for line in self.lines], "total": self.total}


@patience(REPORT)
def published(as_of: date) -> Table:
    """Returns the table at the end of that day. Services and branches are those of now, because their history is not kept."""
    counted = counting.totals(as_of)
    agencies = Agency.objects.visible().annotate(
        procedure_count=Count("procedures", filter=Q(procedures__is_offered=True), distinct=True),
        branch_count=Count("branches", filter=Q(branches__is_open=True), distinct=True),
    )
    return Table(as_of, [_line(agency, counted, as_of) for agency in agencies])


def _line(agency: Agency, counted: dict[int, Totals], as_of: date) -> Line:
    in_production = agency.stage == Agency.Stage.PRODUCTION
    was_live = in_production and agency.live_since is not None and agency.live_since <= as_of
    if not (agency.publishes_figures and was_live):
        return Line(agency)
    return Line(
        agency,
        totals=counted.get(agency.pk, Totals()),
        procedures=agency.procedure_count,  # type: ignore[attr-defined]  # annotated
        branches=agency.branch_count if agency.publishes_branches else None,  # type: ignore[attr-defined]
    )


def _share(totals: Totals) -> float | None:
    """Returns the percentage, or None if there are too few ratings to say anything about the service."""
    return 100 * totals.satisfied / totals.ratings if totals.ratings >= FEWEST_RATINGS else None
