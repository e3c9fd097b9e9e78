"""Unmet demand: how long people wait for a free time, how far they come, and what they do not find."""

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from django.conf import settings
from django.utils.translation import gettext as _

from accounts.visits.devices import Device
from agencies.models import Branch, Channel, Procedure
from reports.reading.counts import Counts, first_month, percent, read
from reports.reading.demand import Steps, Waits, offered, searches, steps, waits
from reports.selecting.selection import Selection, months
from reports.showing.tables import Cell, Chart, Kind, Named, Report, Table
from reports.subjects import columns as of
from reports.subjects import wanted
from reports.subjects.headlines import headlines

MINUTES = 60
NOBODY, NO_LOOKS = Steps(), Waits({})
FINAL_SIGMA = re.compile(r"σ\b")


def demand(selection: Selection, counted_at: datetime) -> Report:
    """Takes 20 queries at most."""
    looked, came, looked_for = waits(selection), steps(selection), searches(selection)
    tables = [
        _by_month(selection),
        _by_day(selection),
        _longest(selection, "procedure", _procedures(selection)),
        _longest(selection, "branch", _branches()),
        _funnel(came.get((), NOBODY)),
        _by(selection, "device", of_device),
        _by(selection, "language", of_language),
        _capacity(selection),
        *([] if looked_for is None else [_searches(looked_for)]),
    ]
    return Report(
        name="demand",
        title=_("Unmet demand"),
        lead=_("How long people wait for a free time, where they find none, and what they look for in vain."),
        selection=selection,
        counted_at=counted_at,
        headlines=headlines(
            wanted.HEADLINES,
            selection,
            counted_at,
            now=_numbers(looked.get((), NO_LOOKS), came.get((), NOBODY), looked_for),
            numbers=_read,
            first=first_month("reports_monthlydemand"),
        ),
        tables=tables,
        notes=_notes(selection),
    )


def _read(selection: Selection) -> dict[str, Cell]:
    looked, came = waits(selection), steps(selection)
    return _numbers(looked.get((), NO_LOOKS), came.get((), NOBODY), searches(selection))


def _numbers(looked: Waits, came: Steps, looked_for: Mapping[str, int] | None) -> dict[str, Cell]:
    """Returns the numbers at the top. Of a time in which nothing was counted, nothing is known."""
    is_counted = any(came)
    return {
        "first_free_days": looked.median,
        "nothing_free_percent": percent(looked.nothing, looked.looks),
        "told_nothing": came.nothing_free if is_counted else None,
        "went_away": came.went_away if is_counted else None,
        "booked_percent": percent(came.booked, came.held),
        "searches": sum(looked_for.values()) if looked_for else None,
    }


def _waiting(looked: Waits) -> list[Cell]:
    return [looked.median, looked.worst, percent(looked.nothing, looked.looks), looked.looks]


def _by_month(selection: Selection) -> Table:
    found = waits(selection, "month")
    return Table(
        name="first-free-time",
        title=_("Days to the first free time, by month"),
        keys=(of.MONTH,),
        figures=wanted.WAITING,
        rows=[[month, *_waiting(found.get((month,), NO_LOOKS))] for month in months(selection.since, selection.until)],
        chart=Chart(Kind.LINES, ("first_free_days", "longest_days")),
        note=_("A gap means that nothing was free in more than half of the looks, or that nobody looked."),
    )


def _by_day(selection: Selection) -> Table:
    last = selection.of_last_month
    found = waits(last, "day")
    return Table(
        name="first-free-time-by-day",
        title=_("Days to the first free time, by day of the last month"),
        keys=(wanted.DAY,),
        figures=wanted.WAITING,
        rows=[[day, *_waiting(looked)] for (day,), looked in sorted(found.items())],
    )


def _longest(selection: Selection, place: str, names: Mapping[int | None, Named]) -> Table:
    """Returns the services or the branches, with those first where people wait longest."""
    looked, came = waits(selection, place, "channel"), steps(selection, place, "channel")
    keys = sorted({*looked, *came}, key=lambda key: _worst_first(looked.get(key, NO_LOOKS), names, key))
    rows = [
        [
            names.get(key[0]) or Named("", _("All branches")),
            _channel(key[1]),
            *_waiting(looked.get(key, NO_LOOKS)),
            *((one := came.get(key, NOBODY)).nothing_free, one.went_away),
        ]
        for key in keys
    ]
    return Table(
        name=f"waits-by-{place}",
        title=_("Branches, longest wait first") if place == "branch" else _("Services, longest wait first"),
        keys=(of.BRANCH if place == "branch" else of.PROCEDURE, of.CHANNEL),
        figures=(*wanted.WAITING, wanted.TOLD_NOTHING, wanted.WENT_AWAY),
        rows=rows,
        note=_("Visitors who found nothing at any branch stand under “All branches”.") if place == "branch" else "",
    )


