from typing import Any

from allauth.account.fields import PasswordField
from allauth.account.forms import LoginForm
from django.conf import settings
from django.utils.translation import gettext_lazy as _


class SignInForm(LoginForm):
    """Asks for a password too where that is a way to sign in: allauth asks for none when signing up needs none."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if settings.PASSWORD_SIGN_IN:
            self.fields["password"] = PasswordField(label=_("Password"), autocomplete="current-password")
