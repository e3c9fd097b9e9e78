"""Who sends a request. A role is in force only in a session that has shown a second factor and is in use.

Until then somebody with a role is a visitor like any other: to each page, list, export and poll of staff, and to the REST
interface. So no page can forget to ask. Only the pages on which a factor is set up or shown know the person.
"""

from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import SESSION_KEY, get_user, logout
from django.contrib.auth.middleware import AuthenticationMiddleware
from django.contrib.auth.models import AnonymousUser
from django.contrib.auth.views import redirect_to_login
from django.db import DatabaseError
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import SimpleLazyObject
from django.utils.translation import gettext as _

from accounts.models import User
from accounts.security import What, tell
from accounts.staff import factors, sessions

# The pages on which a factor is set up or shown, and the way out.
SETTING_UP = ("mfa_", "account_reauthenticate", "account_logout")
SHOWING = ("mfa_reauthenticate", "mfa_authenticate", "mfa_login", "account_reauthenticate", "account_logout")
ABOUT_ACCOUNTS = ("account_",)
ADDING = ("mfa_activate_totp", "mfa_add_webauthn")
# Seconds since the sign-in in which somebody who has nothing else to show may set up the first factor.
FRESH = 15 * 60


class StandingMiddleware(AuthenticationMiddleware):
    def process_request(self, request: HttpRequest) -> None:
        super().process_request(request)
        request.user = SimpleLazyObject(lambda: standing(request))  # type: ignore[assignment]  # as Django does

    def process_view(self, request: HttpRequest, view: Callable[..., Any], args: Any, kwargs: Any) -> Any:
        """Leads people to what they have to do first: sign in anew, show their factor, or set one up."""
        name = _page(request)
        if not name.startswith((*ABOUT_ACCOUNTS, *SETTING_UP)) or name.startswith(SHOWING):
            return None
        try:
            user = signed_in(request)
        except DatabaseError:
            if name.startswith(ADDING):
                raise
            return None  # the page asks as well, and its failure is told
        if user is None:
            return None
        if name.startswith(ADDING) and _is_stale(request, user):
            return _sign_in_anew(request)
        if factors.is_missing(request, user) and (not name.startswith(SETTING_UP) or factors.has_factor(user)):
            return _missing(request, user)
        return None


def standing(request: HttpRequest) -> User | AnonymousUser:
    """Returns the user as whom this request counts."""
    user = signed_in(request)
    if user is None:
        return AnonymousUser()
    if user.has_role and not _page(request).startswith(SETTING_UP) and factors.is_missing(request, user):
        return AnonymousUser()
    return user


def signed_in(request: HttpRequest) -> User | None:
    """Returns whose session it is, and ends the session of somebody with a role when its time is over."""
    if not hasattr(request, "_session_of"):
        request._session_of = _in_time(request)  # type: ignore[attr-defined]  # noqa: SLF001 (Django keeps its own so, too)
    return request._session_of  # type: ignore[attr-defined]  # noqa: SLF001


def _in_time(request: HttpRequest) -> User | None:
    user, now = get_user(request), timezone.now()
    request._cached_user = user  # type: ignore[attr-defined]  # noqa: SLF001 (the log reads it: mydesklive.logs.requests)
    if not isinstance(user, User):
        if SESSION_KEY in request.session:  # of somebody who may no longer sign in
            request.session.flush()
        return None
    if not user.has_role:
        return user
    if sessions.is_over(request.session, now=now):
        request.session.flush()
        tell(What.SESSION_OVER, account=user.pk)
        return None
    if _is_by_a_person(request):
        sessions.note_activity(request.session, now=now)
    return user


def _is_by_a_person(request: HttpRequest) -> bool:
    """Returns whether somebody is here. What a script of the page asks for by itself is no sign of that."""
    return request.method != "GET" or request.headers.get("Sec-Fetch-Mode", "navigate") == "navigate"


def _is_stale(request: HttpRequest, user: User) -> bool:
    """Returns whether somebody without a factor or password, whom the library would ask for nothing, signed in long ago."""
    now = timezone.now()
    has_nothing = not user.has_usable_password() and not factors.has_factor(user)
    return has_nothing and not sessions.is_fresh(request.session, FRESH, now=now)


def _sign_in_anew(request: HttpRequest) -> HttpResponseBase:
    logout(request)
    messages.info(request, _("Sign in again before you set up a second factor."))
    return redirect_to_login(request.path, reverse(settings.LOGIN_URL))


def _page(request: HttpRequest) -> str:
    return (request.resolver_match.view_name or "") if request.resolver_match else ""


def _missing(request: HttpRequest, user: User) -> HttpResponseBase:
    following = request.GET.get("next", "")
    page = "mfa_reauthenticate" if factors.has_factor(user) else "mfa_index"
    return redirect(reverse(page) + (f"?{urlencode({'next': following})}" if following else ""))
