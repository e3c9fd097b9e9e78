"""allauth's forms with our fields and limits. allauth's own limits are off: they count nothing while Redis is away."""

from typing import Any

from allauth.account.fields import PasswordField
from allauth.account.forms import (
    AddEmailForm,
    BaseConfirmCodeForm,
    ChangeEmailForm,
    ConfirmEmailVerificationCodeForm,
    ConfirmLoginCodeForm,
    LoginForm,
    RequestLoginCodeForm,
    SignupForm,
)
from allauth.core import context
from django.conf import settings
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.limits import tries
from accounts.typed.addresses import AddressField

# All our forms use the same label.
E_MAIL = _("E-mail address")


class SignInForm(LoginForm):
    """Adds a password if people can sign in with one: allauth leaves it out when signing up needs none."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["login"] = AddressField(label=E_MAIL, takes_disposable=True)
        if settings.PASSWORD_SIGN_IN:
            self.fields["password"] = PasswordField(label=_("Password"), autocomplete="current-password")


class CodeForm(RequestLoginCodeForm):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["email"] = AddressField(label=E_MAIL, takes_disposable=True)

    def clean_email(self) -> str:
        tries.count_code(context.request, self.cleaned_data["email"], now=timezone.now())
        return super().clean_email()


class CountedGuess(BaseConfirmCodeForm):
    """Counts a guess before the code is compared, so that guesses at the same moment are no more than one by one."""

    expected_code: str | None

    def clean_code(self) -> str:
        expected = self.expected_code or ""
        tries.count_guess(context.request, expected, now=timezone.now())
        if tries.is_unmailed(context.request, expected):
            self.expected_code = ""
        code = super().clean_code()
        tries.uncount_guess(context.request, expected, now=timezone.now())
        return code


class LoginCodeForm(CountedGuess, ConfirmLoginCodeForm):
    pass


class AddressCodeForm(CountedGuess, ConfirmEmailVerificationCodeForm):
    pass


class AddressForm(AddEmailForm):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["email"] = AddressField(label=_("New e-mail address"))

    def clean(self) -> dict[str, Any] | None:
        tries.count_change(context.request, now=timezone.now())
        return super().clean()


class OtherAddressForm(ChangeEmailForm):
    """Corrects the address of an account that was made with a wrong one."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["email"] = AddressField(label=E_MAIL)


class SignUpForm(SignupForm):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["email"] = AddressField(label=E_MAIL)

    def clean(self) -> dict[str, Any] | None:
        tries.count_sign_up(context.request, now=timezone.now())
        return super().clean()
