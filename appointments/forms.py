"""The forms that citizens fill in. A wrong or refused answer gets its message at the field."""

from typing import Any

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.http import QueryDict
from django.utils.translation import gettext_lazy as _

from accounts.identities.people import tax_number_of
from accounts.models import Identity, User
from accounts.typed import on_one_line, phones, validate_name
from accounts.typed.addresses import AddressField
from accounts.typed.tax_numbers import clean_tax_number
from agencies.models import Branch, Channel, Procedure
from appointments.booking.persons import Contact
from appointments.errors import BookingError
from appointments.models import Appointment, Notification

LONGEST = 1000  # a wrong answer is kept for correction up to this many characters
LONGEST_NUMBER = 10  # digits of a revision


def refuse(form: forms.Form, error: BookingError) -> None:
    """Adds a refusal to the form, at the field that it is about if the form has this field."""
    form.add_error(error.field if error.field in form.fields else None, str(error))


def revision_seen(data: QueryDict) -> int | None:
    """Returns the revision of the appointment that the sent page showed, or None if the page does not say it."""
    number = data.get("revision", "")
    return int(number) if number.isascii() and number.isdigit() and len(number) < LONGEST_NUMBER else None


class ChannelForm(forms.Form):
    channel = forms.ChoiceField(
        label=_("How"),
        choices=Channel,
        error_messages=dict.fromkeys(
            ("required", "invalid_choice"), _("This service is not given in this way. Choose another one.")
        ),
    )

    def __init__(self, procedure: Procedure, data: dict[str, str]) -> None:
        super().__init__(data)
        self.procedure = procedure

    def clean_channel(self) -> str:
        channel = self.cleaned_data["channel"]
        if channel not in self.procedure.channels:
            raise ValidationError(_("This service is not given in this way. Choose another one."))
        return channel


class BranchForm(forms.Form):
    branch = forms.CharField(
        label=_("Where"), error_messages={"required": _("There is no such branch. Choose one from the list.")}
    )

    def __init__(self, procedure: Procedure, serving: list[Branch], data: dict[str, str]) -> None:
        super().__init__(data)
        self.procedure, self.serving = procedure, serving

    def clean_branch(self) -> Branch:
        code = self.cleaned_data["branch"]
        if branch := next((one for one in self.serving if one.code == code), None):
            return branch
        of_agency = Branch.objects.filter(agency=self.procedure.agency_id, code=code).first()
        if of_agency is None:
            raise ValidationError(_("There is no such branch. Choose one from the list."))
        if not of_agency.is_open:
            raise ValidationError(_("This branch takes no bookings at the moment. Choose another one."))
        raise ValidationError(_("This branch does not serve you in this way. Choose another one."))


class TimeForm(forms.Form):
    slot = forms.IntegerField(
        label=_("When"),
        min_value=1,
        max_value=2**63 - 1,
        error_messages={
            "required": _("Choose a time."),
            **dict.fromkeys(
                ("invalid", "min_value", "max_value"), _("This time does not exist. Please choose one from the list.")
            ),
        },
    )


class MaskedInput(forms.TextInput):
    """Shows the end of a number alone."""

    def format_value(self, value: Any) -> str:
        return masked(str(value or ""))


def masked(number: str) -> str:
    return "•" * max(0, len(number) - 3) + number[-3:]


