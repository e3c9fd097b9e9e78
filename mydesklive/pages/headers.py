"""The headers that every answer has, whoever answers: a page, the API, static files, a redirect or a refusal."""

from django.conf import settings
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.deprecation import MiddlewareMixin

from mydesklive.powers import permissions_policy

_SHOWING = "publickey-credentials-get"  # a passkey
_TALKING = ("camera", "microphone", "speaker-selection")
# The kiosk reads QR codes. In the room of a call people also show what is on their screen.
USES = {
    "account_login": permissions_policy(_SHOWING),
    "account_request_login_code": permissions_policy(_SHOWING),
    "mfa_add_webauthn": permissions_policy("publickey-credentials-create"),
    "mfa_authenticate": permissions_policy(_SHOWING),
    "mfa_reauthenticate_webauthn": permissions_policy(_SHOWING),
    "appointments:kiosk": permissions_policy("camera"),
    "videocalls:test": permissions_policy(*_TALKING),
    "videocalls:room": permissions_policy(*_TALKING, "display-capture", "screen-wake-lock"),
    "livekit:room": permissions_policy(*_TALKING, "display-capture", "screen-wake-lock"),
}


class HeadersMiddleware(MiddlewareMixin):
    """Adds `ANSWER_HEADERS`. It stands outside of all that can answer by itself."""

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        match = request.resolver_match
        if match and match.view_name in USES:
            response.headers["Permissions-Policy"] = USES[match.view_name]
        for name, value in settings.ANSWER_HEADERS.items():
            response.headers.setdefault(name, value)
        return response
