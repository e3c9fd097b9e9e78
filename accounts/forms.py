from typing import Any

from allauth.account.fields import PasswordField
from allauth.account.forms import AddEmailForm, ChangeEmailForm, LoginForm, RequestLoginCodeForm, SignupForm
from django.conf import settings
from django.utils.translation import gettext_lazy as _

from accounts.typed.addresses import AddressField

# All our forms use the same label.
E_MAIL = _("E-mail address")


class SignInForm(LoginForm):
    """Adds a password if people can sign in with one: allauth leaves it out when signing up needs none."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["login"] = AddressField(label=E_MAIL)
        if settings.PASSWORD_SIGN_IN:
            self.fields["password"] = PasswordField(label=_("Password"), autocomplete="current-password")


class CodeForm(RequestLoginCodeForm):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["email"] = AddressField(label=E_MAIL)


class AddressForm(AddEmailForm):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["email"] = AddressField(label=_("New e-mail address"))


class OtherAddressForm(ChangeEmailForm):
    """Corrects the address of an account that was made with a wrong one."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["email"] = AddressField(label=E_MAIL)


class SignUpForm(SignupForm):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["email"] = AddressField(label=E_MAIL)
