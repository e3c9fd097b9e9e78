"""Counts figures in the plainest way: every row of every table, one after the other, in Python."""

from collections import defaultdict
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import Any

from appointments.models import Appointment, Notification, Rating, Ticket, TimeSlot
from reports.models import (
    DailyCapacity,
    DailyFact,
    DailyHours,
    DailyRating,
    DailySum,
    MonthlyFact,
    MonthlyHours,
    MonthlyRating,
    MonthlySum,
)
from reports.rollups import facts
from videocalls.models import Participant

OUTCOMES = {"completed": "served", "no_show": "missed", "cancelled": "cancelled"}
TICKET_OUTCOMES = {"done": "served", "gone": "missed"}
TOLD = {"sent", "failed", "bounced", "unsure"}
MINUTES, DAYS = (1, 2, 3, 5, 7, 10, 15, 20, 30, 45, 60, 90, 120, 180), (1, 2, 3, 5, 7, 10, 14, 21, 28, 42, 56, 90)
SECONDS = [60 * end for end in MINUTES]
SPREADS = {"ahead": [*DAYS], "late": SECONDS, "waiting": SECONDS, "serving": SECONDS}

Row = dict[str, Any]
Key = tuple[Any, ...]


def plain_facts() -> dict[Key, Row]:
    """Returns the figures of all kinds, by the columns that tell them apart. Kinds without a figure are left out."""
    found: dict[Key, Row] = defaultdict(lambda: dict.fromkeys(COUNTS, 0) | {f"{name}_spread": [] for name in SPREADS})
    for key, told in _told():
        row = found[key]
        for name, value in told.items():
            if name in SPREADS and value is not None:
                _add(row, name, value)
            elif value is not None:
                row[name] += int(value)
    return dict(found)


COUNTS = (
    *("requested", "booked", "days_ahead", "due", "minutes", "moved", "begun", "punctual", "late_seconds"),
    *("video_calls", "video_connected", "messages", "messages_lost", "walk_ins", "access_needs", "missing_documents"),
    *("overran", "waited", "waiting_seconds", "timed", "serving_seconds"),
    *("cancelled", "cancelled_late", "cancelled_by_citizen", "cancelled_late_by_citizen"),
)
SUMMED = {
    "ahead": ("days_ahead", None),
    "late": ("late_seconds", "begun"),
    "waiting": ("waiting_seconds", "waited"),
    "serving": ("serving_seconds", "timed"),
}


def _add(row: Row, name: str, value: int) -> None:
    total, count = SUMMED[name]
    row[total] += value
    if count:
        row[count] += 1
    if name == "late":
        row["punctual"] += value <= 600
    spread = row[f"{name}_spread"] or [0] * (len(SPREADS[name]) + 1)
    spread[sum(value >= end for end in SPREADS[name])] += 1
    row[f"{name}_spread"] = spread


def _told() -> Iterator[tuple[Key, Row]]:
    for one in Appointment.objects.select_related("branch"):
        if one.status not in ("held", "unverified", "expired"):
            yield from _of_appointment(one)
    for ticket in Ticket.objects.filter(appointment=None).select_related("branch"):
        key = (ticket.branch.agency_id, ticket.branch_id, ticket.day, ticket.procedure_id, ticket.channel, "walk_in")
        yield (
            (*key, TICKET_OUTCOMES.get(ticket.state, "open")),
            {
                "walk_ins": 1,
                "serving": _seconds(ticket.serving_at, ticket.ended_at) if ticket.state == "done" else None,
                **_of_ticket(ticket),
            },
        )


