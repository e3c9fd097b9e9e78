"""Pages that belong to no app: probes for monitoring, and the rules for robots."""

from functools import cache as cache_forever

from allauth.account.views import LoginView
from django.conf import settings
from django.core.cache import cache
from django.db import DatabaseError, connection
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from accounts.patience import PROBE, patience
from agencies.wallclock import ZONE_DATA


@require_safe
@never_cache
def live(request: HttpRequest) -> JsonResponse:
    return JsonResponse({"status": "ok"})


@require_safe
@never_cache
def ready(request: HttpRequest) -> JsonResponse:
    """Answers 503 while the database is away or behind the code. Without Redis messages are late, but bookings go on."""
    state = {"database": _database_state(), "redis": "ok" if _cache_answers() else "degraded"}
    ok = state["database"] == "ok"
    told = {"status": "ok" if ok else "unavailable", **state, "zone_data": ZONE_DATA}
    return JsonResponse(told, status=200 if ok else 503)


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


def _cache_answers() -> bool:
    cache.set("health", "ok", 10)
    return cache.get("health") == "ok"


@require_safe
def robots(request: HttpRequest) -> HttpResponse:
    closed = ["/accounts/", "/admin/", "/appointments/", "/api/", "/en/accounts/", "/en/admin/", "/en/appointments/"]
    closed += ["/*/book/"]  # pages of booking: they change every minute, and can hold a time
    lines = ["User-agent: *", *(f"Disallow: {path}" for path in closed), ""]
    return HttpResponse("\n".join(lines), content_type="text/plain; charset=utf-8")


def sign_in(request: HttpRequest) -> HttpResponseBase:
    """Shows the password page in the demo, and otherwise the page that sends a code by e-mail."""
    if settings.PASSWORD_SIGN_IN:
        return LoginView.as_view()(request)
    query = request.META.get("QUERY_STRING", "")
    return redirect(reverse("account_request_login_code") + (f"?{query}" if query else ""))
