"""Agencies, places, services, channels and periods beside each other, by one chosen figure."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from agencies.models import Branch
from reports.reading.counts import OF_BRANCHES, Counts, Facts, first_month, read
from reports.reading.ratings import Satisfaction, ratings
from reports.selecting.filters import Choices, FilterForm, OwnField
from reports.selecting.selection import LAST_CLOCK, Selection, months
from reports.showing.tables import Cell, Chart, Column, Kind, Report, Table, Unit, changed
from reports.subjects import columns as of
from reports.subjects.naming import ends, first_of, named
from reports.subjects.values import value_of

HOME = "GR"
FIGURES = (
    *(of.REQUESTED, of.SERVED, of.MISSED_SHARE, of.CANCELLED_LATE_SHARE, of.AVOIDED, of.WAITING, of.WAITING_MOST),
)
KEYS = {
    "agency": of.AGENCY,
    "region": of.REGION,
    "country": of.COUNTRY,
    "branch": of.BRANCH,
    "procedure": of.PROCEDURE,
    "channel": of.CHANNEL,
    "period": of.PERIOD,
}
TITLES = {
    "agency": gettext_lazy("%(figure)s, by agency"),
    "region": gettext_lazy("%(figure)s, by region"),
    "country": gettext_lazy("%(figure)s, by country"),
    "branch": gettext_lazy("%(figure)s, by branch"),
    "procedure": gettext_lazy("%(figure)s, by service"),
    "channel": gettext_lazy("%(figure)s, by channel"),
    "period": gettext_lazy("%(figure)s, by period"),
}
BARS = 30  # more cannot be read beside each other; the files have all
LATITUDE = Column("latitude", gettext_lazy("Latitude"), Unit.DEGREES)
LONGITUDE = Column("longitude", gettext_lazy("Longitude"), Unit.DEGREES)
EVERY = 1000  # rows: a map has its table with all of them
BEFORE_MEANING = gettext_lazy(
    "The same months of the year before, of those that are over now. Not known if not all of these have figures."
)
CHANGE_MEANING = gettext_lazy(
    "Months that are over are compared with the same months of the year before, if all of these have figures: in per "
    "cent, and shares in points."
)


# What can be asked for


def _bys(form: FilterForm) -> Choices:
    return [(name, str(column.label)) for name, column in KEYS.items()]


def _usual_by(form: FilterForm) -> str:
    return "branch" if form.agency else "agency"


def _figures(form: FilterForm) -> Choices:
    asked = form.data
    is_of_branches = asked["by"] in OF_BRANCHES or any(asked[name] for name in OF_BRANCHES)
    rated = () if is_of_branches or form.viewer.branches else (of.SATISFIED,)
    return [(one.name, str(one.label)) for one in (*FIGURES, *rated)]


def _lengths(form: FilterForm) -> Choices:
    return [("month", _("Month")), ("quarter", _("Quarter")), ("year", _("Year"))]


OWN = (
    OwnField(
        name="by",
        label=gettext_lazy("Compare by"),
        choices=_bys,
        usual=_usual_by,
        wrong=gettext_lazy("Choose by what to compare."),
    ),
    OwnField(
        name="figure",
        label=gettext_lazy("Figure"),
        choices=_figures,
        usual=lambda _form: of.REQUESTED.name,
        wrong=gettext_lazy("Choose one of these figures. Evaluations belong to no branch, region or country."),
    ),
    OwnField(
        name="per",
        label=gettext_lazy("Length of a period"),
        choices=_lengths,
        usual=lambda _form: "month",
        wrong=gettext_lazy("Choose a month, a quarter or a year."),
    ),
)


# What is counted

Way = tuple[str, ...]


@dataclass(frozen=True)
class Counted:
    """The figures of some months in some ways, and the evaluations if they can be told apart so."""

    facts: Facts
    scores: dict[Way, dict[Any, Satisfaction]]

    def value(self, column: Column, way: Way, key: Any = ()) -> Cell:
        score = self.scores.get(way, {}).get(key, Satisfaction())
        low, high = score.interval
        rated = {of.SATISFIED.name: score.share, of.SATISFIED_LOW.name: low, of.SATISFIED_HIGH.name: high}
        if column.name in rated:
            return rated[column.name]
        return value_of(self.facts.found[way].get((key,) if way else (), Counts()), column)


def _counted(selection: Selection | None, ways: list[Way]) -> Counted:
    if not selection:
        return Counted(Facts({way: {} for way in [(), *ways]}), {})
    has_scores = not selection.is_of_branches and not OF_BRANCHES & {name for way in ways for name in way}
    return Counted(
        read(selection, *ways, spreads=("waiting_spread",)), ratings(selection, (), *ways) if has_scores else {}
    )


@dataclass(frozen=True)
class Comparison:
    """What is compared: all that is selected, its months that are over, and the same months of the year before.

    `first` is the first month that has figures.
    """

    selection: Selection
    finished: Selection | None
    first: date | None
    now: Counted
    over: Counted
    before: Counted

    @property
    def by(self) -> str:
        return self.selection.own["by"]

    @property
    def way(self) -> str:
        return self.selection.own["per"] if self.by == "period" else self.by

    @property
    def figure(self) -> Column:
        return next(one for one in (*FIGURES, of.SATISFIED) if one.name == self.selection.own["figure"])

    def earlier(self, way: Way, key: Any = ()) -> Cell:
        """Returns the chosen figure of the year before, None where its months have no figures at all."""
        since = self.selection.since
        if self.by == "period" and way:
            since, key = ends(self.selection, self.way, key)[0], _year_before(key)
        is_known = self.finished and self.first and since <= self.finished.until and self.first <= _year_before(since)
        return self.before.value(self.figure, way, key) if is_known else None

    def change(self, way: Way, key: Any = ()) -> Cell:
        before, over = self.earlier(way, key), self.over.value(self.figure, way, key)
        if not isinstance(before, int | float) or not isinstance(over, int | float):
            return None
        return changed(over, before, self.figure.unit)


def _year_before(month: date) -> date:
    return month.replace(year=month.year - 1)


def _compared(selection: Selection, counted_at: datetime) -> Comparison:
    by = selection.own["by"]
    ways: list[Way] = [(selection.own["per"] if by == "period" else by,)]
    if by == "country":
        ways.append(("branch",))
    finished = selection.finished(counted_at.astimezone(LAST_CLOCK).date())
    now = _counted(selection, ways)
    return Comparison(
        selection=selection,
        finished=finished,
        first=first_month(),
        now=now,
        over=now if finished == selection else _counted(finished, ways),
        before=_counted(finished and finished.year_before, ways),
    )


# What is shown


def compare(selection: Selection, counted_at: datetime) -> Report:
    """Takes eleven queries at most, however many rows there are."""
    compared = _compared(selection, counted_at)
    abroad = _abroad(compared) if compared.by == "country" else None
    return Report(
        name="compare",
        title=_("Compare"),
        lead=_("Agencies, places, services and periods beside each other."),
        selection=selection,
        counted_at=counted_at,
        tables=[*([abroad] if abroad else []), _table(compared, is_drawn=not abroad)],
        notes=_notes(compared),
    )


def _columns(compared: Comparison) -> tuple[Column, ...]:
    figure = compared.figure
    rated: tuple[Column, ...] = (of.SATISFIED,) if compared.now.scores else ()
    if figure is of.SATISFIED:
        rated += (of.SATISFIED_LOW, of.SATISFIED_HIGH)
    return (*FIGURES, *rated)


def _changes(compared: Comparison) -> tuple[Column, ...]:
    """Returns what stands beside the figures. Periods are drawn with those of the year before."""
    figure = compared.figure
    words = {"figure": str(figure.label)}
    unit = Unit.POINTS if figure.unit is Unit.PERCENT else Unit.CHANGE
    change = Column("change", _("%(figure)s: change on the year before") % words, unit, CHANGE_MEANING)
    before = Column("year_before", _("The year before"), figure.unit, BEFORE_MEANING)
    return (before, change) if compared.by == "period" else (change,)


def _cells(compared: Comparison, way: Way, key: Any = ()) -> list[Cell]:
    figures = [compared.now.value(column, way, key) for column in _columns(compared)]
    before = [compared.earlier(way, key)] if compared.by == "period" else []
    return [*figures, *before, compared.change(way, key)]


def _table(compared: Comparison, *, is_drawn: bool) -> Table:
    way = (compared.way,)
    keys = _keys(compared, way)
    names = named(compared.selection, compared.way, keys)
    rows = [[names[key], *_cells(compared, way, key)] for key in keys]
    return Table(
        name="compared",
        title=TITLES[compared.by] % {"figure": compared.figure.label},
        keys=(KEYS[compared.by],),
        figures=(*_columns(compared), *_changes(compared)),
        rows=rows if compared.by == "period" else _largest_first(compared, rows),
        chart=_chart(compared) if is_drawn and _known(compared, rows) > 1 else None,
        sums=_cells(compared, ()),
        most=BARS if is_drawn else EVERY,
    )


def _keys(compared: Comparison, way: Way) -> list[Any]:
    """Returns what has figures, now or the year before; of periods, all that are selected."""
    if compared.by == "period":
        every = months(compared.selection.since, compared.selection.until)
        return list(dict.fromkeys(first_of(compared.way, month) for month in every))
    return [*dict.fromkeys((*compared.now.facts.by(*way), *compared.before.facts.by(*way)))]


def _largest_first(compared: Comparison, rows: list[list[Any]]) -> list[list[Any]]:
    """Returns the rows, those with the largest figure first; those of which it is not known last."""
    place = _place(compared)
    return sorted(rows, key=lambda row: (row[place] is None, -(row[place] or 0), str(row[0])))


def _known(compared: Comparison, rows: list[list[Any]]) -> int:
    """Returns of how many rows the figure is known."""
    return sum(row[_place(compared)] is not None for row in rows)


def _place(compared: Comparison) -> int:
    """Returns where the chosen figure stands in a row, after its name."""
    return 1 + _columns(compared).index(compared.figure)


def _chart(compared: Comparison) -> Chart:
    if compared.by == "period":
        return Chart(Kind.LINES, (compared.figure.name, "year_before"))
    if compared.figure is of.SATISFIED:
        return Chart(Kind.INTERVALS, (of.SATISFIED.name, of.SATISFIED_LOW.name, of.SATISFIED_HIGH.name))
    return Chart(Kind.BARS, (compared.figure.name,))


def _abroad(compared: Comparison) -> Table | None:
    """Returns the branches abroad with the places where they lie. Whoever does not see branches has none here."""
    way = ("branch",)
    places = Branch.objects.filter(pk__in=_keys(compared, way)).exclude(country=HOME)
    found = {one.pk: one for one in places}
    if not found:
        return None
    names = named(compared.selection, "branch", found)
    countries = named(compared.selection, "country", {one.country for one in found.values()})
    rows = [
        [names[key], *_cells(compared, way, key), *_degrees(one), countries[one.country]] for key, one in found.items()
    ]
    is_drawn = any(row[_place(compared)] is not None and row[-2] is not None for row in rows)
    return Table(
        name="abroad",
        title=_("%(figure)s at branches abroad") % {"figure": compared.figure.label},
        keys=(of.BRANCH, of.COUNTRY),
        figures=(*_columns(compared), *_changes(compared), LATITUDE, LONGITUDE),
        rows=[[row[0], row[-1], *row[1:-1]] for row in _largest_first(compared, rows)],
        chart=Chart(Kind.MAP, (compared.figure.name, LATITUDE.name, LONGITUDE.name)) if is_drawn else None,
        note=_("The larger the circle, the larger the figure.") if is_drawn else "",
        most=EVERY,
    )


def _degrees(branch: Branch) -> list[float | None]:
    return [None if one is None else float(one) for one in (branch.latitude, branch.longitude)]


def _notes(compared: Comparison) -> list[str]:
    notes = [
        _("Pilots, and agencies that publish no figures, are counted here too."),
        _("Medians and shares are not shown where there are fewer than ten visits."),
    ]
    if compared.selection.viewer.branches:
        notes.append(_("Of some agencies, only the branches that you see are counted."))
    if not compared.now.scores:
        notes.append(_("Evaluations are anonymous and belong to no branch, so there is no satisfaction of branches."))
    return notes
