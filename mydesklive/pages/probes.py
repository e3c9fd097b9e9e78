"""Probes: what monitoring, load balancers and service managers ask. They tell nothing about people."""

from functools import cache as cache_forever

from django.core.cache import cache
from django.db import DatabaseError, connection
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder
from django.http import HttpRequest, JsonResponse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from accounts.database.patience import PROBE, patience
from accounts.models import Peer
from accounts.work import breaker, clock
from accounts.work.due import due, lanes, late
from agencies.wallclock import ZONE_DATA


@require_safe
@never_cache
def live(request: HttpRequest) -> JsonResponse:
    return JsonResponse({"status": "ok"})


@require_safe
@never_cache
def ready(request: HttpRequest) -> JsonResponse:
    """Answers 503 while the database is away or behind the code. Without Redis messages are late, but bookings go on.

    Late work is told and changes nothing: visitors are served although the worker stands still.
    """
    state = {"database": _database_state(), "redis": "ok" if _cache_answers() else "degraded"}
    ok = state["database"] == "ok"
    told = {"status": "ok" if ok else "unavailable", **state, **(_work_state() if ok else {}), "zone_data": ZONE_DATA}
    return JsonResponse(told, status=200 if ok else 503)


@require_safe
@never_cache
def work(request: HttpRequest) -> JsonResponse:
    """Answers 503 while work is late, or while nobody can tell. Gives the age of the oldest due row of each lane.

    `away` are the servers of others that do not work at the moment.
    """
    try:
        with patience(PROBE):
            found = due(lanes(), now=timezone.now())
            away = [*Peer.objects.order_by("name").values_list("name", flat=True)]
    except DatabaseError:
        return JsonResponse({"work": "unknown", "database": "unreachable"}, status=503)
    is_late = any(one.is_late for one in found)
    ages = {one.lane.name: {"age": one.age, "late": one.is_late} for one in found}
    told = {"work": "late" if is_late else "ok", "lanes": ages, "away": away}
    return JsonResponse(told, status=503 if is_late else 200)


def _database_state() -> str:
    try:
        with patience(PROBE):
            applied = MigrationRecorder(connection).applied_migrations()
    except DatabaseError:
        return "unreachable"
    return "ok" if _migrations() <= applied.keys() else "migrations pending"


@cache_forever
def _migrations() -> frozenset[tuple[str, str]]:
    """Returns the migrations of this code. A process never gets other ones."""
    return frozenset(MigrationLoader(None).graph.nodes)


def _work_state() -> dict[str, object]:
    try:
        with patience(PROBE):
            behind = {one.lane.name: one.age for one in late(lanes(), now=timezone.now())}
            state: dict[str, object] = {"work": "late" if behind else "ok", "clock": clock.compare()}
    except DatabaseError:
        return {"work": "unknown"}
    return state | ({"late": behind} if behind else {})


def _cache_answers() -> bool:
    """Returns whether Redis answers. While it is known to hang, nobody asks."""
    if breaker.redis.is_open:
        return False
    cache.set("health", "ok", 10)
    return cache.get("health") == "ok"
