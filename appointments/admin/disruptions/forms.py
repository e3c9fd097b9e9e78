"""The form of a mass disruption: where, when, why, and what is offered instead."""

from datetime import date
from typing import Any, cast

from django import forms
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from agencies.models import Agency, Branch
from agencies.models.branch import BranchQuerySet
from agencies.models.until import UntilInput, is_after
from agencies.openings.forms import NativeDate, NativeTime
from appointments.models import Disruption
from appointments.models.disruption import Way


class DisruptionForm(forms.Form):
    everywhere = forms.BooleanField(label=_("All my branches"), required=False)
    branches = forms.ModelMultipleChoiceField(
        Branch.objects.none(), label=_("Branches"), to_field_name="code", required=False
    )
    from_date = forms.DateField(label=_("First day"), widget=NativeDate)
    until_date = forms.DateField(label=_("Last day"), widget=NativeDate)
    from_time = forms.TimeField(label=_("From (time)"), required=False, widget=NativeTime)
    until_time = UntilInput(
        label=_("Until (time)"),
        required=False,
        widget=NativeTime,
        help_text=_("Without times: the whole day. 00:00: until midnight."),
    )
    reason_el = forms.CharField(
        label=_("Reason (Greek)"), max_length=200, help_text=_("Citizens read it, for example “Απεργία”.")
    )
    reason_en = forms.CharField(
        label=_("Reason (English)"), max_length=200, help_text=_("Citizens read it, for example “Strike”.")
    )
    ways = forms.MultipleChoiceField(
        label=_("What is offered instead"),
        choices=Way,
        widget=forms.CheckboxSelectMultiple,
        error_messages={"required": _("Tick what may be offered.")},
    )

    def __init__(self, branches: BranchQuerySet, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._own = branches
        cast("forms.ModelMultipleChoiceField", self.fields["branches"]).queryset = branches.in_order()

    def clean(self) -> None:
        super().clean()
        given = self.cleaned_data
        if not given.get("everywhere") and not given.get("branches") and "branches" not in self.errors:
            self.add_error("branches", _("Choose at least one branch."))
        if given.get("from_date") and given.get("until_date") and given["until_date"] < given["from_date"]:
            self.add_error("until_date", _("The last date must not be before the first."))
        elif given.get("until_date") and self._is_past(given["until_date"]):
            self.add_error("until_date", _("The last day is past."))
        begins, ends = given.get("from_time"), given.get("until_time")
        if (begins or ends) and not (begins and ends and is_after(begins, ends)):
            self.add_error("until_time", _("Give both times, the first before the last, or none for the whole day."))

    def _is_past(self, day: date) -> bool:
        """Returns whether the day is over at each chosen branch, on its own calendar. Without a choice, at each branch."""
        given, now = self.cleaned_data, timezone.now()
        places = self._own if given.get("everywhere") else given.get("branches") or self._own
        return all(day < branch.today(now) for branch in places)

    def chosen(self) -> list[Branch]:
        if self.cleaned_data["everywhere"]:
            return list(self._own)
        return list(self.cleaned_data["branches"])

    def planned(self, agency: Agency, user: User) -> Disruption:
        """Returns the disruption that the form describes. It is not saved yet."""
        names = ("from_date", "until_date", "from_time", "until_time", "reason_el", "reason_en", "ways")
        return Disruption(agency=agency, created_by=user, **{name: self.cleaned_data[name] for name in names})
