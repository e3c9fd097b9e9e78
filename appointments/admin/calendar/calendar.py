"""The calendar of a branch: a day, a week, a month, the desks of one day, or a list.

The page works with plain links and forms. With JavaScript, a calendar component draws the day, the week and the desks
from one JSON answer. The component never writes. When an officer drops an appointment on another time, the page asks
first, and then `booking.reschedule` moves the appointment.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.functional import Promise
from django.utils.translation import gettext, ngettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from django.views.decorators.gzip import gzip_page

from accounts.people import signed_in
from agencies import access
from agencies.models import Branch, Channel, Procedure, Role
from agencies.text import alphabetical
from agencies.wallclock import parse_day
from appointments.admin.calendar import feed, planning
from appointments.admin.forms import choice_of
from appointments.admin.pages import address, chosen_branch, officers_page, own_branches, page
from appointments.calendar import agenda
from appointments.calendar.agenda import DAY, Closed, Days, Wish
from appointments.models import Status
from appointments.models.appointment import CHANGEABLE

WEEK = timedelta(days=7)
# The views by their name in addresses: the label, and whether the JavaScript component draws the view.
VIEWS: dict[str, tuple[str | Promise, bool]] = {
    "day": (_("Day"), True),
    "week": (_("Week"), True),
    "month": (_("Month"), False),
    "desks": (_("Desks"), True),
    "list": (pgettext_lazy("calendar", "List"), False),
}
ICONS = {
    Status.UNVERIFIED: "hourglass_top",
    Status.BOOKED: "event_available",
    Status.ARRIVED: "how_to_reg",
    Status.SERVING: "record_voice_over",
    Status.COMPLETED: "check_circle",
    Status.NO_SHOW: "person_off",
}
CHANNEL_ICONS = {Channel.IN_PERSON: "storefront", Channel.VIDEO: "videocam", Channel.PHONE: "call"}


@dataclass(frozen=True)
class Asked:
    """What the address asks for: the branch, the view, the day to show, and which appointments."""

    branch: Branch
    view: str
    day: date
    wish: Wish

    @property
    def days(self) -> Days:
        since = self._monday if self.view in ("week", "list") else self.day
        until = since + (WEEK if self.view in ("week", "list") else timedelta(days=1))
        if self.view == "month":
            since = self.day.replace(day=1)
            until = _next_month(since)
        return Days(self.branch, since, until)

    @property
    def before(self) -> date:
        """Returns the last day of the period before this one."""
        return self.days.since - timedelta(days=1)

    @property
    def after(self) -> date:
        return self.days.until

    @property
    def _monday(self) -> date:
        return self.day - timedelta(days=self.day.weekday())

    def url(self, name: str = "calendar", **other: object) -> str:
        asked = {"branch": self.branch.code, "view": self.view, "date": self.day.isoformat()}
        wish = {"procedure": self.wish.procedure, "channel": self.wish.channel, "officer": self.wish.officer}
        return address(name, **asked | wish | other)


def _next_month(first: date) -> date:
    return (first + timedelta(days=31)).replace(day=1)


def _asked(request: HttpRequest, branch: Branch, today: date) -> Asked:
    view = request.GET.get("view", "")
    wish = Wish(*(request.GET.get(name, "") for name in ("procedure", "channel", "officer")))
    return Asked(branch, view if view in VIEWS else "week", parse_day(request.GET.get("date", "")) or today, wish)


# The page


@officers_page
def calendar(request: HttpRequest) -> HttpResponse:
    branches = own_branches(request)
    if not branches:
        return page(request, "no_branch.html", {"title": gettext("Calendar")})
    now = timezone.now()
    branch = chosen_branch(request, branches)
    asked = _asked(request, branch, branch.today(now))
    context = _frame(request, asked, branches, now)
    if asked.view == "list":
        context |= _listed(asked, now)
    elif asked.view == "month":
        context |= _month(asked, now)
    return page(request, "calendar/calendar.html", context)


def _frame(request: HttpRequest, asked: Asked, branches: list[Branch], now: datetime) -> dict[str, Any]:
    today, days = asked.branch.today(now), asked.days
    tabs = [
        {"label": label, "url": asked.url(view=view), "chosen": view == asked.view}
        for view, (label, _drawn) in VIEWS.items()
    ]
    return {
        "title": asked.branch.name,
        "asked": asked,
        "branch": asked.branch,
        "choose": choice_of(branches, asked.branch),
        "span": _span(days),
        "days": days,
        "tabs": tabs,
        "today_url": None if days.since <= today < days.until else asked.url(date=""),
        "before_url": asked.url(date=asked.before.isoformat()),
        "after_url": asked.url(date=asked.after.isoformat()),
        "list_url": asked.url(view="list"),
        "drawn": VIEWS[asked.view][1],
        "procedures": Procedure.objects.filter(agency=asked.branch.agency_id).order_by(alphabetical("name_el")),
        "channels": Channel.choices,
        "officers": access.officers(asked.branch),
        "legend": [{"status": status.value, "label": status.label, "icon": icon} for status, icon in ICONS.items()],
        "channel_legend": [{"label": channel.label, "icon": icon} for channel, icon in CHANNEL_ICONS.items()],
        "options": _options(request, asked, now),
        "here": request.get_full_path(),
    }


def _span(days: Days) -> str:
    last = days.until - timedelta(days=1)
    if days.since == last:
        return date_format(last, "l j E Y")
    if days.since.day == 1 and last.day > WEEK.days:
        return date_format(last, "F Y")
    since = date_format(days.since, "j" if days.since.month == last.month else "j E")
    return f"{since} – {date_format(last, 'j E Y')}"


def _options(request: HttpRequest, asked: Asked, now: datetime) -> dict[str, Any]:
    """Returns what the script needs: addresses of the data and of the steps, and the texts and icons that it draws."""
    may_block = access.branches(signed_in(request), Role.SUPERVISOR).filter(pk=asked.branch.pk).exists()
    return {
        "view": asked.view,
        # A view drawn by the server is up to date now. The component has drawn nothing yet, so it asks for the data at
        # once.
        "seen": "" if VIEWS[asked.view][1] else agenda.state(asked.days).seen,
        "since": asked.days.since.isoformat(),
        "offset": asked.branch.local(now).isoformat()[-6:],
        "data": asked.url("calendar_data"),
        "appointment": address("change", "REFERENCE"),
        "move": address("move", "REFERENCE", next=request.get_full_path()),
        "moving": address("calendar_move", "REFERENCE"),
        "book": address("book", branch=asked.branch.code),
        "block": f"{reverse('admin:agencies_closure_add')}?branch={asked.branch.code}" if may_block else "",
        "statuses": {status.value: [str(status.label), icon] for status, icon in ICONS.items()},
        "channels": {channel.value: [str(channel.label), icon] for channel, icon in CHANNEL_ICONS.items()},
        "movable": CHANGEABLE,
        "words": {
            "free_one": ngettext("%(count)s free", "%(count)s free", 1),
            "free": ngettext("%(count)s free", "%(count)s free", 2),
            "free_in": gettext("%(free)s, %(when)s, of %(places)s"),
            "free_column": gettext("Free"),
            "no_name": gettext("No name"),
            "lost": gettext("Connection lost, trying again."),
            "none": gettext("No appointments and no free times."),
        },
    }


def _listed(asked: Asked, now: datetime) -> dict[str, Any]:
    """Returns each day of the week with its number of appointments, and the rows of one day only.

    A large branch has too many appointments in a week for one page.
    """
    days = asked.days
    unfolded = Days(asked.branch, asked.day, asked.day + timedelta(days=1))
    day = {
        "appointments": agenda.appointments(unfolded, asked.wish).select_related("procedure", "officer"),
        "free": [hour for _begins, hour in sorted(agenda.opening(unfolded, now).hours.items()) if hour.free],
        "closed": [_told(one) for one in agenda.closed(unfolded)],
        "book_url": address("book", branch=asked.branch.code, **{"from": asked.day.isoformat()}),
        "block_query": urlencode({"from_date": asked.day.isoformat(), "until_date": asked.day.isoformat()}),
    }
    booked = _booked_by_day(days, asked.wish)
    return {
        "movable": CHANGEABLE,
        "unfolded": day,
        "week": [
            {"day": one, "booked": booked.get(one, 0), "url": asked.url(date=one.isoformat())} for one in _each(days)
        ],
    }


def _booked_by_day(days: Days, wish: Wish) -> dict[date, int]:
    starts = agenda.appointments(days, wish).order_by().values_list("starts_at", flat=True)
    return Counter(days.branch.local(start).date() for start in starts)


def _each(days: Days) -> Iterable[date]:
    return (days.since + timedelta(days=number) for number in range((days.until - days.since).days))


def _of_day(found: Iterable[Any], number: int) -> list[Any]:
    return [one for one in found if one.begins // DAY == number]


def _clock(minute: int) -> str:
    return f"{minute % DAY // 60:02}:{minute % 60:02}"


def _told(closed: Closed) -> str:
    if (closed.ends - closed.begins) == DAY:
        return closed.reason
    return f"{_clock(closed.begins)}–{_clock(closed.ends)} {closed.reason}"


def _month(asked: Asked, now: datetime) -> dict[str, Any]:
    """Returns the numbers of each day. A large branch has too many appointments in a month to show their names."""
    days = asked.days
    booked = _booked_by_day(days, asked.wish)
    opening, closures = agenda.opening(days, now), agenda.closed(days)
    free: Counter[int] = Counter()
    for hour in opening.hours.values():
        free[hour.begins // DAY] += hour.free
    cells: list[dict[str, Any] | None] = [None] * days.since.weekday()
    for number, day in enumerate(_each(days)):
        url = asked.url(view="day", date=day.isoformat())
        shut = [_told(one) for one in _of_day(closures, number)]
        cells.append({"day": day, "booked": booked.get(day, 0), "free": free[number], "closed": shut, "url": url})
    cells += [None] * (-len(cells) % 7)
    today = asked.branch.today(now)
    return {"weeks": [cells[first : first + 7] for first in range(0, len(cells), 7)], "today": today}


# The data for the component


@never_cache
@gzip_page  # the answer holds no secret that its length could reveal
def data(request: HttpRequest) -> HttpResponse:
    """Returns all that one view shows as JSON, or 204 if nothing has changed since the state in `seen`.

    Raises Http404 if the person does not serve citizens at the branch. A page that asks every few seconds needs no
    other answer.
    """
    branch = get_object_or_404(access.counters(signed_in(request)), code=request.GET.get("branch", ""))
    now = timezone.now()
    asked = _asked(request, branch, branch.today(now))
    state = agenda.state(asked.days)
    if request.GET.get("seen") == state.seen:
        return HttpResponse(status=204)
    if not VIEWS[asked.view][1]:
        return JsonResponse({"seen": state.seen})
    drawn = _drawn(asked, state.desks, now)
    return JsonResponse(
        {"seen": state.seen} | drawn, json_dumps_params={"ensure_ascii": False, "separators": (",", ":")}
    )


def _drawn(asked: Asked, desks: Sequence[tuple[int, str]], now: datetime) -> dict[str, Any]:
    """Returns what the component draws, in columns instead of rows, so that a large week compresses well.

    Times are minutes on the branch's clock since the first midnight. `free` has one entry an hour (its first minute,
    free places, all places), `desks` says how many desks are planned (from, until, number), and `closed` has the
    closures (from, until, reason, whether the whole branch is closed).
    """
    days = asked.days
    entries, opening = agenda.entries(days, asked.wish), agenda.opening(days, now)
    starts = [days.minute(entry.starts_at) for entry in entries]
    lengths = [int((entry.ends_at - entry.starts_at).total_seconds()) // 60 for entry in entries]
    for start, length in zip(starts, lengths, strict=True):
        opening.widen(start, start + length)
    found = {
        "reference": [entry.reference for entry in entries],
        "start": starts,
        "length": lengths,
        "name": [entry.name for entry in entries],
        **{
            name: _coded([getattr(entry, name) for entry in entries])
            for name in ("status", "channel", "procedure", "officer")
        },
        "free": sorted(opening.hours.values()),
        "desks": opening.desks,
        "closed": [(one.begins, one.ends, one.reason, one.desks is None) for one in agenda.closed(days)],
        "hours": opening.shown,
        "step": max(opening.step, agenda.SHORTEST_STEP) if opening.step else agenda.STEP,
    }
    if asked.view == "desks":
        most = max((count for _begins, _ends, count in opening.desks), default=1)
        found["lanes"], found["lane"] = agenda.lanes(entries, desks, most)
    return found


def _coded(texts: list[str]) -> list[list[Any]]:
    """Returns each text once, and for each row the index of its text."""
    of = list(dict.fromkeys(texts))
    number = {text: place for place, text in enumerate(of)}
    return [of, [number[text] for text in texts]]


urls: list[URLPattern] = [
    path("calendar/", calendar, name="appointments_appointment_calendar"),
    path("calendar/data/", data, name="appointments_appointment_calendar_data"),
    path("<str:reference>/calendar-move/", planning.move, name="appointments_appointment_calendar_move"),
    path("<str:reference>/assign/", planning.assign, name="appointments_appointment_assign"),
    path("calendar/feeds/", feed.feeds, name="appointments_appointment_feeds"),
    path("calendar/feeds/new/", feed.renew, name="appointments_appointment_feeds_new"),
]