def _of_appointment(one: Appointment) -> Iterator[tuple[Key, Row]]:
    def key(moment: datetime) -> Key:
        outcome = OUTCOMES.get(one.status, "open")
        place = (one.branch.agency_id, one.branch_id, one.branch.local(moment).date())
        return (*place, one.procedure_id, one.channel, one.source, outcome)

    requested = min(one.created_at, one.starts_at)
    ahead = (one.starts_at - requested) // timedelta(days=1)
    yield key(requested), {"requested": 1, "booked": one.booked_at is not None, "ahead": ahead}
    messages = [m for m in Notification.objects.filter(appointment=one) if m.state in TOLD and m.kind != "corrected"]
    is_video = one.channel == "video" and one.video_call_id is not None
    admitted = Participant.objects.filter(call=one.video_call_id or 0, admitted_at__isnull=False)
    roles = {participant.role for participant in admitted}
    yield (
        key(one.starts_at),
        {
            "due": 1,
            "minutes": (one.ends_at - one.starts_at) // timedelta(minutes=1),
            "moved": one.moved_at is not None,
            "late": _seconds(one.starts_at, one.serving_at),
            "video_calls": is_video,
            "video_connected": is_video and roles >= {"host", "visitor"},
            "messages": len(messages),
            "messages_lost": sum(message.state != "sent" for message in messages),
            "serving": _seconds(one.serving_at, one.completed_at) if one.status == "completed" else None,
            "overran": _overran(one),
            **_of_ticket(Ticket.objects.filter(appointment=one).first()),
        },
    )
    if one.status == "cancelled":
        at = min(one.ended_at or one.starts_at, one.starts_at)
        is_late, is_citizens = at > one.starts_at - timedelta(hours=24), one.cancelled_by == "citizen"
        yield (
            key(at),
            {
                "cancelled": 1,
                "cancelled_late": is_late,
                "cancelled_by_citizen": is_citizens,
                "cancelled_late_by_citizen": is_late and is_citizens,
            },
        )


def _overran(one: Appointment) -> bool:
    if one.status != "completed" or one.serving_at is None or one.completed_at is None:
        return False
    return one.completed_at - one.serving_at > one.ends_at - one.starts_at


def _of_ticket(ticket: Ticket | None) -> Row:
    if ticket is None:
        return {}
    return {
        "access_needs": ticket.priority,
        "missing_documents": ticket.outcome == "missing",
        "waiting": _seconds(ticket.arrived_at, ticket.called_at),
    }


