"""The overview: how much was asked for and done, how satisfied people were, and when they come."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from django.utils.formats import date_format
from django.utils.translation import gettext as _

from agencies.models import Agency, Channel
from reports.reading.counts import Counts, Facts, first_month, percent, read
from reports.reading.demand import latest_look
from reports.reading.hours import hours
from reports.reading.ratings import Satisfaction, ratings
from reports.selecting.selection import Selection, months
from reports.showing.tables import Cell, Chart, Column, Kind, Named, Report, Table
from reports.subjects import columns as of
from reports.subjects.headlines import headlines

HEADLINES = (of.REQUESTED, of.SERVED, of.AVOIDED, of.MISSED_SHARE, of.SATISFIED, of.WALK_INS)


def overview(selection: Selection, counted_at: datetime) -> Report:
    """Takes eleven queries at most."""
    facts = read(selection, ["month"], ["month", "agency"], ["agency"], ["month", "channel"], ["channel"])
    agencies = {one.pk: Named(one.slug, one.short_name) for one in Agency.objects.all()}
    scores = {} if selection.is_of_branches else ratings(selection, [], ["agency"])
    tables = [
        _by_month(selection, facts),
        _by_agency_and_month(selection, facts, agencies),
        _by_channel(selection, facts),
        _by_agency(facts, agencies),
        _free_times(selection, agencies),
        *([_satisfaction(facts, scores[("agency",)], agencies)] if scores else []),
        _busiest(selection),
    ]
    return Report(
        name="overview",
        title=_("Overview"),
        lead=_("What citizens asked for, and what became of it."),
        selection=selection,
        counted_at=counted_at,
        headlines=headlines(
            HEADLINES,
            selection,
            counted_at,
            now=_numbers(facts.total, scores),
            numbers=lambda months: _numbers(read(months).total, scores and ratings(months, [])),
            first=first_month(),
        ),
        tables=[table for table in tables if table],
        notes=_notes(selection),
    )


def _numbers(counts: Counts, scores: Any) -> dict[str, Cell]:
    satisfaction = scores[()].get((), Satisfaction()) if scores else Satisfaction()
    return {
        "requested": counts.requested,
        "served": counts.served,
        "visits_avoided": counts.served_remotely,
        "missed_percent": counts.missed_share,
        "satisfied_percent": satisfaction.share,
        "walk_ins_served": counts.walk_ins_served,
    }


BY_MONTH = (
    *(
        of.REQUESTED,
        of.SERVED,
        of.MISSED,
        of.CANCELLED_EARLY,
        of.CANCELLED_LATE,
        of.WALK_INS,
        of.ASSISTED,
        of.ACCESS_NEEDS,
    ),
)


def _row(counts: Counts) -> list[Cell]:
    early = counts.cancelled - counts.cancelled_late
    return [
        *(counts.requested, counts.served, counts.missed, early, counts.cancelled_late, counts.walk_ins_served),
        *(counts.assisted, counts.access_needs),
    ]


def _by_month(selection: Selection, facts: Facts) -> Table:
    found = facts.by("month")
    every = months(selection.since, selection.until)
    return Table(
        name="by-month",
        title=_("Requests and what became of them, by month"),
        keys=(of.MONTH,),
        figures=BY_MONTH,
        rows=[[month, *_row(found.get(month, Counts()))] for month in every],
        chart=Chart(Kind.LINES, ("requested", "served", "missed")),
        sums=_row(facts.total),
    )


def _by_agency_and_month(selection: Selection, facts: Facts, agencies: Mapping[int, Named]) -> Table | None:
    """Returns the requests of each agency, those with most first. With one agency it would be the table before."""
    found = facts.by("month", "agency")
    largest = _largest(facts.by("agency"))
    if len(largest) < 2:  # noqa: PLR2004
        return None
    every = months(selection.since, selection.until)
    return Table(
        name="by-agency-and-month",
        title=_("Requests by agency"),
        keys=(of.MONTH,),
        figures=tuple(Column(agencies[one].code, agencies[one].name) for one in largest),
        rows=[[month, *(found.get((month, one), Counts()).requested for one in largest)] for month in every],
        chart=Chart(Kind.MULTIPLES),
        note=_("Each drawing has its own scale."),
    )


def _largest(found: Mapping[int, Counts]) -> list[int]:
    return sorted(found, key=lambda one: -found[one].requested)


def _by_channel(selection: Selection, facts: Facts) -> Table:
    found = facts.by("month", "channel")
    every = months(selection.since, selection.until)
    channels = [channel for channel in Channel if channel.value in facts.by("channel")]
    return Table(
        name="by-channel",
        title=_("Requests by channel"),
        keys=(of.MONTH,),
        figures=tuple(Column(channel.value, channel.label) for channel in channels),
        rows=[[month, *(found.get((month, one.value), Counts()).requested for one in channels)] for month in every],
        chart=Chart(Kind.STACKS),
        sums=[facts.by("channel")[one.value].requested for one in channels],
    )


def _by_agency(facts: Facts, agencies: Mapping[int, Named]) -> Table:
    found = facts.by("agency")
    return Table(
        name="by-agency",
        title=_("Agencies"),
        keys=(of.AGENCY,),
        figures=(*BY_MONTH, of.MISSED_SHARE),
        rows=[[agencies[one], *_row(found[one]), found[one].missed_share] for one in _largest(found)],
        chart=Chart(Kind.BARS, ("requested",)) if len(found) > 1 else None,
        sums=[*_row(facts.total), facts.total.missed_share],
    )


def _free_times(selection: Selection, agencies: Mapping[int, Named]) -> Table | None:
    """Returns how many days away free times were when they were looked up last."""
    day, found = latest_look(selection)
    if day is None:
        return None
    return Table(
        name="free-times",
        title=_("Days to the first and the third free time"),
        keys=(of.AGENCY,),
        figures=(of.FIRST_FREE, of.THIRD_FREE, of.LOOKS),
        rows=[[agencies[one], *found[one]] for one in sorted(found, key=lambda one: -(found[one][0] or 0))],
        chart=Chart(Kind.BARS, ("first_free_days",)) if len(found) > 1 else None,
        note=_("Looked up on the morning of %(day)s.") % {"day": date_format(day, "j E Y")},
    )


def _satisfaction(facts: Facts, scores: Mapping[int, Satisfaction], agencies: Mapping[int, Named]) -> Table:
    found = sorted(scores, key=lambda one: -(scores[one].share or 0))
    served = facts.by("agency")
    rows = [
        [
            agencies[one],
            *(scores[one].share, *scores[one].interval),
            *(scores[one].ratings, percent(scores[one].ratings, served.get(one, Counts()).served)),
        ]
        for one in found
    ]
    return Table(
        name="satisfaction",
        title=_("Completely satisfied, and how sure that is"),
        keys=(of.AGENCY,),
        figures=(of.SATISFIED, of.SATISFIED_LOW, of.SATISFIED_HIGH, of.RATINGS, of.RESPONSE),
        rows=rows,
        chart=Chart(Kind.INTERVALS, ("satisfied_percent", "satisfied_low", "satisfied_high")),
        note=_(
            "The line is the range in which the true share lies with 95 % certainty: the fewer answers, the longer."
        ),
    )


MONDAY = date(2024, 1, 1)
WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


def _busiest(selection: Selection) -> Table:
    found = hours(selection)
    used = [hour for hour in range(24) if any(row[hour] for row in found.values())]
    shown = range(used[0], used[-1] + 1) if used else []
    return Table(
        name="busiest-hours",
        title=_("When people come"),
        keys=(of.HOUR,),
        figures=tuple(Column(name, date_format(MONDAY.replace(day=day), "l")) for day, name in enumerate(WEEKDAYS, 1)),
        rows=[[f"{hour:02}:00", *(found.get(day, [0] * 24)[hour] for day in range(1, 8))] for hour in shown],
        chart=Chart(Kind.HEAT),
        note=_(
            "Served visits by the hour in which they began, by the clock of each branch. All services and channels."
        ),
    )


def _notes(selection: Selection) -> list[str]:
    notes = [_("Pilots, and agencies that publish no figures, are counted here too.")]
    if selection.is_of_branches:
        notes.append(_("Evaluations are anonymous and belong to no branch, so there is no satisfaction of branches."))
    return notes
