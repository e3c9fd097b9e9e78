"""Callers of the REST API and their limits. A caller is a citizen with a session, or an agency's own system with a token."""

from typing import Any

from django.contrib.auth.models import AnonymousUser
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle
from rest_framework.views import APIView

from accounts.limits import Limit, RoughLimit
from accounts.security import What, tell
from agencies import facts
from agencies.facts import SystemFacts

MINUTE = 60


class SystemAuthentication(BaseAuthentication):
    """Reads `Authorization: Bearer <token>` of an agency's own system. `request.auth` is then the system."""

    def authenticate(self, request: Request) -> tuple[AnonymousUser, SystemFacts] | None:
        scheme, _space, key = request.META.get("HTTP_AUTHORIZATION", "").partition(" ")
        if scheme.lower() != "bearer":
            return None
        system = self.system(request, key.strip())
        if system is None:
            tell(What.TOKEN_REFUSED)
            raise AuthenticationFailed(_("This token is not valid."))
        return AnonymousUser(), system

    def system(self, request: Request, key: str) -> SystemFacts | None:
        """Returns the system with this token if the token is valid."""
        return facts.system_of(key)

    def authenticate_header(self, request: Request) -> str:
        return 'Bearer realm="myDESKlive"'


class SystemAuthenticationScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = SystemAuthentication
    match_subclasses = True
    name = "system"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {"type": "http", "scheme": "bearer", "description": "The token of an agency's system."}


class IsCitizenOrSystem(BasePermission):
    """Allows signed-in people and the systems of agencies."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        return isinstance(request.auth, SystemFacts) or request.user.is_authenticated


def caller(request: Request) -> str:
    """Returns a key for the caller. It counts requests and tells idempotency keys apart."""
    return f"token:{request.auth.pk}" if isinstance(request.auth, SystemFacts) else f"user:{request.user.pk}"


class WriteThrottle(BaseThrottle):
    """Limits the number of changes a minute for each caller."""

    CITIZENS, SYSTEMS = Limit("citizens-writes", 30, MINUTE), RoughLimit("systems-writes", 6000, MINUTE, step=20)

    def allow_request(self, request: Request, view: APIView) -> bool:
        if request.method in SAFE_METHODS:
            return True
        limit = self.SYSTEMS if isinstance(request.auth, SystemFacts) else self.CITIZENS
        return not limit.passed(caller(request), now=timezone.now())

    def wait(self) -> float:
        return self.SYSTEMS.wait(timezone.now())