class DetailsForm(forms.Form):
    """The citizen's name and contact. Fields that the service or the channel does not need are left out.

    `country` is the branch's country. A telephone number typed without a country code is read as one of this country.
    With an `identity`, name and tax number are those that a provider has told, whatever is sent.
    """

    name = forms.CharField(
        label=_("Full name"),
        max_length=120,
        error_messages={"required": _("Enter your full name.")},
        validators=[validate_name],
        widget=forms.TextInput({"autocomplete": "name", "spellcheck": "false"}),
    )
    email = AddressField(label=_("E-mail address"), help_text=_("We send the confirmation and the reminders there."))
    phone = forms.CharField(
        label=_("Telephone"),
        max_length=30,
        error_messages={"required": _("Enter a telephone number.")},
        widget=forms.TextInput({"type": "tel", "autocomplete": "tel"}),
    )
    tax_number = forms.CharField(
        label=_("Tax number (AFM)"),
        max_length=20,
        help_text=_("Nine digits. The officer finds your file by it."),
        error_messages={"required": _("Enter your tax number.")},
        widget=forms.TextInput({"inputmode": "numeric", "autocomplete": "off"}),
    )
    notes = forms.CharField(
        label=_("Something we should know"),
        max_length=500,
        required=False,
        help_text=_("For example that you need an interpreter or step-free access. Up to 500 characters."),
        widget=forms.Textarea({"rows": 4}),
    )
    language = forms.ChoiceField(
        label=_("Language of our messages"), choices=settings.LANGUAGES, widget=forms.RadioSelect
    )

    def __init__(
        self,
        procedure: Procedure,
        channel: str,
        country: str,
        *args: Any,
        identity: Identity | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.country = country
        self.fields["email"].widget.sent = self.initial.get("asked_about", "")
        if procedure.identification != Procedure.Identification.TAX_NUMBER:
            del self.fields["tax_number"]
        phone = self.fields["phone"]
        phone.required = channel != Channel.IN_PERSON
        phone.help_text = PHONE_HINTS[Channel(channel)]
        if identity:
            self._lock(self._told(identity))

    def _told(self, identity: Identity) -> dict[str, str]:
        """Returns the fields that the provider has told."""
        return {"name": identity.name, "tax_number": tax_number_of(identity)}

    def _lock(self, told: dict[str, str]) -> None:
        """Shows what the provider has told. Nobody reads a whole tax number over the citizen's shoulder."""
        for name, value in told.items():
            if value and (field := self.fields.get(name)):
                field.disabled, field.validators, self.initial[name] = True, [], value
                field.help_text = _("This comes from the sign-in service and cannot be changed here.")
        if told.get("tax_number") and "tax_number" in self.fields:
            self.fields["tax_number"].widget = MaskedInput()

    def clean_name(self) -> str:
        return on_one_line(self.cleaned_data["name"])

    def clean_phone(self) -> str:
        return phones.cleaned(self.cleaned_data["phone"], self.country)

    def clean_tax_number(self) -> str:
        try:
            return clean_tax_number(self.cleaned_data["tax_number"])
        except ValueError as error:
            raise ValidationError(_("This is not a valid tax number. Check its nine digits.")) from error

    def contact(self, timezone: str) -> Contact:
        return Contact(timezone=timezone, **self.cleaned_data)


PHONE_HINTS = {
    Channel.IN_PERSON: _("Only if something changes on the day."),
    Channel.VIDEO: _("The officer calls you there if the video does not work."),
    Channel.PHONE: _("The officer calls you there."),
}


class ConfirmForm(forms.Form):
    """Names what the page showed: the held time, the details, and another appointment at that time.

    All of them may have changed in another window.
    """

    hold = forms.CharField(max_length=12, widget=forms.HiddenInput)
    seen = forms.CharField(max_length=64, required=False, widget=forms.HiddenInput)
    overlap = forms.CharField(max_length=12, required=False, widget=forms.HiddenInput)


class PhoneForm(forms.Form):
    """The telephone number that the officer calls when the video call does not work."""

    phone = forms.CharField(
        label=_("Telephone"),
        max_length=30,
        error_messages={"required": _("Enter a telephone number.")},
        widget=forms.TextInput({"type": "tel", "autocomplete": "tel"}),
    )

    def __init__(self, country: str, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.country = country

    clean_phone = DetailsForm.clean_phone


class ContactForm(forms.Form):
    """Where the citizen is reached: what an appointment has, to be corrected."""

    email = AddressField(label=_("E-mail address"), help_text=_("We send the confirmation and the reminders there."))
    phone = forms.CharField(
        label=_("Telephone"),
        max_length=30,
        error_messages={"required": _("Enter a telephone number.")},
        widget=forms.TextInput({"type": "tel", "autocomplete": "tel"}),
    )

    def __init__(self, appointment: Appointment, data: QueryDict | None = None) -> None:
        super().__init__(data, initial={"email": appointment.email, "phone": appointment.phone})
        self.country = appointment.branch.country
        phone = self.fields["phone"]
        phone.required = appointment.channel != Channel.IN_PERSON
        phone.help_text = PHONE_HINTS[Channel(appointment.channel)]

    clean_phone = DetailsForm.clean_phone


class GuestForm(forms.Form):
    """Who comes to a video call by a guest's link."""

    name = forms.CharField(
        label=_("Full name"),
        max_length=120,
        error_messages={"required": _("Enter your full name.")},
        validators=[validate_name],
        widget=forms.TextInput({"autocomplete": "name", "spellcheck": "false"}),
    )


class GuestMailForm(forms.Form):
    """Where a guest's link is sent to."""

    email = AddressField(
        label=_("E-mail address of the guest"),
        help_text=_("We use it for this one message, and do not keep it."),
        takes_disposable=True,
        error_messages={"required": _("Enter an e-mail address.")},
    )


class LineForm(forms.Form):
    """A place in a line that is open now. `lines` are the choices, with the best one first."""

    line = forms.ChoiceField(
        label=_("How"),
        widget=forms.RadioSelect,
        error_messages=dict.fromkeys(
            ("required", "invalid_choice"), _("This line is closed now. Choose another one, or book an appointment.")
        ),
    )
    name = DetailsForm.base_fields["name"]
    phone = forms.CharField(
        label=_("Telephone"),
        max_length=30,
        help_text=_("The officer calls you there, also if the video call does not work."),
        error_messages={"required": _("Enter a telephone number.")},
        widget=forms.TextInput({"type": "tel", "autocomplete": "tel"}),
    )
    sms = forms.BooleanField(label=_("Send me an SMS to this number when I am next"), required=False)
    email = AddressField(
        label=_("E-mail address for a message when you are next"),
        required=False,
        takes_disposable=True,
        help_text=_("We use it for this alone, and delete it when your turn is over."),
    )
    # Sent twice, the form gives the same place.
    code = forms.RegexField(r"^[\w-]{22}$", widget=forms.HiddenInput)

    def __init__(self, lines: list[tuple[str, str]], country: str, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.country = country
        self.fields["line"].choices = lines  # type: ignore[attr-defined]
        self.fields["line"].initial = lines[0][0] if lines else None
        if not settings.SMS_URL:
            del self.fields["sms"]

    clean_name = DetailsForm.clean_name
    clean_phone = DetailsForm.clean_phone

    def clean_sms(self) -> bool:
        """Refuses a number that takes no SMS. One that is no number at all is refused by itself."""
        wants, phone = self.cleaned_data["sms"], self.cleaned_data.get("phone", "")
        if wants and phone and not phones.mobile_number(phone):
            raise ValidationError(_("This number takes no SMS. Give a mobile number, or leave the box empty."))
        return bool(wants)

    @property
    def told_at(self) -> dict[str, str]:
        """Returns where the person wants to be told about the turn, by medium. Empty for media that are not wanted."""
        number = phones.mobile_number(self.cleaned_data["phone"]) if self.cleaned_data.get("sms") else ""
        return {Notification.Medium.EMAIL: self.cleaned_data["email"], Notification.Medium.SMS: number}


class CancelForm(forms.Form):
    reason = forms.CharField(
        label=_("Why do you cancel?"),
        max_length=300,
        required=False,
        help_text=_("You do not have to say."),
        widget=forms.Textarea({"rows": 3}),
    )


class EraseForm(forms.Form):
    """Asks whether somebody really means it, because nobody can bring it back."""

    sure = forms.BooleanField(
        label=_("Yes, erase it. I know that nobody can bring it back."),
        error_messages={"required": _("Tick the box if you want this.")},
    )


class FindForm(forms.Form):
    reference = forms.CharField(
        label=_("Reference of the appointment"),
        max_length=LONGEST,
        help_text=_("Ten letters and digits, like K7M4Q 2XDBN. It is in every message we sent you."),
        error_messages={"required": _("Enter the reference.")},
        widget=forms.TextInput({"autocomplete": "off", "autocapitalize": "characters", "spellcheck": "false"}),
    )
    email = AddressField(
        label=_("E-mail address"), help_text=_("The one you gave when you booked."), takes_disposable=True
    )


class RatingForm(forms.Form):
    score = forms.TypedChoiceField(
        label=_("How satisfied are you with the service?"),
        coerce=int,
        choices=[
            (5, _("Completely satisfied")),
            (4, _("Satisfied")),
            (3, _("Neither satisfied nor dissatisfied")),
            (2, _("Dissatisfied")),
            (1, _("Not satisfied at all")),
        ],
        error_messages={"required": _("Choose how satisfied you are.")},
        widget=forms.RadioSelect,
    )
    comment = forms.CharField(
        label=_("What could we do better?"),
        max_length=1000,
        required=False,
        help_text=_("Please write no names or other personal data."),
        widget=forms.Textarea({"rows": 4}),
    )


def initial_details(citizen: User | None, typed: dict[str, str], language: str) -> dict[str, str]:
    """Returns the first values of the details: what was typed before, or else what the citizen's account says.

    A field left empty hides nothing of the account: the form may have been sent on the way to the sign-in.
    """
    known = {"language": language}
    if citizen:
        known |= {"name": citizen.name, "email": citizen.email, "phone": citizen.phone}
    return known | {name: value for name, value in typed.items() if value}
