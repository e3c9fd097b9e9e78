"""What a person is asked once, after the first sign-in at a provider."""

from typing import Any

from django import forms
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.forms import E_MAIL, CountedGuess
from accounts.limits import tries
from accounts.typed import phones
from accounts.typed.addresses import AddressField


class StaffContactForm(forms.Form):
    """The address to which a role was given."""

    email = AddressField(label=E_MAIL, help_text=_("The one at which you were given your role."))

    def __init__(self, request: Any, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.request = request

    def clean_email(self) -> str:
        email = str(self.cleaned_data["email"])
        tries.count_code(self.request, email, now=timezone.now())
        return email


class ContactForm(StaffContactForm):
    email = AddressField(
        label=E_MAIL, help_text=_("We send you a code to make sure that it is yours, and later all messages.")
    )
    phone = forms.CharField(
        label=_("Telephone"),
        max_length=30,
        required=False,
        help_text=_("The officer calls you there if something changes."),
        widget=forms.TextInput({"type": "tel", "autocomplete": "tel"}),
    )

    def clean_phone(self) -> str:
        return phones.cleaned(self.cleaned_data["phone"], phones.GREECE)


class ContactCodeForm(CountedGuess):
    """The code that was mailed to the address."""
