"""Forms for openings and closures. Every error is in plain words at its field."""

from typing import Any, ClassVar

from django import forms
from django.db.models import Q, QuerySet
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy
from unfold.widgets import (
    DATETIME_CLASSES,
    UnfoldAdminCheckboxSelectMultipleWidget,
    UnfoldAdminSelectWidget,
    UnfoldBooleanSwitchWidget,
)

from agencies.forms import Ticked, channels_field
from agencies.models import Agency, Branch, Closure, OpeningRule
from agencies.models.opening import ISO_WEEKDAYS
from agencies.models.until import is_after, minutes_until

CLASSES = {"class": " ".join(DATETIME_CLASSES)}


# Weekdays, closures and holidays count by days, so an opening belongs to one day.
OVER_MIDNIGHT = _(
    "The opening must end after it starts. Over midnight, enter two: one until 00:00, and one from 00:00 on the next day."
)


class NativeDate(forms.DateInput):
    input_type = "date"

    def __init__(self, attrs: dict[str, Any] | None = None) -> None:
        super().__init__({**CLASSES, **(attrs or {})}, format="%Y-%m-%d")


class NativeTime(forms.TimeInput):
    input_type = "time"

    def __init__(self, attrs: dict[str, Any] | None = None) -> None:
        super().__init__({**CLASSES, **(attrs or {})}, format="%H:%M")


class PreviewedForm(forms.ModelForm):
    """A form with a preview. With `only_looks` it shows its errors and never counts as valid, so nothing is saved."""

    only_looks = False

    def is_valid(self) -> bool:
        return super().is_valid() and not self.only_looks


class RuleForm(PreviewedForm):
    """The base of the forms for weekly and single openings."""

    channels = channels_field()

    class Meta:
        model = OpeningRule
        fields = "__all__"  # noqa: DJ007 (the admin says which)
        widgets: ClassVar = {"procedures": UnfoldAdminCheckboxSelectMultipleWidget}
        labels: ClassVar = {
            "purpose": _("What for"),
            "opens_at": pgettext_lazy("time", "From"),
            "closes_at": pgettext_lazy("time", "Until"),
            "slot_minutes": _("Minutes of one slot"),
            "valid_from": _("First day"),
            "valid_until": _("Last day"),
            "every_n_weeks": _("Every how many weeks"),
            "release_days": _("Days before"),
            "release_at": _("At (time)"),
        }
        help_texts: ClassVar = {
            "slot_minutes": _("A service that takes longer gets several slots in a row."),
            "desks": _("How many people can be served at the same time."),
            "every_n_weeks": _("1: every week. 2: every second week, counted from the week of the first day."),
            "closes_at": _("00:00: until midnight."),
            "valid_from": "",
            "valid_until": _("Empty: until further notice."),
            "procedures": _("None ticked: all services."),
            "release_days": _("0: on the same day. Empty: as soon as the day comes into view."),
            "release_at": _("For example 09:00: new days open then."),
        }

    def clean(self) -> None:
        super().clean()
        self._refuse_hours()
        self._refuse_foreign_procedures()

    def _refuse_hours(self) -> None:
        given = self.cleaned_data
        if (opens_at := given.get("opens_at")) and (closes_at := given.get("closes_at")):
            minutes = minutes_until(closes_at) - opens_at.hour * 60 - opens_at.minute
            if minutes <= 0:
                self.add_error("closes_at", OVER_MIDNIGHT)
            elif minutes < (given.get("slot_minutes") or 0):
                self.add_error("slot_minutes", _("The opening is shorter than one slot."))

    def _refuse_foreign_procedures(self) -> None:
        branch = self.cleaned_data.get("branch") or (self.instance.branch if self.instance.branch_id else None)
        procedures = self.cleaned_data.get("procedures") or []
        if branch and any(procedure.agency_id != branch.agency_id for procedure in procedures):
            self.add_error("procedures", _("Choose services of the branch's own agency."))


