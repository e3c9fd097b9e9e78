"""The providers that the environment sets up."""

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from allauth.socialaccount.adapter import get_adapter
from allauth.socialaccount.models import SocialApp
from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from accounts.identities import is_enough
from accounts.models import Identity

CITIZENS, STAFF, EUROPE = "taxisnet", "taxisnet_staff", "europe"
OIDC = "openid_connect"
WITH_CODE = "oauth2serverotp"  # the path of the server of TAXISnet that also asks for a one-time code


@dataclass(frozen=True)
class Way:
    """A way to sign in: the text of its button, where the button's form is sent to, and the highest level it may reach."""

    source: str
    text: str
    url: str
    level: str


def apps() -> list[SocialApp]:
    found = [
        _taxisnet(CITIZENS, settings.TAXISNET_URL, settings.TAXISNET_CLIENT_ID, settings.TAXISNET_SECRET),
        _taxisnet(
            STAFF, settings.TAXISNET_STAFF_URL, settings.TAXISNET_STAFF_CLIENT_ID, settings.TAXISNET_STAFF_SECRET
        ),
    ]
    if settings.OIDC_URL and settings.OIDC_CLIENT_ID:
        found.append(_of_europe())
    return [app for app in found if app.settings["url"] and app.client_id]


def _taxisnet(provider: str, url: str, client_id: str, secret: str) -> SocialApp:
    return SocialApp(provider=provider, client_id=client_id, secret=secret, settings={"url": url.rstrip("/")})


def _of_europe() -> SocialApp:
    url, asked = settings.OIDC_URL.rstrip("/"), settings.OIDC_ACR_VALUES
    return SocialApp(
        provider=OIDC,
        provider_id=EUROPE,
        name="OpenID Connect",
        client_id=settings.OIDC_CLIENT_ID,
        secret=settings.OIDC_SECRET,
        settings={
            "url": url,
            "server_url": url,
            "levels": settings.OIDC_LEVELS,
            "auth_params": {"acr_values": asked} if asked else {},
        },
    )


def of(source: str) -> SocialApp | None:
    return next((app for app in apps() if source == (app.provider_id or app.provider)), None)


def provider(request: HttpRequest, source: str) -> Any:
    """Return allauth's provider with this id."""
    return get_adapter().get_provider(request, source)


def is_for_staff(source: str) -> bool:
    return source == STAFF


def is_taxisnet(app: SocialApp) -> bool:
    return app.provider in (CITIZENS, STAFF)


def ways() -> list[Way]:
    """Return the ways to sign in that pages offer, in their order."""
    texts = {
        CITIZENS: _("Sign in with TAXISnet"),
        EUROPE: _("Sign in with the identity of another European country"),
        STAFF: _("Public employees: sign in with TAXISnet"),
    }
    found = {app.provider_id or app.provider: app for app in apps()}
    return [
        Way(source, str(text), _login_url(source), _highest(found[source]))
        for source, text in texts.items()
        if source in found
    ]


def way(source: str) -> Way | None:
    return next((one for one in ways() if one.source == source), None)


def reaching(level: str) -> list[Way]:
    """Return the ways for citizens that may reach this level of assurance."""
    return [one for one in ways() if one.source != STAFF and is_enough(one.level, level)]


def level_of(base: str) -> str:
    """Return how sure TAXISnet is: a password alone is low, a password and a one-time code are substantial."""
    is_with_code = urlsplit(base).path.rstrip("/").endswith(f"/{WITH_CODE}")
    return (Identity.Level.SUBSTANTIAL if is_with_code else Identity.Level.LOW).value


def _highest(app: SocialApp) -> str:
    """A provider of OpenID Connect tells the level only when somebody has signed in there."""
    return level_of(app.settings["url"]) if is_taxisnet(app) else Identity.Level.HIGH.value


def _login_url(source: str) -> str:
    return reverse("openid_connect_login", args=[EUROPE]) if source == EUROPE else reverse(f"{source}_login")
