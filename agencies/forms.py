"""Forms for agencies, procedures and memberships. Every error is in plain words at its field."""

from typing import Any, ClassVar

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _
from unfold.widgets import (
    UnfoldAdminCheckboxSelectMultipleWidget,
    UnfoldAdminColorInputWidget,
    UnfoldAdminEmailInputWidget,
    UnfoldAdminTextInputWidget,
)

from accounts.models import User
from accounts.people import invited
from accounts.typed import validate_name
from agencies.models import Agency, Channel, Membership, Procedure, Role


class Ticked(forms.TypedMultipleChoiceField):
    """A choice of several options with checkboxes. The value keeps the order of the options."""

    widget = UnfoldAdminCheckboxSelectMultipleWidget

    def clean(self, value: Any) -> list[Any]:
        ticked = super().clean(value)
        return [self.coerce(choice) for choice, _label in self.widget.choices if self.coerce(choice) in ticked]


def channels_field() -> Ticked:
    return Ticked(
        label=_("Channels"), choices=Channel.choices, error_messages={"required": _("Tick at least one channel.")}
    )


class AgencyForm(forms.ModelForm):
    class Meta:
        model = Agency
        fields = "__all__"  # noqa: DJ007 (the admin says which)
        widgets: ClassVar = {"accent": UnfoldAdminColorInputWidget, "reminders": UnfoldAdminTextInputWidget}
        help_texts: ClassVar = {"reminders": _("With commas between them, for example 4320, 1440, 120.")}

    def clean(self) -> None:
        super().clean()
        if self.cleaned_data.get("stage") == Agency.Stage.PRODUCTION and not self.cleaned_data.get("live_since"):
            self.add_error("live_since", _("Say since when it is in production."))


class ProcedureForm(forms.ModelForm):
    channels = channels_field()

    class Meta:
        model = Procedure
        fields = "__all__"  # noqa: DJ007 (the admin says which)


class MembershipForm(forms.ModelForm):
    """Gives a role. `asker` is the user who gives it."""

    asker: User

    class Meta:
        model = Membership
        fields = ("agency", "branch", "role")

    def clean(self) -> None:
        super().clean()
        given = self.cleaned_data
        agency, branch = given.get("agency") or self.instance.agency, given.get("branch")
        if branch and branch.agency_id != agency.pk:
            self.add_error("branch", _("This branch belongs to another agency."))
        elif branch and given.get("role") == Role.AGENCY_ADMIN:
            self.add_error("branch", _("An agency administrator has the whole agency, not one branch."))


class InvitationForm(MembershipForm):
    """Gives a role to the person with this address, and makes an account if there is none."""

    email = forms.EmailField(
        label=_("E-mail address"),
        widget=UnfoldAdminEmailInputWidget,
        help_text=_("The officer signs in with a code sent there."),
    )
    name = forms.CharField(
        label=_("Full name"),
        max_length=120,
        required=False,
        validators=[validate_name],
        widget=UnfoldAdminTextInputWidget,
    )

    def clean_email(self) -> str:
        email = self.cleaned_data["email"].lower()
        if email == self.asker.email:
            raise ValidationError(_("You cannot give a role to yourself."))
        return email

    def clean(self) -> None:
        if self.cleaned_data.get("agency"):
            super().clean()
        given = self.cleaned_data
        places = {"user__email": given.get("email"), "agency": given.get("agency"), "branch": given.get("branch")}
        if not self.errors and Membership.objects.filter(**places).exists():
            self.add_error("email", _("This person already has a role there."))

    def save(self, commit: bool = True) -> Membership:
        self.instance.user = invited(self.cleaned_data["email"], self.cleaned_data["name"])
        return super().save(commit)