class OpeningRuleForm(RuleForm):
    """An opening that repeats."""

    weekdays = Ticked(
        label=_("Weekdays"),
        choices=ISO_WEEKDAYS,
        coerce=int,
        error_messages={"required": _("Tick at least one weekday.")},
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Removes the last day when a single opening becomes a weekly one, unless a last day is given."""
        super().__init__(*args, **kwargs)
        if self.instance.pk and self.instance.is_once:
            self.initial["valid_until"] = None

    def clean(self) -> None:
        super().clean()
        given = self.cleaned_data
        if given.get("valid_from") and given.get("valid_until") and given["valid_until"] < given["valid_from"]:
            self.add_error("valid_until", _("The last date must not be before the first."))


class SingleOpeningForm(RuleForm):
    """An opening on one day only. Its weekday follows from the day."""

    only_on = forms.DateField(label=_("Only on this day"), widget=NativeDate)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk:
            self.initial.setdefault("only_on", self.instance.valid_from)

    def clean(self) -> None:
        super().clean()
        if day := self.cleaned_data.get("only_on"):
            self.instance.valid_from = self.instance.valid_until = day
            self.instance.weekdays, self.instance.every_n_weeks = [day.isoweekday()], 1


class ClosedForm(PreviewedForm):
    """The base of the forms for closures and absences."""

    class Meta:
        model = Closure
        fields = "__all__"  # noqa: DJ007 (the admin says which)
        labels: ClassVar = {
            "from_date": _("First day"),
            "until_date": _("Last day"),
            "from_time": _("From (time)"),
            "until_time": _("Until (time)"),
            "desks": _("How many desks"),
        }
        help_texts: ClassVar = {
            "from_time": _("Empty: all day."),
            "until_time": _("The same hours on each of the days. 00:00: until midnight."),
            "desks": _("Empty: all desks."),
            "branch": "",
        }

    def clean(self) -> None:
        super().clean()
        given = self.cleaned_data
        if given.get("from_date") and given.get("until_date") and given["until_date"] < given["from_date"]:
            self.add_error("until_date", _("The last date must not be before the first."))
        begins, ends = given.get("from_time"), given.get("until_time")
        if (begins or ends) and not (begins and ends and is_after(begins, ends)):
            self.add_error("until_time", _("Give both times, the first before the last, or none for the whole day."))


class ClosureForm(ClosedForm):
    """Closes one branch, or the whole agency if somebody says so.

    `closes_all_of` has the agencies that the user may close as a whole.
    """

    closes_all_of: QuerySet[Agency] | None = None

    everywhere = forms.BooleanField(label=_("The whole agency"), required=False, widget=UnfoldBooleanSwitchWidget)
    kind = forms.ChoiceField(
        label=_("Kind"),
        choices=[(kind, kind.label) for kind in (Closure.Kind.CLOSED, Closure.Kind.HOLIDAY)],
        widget=UnfoldAdminSelectWidget,
    )

    def clean(self) -> None:
        super().clean()
        self._refuse_foreign_places()
        self._refuse_second_holiday()

    def _refuse_foreign_places(self) -> None:
        given = self.cleaned_data
        agency, branch = given.get("agency"), given.get("branch")
        if agency is None or "branch" in self.errors:
            return
        if branch and branch.agency_id != agency.pk:
            self.add_error("branch", _("This branch belongs to another agency."))
        elif branch and given.get("everywhere"):
            self.add_error("branch", _("Choose one branch, or the whole agency, but not both."))
        elif not branch and not self._closes_all_of(agency):
            self.add_error("branch", _("Choose your branch: only who works for the whole agency closes all of it."))
        elif not branch and not given.get("everywhere"):
            self.add_error("branch", _("Choose a branch, or say that it is the whole agency."))

    def _closes_all_of(self, agency: Agency) -> bool:
        return self.closes_all_of is None or self.closes_all_of.filter(pk=agency.pk).exists()

    def _refuse_second_holiday(self) -> None:
        """Refuses a second holiday on the same day. The form skips the constraint where the branch is read-only."""
        given = self.cleaned_data
        branch = given.get("branch") or self.instance.branch
        if branch is None or given.get("kind") != Closure.Kind.HOLIDAY or not given.get("from_date"):
            return
        others = branch.closures.filter(kind=Closure.Kind.HOLIDAY, from_date=given["from_date"])
        if others.exclude(pk=self.instance.pk).exists():
            self.add_error("from_date", _("There is a holiday on this day already: change that one."))


class AbsenceForm(ClosedForm):
    """The absence of an officer, who is named. It takes away one desk, unless another number is given."""

    class Meta(ClosedForm.Meta):
        help_texts: ClassVar = ClosedForm.Meta.help_texts | {
            "desks": _("So many fewer people are served at the same time."),
            "officer": "",
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.initial.setdefault("desks", 1)
        if "officer" in self.fields:  # an officer whose account is gone has left an absence of nobody
            self.fields["officer"].required = self.instance.pk is None or self.instance.officer_id is not None
        if "branch" in self.fields:
            self.fields["branch"].required = True

    def clean(self) -> None:
        super().clean()
        self.instance.kind = Closure.Kind.ABSENCE
        self.cleaned_data["desks"] = self.cleaned_data.get("desks") or 1
        branch = self.cleaned_data.get("branch") or self.instance.branch
        if branch is not None:
            self.instance.agency_id = branch.agency_id
            self._refuse_foreign_officer(branch)

    def _refuse_foreign_officer(self, branch: Branch) -> None:
        officer = self.cleaned_data.get("officer")
        works_there = Q(branch=branch) | Q(branch=None, agency=branch.agency_id)
        if officer and not officer.memberships.filter(works_there).exists():
            self.add_error("officer", _("This officer does not work at the branch."))


class SplitForm(forms.Form):
    """Gives some desks of a rule another purpose."""

    class For:
        ASSISTED, SAME_DAY, WALK_IN = "assisted", "same_day", "walk_in"

    desks = forms.IntegerField(label=_("How many desks"), min_value=1, initial=1)
    purpose = forms.ChoiceField(
        label=_("What for"),
        choices=[
            (For.ASSISTED, _("Officers book them, for whoever calls or comes")),
            (For.SAME_DAY, _("Everybody books them, on the same day only")),
            (For.WALK_IN, _("Visits without an appointment")),
        ],
        widget=forms.RadioSelect,
        initial=For.ASSISTED,
    )
    release_at = forms.TimeField(
        label=_("Bookable from (time)"),
        required=False,
        widget=NativeTime,
        help_text=_("For the same day only: from this time of the day on."),
    )

    def __init__(self, rule: OpeningRule, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.rule = rule

    def clean_desks(self) -> int:
        desks: int = self.cleaned_data["desks"]
        if desks >= self.rule.desks:
            raise forms.ValidationError(_("At least one desk must stay: the rule has %d.") % self.rule.desks)
        return desks

    def clean(self) -> None:
        super().clean()
        given = self.cleaned_data
        same_day = given.get("purpose") == self.For.SAME_DAY
        if same_day and not given.get("release_at") and "release_at" not in self.errors:
            self.add_error("release_at", _("Say from what time on they can be booked."))

    @property
    def shared_out(self) -> dict[str, Any]:
        """Returns the arguments for `agencies.openings.walk_ins.split`."""
        given = self.cleaned_data
        if given["purpose"] == self.For.SAME_DAY:
            return {"desks": given["desks"], "purpose": self.rule.purpose, "release_at": given["release_at"]}
        return {"desks": given["desks"], "purpose": given["purpose"]}
