"""The sandbox's part of OAuth 2.0: who may ask, the page that asks who one is, and codes and tokens."""

from base64 import urlsafe_b64encode
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from hashlib import sha256
from typing import Any
from urllib.parse import urlencode, urlsplit

from django.conf import settings
from django.core import signing
from django.core.exceptions import BadRequest
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.views.decorators.cache import never_cache

from mydesklive.sandbox import people
from mydesklive.sandbox.people import Somebody

LASTS = 60  # seconds that a code or a token is valid
CODE, TOKEN = "sandbox code", "sandbox token"
View = Callable[..., HttpResponseBase]


@dataclass(frozen=True)
class Client:
    """Who may send people here, and which people are listed for it."""

    group: str
    id: str
    secret: str


def client_of(group: str) -> Client:
    name = {people.CITIZENS: "TAXISNET", people.STAFF: "TAXISNET_STAFF", people.EUROPE: "OIDC"}[group]
    return Client(group, getattr(settings, f"{name}_CLIENT_ID"), getattr(settings, f"{name}_SECRET"))


def demo_only(view: View) -> View:
    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if not settings.MYDESK_DEMO:
            raise Http404
        return view(request, *args, **kwargs)

    return never_cache(guarded)


def authorize(request: HttpRequest, client: Client, name: str) -> HttpResponse:
    """Asks who one is, and leads back with a code. Leads only to where the demo itself is."""
    back = request.GET.get("redirect_uri", "")
    if request.GET.get("client_id") != client.id or not is_ours(request, back):
        raise BadRequest
    if request.method == "POST":
        somebody = people.find(client.group, request.POST.get("person", ""))
        if somebody is None:
            raise BadRequest
        return HttpResponseRedirect(f"{back}?{urlencode(_answer(request, client, somebody))}")
    listed, moods = people.LISTED[client.group]
    return render(request, "sandbox/authorize.html", {"listed": listed, "moods": moods, "name": name})


def _answer(request: HttpRequest, client: Client, somebody: Somebody) -> dict[str, str]:
    state = request.GET.get("state", "")
    if somebody.mood == "refuses":
        return {"error": "access_denied", "state": state}
    if somebody.mood == "foreign":
        state = state[::-1]
    kept = [client.group, somebody.key, request.GET["redirect_uri"], request.GET.get("code_challenge", "")]
    return {"code": signing.dumps(kept, salt=CODE), "state": state}


def is_ours(request: HttpRequest, url: str) -> bool:
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and parts.netloc == request.get_host()


def exchanged(request: HttpRequest, client: Client) -> Somebody | None:
    """Returns for whom the code of a token request was made, or None if the request is not right."""
    sent = request.POST
    try:
        group, key, back, challenge = signing.loads(sent.get("code", ""), salt=CODE, max_age=LASTS)
    except signing.BadSignature:
        return None
    digest = urlsafe_b64encode(sha256(sent.get("code_verifier", "").encode()).digest()).rstrip(b"=").decode()
    is_right = (
        (sent.get("client_id"), sent.get("client_secret")) == (client.id, client.secret)
        and (group, back) == (client.group, sent.get("redirect_uri"))
        and sent.get("grant_type") == "authorization_code"
        and challenge in ("", digest)
    )
    somebody = people.find(group, key) if is_right else None
    return None if somebody is None or somebody.mood == "no-token" else somebody


def token_for(client: Client, somebody: Somebody) -> dict[str, Any]:
    token = signing.dumps([client.group, somebody.key], salt=TOKEN)
    return {"access_token": token, "token_type": "bearer", "expires_in": LASTS, "scope": "read"}


def bearer(request: HttpRequest, group: str) -> Somebody | None:
    """Returns whose token the request bears."""
    token = request.headers.get("Authorization", "").removeprefix("Bearer ")
    try:
        of_group, key = signing.loads(token, salt=TOKEN, max_age=LASTS)
    except signing.BadSignature:
        return None
    return people.find(group, key) if of_group == group else None


def refused(error: str, status: int) -> JsonResponse:
    return JsonResponse({"error": error, "error_description": "The sandbox says no."}, status=status)
