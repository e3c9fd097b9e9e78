"""allauth's forms of second factors, with our limits. What the database decides also holds without Redis.

A code of an authenticator app opens once. Wrong ones are counted for the account, by all processes together.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from textwrap import wrap
from typing import Any

from allauth.core import context
from allauth.mfa.adapter import get_adapter
from allauth.mfa.base.forms import AuthenticateForm, ReauthenticateForm
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.forms import ActivateTOTPForm
from allauth.mfa.totp.internal import auth as totp
from allauth.mfa.webauthn.forms import (
    AddWebAuthnForm,
    AuthenticateWebAuthnForm,
    LoginWebAuthnForm,
    ReauthenticateWebAuthnForm,
)
from cryptography.exceptions import InvalidSignature
from django import forms
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.limits import tries
from accounts.models import User

CODE_ATTRIBUTES = {"autocomplete": "one-time-code", "inputmode": "numeric", "maxlength": "12", "spellcheck": "false"}
# What the library raises when it reads an answer of a browser that is none.
UNREADABLE = (ValueError, TypeError, KeyError, AttributeError, IndexError, InvalidSignature)


def code_field() -> forms.CharField:
    return forms.CharField(label=_("Code"), max_length=12, widget=forms.TextInput(attrs=CODE_ATTRIBUTES))


@contextmanager
def counted(user: User) -> Iterator[None]:
    """Counts a try before it is looked at, and takes it back if it was right."""
    tries.count_factor(user.pk, now=timezone.now())
    yield
    tries.uncount_factor(user.pk, now=timezone.now())


def step_of(secret: str, code: str) -> int | None:
    """Returns which half minute since 1970 the code of an authenticator app is of, or None if it is none of these."""
    plain = "".join(code.split())
    steps = totp.yield_hotp_counters_from_time()
    return next((step for step in steps if totp.format_hotp_value(totp.hotp_value(secret, step)) == plain), None)


@transaction.atomic
def spend(factor: Authenticator, code: str) -> bool:
    """Returns whether the code is right, and lets it open nothing again, nor any code before it."""
    kept = Authenticator.objects.select_for_update(no_key=True).filter(pk=factor.pk).first()
    if kept is None:
        return False
    if kept.type != Authenticator.Type.TOTP:
        return bool(kept.wrap().validate_code("".join(code.split())))
    step = step_of(get_adapter().decrypt(kept.data["secret"]), code)
    if step is None or step <= kept.data.get("spent", 0):
        return False
    kept.data["spent"] = step
    kept.save(update_fields=["data"])
    return True


class _Code(forms.Form):
    """Asks for a code of an authenticator app, or for a recovery code."""

    user: User

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["code"] = code_field()

    def clean_code(self) -> str:
        code: str = self.cleaned_data["code"]
        with counted(self.user):
            self.authenticator = self._opened_by(code)
        return code

    def _opened_by(self, code: str) -> Authenticator:
        by_code = Authenticator.objects.filter(user=self.user).exclude(type=Authenticator.Type.WEBAUTHN)
        for factor in by_code.order_by("-type"):
            if spend(factor, code):
                factor.refresh_from_db()
                factor.user = self.user
                return factor
        self._emit_authentication_failed(by_code.first())  # type: ignore[attr-defined]
        raise get_adapter().validation_error("incorrect_code")


class CodeForm(_Code, AuthenticateForm):
    pass


class CodeAgainForm(_Code, ReauthenticateForm):
    pass


class AppForm(ActivateTOTPForm):
    """Sets up an authenticator app. The key stays the same when the page is read again, so what was scanned is right."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.user = kwargs.pop("user")
        forms.Form.__init__(self, *args, **kwargs)
        self.fields["code"] = code_field()
        self.secret = pending_secret()
        self.spelled = " ".join(wrap(self.secret, 4))

    def clean_code(self) -> str:
        code: str = self.cleaned_data["code"]
        with counted(self.user):
            step = step_of(self.secret, code)
            if step is None:
                raise get_adapter().validation_error("incorrect_code")
        self.spent = step
        return code


def pending_secret() -> str:
    """Returns the key that this session is setting up, which it keeps sealed."""
    adapter, session = get_adapter(), context.request.session
    if totp.SECRET_SESSION_KEY not in session:
        session[totp.SECRET_SESSION_KEY] = adapter.encrypt(totp.generate_totp_secret())
    secret: str = adapter.decrypt(session[totp.SECRET_SESSION_KEY])
    return secret


@contextmanager
def readable() -> Iterator[None]:
    """Refuses an answer of the browser that cannot be read, instead of failing."""
    try:
        yield
    except ValidationError:
        raise
    except UNREADABLE as error:
        raise get_adapter().validation_error("incorrect_code") from error


class PasskeyForm(AddWebAuthnForm):
    passwordless = None
    name = forms.CharField(
        label=_("Name of the passkey"),
        max_length=60,
        required=False,
        help_text=_("So that you recognise it later, for example “Office computer”."),
    )

    def clean(self) -> dict[str, Any]:
        with readable():
            given: dict[str, Any] = super().clean()
        return given


class _Shown(AuthenticateWebAuthnForm):
    def clean_credential(self) -> Authenticator:
        with readable():
            factor: Authenticator = super().clean_credential()
        return factor


class ShownPasskeyForm(_Shown):
    pass


class PasskeyAgainForm(_Shown, ReauthenticateWebAuthnForm):
    pass


class PasskeySignInForm(_Shown, LoginWebAuthnForm):
    pass
