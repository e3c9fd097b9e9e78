"""Who calls the REST API, and how often one may: a citizen's session, or the token of an agency's own system."""

import time
from collections import Counter
from typing import Any, ClassVar

from django.contrib.auth.models import AnonymousUser
from django.utils.translation import gettext_lazy as _
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle
from rest_framework.views import APIView

from agencies import facts
from agencies.models import SystemToken


class SystemAuthentication(BaseAuthentication):
    """`Authorization: Bearer <token>`: an agency's own system. The token itself is then `request.auth`."""

    def authenticate(self, request: Request) -> tuple[AnonymousUser, SystemToken] | None:
        scheme, _space, key = request.META.get("HTTP_AUTHORIZATION", "").partition(" ")
        if scheme.lower() != "bearer":
            return None
        token = facts.token_of(key.strip())
        if token is None:
            raise AuthenticationFailed(_("This token is not valid."))
        return AnonymousUser(), token

    def authenticate_header(self, request: Request) -> str:
        return 'Bearer realm="myDESKlive"'


class SystemAuthenticationScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = SystemAuthentication
    name = "system"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {"type": "http", "scheme": "bearer", "description": "The token of an agency's system."}


class IsCitizenOrSystem(BasePermission):
    """A person who is signed in, or the system of an agency."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        return isinstance(request.auth, SystemToken) or request.user.is_authenticated


def caller(request: Request) -> str:
    """Who calls, for counting requests and for telling idempotency keys apart."""
    return f"token:{request.auth.pk}" if isinstance(request.auth, SystemToken) else f"user:{request.user.pk}"


class WriteThrottle(BaseThrottle):
    """At most so many changes a minute for each caller, counted in each web process: nothing that can be down."""

    CITIZEN_LIMIT, SYSTEM_LIMIT = 30, 6000
    SAFE_METHODS = ("GET", "HEAD", "OPTIONS")
    _minute: ClassVar[int] = 0
    _counts: ClassVar[Counter[str]] = Counter()

    def allow_request(self, request: Request, view: APIView) -> bool:
        if request.method in self.SAFE_METHODS:
            return True
        minute = int(time.time() // 60)
        if minute != WriteThrottle._minute:
            WriteThrottle._minute = minute
            self._counts.clear()
        self._counts[caller(request)] += 1
        limit = self.SYSTEM_LIMIT if isinstance(request.auth, SystemToken) else self.CITIZEN_LIMIT
        return self._counts[caller(request)] <= limit

    def wait(self) -> float:
        return 60 - time.time() % 60
