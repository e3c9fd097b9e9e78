from datetime import date

from django import forms
from django.core.exceptions import ValidationError
from django.http import QueryDict
from django.utils.translation import gettext_lazy as _


class PeriodForm(forms.Form):
    """The period of the figures. The default is the last twelve months."""

    since = forms.DateField(label=_("From"), widget=forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"}))
    until = forms.DateField(label=_("Until"), widget=forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"}))

    def __init__(self, given: QueryDict, *, today: date) -> None:
        self.usual = {"since": _a_year_before(today), "until": today}
        super().__init__({name: given.get(name) or day.isoformat() for name, day in self.usual.items()})

    def clean(self) -> None:
        since, until = self.cleaned_data.get("since"), self.cleaned_data.get("until")
        if since and until and until < since:
            self.add_error("until", _("The last date must not be before the first."))

    @property
    def period(self) -> tuple[date, date]:
        days = self.cleaned_data if self.is_valid() else self.usual
        return days["since"], days["until"]


def _a_year_before(day: date) -> date:
    """Returns the first day of the month twelve months ago."""
    return day.replace(year=day.year - 1, day=1)


class AsOfForm(forms.Form):
    """The last day of the figures. The default is today."""

    as_of = forms.DateField(
        label=_("Figures until"),
        widget=forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"}),
        error_messages={"invalid": _("Write the date as day/month/year, for example 30/11/2022.")},
    )

    def __init__(self, as_of: str, *, today: date) -> None:
        super().__init__({"as_of": as_of.strip() or today.isoformat()})
        self.today = today
        self.fields["as_of"].widget.attrs["max"] = today.isoformat()

    def clean_as_of(self) -> date:
        as_of: date = self.cleaned_data["as_of"]
        if as_of > self.today:
            raise ValidationError(_("Choose today or an earlier date."), code="future")
        return as_of
