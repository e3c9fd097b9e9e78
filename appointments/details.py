"""The form of the details, with what a booking for a business or another person asks for, and what the service has declared."""

from copy import deepcopy
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from accounts.models import Identity
from accounts.typed import on_one_line, phones, validate_name
from agencies.models import Declaration, ForWhom, Procedure
from appointments.booking.parties.storing import CONSENT, CONSENTS
from appointments.booking.persons import Behalf, Contact
from appointments.forms import DetailsForm, masked
from appointments.models import Appointment
from appointments.models.behalf.party import STANDINGS, Standing

CHOICES = {
    ForWhom.PERSON: _("For me"),
    ForWhom.BUSINESS: _("For a business that I represent"),
    ForWhom.OTHER: _("For another person"),
}
OWN = _("Your full name")


class WhomForm(forms.Form):
    """The question for whom the appointment is, with the answers that the service allows."""

    for_whom = forms.ChoiceField(
        label=_("For whom"),
        widget=forms.RadioSelect,
        error_messages=dict.fromkeys(("required", "invalid_choice"), _("Say for whom the appointment is.")),
    )

    def __init__(self, procedure: Procedure, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choices = [(kind.value, CHOICES[kind]) for kind in ForWhom if kind in procedure.booked_for]
        self.fields["for_whom"].choices = choices  # type: ignore[attr-defined]


def _named(label: Any, missing: Any) -> forms.CharField:
    widget = forms.TextInput({"autocomplete": "off", "spellcheck": "false"})
    messages = {"required": missing}
    return forms.CharField(
        label=label, max_length=160, error_messages=messages, validators=[validate_name], widget=widget
    )


def _standing(label: Any, kind: ForWhom) -> forms.ChoiceField:
    choices = [(one.value, one.label) for one in STANDINGS[kind]]
    messages = dict.fromkeys(("required", "invalid_choice"), _("Choose one."))
    return forms.ChoiceField(label=label, choices=choices, widget=forms.RadioSelect, error_messages=messages)


def _of_business() -> dict[str, forms.Field]:
    return {
        "party": _named(_("Name of the business"), _("Enter the name of the business.")),
        "tax_number": deepcopy(DetailsForm.base_fields["tax_number"]),
        "standing": _standing(_("In what capacity you act for it"), ForWhom.BUSINESS),
    }


def _of_other(*, with_tax_number: bool) -> dict[str, forms.Field]:
    tax_number = {"tax_number": deepcopy(DetailsForm.base_fields["tax_number"])} if with_tax_number else {}
    return {
        "party": _named(_("Full name of the person"), _("Enter the full name of the person.")),
        **tax_number,
        "party_email": forms.EmailField(
            label=_("E-mail address of the person"),
            required=False,
            help_text=_("We tell the person there about the appointment, and if it is moved or cancelled."),
            widget=forms.EmailInput({"autocomplete": "off", "spellcheck": "false", "autocapitalize": "none"}),
        ),
        "party_phone": forms.CharField(
            label=_("Telephone of the person"),
            max_length=30,
            required=False,
            help_text=_("An e-mail address or a telephone number is needed."),
            widget=forms.TextInput({"type": "tel", "autocomplete": "off"}),
        ),
        "standing": _standing(_("What you are to the person"), ForWhom.OTHER),
    }


class BookingForm(DetailsForm):
    """What is asked for before the last page. `for_whom` says which fields there are, and `declaration` what is declared."""

    def __init__(
        self,
        held: Appointment,
        for_whom: str,
        declaration: Declaration | None,
        *args: Any,
        identity: Identity | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(held.procedure, held.channel, held.branch.country, *args, **kwargs)
        self.for_whom, self.declaration = for_whom, declaration
        if for_whom == ForWhom.BUSINESS:
            self._ask_first(_of_business(), {"tax_number": _("Tax number of the business (AFM)"), "name": OWN})
            self.fields["tax_number"].help_text = _("Nine digits. The appointment counts for the business.")
            self.fields["tax_number"].error_messages["required"] = _("Enter the tax number of the business.")
        elif for_whom == ForWhom.OTHER:
            first = _of_other(with_tax_number="tax_number" in self.fields)
            self._ask_first(first, {"tax_number": _("Tax number of the person (AFM)"), "name": OWN})
            self.fields["consent"] = forms.TypedMultipleChoiceField(
                label=_("Consent"),
                coerce=int,
                choices=[(CONSENT, CONSENTS[CONSENT])],
                widget=forms.CheckboxSelectMultiple,
                error_messages=dict.fromkeys(("required", "invalid_choice"), _("You can only book if this is so.")),
            )
        if declaration:
            self.fields["declaration"] = _declares(declaration)
        if identity:
            self._lock(self._told(identity))

    def _told(self, identity: Identity) -> dict[str, str]:
        """Returns the fields that the provider has told: of whoever books, or of the business that has signed in itself."""
        told = super()._told(identity)
        if self.for_whom == ForWhom.PERSON:
            return told
        if identity.kind != Identity.Kind.BUSINESS:
            return {"name": told["name"]}
        if self.for_whom == ForWhom.BUSINESS:
            return {"party": told["name"], "tax_number": told["tax_number"]}
        return {}

    def _ask_first(self, fields: dict[str, forms.Field], labels: dict[str, Any]) -> None:
        rest = {name: field for name, field in self.fields.items() if name not in fields}
        self.fields = fields | rest
        for name, label in labels.items():
            if name in self.fields:
                self.fields[name].label = label

    def clean_party(self) -> str:
        return on_one_line(self.cleaned_data["party"])

    def clean_party_phone(self) -> str:
        return phones.cleaned(self.cleaned_data["party_phone"], self.country)

    def clean_declaration(self) -> list[str]:
        """Refuses unless every sentence is ticked."""
        ticked, asked = self.cleaned_data["declaration"], self.fields["declaration"].choices  # type: ignore[attr-defined]
        if len(ticked) != len(asked):
            raise ValidationError(_("Tick each sentence. Without them this service cannot be booked."))
        return list(ticked)

    def clean(self) -> dict[str, Any] | None:
        given = super().clean()
        reached = self.cleaned_data.get("party_email") or self.cleaned_data.get("party_phone")
        if self.for_whom == ForWhom.OTHER and not reached and not {"party_email", "party_phone"} & self.errors.keys():
            self.add_error("party_email", _("Enter an e-mail address or a telephone number of the person."))
        return given

    def contact(self, timezone: str) -> Contact:
        given = self.cleaned_data
        own = {name: value for name, value in given.items() if name in DetailsForm.base_fields}
        declared = self.declaration.version if self.declaration else 0
        return Contact(timezone=timezone, behalf=self._behalf(), declared=declared, **own)

    def _behalf(self) -> Behalf | None:
        given = self.cleaned_data
        if self.for_whom == ForWhom.PERSON:
            return None
        consent = max(given.get("consent", []), default=0)
        reached = (given.get("party_email", ""), given.get("party_phone", ""))
        return Behalf(self.for_whom, given["party"], given["standing"], *reached, consent)

    def anchor(self, name: str) -> str:
        """Returns the id of the field's control. In a group this is the first option."""
        group = isinstance(self.fields[name].widget, forms.RadioSelect | forms.CheckboxSelectMultiple)
        return f"{self[name].auto_id}_0" if group else str(self[name].auto_id)

    def shown(self, name: str) -> str:
        """Returns the answer in words."""
        value = self.cleaned_data[name]
        if name == "tax_number" and self.fields[name].disabled:
            return masked(value)
        if name == "standing":
            return str(Standing(value).label)
        if name in ("consent", "declaration"):
            return "\n".join(str(label) for _value, label in self.fields[name].choices)  # type: ignore[attr-defined]
        return str(value)


def _declares(declaration: Declaration) -> forms.MultipleChoiceField:
    """The field whose values name the version: a tick on an earlier text is none on this one."""
    return forms.MultipleChoiceField(
        label=_("What you declare"),
        choices=[(f"{declaration.pk}.{number}", text) for number, text in enumerate(declaration.sentences)],
        widget=forms.CheckboxSelectMultiple,
        error_messages={
            "required": _("Tick each sentence. Without them this service cannot be booked."),
            "invalid_choice": _("This text has changed in the meantime. Please read it again."),
        },
    )
