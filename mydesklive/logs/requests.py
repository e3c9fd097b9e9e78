"""One line for each request, with an id that all lines of the request carry."""

import logging
import re
import secrets
import time
from collections.abc import Callable
from functools import partial
from typing import Any

from django.conf import settings
from django.db import connection
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.functional import SimpleLazyObject

from accounts.models import User
from accounts.security import CURRENT, Actor, What, Work, tell
from agencies.access import ROLES
from agencies.facts import SystemFacts
from mydesklive.logs.telling import route_of

logger = logging.getLogger("mydesklive.request")

HEADER = "X-Request-ID"
_ID = re.compile(r"[A-Za-z0-9][-A-Za-z0-9_.]{7,63}")
# Programs ask for these all the time. Their lines are told only if something is wrong.
_QUIET = ("/health/", settings.STATIC_URL)
REFUSALS = {401, 403}
FAILURES = 500


class RequestMiddleware:
    """Stands before all others, so that no answer is without a line and an id."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        begun, count = time.perf_counter(), QueryCount()
        work = Work(request_id(request), partial(actor_of, request))
        token = CURRENT.set(work)
        try:
            with connection.execute_wrapper(count):
                response = self.get_response(request)
            response.headers[HEADER] = work.id
            _log(request, response.status_code, time.perf_counter() - begun, count.number)
        finally:
            CURRENT.reset(token)
        return response


class QueryCount:
    number = 0

    def __call__(self, execute: Callable[..., Any], *args: Any) -> Any:
        self.number += 1
        return execute(*args)


def request_id(request: HttpRequest) -> str:
    """Returns the id that our own proxy has given, or a new one. Visitors cannot choose it."""
    given = request.META.get("HTTP_X_REQUEST_ID", "")
    return given if settings.ALLAUTH_TRUSTED_PROXY_COUNT and _ID.fullmatch(given) else secrets.token_hex(8)


def _log(request: HttpRequest, status: int, seconds: float, queries: int) -> None:
    if status in REFUSALS:
        tell(What.REFUSED, status=status, view=_view_of(request))
    level = logging.WARNING if status >= FAILURES else logging.INFO
    if status < 400 and request.path_info.startswith(_QUIET):  # noqa: PLR2004 (the first status of an error)
        level = logging.DEBUG
    if not logger.isEnabledFor(level):
        return
    told = {
        "method": request.method if request.method in METHODS else "-",
        "route": route_of(request),
        "status": status,
        "ms": round(seconds * 1000, 1),
        "role": actor_of(request).role,
        "queries": queries,
    }
    logger.log(level, "request", extra={"told": told})


METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}


def _view_of(request: HttpRequest) -> str:
    return request.resolver_match.view_name if request.resolver_match else "-"


def actor_of(request: HttpRequest) -> Actor:
    """Returns who sends the request, as far as it has been read. Asks the database nothing."""
    if isinstance(getattr(request, "auth", None), SystemFacts):
        return Actor(role="system")
    user = getattr(request, "user", None)
    if isinstance(user, SimpleLazyObject):
        user = getattr(request, "_cached_user", None)
    if not isinstance(user, User):
        return Actor()
    return Actor(user.pk, known_role(user))


def known_role(user: User) -> str:
    """Returns the highest role, as far as the memberships have been read."""
    if user.configures:
        return "operator"
    held = {one.role for one in getattr(user, "_prefetched_objects_cache", {}).get("memberships", ())}
    if held:
        return str(next(role for role in reversed(ROLES) if role in held).value)
    if user.__dict__.get("is_officer"):
        return "officer"
    return "official" if user.is_official else "citizen"
