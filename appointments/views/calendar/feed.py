"""The feeds at private addresses. The key alone opens one, because calendar programs ask without cookies."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from http import HTTPStatus
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db.models import BigIntegerField, Count, QuerySet, Sum
from django.db.models.expressions import RawSQL
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.utils.cache import get_conditional_response
from django.utils.http import quote_etag
from django.utils.translation import get_language
from django.views.decorators.http import require_safe

from accounts.security import What, tell
from agencies import access
from agencies.models import Agency, Branch, Closure, Procedure
from agencies.wallclock import midnight, zone_of
from appointments import sight
from appointments.calendar import feed as calendar_feed
from appointments.models import Appointment, Feed

# Calendars also show the last days. Nobody looks further back, and each answer would be longer.
BACK = timedelta(days=7)

TYPE = "text/calendar; charset=utf-8"


@dataclass(frozen=True)
class Content:
    """The content of a feed. Its rows are read only if something has changed."""

    name: str
    appointments: QuerySet[Appointment]
    absences: QuerySet[Closure]
    branches: QuerySet[Branch]


@require_safe
def feed(request: HttpRequest, key: str) -> HttpResponse:
    found = get_object_or_404(Feed.objects.select_related("branch", "officer"), key=key)
    if found.has_ended:
        raise Http404
    sight.read_by(found.officer_id or found.made_by_id, by_program=True)
    content = _content(found, timezone.now())
    etag = quote_etag(_fingerprint(found, content))
    answer = get_conditional_response(request, etag=etag) or HttpResponse(_file(content), content_type=TYPE)
    if answer.status_code == HTTPStatus.OK:
        tell(What.FEED_READ, feed=found.pk, branch=found.branch_id, officer=found.officer_id)
    answer["ETag"] = etag
    answer["Cache-Control"] = "private, max-age=0, must-revalidate"
    return answer


def _content(found: Feed, now: datetime) -> Content:
    """Returns the content of the feed. It goes back BACK days (from midnight in UTC).

    A branch's feed has all its appointments. An officer's feed has the appointments assigned to the officer, at
    branches where the officer still works, and the officer's absences.
    """
    since = midnight((now - BACK).date(), UTC)
    shown = Appointment.objects.filter(starts_at__gte=since).in_calendar()
    if found.branch:
        here = Branch.objects.filter(pk=found.branch.pk)
        return Content(found.branch.name, shown.filter(branch=found.branch), Closure.objects.none(), here)
    assert found.officer  # noqa: S101 (a feed is of a branch or of an officer)
    branches = access.counters(found.officer)
    own = shown.filter(officer=found.officer, branch__in=branches)
    away = Closure.objects.filter(officer=found.officer, until_date__gte=since.date())
    return Content(f"{found.officer}", own, away, branches)


def _fingerprint(found: Feed, content: Content) -> str:
    """Returns a fingerprint of all that the feed shows, with a few queries.

    `xmin` is the transaction that last wrote a row. Agencies, branches and services give the events their names.
    """
    agencies = content.branches.order_by().values("agency")
    rows = {
        "appointments_appointment": content.appointments,
        "agencies_closure": content.absences,
        "agencies_branch": content.branches.order_by(),
        "agencies_agency": Agency.objects.filter(pk__in=agencies),
        "agencies_procedure": Procedure.objects.filter(agency__in=agencies),
    }
    parts = [found.key, get_language(), settings.SITE_URL, calendar_feed.HEAD, content.name]
    written = [queryset.aggregate(**_of_rows(table)) for table, queryset in rows.items()]
    return sha256(repr([*parts, *written]).encode()).hexdigest()[:32]


def _of_rows(table: str) -> dict[str, Count | Sum]:
    xmin = RawSQL(f"{table}.xmin::text::bigint", [], BigIntegerField())  # noqa: S611 (a literal of this file)
    return {"rows": Count("pk"), "written": Sum(xmin, default=0)}


def _file(content: Content) -> bytes:
    # Not joined, because thousands of appointments share a few agencies, branches and services.
    appointments = content.appointments.prefetch_related("agency", "branch", "procedure").order_by("starts_at", "pk")
    absences = content.absences.select_related("branch").order_by("pk")
    return calendar_feed.feed(content.name, appointments, absences, _zone(content))


def _zone(content: Content) -> ZoneInfo:
    """Returns the time zone of the branches, or that of the settings if they are in several."""
    names = [*content.branches.order_by().values_list("timezone", flat=True).distinct()[:2]]
    return zone_of(names[0] if len(names) == 1 else settings.TIME_ZONE)
