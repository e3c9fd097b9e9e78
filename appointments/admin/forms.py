"""The forms that officers fill in. When booking refuses something, the message stands at the field, as for citizens."""

import uuid
from collections.abc import Iterable
from typing import Any, cast

from django import forms
from django.conf import settings
from django.db.models import QuerySet
from django.http import QueryDict
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from agencies.admin.choosing import FoundHere
from agencies.models import Branch, Channel, Procedure
from agencies.text import alphabetical
from appointments.errors import LinkUnsendable
from appointments.forms import ContactForm, DetailsForm
from appointments.models import Appointment, Status


class CancelForm(forms.Form):
    reason = forms.CharField(
        label=_("Reason"),
        max_length=300,
        help_text=_("The citizen reads it. Up to 300 characters."),
        error_messages={"required": _("Say why: the citizen will read it.")},
        widget=forms.Textarea({"rows": 3}),
    )


class MoveForm(forms.Form):
    slot = forms.IntegerField(
        label=_("New time"),
        min_value=1,
        max_value=2**63 - 1,
        error_messages=dict.fromkeys(("required", "invalid", "min_value", "max_value"), _("Choose a time.")),
    )


class AssignForm(forms.Form):
    """The officer who will serve: somebody who works at the branch, or nobody in particular."""

    officer = forms.ModelChoiceField(
        User.objects.none(), label=_("Officer"), required=False, empty_label=_("Whoever is free")
    )

    def __init__(self, officers: QuerySet[User], *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        cast("forms.ModelChoiceField", self.fields["officer"]).queryset = officers


class IdentityForm(forms.Form):
    """What the officer has seen of the identity document on camera."""

    is_shown = forms.BooleanField(label=_("An identity document was shown"), required=False)
    is_same_face = forms.BooleanField(label=_("The face is that of the document"), required=False)
    valid_until = forms.DateField(
        label=_("The document is valid until"), required=False, widget=forms.DateInput({"type": "date"}, "%Y-%m-%d")
    )


class BranchForm(forms.Form):
    """The branch that a page is about. `branches` are those among which the person may choose."""

    branch = forms.ChoiceField(label=_("Branch"), widget=FoundHere)

    def __init__(self, branches: Iterable[Branch], chosen: Branch) -> None:
        super().__init__(initial={"branch": chosen.code}, auto_id="%s", label_suffix="")
        cast("forms.ChoiceField", self.fields["branch"]).choices = [(one.code, one.name) for one in branches]


def choice_of(branches: list[Branch], chosen: Branch) -> BranchForm | None:
    """Returns the form in which another branch is chosen, or None if there is no other one."""
    return BranchForm(branches, chosen) if len(branches) > 1 else None


class WishForm(forms.Form):
    """The service, channel and branch that a citizen asks for. The page then shows the free times."""

    procedure = forms.ModelChoiceField(Procedure.objects.none(), label=_("Service"), to_field_name="code")
    channel = forms.ChoiceField(label=_("Channel"), choices=Channel)
    branch = forms.ModelChoiceField(
        Branch.objects.none(),
        label=_("Branch"),
        to_field_name="code",
        empty_label=_("Choose a branch"),
        widget=FoundHere,
    )

    def __init__(self, branches: Any, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        offered = Procedure.objects.for_officers().filter(agency__in=branches.values("agency")).select_related("agency")
        cast("forms.ModelChoiceField", self.fields["procedure"]).queryset = offered.order_by(alphabetical("name_el"))
        cast("forms.ModelChoiceField", self.fields["procedure"]).empty_label = _("Choose a service")
        cast("forms.ModelChoiceField", self.fields["branch"]).queryset = (
            branches.open().in_order().select_related("agency")
        )

    def clean(self) -> None:
        super().clean()
        given = self.cleaned_data
        procedure, branch, channel = given.get("procedure"), given.get("branch"), given.get("channel")
        if procedure and branch and procedure.agency_id != branch.agency_id:
            self.add_error("branch", _("This branch belongs to another agency."))
        if procedure and channel and channel not in procedure.channels:
            self.add_error("channel", _("This service is not given in this way. Choose another one."))


class StaffContactForm(ContactForm):
    """The same for officers. Many callers have no e-mail address; the verb says what the service cannot do without."""

    def __init__(self, appointment: Appointment, data: QueryDict | None = None) -> None:
        super().__init__(appointment, data)
        self.fields["email"].required = appointment.status == Status.UNVERIFIED
        for name in ("phone", "email"):
            self.fields[name].widget.attrs["autocomplete"] = "off"
            self.fields[name].help_text = ""  # the standard help texts speak to citizens


class CallerForm(MoveForm, DetailsForm):
    """A caller's details and the chosen time.

    The e-mail address is optional, because many callers have none. For a video call it is not, because its link has to
    be sent; where SMS are sent, a mobile number is enough, which the verb checks.
    """

    # New each time the page is opened, so that a second click on the button books nothing more.
    key = forms.CharField(max_length=36, widget=forms.HiddenInput)
    field_order = ("slot", "name", "phone", "email", "tax_number", "language", "notes", "key")

    def __init__(self, procedure: Procedure, channel: str, country: str, *args: Any, **kwargs: Any) -> None:
        super().__init__(procedure, channel, country, *args, **kwargs)
        self.fields["slot"].label = _("Time")
        self.fields["email"].required = channel == Channel.VIDEO and not settings.SMS_URL
        self.fields["email"].error_messages["required"] = LinkUnsendable.message
        self.fields["name"].error_messages["required"] = _("Write the caller's full name.")
        if tax_number := self.fields.get("tax_number"):
            tax_number.error_messages["required"] = _("Write the caller's tax number.")
            tax_number.help_text = ""
        self.fields["notes"].label = _("Note")
        self.fields["notes"].widget.attrs["rows"] = 2
        for name in ("name", "phone", "email"):
            self.fields[name].widget.attrs["autocomplete"] = "off"
        for name in ("phone", "email", "notes"):
            self.fields[name].help_text = ""  # the standard help texts speak to citizens

    def ask_again(self) -> None:
        """Says that the page has booked something else already, and gives it a new key, so that it can book again."""
        self.data = {**self.data, "key": str(uuid.uuid4())}
        self.add_error(None, _("This page has already booked an appointment. Press the button again to book one more."))
