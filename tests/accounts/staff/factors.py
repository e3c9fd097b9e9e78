"""Second factors for tests: an authenticator app, and signing in as the pages do it."""

import time

from allauth.account.models import EmailAddress
from allauth.mfa.adapter import get_adapter
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal import auth
from django.test import Client

from accounts.models import User
from tests import codes

SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"


def an_app(user: User) -> Authenticator:
    return auth.TOTP.activate(user, SECRET).instance


def recovery_codes(user: User) -> list[str]:
    return RecoveryCodes.activate(user).generate_codes()


def code(*, later: int = 0, secret: str = SECRET) -> str:
    """What the app shows, or shows some half minutes later."""
    return auth.format_hotp_value(auth.hotp_value(secret, int(time.time()) // 30 + later))


def sealed_key(factor: Authenticator) -> str:
    """Returns the key as the database has it."""
    return factor.data["secret"]


def key_of(factor: Authenticator) -> str:
    return get_adapter().decrypt(sealed_key(factor))


def sign_in_by_mail(client: Client, user: User) -> None:
    """Signs in with a code by e-mail, up to the second factor."""
    EmailAddress.objects.get_or_create(user=user, email=user.email, defaults={"primary": True, "verified": True})
    client.post("/accounts/login/code/", {"email": user.email})
    client.post("/accounts/login/code/confirm/", {"code": codes.latest()})
