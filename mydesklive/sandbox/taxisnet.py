"""TAXISnet as the sandbox plays it. XML with padded attributes and some letters as entities, as the real one writes it."""

import time
from xml.sax.saxutils import quoteattr

from django.core.exceptions import BadRequest
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from mydesklive.sandbox import oauth, people
from mydesklive.sandbox.oauth import Client, demo_only

GROUPS = {
    "oauth2server": people.CITIZENS,
    "oauth2serverotp": people.CITIZENS,
    "oauth2servergov": people.STAFF,
}
SLOW = 15  # seconds, longer than anybody waits
PADDED = 12  # characters


def _client(server: str) -> Client:
    if server not in GROUPS:
        raise Http404
    return oauth.client_of(GROUPS[server])


@demo_only
@require_http_methods(["GET", "HEAD", "POST"])
def authorize(request: HttpRequest, server: str) -> HttpResponse:
    return oauth.authorize(request, _client(server), "TAXISnet")


@csrf_exempt
@demo_only
@require_POST
def token(request: HttpRequest, server: str) -> JsonResponse:
    client = _client(server)
    somebody = oauth.exchanged(request, client)
    return JsonResponse(oauth.token_for(client, somebody)) if somebody else oauth.refused("invalid_grant", 401)


@demo_only
@require_safe
def userinfo(request: HttpRequest, server: str) -> HttpResponse:
    somebody = oauth.bearer(request, _client(server).group)
    if somebody is None:
        return oauth.refused("invalid_token", 401)
    if somebody.mood == "json":
        return JsonResponse({"error": "server_error"})
    if somebody.mood == "slow":
        time.sleep(SLOW)
    text = written(somebody.told)
    return HttpResponse(text[: len(text) // 2] if somebody.mood == "broken" else text, content_type="text/xml")


def written(told: dict[str, str]) -> str:
    """Returns the answer in XML. Every second letter is an entity, because the real one mixes both."""
    attributes = " ".join(f"{name}={_mixed(value)}" for name, value in told.items())
    user = _mixed(f"User{told.get('taxid', '')}")
    return f"<root><userinfo userid={user} {attributes}/></root>"


def _mixed(text: str) -> str:
    letters = enumerate(quoteattr(text.ljust(PADDED)))
    return "".join(letter if letter.isascii() or place % 2 else f"&#{ord(letter)};" for place, letter in letters)


@demo_only
@require_safe
def sign_out(request: HttpRequest, server: str, client_id: str) -> HttpResponse:
    """Signs out, and leads on. Leads only to where the demo itself is."""
    back = request.GET.get("url", "")
    if client_id != _client(server).id or not oauth.is_ours(request, back):
        raise BadRequest
    return HttpResponseRedirect(back)