def _channel(code: str) -> Named:
    return Named(code, Channel(code).label if code else _("All channels"))


def _worst_first(looked: Waits, names: Mapping[int | None, Named], key: tuple[Any, ...]) -> tuple[Any, ...]:
    share = percent(looked.nothing, looked.looks) or 0
    return -share, -(looked.median or 0), -(looked.worst or 0), str(names.get(key[0], "")), key[1]


def _procedures(selection: Selection) -> dict[int | None, Named]:
    """Returns the services by their keys. Of several agencies, each name begins with that of the agency."""
    rows = Procedure.objects.select_related("agency")
    if selection.agency:
        return {one.pk: Named(one.code, one.name) for one in rows.filter(agency=selection.agency)}
    return {one.pk: Named(one.code, f"{one.agency.short_name}: {one.name}") for one in rows}


def _branches() -> dict[int | None, Named]:
    return {one.pk: Named(one.code, one.name) for one in Branch.objects.all()}


def _funnel(came: Steps) -> Table:
    told = zip(wanted.STEPS, (came.held, came.filled, came.booked), strict=True)
    return Table(
        name="steps",
        title=_("From the chosen time to the booking"),
        keys=(wanted.STEP,),
        figures=(wanted.JOURNEYS, wanted.OF_ALL),
        rows=[[Named(step.name, step.label), number, percent(number, came.held)] for step, number in told],
        chart=Chart(Kind.BARS, ("journeys",)),
    )


def _by(selection: Selection, name: str, named: Callable[[str], Named]) -> Table:
    """Returns how far visitors came, by their device or language."""
    found = steps(selection, name)
    return Table(
        name=f"steps-by-{name}",
        title=_("From the chosen time to the booking, by device")
        if name == "device"
        else _("From the chosen time to the booking, by language"),
        keys=(wanted.DEVICE if name == "device" else wanted.LANGUAGE,),
        figures=(*wanted.STEPS, wanted.BOOKED_SHARE),
        rows=[
            [named(key), came.held, came.filled, came.booked, percent(came.booked, came.held)]
            for (key,), came in sorted(found.items(), key=lambda item: (-item[1].held, item[0]))
            if came.held
        ],
    )


def of_device(code: str) -> Named:
    return Named(code, Device(code).label)


def of_language(code: str) -> Named:
    return Named(code, dict(settings.LANGUAGES)[code])


def _capacity(selection: Selection) -> Table:
    """Returns the hours that were offered, booked and used. Services share what is offered, so of one it is not known."""
    is_shared = bool(selection.procedure or selection.channel)
    counts, minutes = read(selection, ["month"]), {} if is_shared else offered(selection)
    by_month = counts.by("month")
    return Table(
        name="capacity",
        title=_("Hours offered, booked and used, by month"),
        keys=(of.MONTH,),
        figures=wanted.CAPACITY,
        rows=[
            [month, *_hours(minutes.get(month), by_month.get(month, Counts()))]
            for month in months(selection.since, selection.until)
        ],
        chart=Chart(Kind.LINES, tuple(one.name for one in wanted.CAPACITY[:3])),
        sums=_hours(sum(minutes.values()) or None, counts.total),
        note=_("Services and channels share the desks, so what was offered for one of them is not known.")
        if is_shared
        else "",
    )


def _hours(minutes: int | None, counts: Counts) -> list[Cell]:
    booked, used = counts.minutes_booked, counts.minutes_used
    hours = [one / MINUTES if one is not None else None for one in (minutes, booked, used)]
    return [*hours, percent(booked, minutes or 0), percent(used, minutes or 0)]


def _searches(found: Mapping[str, int]) -> Table:
    shown: list[list[Cell]] = [[FINAL_SIGMA.sub("ς", text), visitors] for text, visitors in found.items() if text]
    others: list[list[Cell]] = [[_("All others together"), found[""]]] if "" in found else []
    return Table(
        name="searches",
        title=_("What was looked for in vain"),
        keys=(wanted.SEARCH,),
        figures=(wanted.SEARCHES,),
        rows=[*shown, *others],
        sums=[sum(found.values())],
        note=_(
            "A text is shown when it was looked for from at least five networks. It may have been typed by anybody."
        ),
        most=100,
    )


def _notes(selection: Selection) -> list[str]:
    notes = [
        _("Free times are looked up once a day, at nine in the morning of each branch. Earlier days are not known."),
        _(
            "Visitors are counted without knowing who they are: two behind one address may count as one, so their numbers "
            "are rather too low."
        ),
    ]
    if selection.is_of_branches or selection.procedure or selection.channel:
        notes.append(_("Searches belong to no branch, service or channel, so they are not shown here."))
    return notes
