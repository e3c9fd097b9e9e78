"""What visitors get while the database cannot do its work: a page that sends the same form again, and an answer for programs.

Nothing here asks the database.
"""

import logging
import re
import sys
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.core.exceptions import BadRequest, RequestDataTooBig
from django.db import connection
from django.http import HttpRequest, HttpResponse, JsonResponse, UnreadablePostError
from django.http.response import HttpResponseBase
from django.template.loader import render_to_string
from django.utils import translation
from django.utils.cache import add_never_cache_headers
from django.views.defaults import server_error

from accounts.database.outages import RETRY_AFTER, is_outage, is_worth_repeating
from agencies.api.refusing import Unavailable

logger = logging.getLogger(__name__)

# Fields that are never written into a page. On the pages of accounts, a code signs somebody in.
SECRET, SECRET_OF_ACCOUNTS = (
    re.compile("password|passwd|secret", re.IGNORECASE),
    re.compile("code|otp|pin", re.IGNORECASE),
)
ACCOUNTS = re.compile(r"^(?:/en)?/(?:accounts|admin/login)/")
# Machines in the hall, which nobody reloads. They go back to their first page, also for the sake of who stood there last.
MACHINES = re.compile(r"^(?:/en)?(/(?:kiosk|display)/[^/]+/)")
SECONDS_ON_MACHINES = 20
WITHOUT_BODY = {"GET", "HEAD", "OPTIONS", "TRACE"}


class OutageMiddleware:
    """Answers 503 when the database cannot do its work, and repeats a request once if that helps and nothing was written.

    It stands before all that asks the database, so that a repeated request goes the whole way again.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        is_kept = _keep_body(request)
        untouched = vars(request) | {"META": request.META.copy()}
        effects: Any = connection.effects  # type: ignore[attr-defined]
        effects.possible = False
        response = self.get_response(request)
        error = getattr(response, "outage", None)
        if error and is_kept and is_worth_repeating(error) and not effects.possible:
            response.close()
            response = self.get_response(_again(request, untouched))
        if hasattr(response, "outage"):
            response.cookies.clear()  # they would tell of something that did not happen
        return response

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        return _answer(request, error) if is_outage(error) else None


def failed(request: HttpRequest) -> HttpResponseBase:
    """Answers an error that no view has seen, for example while the session was stored."""
    error = sys.exc_info()[1]
    return _answer(request, error) if error and is_outage(error) else server_error(request)


def _keep_body(request: HttpRequest) -> bool:
    """Reads the body, so that it can be read again. Returns whether this was possible."""
    if request.method in WITHOUT_BODY:
        return True
    try:
        return request.body is not None
    except RequestDataTooBig:
        return False
    except UnreadablePostError as error:
        raise BadRequest from error


def _again(request: HttpRequest, untouched: dict[str, Any]) -> HttpRequest:
    """Returns the request as it came."""
    fresh = request.__class__.__new__(request.__class__)
    vars(fresh).update(untouched, environ=untouched["META"])
    return fresh


def _answer(request: HttpRequest, error: BaseException) -> HttpResponse:
    logger.warning("The database failed: %s", error)  # the line of the request has the same id
    answer = _data if request.path_info.startswith("/api/") else _page
    response = answer(request)
    response.headers["Retry-After"] = str(RETRY_AFTER)
    response.outage = error  # type: ignore[attr-defined]
    add_never_cache_headers(response)
    return response


def _data(request: HttpRequest) -> HttpResponse:
    with translation.override(translation.get_language_from_request(request)):
        return JsonResponse({"detail": str(Unavailable.default_detail)}, status=503)


def _page(request: HttpRequest) -> HttpResponse:
    language = translation.get_language_from_path(request.path_info) or settings.LANGUAGE_CODE
    context = {
        "LANGUAGE_CODE": language,
        "path": request.get_full_path(),
        "home": "/en/" if language == "en" else "/",
        "sends": request.method not in WITHOUT_BODY,
        "unsure": connection.effects.possible,  # type: ignore[attr-defined]
        **_typed(request),
    }
    with translation.override(language):
        response = HttpResponse(render_to_string("503.html", context), status=503)
    if machine := MACHINES.match(request.path_info):
        response.headers["Refresh"] = f"{SECONDS_ON_MACHINES}; url={machine[1]}"
    return response


def _typed(request: HttpRequest) -> dict[str, Any]:
    """Returns what the form sent, and the names of those fields that have to be typed again."""
    if request.method in WITHOUT_BODY:
        return {"fields": [], "secrets": []}
    posted = [(name, value) for name, values in request.POST.lists() for value in values]
    secrets = list(dict.fromkeys(name for name, _value in posted if _is_secret(request, name)))
    return {"fields": [(name, value) for name, value in posted if name not in secrets], "secrets": secrets}


def _is_secret(request: HttpRequest, name: str) -> bool:
    if name == "csrfmiddlewaretoken":
        return False
    return bool(SECRET.search(name) or (ACCOUNTS.match(request.path_info) and SECRET_OF_ACCOUNTS.search(name)))
