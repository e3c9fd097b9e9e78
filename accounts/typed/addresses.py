"""The field for an e-mail address, in every form. It asks once about an address that looks mistyped.

The question stands at the field. The address that was asked about goes along with the form, and is taken as it is when the
form is sent again.
"""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminEmailInputWidget

from accounts.typed import providers
from accounts.typed.mailboxes import refuse_disposable

ATTRIBUTES = {"autocomplete": "email", "spellcheck": "false", "autocapitalize": "none"}


class AskedInput(forms.EmailInput):
    """Sends a second, hidden value: the address that the form has asked about. `sent` is the one that came."""

    asked_about = sent = ""

    def value_from_datadict(self, data: Mapping[str, Any], files: Any, name: str) -> Any:
        self.sent = data.get("asked_about", "")
        return super().value_from_datadict(data, files, name)

    def render(self, name: str, value: Any, attrs: Any = None, renderer: Any = None) -> SafeString:
        field = super().render(name, value, attrs, renderer)
        if not (asked := self.asked_about or self.sent):
            return field
        return format_html('{}<input type="hidden" name="asked_about" value="{}">', field, asked)


class StaffAskedInput(AskedInput, UnfoldAdminEmailInputWidget):
    """The same in the admin."""


class AddressField(forms.EmailField):
    """Refuses throw-away addresses, unless it only looks up an address or writes there once (`takes_disposable`)."""

    widget: Any = AskedInput(ATTRIBUTES)
    default_error_messages = {
        "required": _("Enter your e-mail address."),
        "invalid": _("Enter an e-mail address in the right form, like name@example.com."),
    }

    takes_disposable = False

    def __init__(self, *, takes_disposable: bool = False, **options: Any) -> None:
        super().__init__(**{"max_length": 254} | options)
        self.takes_disposable = takes_disposable or type(self).takes_disposable

    def clean(self, value: Any) -> str:
        email: str = super().clean(value)
        if not self.takes_disposable:
            refuse_disposable(email)
        if (better := providers.meant(email)) and email != self.widget.sent:
            self.widget.asked_about = email
            raise ValidationError(
                _("Did you mean %(address)s? Correct it, or send the form again if the address is right."),
                params={"address": better},
            )
        return email


class StaffAddressField(AddressField):
    """The same in the admin, where staff type the address of somebody else."""

    widget = StaffAskedInput
    takes_disposable = True
    default_error_messages = {"required": _("Enter an e-mail address.")}
