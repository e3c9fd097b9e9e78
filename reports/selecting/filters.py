"""The filters of the pages. They live in the address, so that a view can be sent: its texts are the same in both languages."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, TypeVar

from django import forms
from django.http import QueryDict
from django.utils.formats import date_format
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from agencies.models import Agency, Branch, Channel, Procedure
from agencies.text import country_name
from reports.selecting.selection import Selection, months
from reports.selecting.viewers import Viewer

if TYPE_CHECKING:  # the type exists for the type checker alone
    from django.utils.functional import _StrPromise

Row = TypeVar("Row")
SHOWN = 12  # months, if none are asked for
MONTH = "%Y-%m"
Choices = Sequence[tuple[str, "str | _StrPromise"]]


@dataclass(frozen=True)
class OwnField:
    """A field that one page has besides the filters, and that always has a value. What there is to choose may depend on others.

    `wrong` says what is wrong with another value.
    """

    name: str
    label: "str | _StrPromise"
    choices: Callable[["FilterForm"], Choices]
    usual: Callable[["FilterForm"], str]
    wrong: "str | _StrPromise"


class FilterForm(forms.Form):
    """What somebody may ask for: only places that they see. A wrong value is told at its field, and counts as not given."""

    def __init__(
        self, given: QueryDict, *, viewer: Viewer, today: date, first: date, own: Sequence[OwnField] = ()
    ) -> None:
        self.viewer = viewer
        last = today.replace(day=1)
        self.months = months(min(first, last), last)
        self.usual = {"from": self.months[-SHOWN:][0], "until": last}
        self.agencies = _agencies(viewer)
        self.branches = _branches(viewer)
        chosen = _one(self.agencies, "slug", given.get("agency", ""))
        self.agency = chosen or (self.agencies[0] if len(self.agencies) == 1 else None)
        super().__init__(
            {name: given.get(name, "") for name in ("agency", "branch", "region", "country", "procedure", "channel")}
            | {name: given.get(name) or month.strftime(MONTH) for name, month in self.usual.items()}
            | {one.name: given.get(one.name) or one.usual(self) for one in own}
        )
        self.own = own
        self._add_own()
        self._add_fields()

    def _add_own(self) -> None:
        for one in self.own:
            field = forms.ChoiceField(label=one.label, choices=one.choices(self))
            field.error_messages["invalid_choice"] = one.wrong
            self.fields[one.name] = field

    def _add_fields(self) -> None:
        every = [(month.strftime(MONTH), date_format(month, "F Y")) for month in reversed(self.months)]
        self.fields["from"] = forms.ChoiceField(label=_("From"), choices=every)
        self.fields["until"] = forms.ChoiceField(label=_("Until"), choices=every)
        if len(self.agencies) > 1:
            self._add("agency", _("Agency"), [(one.slug, one.short_name) for one in self.agencies])
        here = [one for one in self.branches if self.agency in (None, one.agency)]
        if len(here) > 1 and (self.agency or self.viewer.sees_branches_alone):
            self._add("branch", _("Branch"), [(one.code, one.name) for one in here])
        regions = _named((one.region_el, one.region) for one in here if one.region_el)
        self._add("region", _("Region"), regions, others=not all(one.region_el for one in here))
        self._add("country", _("Country"), _named((one.country, country_name(one.country)) for one in here))
        self._add("procedure", _("Service"), [(one.code, one.name) for one in self._procedures()])
        self._add("channel", _("Channel"), Channel.choices)
        self.order_fields([one.name for one in self.own])

    def _add(self, name: str, label: "str | _StrPromise", choices: Choices, *, others: bool = False) -> None:
        """Adds a field, if there is a choice. `others` says whether something has none of the values."""
        if choices and len(choices) + others > 1:
            every = ("", pgettext_lazy("filter", "All"))
            self.fields[name] = forms.ChoiceField(label=label, choices=[every, *choices], required=False)
            self.fields[name].is_filter = True  # type: ignore[attr-defined]

    def _procedures(self) -> list[Procedure]:
        """Returns the services to choose from. Without an agency there would be hundreds, of which many have one name."""
        self.procedures = [*Procedure.objects.filter(agency=self.agency)] if self.agency else []
        return sorted(self.procedures, key=lambda one: one.name)

    def clean(self) -> None:
        if self.cleaned_data.get("from", "") > self.cleaned_data.get("until", "9"):
            self.add_error("until", _("The last month must not be before the first."))

    @property
    def selection(self) -> Selection:
        """Returns what is asked for, without what is wrong."""
        self.is_valid()
        said = self.cleaned_data
        since, until = (_month(said.get(name), usual) for name, usual in self.usual.items())
        return Selection(
            self.viewer,
            since=since,
            until=max(since, until),
            agency=self.agency,
            branch=_one(self.branches, "code", said.get("branch", "")),
            region=said.get("region", ""),
            country=said.get("country", ""),
            procedure=_one(self.procedures, "code", said.get("procedure", "")),
            channel=said.get("channel", ""),
            own={one.name: said.get(one.name) or one.usual(self) for one in self.own},
        )


def _month(text: str | None, usual: date) -> date:
    return date.fromisoformat(f"{text}-01") if text else usual


def _agencies(viewer: Viewer) -> list[Agency]:
    found = Agency.objects.all()
    if viewer.agencies is not None:
        found = found.filter(pk__in=viewer.agencies) | found.filter(branches__in=viewer.branches)
    return sorted(found.distinct(), key=lambda one: one.short_name)


def _branches(viewer: Viewer) -> list[Branch]:
    found = Branch.objects.in_order().select_related("agency")
    if viewer.agencies is not None:
        found = found.filter(agency__in=viewer.agencies) | found.filter(pk__in=viewer.branches)
    return [*found]


def _one(rows: list[Row], name: str, value: str) -> Row | None:
    return next((one for one in rows if getattr(one, name) == value), None) if value else None


def _named(pairs: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    return sorted(dict(pairs).items(), key=lambda pair: pair[1])
