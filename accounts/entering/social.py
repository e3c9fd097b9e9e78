"""Answers what allauth asks about people whom a provider has signed in."""

from typing import Any, cast

from allauth.account.internal.flows.login import perform_login, record_authentication
from allauth.account.models import Login
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from allauth.socialaccount.models import SocialApp, SocialLogin
from allauth.socialaccount.providers.base import AuthError
from django.contrib.auth import logout
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.utils import timezone
from requests import Session

from accounts.entering import waiting
from accounts.identities import joining
from accounts.identities.people import Person
from accounts.identities.reasons import Why
from accounts.models import User
from accounts.providers import configured, talking
from accounts.providers.round_trip import failed, reason_of

LEVEL = "level"  # in the state of a sign-in


class SocialAccountAdapter(DefaultSocialAccountAdapter):
    def list_apps(
        self, request: HttpRequest, provider: str | None = None, client_id: str | None = None
    ) -> list[SocialApp]:
        """Returns the providers that the environment sets up. There are no others: the database has none."""
        return [
            app
            for app in configured.apps()
            if provider in (None, app.provider, app.provider_id) and client_id in (None, app.client_id)
        ]

    def get_requests_session(self) -> Session:
        return talking.session()

    def on_authentication_error(
        self,
        request: HttpRequest,
        provider: Any,
        error: Any = None,
        exception: Exception | None = None,
        extra_context: dict[str, Any] | None = None,
    ) -> None:
        """Leads to our own page instead of allauth's."""
        state = (extra_context or {}).get("state")
        if error == AuthError.CANCELLED:
            why = Why.REFUSED
        elif exception is None and state is None:
            why = Why.STATE
        else:
            why = reason_of(exception)
        raise ImmediateHttpResponse(failed(why, source=provider.sub_id, back=(state or {}).get("next")))

    def pre_social_login(self, request: HttpRequest, sociallogin: SocialLogin) -> None:
        """Signs in whom we know. Whom we do not know is asked for an address first, and nothing is made until then."""
        person: Person = sociallogin.person
        sociallogin.state[LEVEL] = person.level
        if sociallogin.is_existing:
            raise ImmediateHttpResponse(_known(request, sociallogin, person))
        waiting.begin(request, person, sociallogin.state.get("next"))
        raise ImmediateHttpResponse(redirect("contact"))


def _known(request: HttpRequest, login: SocialLogin, person: Person) -> HttpResponseBase:
    user = cast(User, login.user)
    if not user.is_active:
        return failed(Why.CLOSED, source=person.source)
    if configured.is_for_staff(person.source) and not user.has_role:
        return failed(Why.NO_ROLE, source=person.source)
    joining.renew(user, person, now=timezone.now())
    return sign_in(request, user, login, is_new=False)


def sign_in(request: HttpRequest, user: User, login: SocialLogin, *, is_new: bool) -> HttpResponseBase:
    """Sign in this user in place of whoever is signed in. What the same person has begun before is kept."""
    if request.user.is_authenticated and request.user.pk != user.pk:
        logout(request)
    account, back = login.account, login.state.get("next")
    record_authentication(request, user, "socialaccount", provider=account.provider, uid=account.uid)
    signals = {"sociallogin": login}
    entry = Login(user=user, redirect_url=back, signal_kwargs=signals, signup=is_new)
    return perform_login(request, entry)
