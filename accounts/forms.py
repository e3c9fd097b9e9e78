from typing import Any

from allauth.account.fields import PasswordField
from allauth.account.forms import AddEmailForm, LoginForm, RequestLoginCodeForm, SignupForm
from django.conf import settings
from django.utils.translation import gettext_lazy as _

# All our forms use the same label.
E_MAIL = _("E-mail address")


class SignInForm(LoginForm):
    """Adds a password if people can sign in with one: allauth leaves it out when signing up needs none."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["login"].label = E_MAIL
        if settings.PASSWORD_SIGN_IN:
            self.fields["password"] = PasswordField(label=_("Password"), autocomplete="current-password")


class CodeForm(RequestLoginCodeForm):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["email"].label = E_MAIL


class AddressForm(AddEmailForm):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["email"].label = _("New e-mail address")


class SignUpForm(SignupForm):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["email"].label = E_MAIL
