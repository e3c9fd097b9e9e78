"""Which figures are asked for: the months, and the places, services and channels."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta, timezone
from typing import Any, Self
from urllib.parse import urlencode

from django.utils.translation import gettext as _

from agencies.models import Agency, Branch, Channel, Procedure
from agencies.text import country_name
from reports.selecting.viewers import Viewer

LAST_CLOCK = timezone(timedelta(hours=-12))  # what is over by this one is over at all branches


@dataclass(frozen=True)
class Selection:
    """`since` and `until` are the first days of the first and of the last month. None and "" mean all that the viewer sees."""

    viewer: Viewer
    since: date
    until: date
    agency: Agency | None = None
    branch: Branch | None = None
    region: str = ""  # its Greek name
    country: str = ""
    procedure: Procedure | None = None
    channel: str = ""
    own: Mapping[str, str] = field(default_factory=dict)  # the values of the page's own fields

    @property
    def is_of_branches(self) -> bool:
        """Returns whether the figures are of some branches of an agency, and not of all."""
        return bool(self.branch or self.region or self.country or self.viewer.branches)

    @property
    def year_before(self) -> Self:
        return replace(self, since=_year_before(self.since), until=_year_before(self.until))

    def finished(self, today: date) -> Self | None:
        """Returns the selection with those of its months that are over, None if there are none."""
        last = (today.replace(day=1) - timedelta(days=1)).replace(day=1)
        return replace(self, until=min(self.until, last)) if last >= self.since else None

    def comparable(self, counted_at: datetime, first: date | None) -> tuple[Self, Self] | None:
        """Returns the months that are over, and the same months of the year before, if these begin at `first` or later.

        `first` is the first month that has figures. A month is over when it is at all branches.
        """
        over = self.finished(counted_at.astimezone(LAST_CLOCK).date())
        return (over, over.year_before) if over and first and first <= over.year_before.since else None

    @property
    def everything_there(self) -> Self:
        """Returns the selection without the service and the channel."""
        return replace(self, procedure=None, channel="")

    @property
    def of_last_month(self) -> Self:
        return replace(self, since=self.until)

    @property
    def end(self) -> date:
        """Returns the first day after the last month."""
        return next_month(self.until)

    @property
    def said(self) -> dict[str, str]:
        """Returns the filters as they stand in an address."""
        return {
            "agency": self.agency.slug if self.agency else "",
            "branch": self.branch.code if self.branch else "",
            "region": self.region,
            "country": self.country,
            "procedure": self.procedure.code if self.procedure else "",
            "channel": self.channel,
            **self.own,
        }

    def address(self, **changes: str) -> str:
        """Returns the view as the query of an address, with these changes. "" takes something away."""
        told = {"from": f"{self.since:%Y-%m}", "until": f"{self.until:%Y-%m}"} | self.said | changes
        return urlencode({name: value for name, value in told.items() if value})

    @property
    def words(self) -> list[tuple[str, str]]:
        """Returns the filters for people: what each is, and its value."""
        named = {
            _("Agency"): self.agency and self.agency.short_name,
            _("Branch"): self.branch and self.branch.name,
            _("Region"): self.region,
            _("Country"): self.country and country_name(self.country),
            _("Service"): self.procedure and self.procedure.name,
            _("Channel"): self.channel and str(Channel(self.channel).label),
        }
        return [(label, value) for label, value in named.items() if value]

    def where(self, row: str, *, branch: str = "") -> tuple[str, dict[str, Any]]:
        """Returns the SQL of the condition on rows of months, and its parameters.

        `row` is the alias of a table with month and agency_id; `branch` that of the joined branch, if rows have one.
        """
        said = [f"{row}.month BETWEEN %(since)s AND %(until)s", *self._place(row, branch), *self._kind(row)]
        return " AND ".join(said), {
            "since": self.since,
            "until": self.until,
            "seen_agencies": list(self.viewer.agencies or ()),
            "seen_branches": list(self.viewer.branches),
            "agency": self.agency and self.agency.pk,
            "branch": self.branch and self.branch.pk,
            "region": self.region,
            "country": self.country,
            "procedure": self.procedure and self.procedure.pk,
            "channel": self.channel,
        }

    def _place(self, row: str, branch: str) -> list[str]:
        said = []
        if self.viewer.agencies is not None:
            seen = f"{row}.agency_id = ANY(%(seen_agencies)s)"
            said.append(f"({seen} OR {branch}.id = ANY(%(seen_branches)s))" if branch else seen)
        if self.agency:
            said.append(f"{row}.agency_id = %(agency)s")
        if branch and self.branch:
            said.append(f"{branch}.id = %(branch)s")
        if branch and self.region:
            said.append(f"{branch}.region_el = %(region)s")
        if branch and self.country:
            said.append(f"{branch}.country = %(country)s")
        return said

    def _kind(self, row: str) -> list[str]:
        said = []
        if self.procedure:
            said.append(f"{row}.procedure_id = %(procedure)s")
        if self.channel:
            said.append(f"{row}.channel = %(channel)s")
        return said


def next_month(month: date) -> date:
    return date(month.year + month.month // 12, month.month % 12 + 1, 1)


def months(since: date, until: date) -> list[date]:
    """Returns the first days of all months from one to the other."""
    found = [since]
    while found[-1] < until:
        found.append(next_month(found[-1]))
    return found


def _year_before(month: date) -> date:
    return month.replace(year=month.year - 1)
