"""Forms for agencies, procedures and memberships. Every error is in plain words at its field."""

from typing import Any, ClassVar

from django import forms
from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext
from unfold.widgets import (
    UnfoldAdminCheckboxSelectMultipleWidget,
    UnfoldAdminColorInputWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
    UnfoldBooleanSwitchWidget,
)

from accounts.limits import is_flooded
from accounts.models import User
from accounts.typed import validate_name
from accounts.typed.addresses import StaffAddressField
from agencies import access
from agencies.models import Agency, Channel, ForWhom, Invitation, Membership, Procedure, Role
from agencies.models.procedure import for_oneself, lines_of


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
        self._clean_video()

    def _clean_video(self) -> None:
        providers = [self.cleaned_data.get(name) for name in ("video_provider", "video_fallback")]
        if providers[0] and providers[0] == providers[1]:
            self.add_error("video_fallback", _("Choose another one than the first, or none."))
        if Agency.VideoProvider.LINK in providers and not self.cleaned_data.get("video_link"):
            self.add_error("video_link", _("Give the address, or choose another provider."))


def _kept_shorter(days: int) -> str:
    told = ngettext(
        "Personal data is erased %(days)s day after an appointment, so nobody can count further back.",
        "Personal data is erased %(days)s days after an appointment, so nobody can count further back.",
        days,
    )
    return told % {"days": days}


def _declaration_field(label: Any) -> forms.CharField:
    return forms.CharField(
        label=label,
        required=False,
        max_length=3000,
        help_text=_(
            "One sentence a line. Whoever books ticks each. A change makes a new version; earlier bookings keep theirs."
        ),
        widget=UnfoldAdminTextareaWidget({"rows": 4}),
    )


class ProcedureForm(forms.ModelForm):
    """A service. A new one is not offered until somebody ticks it, because many branches would offer it at once."""

    channels = channels_field()
    booked_for = Ticked(
        label=_("Who it may be booked for"),
        choices=ForWhom.choices,
        required=False,
        help_text=_("If nothing is ticked, everybody books for oneself alone."),
    )
    declaration_el = _declaration_field(_("what citizens declare (Greek)"))
    declaration_en = _declaration_field(_("what citizens declare (English)"))

    class Meta:
        model = Procedure
        fields = "__all__"  # noqa: DJ007 (the admin says which)
        help_texts: ClassVar = {
            "is_offered": _(
                "It can then be booked at once at every branch with opening hours that are for all services."
            )
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk is None and "is_offered" in self.fields:
            self.initial["is_offered"] = False
        if declared := self.instance.pk and self.instance.declaration:
            self.initial.update(declaration_el=declared.text_el, declaration_en=declared.text_en)

    def clean_booked_for(self) -> list[str]:
        return self.cleaned_data["booked_for"] or for_oneself()

    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean() or {}
        greek, english = (lines_of(cleaned.get(name, "")) for name in ("declaration_el", "declaration_en"))
        if len(greek) != len(english):
            self.add_error("declaration_en", _("Write each sentence in both languages, one a line in the same order."))
        for name in ("period_days", "days_between"):
            if name in cleaned and cleaned[name] is None:
                cleaned[name] = getattr(Procedure(), name)
        agency = self.instance.agency if self.instance.pk else cleaned.get("agency")
        if agency is None:
            return cleaned
        if (category := cleaned.get("category")) and category.agency_id != agency.pk:
            self.add_error("category", _("This category belongs to another agency."))
        looked_back = {"period_days": bool(cleaned.get("period_limit")), "days_between": True}
        for name, is_used in looked_back.items():
            if is_used and (cleaned.get(name) or 0) > agency.retention_days:
                self.add_error(name, _kept_shorter(agency.retention_days))
        return cleaned


class MembershipForm(forms.ModelForm):
    """Gives a role at one branch, or at all branches if somebody says so. `asker` is the user who gives it."""

    asker: User
    everywhere = forms.BooleanField(
        label=_("All branches of the agency"), required=False, widget=UnfoldBooleanSwitchWidget
    )

    class Meta:
        model = Membership
        fields = ("agency", "branch", "role")
        help_texts: ClassVar = {"branch": ""}

    def clean_role(self) -> str:
        role: str = self.cleaned_data["role"]
        kept = Membership.objects.filter(pk=self.instance.pk).first() if isinstance(self.instance, Membership) else None
        if kept and role != kept.role and access.is_last_administrator(kept):
            raise ValidationError(_("The agency would have no administrator. Invite another one first."))
        return role

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.initial["everywhere"] = self.instance.pk is not None and self.instance.branch_id is None

    def clean(self) -> None:
        super().clean()
        given = self.cleaned_data
        agency, branch = given.get("agency") or self.instance.agency, given.get("branch")
        everywhere = given.get("everywhere") or given.get("role") == Role.AGENCY_ADMIN
        if branch and branch.agency_id != agency.pk:
            self.add_error("branch", _("This branch belongs to another agency."))
        elif branch and given.get("everywhere"):
            self.add_error("branch", _("Choose one branch, or all branches, but not both."))
        elif not branch and not everywhere and "branch" not in self.errors:
            self.add_error("branch", _("Choose a branch, or say that it is all branches of the agency."))
        elif branch and given.get("role") == Role.AGENCY_ADMIN:
            self.add_error("branch", _("An agency administrator has the whole agency, not one branch."))


class InvitationForm(MembershipForm):
    """Offers a role by mail to the person with this address."""

    email = StaffAddressField(
        label=_("E-mail address"),
        help_text=_("The invitation is mailed there. The officer signs in with a code sent there."),
    )
    name = forms.CharField(
        label=_("Full name"),
        max_length=120,
        required=False,
        validators=[validate_name],
        widget=UnfoldAdminTextInputWidget,
    )

    class Meta:
        model = Invitation
        fields = ("email", "name", "agency", "branch", "role")
        help_texts: ClassVar = {"branch": ""}

    def clean_email(self) -> str:
        email = self.cleaned_data["email"].lower()
        if email == self.asker.email:
            raise ValidationError(_("You cannot give a role to yourself."))
        return email

    def clean(self) -> None:
        if self.cleaned_data.get("agency"):
            super().clean()
        given = self.cleaned_data
        place = {"agency": given.get("agency"), "branch": given.get("branch")}
        if self.errors:
            return
        if Membership.objects.filter(user__email=given["email"], **place).exists():
            self.add_error("email", _("This person already has a role there."))
        elif Invitation.objects.filter(email=given["email"], state=Invitation.State.OPEN, **place).exists():
            self.add_error(
                "email", _("This person is already invited there. Send that invitation again, or withdraw it.")
            )
        elif is_flooded(given["email"], now=timezone.now()):
            self.add_error("email", _("Too many mails have been sent to this address. Try again later."))
