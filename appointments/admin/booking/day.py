"""The day's list of a branch: its appointments, their states, and the next steps for each of them."""

from collections import Counter
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.db.models import Exists, OuterRef
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from agencies.models import Branch, Channel
from agencies.wallclock import parse_day
from appointments.admin.booking.steps import Step, possible
from appointments.admin.forms import choice_of
from appointments.admin.pages import address, chosen_branch, officers_page, own_branches, page
from appointments.models import Appointment, Notification, Status
from appointments.models.appointment import EXPECTED
from appointments.times.availability import next_free

# Statuses that are not listed (held, expired) belong to times that never became an appointment.
COUNTED: dict[str, tuple[str | Promise, tuple[Status, ...]]] = {
    "waiting": (_("Expected"), EXPECTED),
    "arrived": (_("Arrived"), (Status.ARRIVED,)),
    "serving": (_("Being served"), (Status.SERVING,)),
    "completed": (_("Completed"), (Status.COMPLETED,)),
    "no_show": (_("Did not come"), (Status.NO_SHOW,)),
    "cancelled": (_("Cancelled"), (Status.CANCELLED,)),
}


@dataclass(frozen=True)
class Row:
    appointment: Appointment
    steps: list[Step]
    late: bool
    waited: int | None

    @property
    def first(self) -> Step | None:
        return self.steps[0] if self.steps else None


@officers_page
def day(request: HttpRequest) -> HttpResponse:
    now = timezone.now()
    branches = own_branches(request)
    if not branches:
        return page(request, "no_branch.html", {"title": gettext("Today")})
    branch = chosen_branch(request, branches)
    today = branch.today(now)
    shown = parse_day(request.GET.get("date", "")) or today
    appointments = of_day(branch, shown)
    rows = [_row(appointment, now) for appointment in appointments if _wanted(request, appointment)]
    context = {
        "title": branch.name,
        "branch": branch,
        "choose": choice_of(branches, branch),
        "day": shown,
        "today": today,
        "previous": shown - timedelta(days=1),
        "next": shown + timedelta(days=1),
        "now": now,
        "rows": rows,
        "total": len(appointments),
        "counts": _counts(request, branch, shown, appointments),
        "channels": Channel.choices,
        "procedures": sorted({appointment.procedure for appointment in appointments}, key=str),
        "asked": {name: request.GET.get(name, "") for name in ("state", "channel", "procedure")},
    }
    if free := next_free(branch, now=now):
        context["next_free"] = branch.local(free)
    if not appointments:
        context["busy_before"], context["busy_after"] = _busy_days(branch, shown)
    return page(request, "booking/day.html", context)


def of_day(branch: Branch, day: date) -> list[Appointment]:
    """Returns the appointments on the branch's local day, in order.

    `undelivered` is true if a message failed or was perhaps not sent, and `failed` if one failed.
    """
    undelivered = Notification.objects.undelivered().filter(appointment=OuterRef("pk"))
    failed = undelivered.exclude(state=Notification.State.UNSURE)
    found = Appointment.objects.on_day(branch, day).made().select_related("procedure", "officer", "party")
    found = found.annotate(undelivered=Exists(undelivered), failed=Exists(failed))
    return list(found.order_by("starts_at", "pk"))


def _busy_days(branch: Branch, day: date) -> tuple[date | None, date | None]:
    """Returns the nearest local days with appointments before and after a day without any (None if there is none)."""
    booked = Appointment.objects.filter(branch=branch).made()
    midnight = branch.midnight(day)
    before = booked.filter(starts_at__lt=midnight).order_by("-starts_at").first()
    after = booked.filter(starts_at__gte=midnight).order_by("starts_at").first()
    return tuple(branch.local(one.starts_at).date() if one else None for one in (before, after))  # type: ignore[return-value]


def _wanted(request: HttpRequest, appointment: Appointment) -> bool:
    state, channel, procedure = (request.GET.get(name) for name in ("state", "channel", "procedure"))
    return (
        (not state or state not in COUNTED or appointment.status in COUNTED[state][1])
        and (not channel or appointment.channel == channel)
        and (not procedure or appointment.procedure.code == procedure)
    )


def _row(appointment: Appointment, now: datetime) -> Row:
    since = appointment.arrived_at if appointment.status == Status.ARRIVED else None
    return Row(
        appointment=appointment,
        steps=possible(appointment, now),
        late=appointment.status in EXPECTED and appointment.starts_at < now,
        waited=int((now - since).total_seconds() // 60) if since else None,
    )


def _counts(
    request: HttpRequest, branch: Branch, day: date, appointments: list[Appointment]
) -> list[dict[str, object]]:
    """Returns how many appointments are in each state, with a link that filters the list by this state or ends it."""
    by_status = Counter(appointment.status for appointment in appointments)
    query = {"branch": branch.code, "date": day.isoformat()}
    query |= {name: request.GET.get(name, "") for name in ("channel", "procedure")}
    return [
        {
            "name": name,
            "label": label,
            "number": sum(by_status[status] for status in statuses),
            "chosen": request.GET.get("state") == name,
            "url": address("day", **query, state="" if request.GET.get("state") == name else name),
        }
        for name, (label, statuses) in COUNTED.items()
    ]
