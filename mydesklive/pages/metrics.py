"""Figures for Prometheus. They come from the database and Redis, so that every web process gives the same ones."""

from collections.abc import Iterator

from django.conf import settings
from django.db import DatabaseError
from django.db.models import Count, Model, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.crypto import constant_time_compare
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from accounts.database.patience import PROBE, patience
from accounts.models import Peer
from accounts.work import breaker, clock
from accounts.work.due import due, lanes
from appointments.models import Appointment, Disruption, Notification
from appointments.models.appointment import UNCONFIRMED
from mydesklive.cache import queue_length
from videocalls.models import VideoCall

QUEUE = f"{settings.CELERY_BROKER_TRANSPORT_OPTIONS['global_keyprefix']}celery"
MESSAGES, CALLS = Notification.State, VideoCall.State


@require_safe
@never_cache
def metrics(request: HttpRequest) -> HttpResponse:
    """Gives the figures to whoever has the token. For others there is no such page."""
    token = settings.METRICS_TOKEN
    if not token or not constant_time_compare(request.headers.get("Authorization", ""), f"Bearer {token}"):
        raise Http404
    registry = CollectorRegistry()
    registry.register(Figures())
    return HttpResponse(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)


class Figures(Collector):
    def describe(self) -> Iterator[GaugeMetricFamily]:
        """Keeps the registry from collecting twice."""
        return iter(())

    def collect(self) -> Iterator[GaugeMetricFamily]:
        yield _gauge("up", "1 while the web process answers.", 1)
        try:
            with patience(PROBE):
                yield from [*_work(), _rows(), _clock()]
        except DatabaseError:
            yield _gauge("database_up", "1 while the database answers.", 0)
        else:
            yield _gauge("database_up", "1 while the database answers.", 1)
        length = queue_length(QUEUE)
        yield _gauge("redis_up", "1 while Redis answers.", int(length is not None and not breaker.redis.is_open))
        if length is not None:
            yield _gauge("queue_length", "Tasks that wait in Redis for a worker.", length)


def _gauge(name: str, about: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"mydesklive_{name}", about, value=value)


def _clock() -> GaugeMetricFamily:
    return _gauge("clock_ahead_seconds", "How far the web process's clock is ahead of the database's.", clock.ahead())


def _work() -> Iterator[GaugeMetricFamily]:
    age = GaugeMetricFamily("mydesklive_work_due_age_seconds", "Age of the oldest due row.", labels=["lane"])
    is_late = GaugeMetricFamily("mydesklive_work_late", "1 while the lane is late.", labels=["lane"])
    for one in due(lanes(), now=timezone.now()):
        age.add_metric([one.lane.name], one.age)
        is_late.add_metric([one.lane.name], one.is_late)
    away = GaugeMetricFamily("mydesklive_peer_away", "1 while a server of others does not work.", labels=["peer"])
    for name in Peer.objects.order_by("name").values_list("name", flat=True):
        away.add_metric([name], 1)
    yield from (age, is_late, away)


def _rows() -> GaugeMetricFamily:
    """Counts only rows that a small index holds, because the tables grow for years."""
    rows = GaugeMetricFamily("mydesklive_rows", "Rows by state.", labels=["table", "state"])
    waiting = Notification.objects.filter(state__in=(MESSAGES.PENDING, MESSAGES.SENDING))
    undelivered = Notification.objects.undelivered()
    calls = VideoCall.objects.filter(closes_at__gt=timezone.now())
    for table, found, states in (
        ("message", waiting, (MESSAGES.PENDING, MESSAGES.SENDING)),
        ("message", undelivered, (MESSAGES.FAILED, MESSAGES.BOUNCED, MESSAGES.UNSURE)),
        ("appointment", Appointment.objects.filter(status__in=UNCONFIRMED), UNCONFIRMED),
        ("disruption", Disruption.objects.all(), Disruption.State.values),
        ("video_call", calls, CALLS.values),
    ):
        counted = _by_state(found, "status" if table == "appointment" else "state")
        for state in states:
            rows.add_metric([table, str(state)], counted.get(str(state), 0))
    return rows


def _by_state(rows: QuerySet[Model], field: str) -> dict[str, int]:
    return {str(state): number for state, number in rows.order_by().values_list(field).annotate(number=Count("pk"))}
