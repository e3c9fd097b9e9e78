"""A provider of OpenID Connect as the sandbox plays it, for Europeans at each level of assurance."""

import time
from typing import Any

import jwt
from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import reverse
from django.utils import translation
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from mydesklive.sandbox import oauth, people
from mydesklive.sandbox.oauth import LASTS, demo_only
from mydesklive.sandbox.people import Somebody


def _url(request: HttpRequest, name: str) -> str:
    with translation.override(settings.LANGUAGE_CODE):
        return request.build_absolute_uri(reverse(f"sandbox-oidc-{name}"))


@demo_only
@require_safe
def configuration(request: HttpRequest) -> JsonResponse:
    return JsonResponse(
        {
            "issuer": settings.OIDC_URL,
            "authorization_endpoint": _url(request, "authorize"),
            "token_endpoint": _url(request, "token"),
            "userinfo_endpoint": _url(request, "userinfo"),
            "jwks_uri": _url(request, "keys"),
            "token_endpoint_auth_methods_supported": ["client_secret_post"],
        }
    )


@demo_only
@require_safe
def keys(request: HttpRequest) -> JsonResponse:
    """There are none: tokens are signed with the secret that both sides know."""
    return JsonResponse({"keys": []})


@demo_only
@require_http_methods(["GET", "HEAD", "POST"])
def authorize(request: HttpRequest) -> HttpResponse:
    return oauth.authorize(request, oauth.client_of(people.EUROPE), "OpenID Connect")


@csrf_exempt
@demo_only
@require_POST
def token(request: HttpRequest) -> JsonResponse:
    client = oauth.client_of(people.EUROPE)
    somebody = oauth.exchanged(request, client)
    if somebody is None:
        return oauth.refused("invalid_grant", 401)
    return JsonResponse(oauth.token_for(client, somebody) | {"id_token": _signed(client, somebody)})


def _signed(client: oauth.Client, somebody: Somebody) -> str:
    now = int(time.time())
    about: dict[str, Any] = {"iss": settings.OIDC_URL, "aud": client.id, "iat": now, "exp": now + LASTS}
    text = jwt.encode(about | somebody.told, client.secret.ljust(32, "."), algorithm="HS256")
    return text[:-40] if somebody.mood == "broken" else text


@demo_only
@require_safe
def userinfo(request: HttpRequest) -> JsonResponse:
    somebody = oauth.bearer(request, people.EUROPE)
    if somebody is None:
        return oauth.refused("invalid_token", 401)
    if somebody.mood == "broken":
        return JsonResponse(["not", "claims"], safe=False)
    return JsonResponse({name: told for name, told in somebody.told.items() if name != "acr"})
