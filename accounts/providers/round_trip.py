"""Going to a provider and coming back: what our views add to those of allauth.

Each provider has one address to come back to, without a language, because it is registered there. The session keeps in
which language the person left.
"""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any
from urllib.parse import urlencode

from allauth.account.utils import get_next_redirect_url
from allauth.socialaccount.models import SocialApp, SocialLogin, SocialToken
from allauth.socialaccount.providers.base import ProviderException
from allauth.socialaccount.providers.oauth2.client import OAuth2Error
from django.conf import settings
from django.http import Http404, HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone, translation
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods
from requests import JSONDecodeError, RequestException

from accounts.identities.reasons import UnusableError, Why
from accounts.limits import DatabaseLimit
from accounts.limits.networks import network_of
from accounts.security import What, tell

View = Callable[..., HttpResponseBase]
logger = logging.getLogger(__name__)

# Of one network. Each way back keeps a thread busy until the provider has answered. Offices share a network.
ROUND_TRIPS = DatabaseLimit("round-trips", 60, 60)
LANGUAGE = "sign-in language"  # in the session


def failed(why: Why, *, source: str = "", back: str | None = None) -> HttpResponseBase:
    """Lead to the page that says why somebody is not signed in. It can be read again and in the other language."""
    tell(What.SIGN_IN_FAILED, why=why, source=source)
    query = {name: value for name, value in (("source", source), ("next", back)) if value}
    address = reverse("sign-in-failed", args=[why])
    return redirect(f"{address}?{urlencode(query)}" if query else address)


def leaving(view: View) -> View:
    """Make a view that leads to a provider, when its form is sent."""

    @never_cache
    @require_http_methods(["GET", "POST"])
    @wraps(view)
    def left(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        back = get_next_redirect_url(request)
        if request.method == "POST" and ROUND_TRIPS.passed(network_of(request), now=timezone.now()):
            return failed(Why.TOO_OFTEN, back=back)
        if request.method == "POST":
            request.session[LANGUAGE] = translation.get_language()
        return _answered(lambda: view(request, *args, **kwargs), back)

    return left


def coming_back(view: View) -> View:
    """Make a view to which a provider leads back."""

    @never_cache
    @require_http_methods(["GET"])
    @wraps(view)
    def back(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        language = request.session.get(LANGUAGE)
        if language in dict(settings.LANGUAGES):
            translation.activate(language)
            request.LANGUAGE_CODE = language
        if ROUND_TRIPS.passed(network_of(request), now=timezone.now()):
            return failed(Why.TOO_OFTEN)
        return _answered(lambda: view(request, *args, **kwargs), None)

    return back


def _answered(answer: Callable[[], HttpResponseBase], back: str | None) -> HttpResponseBase:
    try:
        return answer()
    except SocialApp.DoesNotExist:  # no such provider is set up
        raise Http404 from None
    except (RequestException, ProviderException, OAuth2Error) as error:
        return failed(reason_of(error), back=back)


def reason_of(error: Exception | None) -> Why:
    """Return why the sign-in has failed, and log it. What providers say is never logged: it may tell who somebody is."""
    logger.warning("A provider has signed nobody in: %s", type(error).__name__)
    if isinstance(error, UnusableError):
        return error.why
    return Why.AWAY if isinstance(error, RequestException) else Why.BROKEN


@contextmanager
def reading() -> Iterator[None]:
    """Turn whatever is wrong with the answer of a provider into UnusableError."""
    try:
        yield
    except (ValueError, TypeError, LookupError, AttributeError) as error:
        if isinstance(error, RequestException) and not isinstance(error, JSONDecodeError):  # these are ValueErrors, too
            raise
        raise UnusableError(Why.BROKEN) from None


class Careful:
    """Goes before an adapter of allauth, which takes it for granted that providers answer as they should."""

    request: HttpRequest
    provider_id: str

    def get_access_token_data(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        with reading():
            return super().get_access_token_data(*args, **kwargs)  # type: ignore[misc]

    def parse_token(self, data: dict[str, Any]) -> SocialToken:
        with reading():
            return super().parse_token(data)  # type: ignore[misc]

    def complete_login(self, *args: Any, **kwargs: Any) -> SocialLogin:
        with reading():
            return super().complete_login(*args, **kwargs)  # type: ignore[misc]

    def get_callback_url(self, request: HttpRequest, app: SocialApp) -> str:
        with translation.override(settings.LANGUAGE_CODE):
            return super().get_callback_url(request, app)  # type: ignore[misc]
