from datetime import date

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _


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
