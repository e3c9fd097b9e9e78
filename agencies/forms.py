"""How agencies, procedures, openings and memberships are edited: every refusal in plain words at its field."""

from typing import Any, ClassVar

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _
from unfold.widgets import (
    UnfoldAdminCheckboxSelectMultipleWidget,
    UnfoldAdminColorInputWidget,
    UnfoldAdminEmailInputWidget,
    UnfoldAdminTextInputWidget,
)

from accounts.models import User
from accounts.people import invited
from agencies.models import Agency, Channel, Closure, Membership, OpeningRule, Procedure, Role
from agencies.models.opening import ISO_WEEKDAYS


class Ticked(forms.TypedMultipleChoiceField):
    """Some of a few, as boxes to tick, kept in the order in which they are shown."""

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


class OpeningRuleForm(forms.ModelForm):
    weekdays = Ticked(
        label=_("Weekdays"),
        choices=ISO_WEEKDAYS,
        coerce=int,
        error_messages={"required": _("Tick at least one weekday.")},
    )
    channels = channels_field()

    class Meta:
        model = OpeningRule
        fields = "__all__"  # noqa: DJ007 (the admin says which)

    def clean(self) -> None:
        super().clean()
        given = self.cleaned_data
        if (opens_at := given.get("opens_at")) and (closes_at := given.get("closes_at")):
            minutes = (closes_at.hour - opens_at.hour) * 60 + closes_at.minute - opens_at.minute
            if minutes <= 0:
                self.add_error("closes_at", _("The opening must end after it starts."))
            elif minutes < (given.get("slot_minutes") or 0):
                self.add_error("slot_minutes", _("The opening is shorter than one slot."))
        if given.get("valid_from") and given.get("valid_until") and given["valid_until"] < given["valid_from"]:
            self.add_error("valid_until", _("The last date must not be before the first."))
        self._refuse_foreign_procedures()

    def _refuse_foreign_procedures(self) -> None:
        branch = self.cleaned_data.get("branch") or (self.instance.branch if self.instance.branch_id else None)
        procedures = self.cleaned_data.get("procedures") or []
        if branch and any(procedure.agency_id != branch.agency_id for procedure in procedures):
            self.add_error("procedures", _("Choose services of the branch's own agency."))


class ClosureForm(forms.ModelForm):
    """`closes_all_of` are the agencies that the asker may close as a whole."""

    closes_all_of: QuerySet[Agency] | None = None

    class Meta:
        model = Closure
        fields = "__all__"  # noqa: DJ007 (the admin says which)

    def clean(self) -> None:
        super().clean()
        given = self.cleaned_data
        if given.get("from_date") and given.get("until_date") and given["until_date"] < given["from_date"]:
            self.add_error("until_date", _("The last date must not be before the first."))
        begins, ends = given.get("from_time"), given.get("until_time")
        if (begins or ends) and not (begins and ends and begins < ends):
            self.add_error("until_time", _("Give both times, the first before the last, or none for the whole day."))
        self._refuse_foreign_places()

    def _refuse_foreign_places(self) -> None:
        agency, branch = self.cleaned_data.get("agency"), self.cleaned_data.get("branch")
        if agency and branch and branch.agency_id != agency.pk:
            self.add_error("branch", _("This branch belongs to another agency."))
        if agency and not branch and not self._closes_all_of(agency):
            self.add_error("branch", _("Choose your branch: only who works for the whole agency closes all of it."))

    def _closes_all_of(self, agency: Agency) -> bool:
        return self.closes_all_of is None or self.closes_all_of.filter(pk=agency.pk).exists()


class MembershipForm(forms.ModelForm):
    """`asker` is who gives the role."""

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
    """A role for who has this address; an account is made for who has none yet."""

    email = forms.EmailField(
        label=_("E-mail address"),
        widget=UnfoldAdminEmailInputWidget,
        help_text=_("The officer signs in with a code sent there."),
    )
    name = forms.CharField(label=_("Full name"), max_length=120, required=False, widget=UnfoldAdminTextInputWidget)

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