def _seconds(begin: datetime | None, end: datetime | None) -> int | None:
    if begin is None or end is None:
        return None
    return max((end - begin) // timedelta(seconds=1), 0)


def plain_ratings() -> dict[Key, int]:
    found: dict[Key, int] = defaultdict(int)
    for one in Rating.objects.all():
        found[one.agency_id, one.served_on, one.procedure_id, one.channel, one.score] += 1
    return dict(found)


def plain_capacity() -> dict[Key, int]:
    found: dict[Key, int] = defaultdict(int)
    for slot in TimeSlot.objects.select_related("branch"):
        minutes = (slot.ends_at - slot.starts_at) // timedelta(minutes=1)
        found[slot.branch_id, slot.branch.local(slot.starts_at).date()] += slot.desks * minutes
    return dict(found)


def plain_hours() -> dict[Key, list[int]]:
    """Returns how many served visits began in each hour, by agency, branch and day."""
    found: dict[Key, list[int]] = defaultdict(lambda: [0] * 24)
    for one in Appointment.objects.filter(status="completed").select_related("branch"):
        local = one.branch.local(one.starts_at)
        found[one.branch.agency_id, one.branch_id, local.date()][local.hour] += 1
    for ticket in Ticket.objects.filter(appointment=None, state="done").select_related("branch"):
        local = ticket.branch.local(ticket.arrived_at)
        found[ticket.branch.agency_id, ticket.branch_id, ticket.day][local.hour] += 1
    return dict(found)


Sums = tuple[dict[Key, Row], dict[Key, Row], dict[Key, list[int]], dict[Key, int]]


def plain_months() -> Sums:
    """Returns the sums of months: of branches by kind, of agencies by kind, of branches' hours by weekday, of ratings."""
    of_branches: dict[Key, Row] = {}
    of_agencies: dict[Key, Row] = {}
    for (agency, branch, day, *kind), row in plain_facts().items():
        month = day.replace(day=1)
        _add_up(of_branches.setdefault((agency, branch, month, *kind), _nothing()), row)
        _add_up(of_agencies.setdefault((agency, month, *kind), _nothing()), row)
    weekdays: dict[Key, list[int]] = defaultdict(lambda: [0] * 24)
    for (agency, branch, day), hours in plain_hours().items():
        key = agency, branch, day.replace(day=1), day.isoweekday()
        weekdays[key] = [sum(pair) for pair in zip(weekdays[key], hours, strict=True)]
    scores: dict[Key, int] = defaultdict(int)
    for (agency, day, *of), ratings in plain_ratings().items():
        scores[agency, day.replace(day=1), *of] += ratings
    return of_branches, of_agencies, dict(weekdays), dict(scores)


def _nothing() -> Row:
    return dict.fromkeys(COUNTS, 0) | {f"{name}_spread": [0] * (len(ends) + 1) for name, ends in SPREADS.items()}


def _add_up(total: Row, row: Row) -> None:
    for name, value in row.items():
        if isinstance(value, list):
            total[name] = [sum(pair) for pair in zip(total[name], value or [0] * len(total[name]), strict=True)]
        else:
            total[name] += value


def plain_totals(until: date) -> dict[int, list[int]]:
    """Returns requests, served, missed, cancelled, ratings and best ratings of each agency until the end of that day."""
    found: dict[int, list[int]] = defaultdict(lambda: [0] * 6)
    for (agency, _branch, day, *_kind, outcome), row in plain_facts().items():
        if day <= until:
            counts = row["requested"], row["due"] * (outcome == "served"), row["due"] * (outcome == "missed")
            found[agency] = [sum(pair) for pair in zip(found[agency], (*counts, row["cancelled"], 0, 0), strict=True)]
    for (agency, day, _procedure, _channel, score), ratings in plain_ratings().items():
        if day <= until:
            found[agency][4] += ratings
            found[agency][5] += ratings * (score == 5)
    return {agency: row for agency, row in found.items() if any(row)}


def kept_facts() -> dict[Key, Row]:
    assert {*COUNTS, *(f"{name}_spread" for name in SPREADS)} == {*facts.FIGURES}
    return {
        tuple(row.pop(name) for name in facts.KEY): row for row in DailyFact.objects.values(*facts.KEY, *facts.FIGURES)
    }


def kept_ratings() -> dict[Key, int]:
    rows = DailyRating.objects.values_list("agency", "day", "procedure", "channel", "score", "ratings")
    return {tuple(key): ratings for *key, ratings in rows}


def kept_capacity() -> dict[Key, int]:
    return {
        (branch, day): minutes for branch, day, minutes in DailyCapacity.objects.values_list("branch", "day", "minutes")
    }


def kept_totals(until: date) -> dict[int, list[int]]:
    found: dict[int, list[int]] = defaultdict(lambda: [0] * 6)
    names = ("submitted", "served", "missed", "cancelled", "ratings", "satisfied")
    for agency, *counts in DailySum.objects.filter(day__lte=until).values_list("agency", *names):
        found[agency] = [sum(pair) for pair in zip(found[agency], counts, strict=True)]
    return {agency: row for agency, row in found.items() if any(row)}


def kept_hours() -> dict[Key, list[int]]:
    return {tuple(key): hours for *key, hours in DailyHours.objects.values_list("agency", "branch", "day", "hours")}


def kept_months() -> Sums:
    key = tuple("month" if name == "day" else name for name in facts.KEY)
    of_agency = tuple(name for name in key if name != "branch_id")
    weekdays = MonthlyHours.objects.values_list("agency", "branch", "month", "weekday", "hours")
    scores = MonthlyRating.objects.values_list("agency", "month", "procedure", "channel", "score", "ratings")
    return (
        {tuple(row.pop(name) for name in key): row for row in MonthlyFact.objects.values(*key, *facts.FIGURES)},
        {
            tuple(row.pop(name) for name in of_agency): row
            for row in MonthlySum.objects.values(*of_agency, *facts.FIGURES)
        },
        {tuple(kind): hours for *kind, hours in weekdays},
        {tuple(kind): ratings for *kind, ratings in scores},
    )
