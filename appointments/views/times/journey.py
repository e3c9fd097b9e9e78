"""The steps to a time: the questions about channel and branch. The answers are in the address."""

from datetime import datetime
from functools import cached_property
from urllib.parse import urlencode

from django.http import Http404
from django.urls import reverse

from agencies import offering
from agencies.models import Branch, Procedure
from agencies.offering import Offering
from appointments.forms import BranchForm, ChannelForm
from appointments.models import Appointment
from appointments.times import glance
from appointments.times.availability import FreeTime


class Journey:
    """A service and the answers given so far. A question with only one possible answer is not asked."""

    def __init__(self, procedure: Procedure, query: dict[str, str], offered: Offering) -> None:
        self.procedure, self.agency, self.offered, self._query = procedure, procedure.agency, offered, query

    @classmethod
    def find(cls, platform_slug: str, code: str, query: dict[str, str]) -> "Journey":
        """Takes one query. Raises Http404 if the public cannot book the service."""
        offered = offering.current()
        procedure = offered.services.get((platform_slug, code))
        if procedure is None:
            raise Http404
        return cls(procedure, query, offered)

    def to(self, held: Appointment) -> "Journey":
        """Returns the journey whose answers are those of the held time."""
        return Journey(held.procedure, {"channel": held.channel, "branch": held.branch.code}, self.offered)

    def lend(self, held: Appointment) -> None:
        """Gives the held time the rows that this journey has of its service and branch, so that they are not read again."""
        held.procedure, held.agency = self.procedure, self.agency
        of_agency = self.offered.branches.get(self.agency.pk, [])
        if branch := next((one for one in of_agency if one.pk == held.branch_id), None):
            held.branch = branch

    @cached_property
    def channel_form(self) -> ChannelForm:
        channels = self.procedure.channels
        only = channels[0] if len(channels) == 1 else self._query.get("channel", "")
        return ChannelForm(self.procedure, {"channel": only})

    @cached_property
    def channel(self) -> str:
        return self.channel_form.cleaned_data["channel"] if self.channel_form.is_valid() else ""

    @property
    def channel_label(self) -> str:
        return dict(self.procedure.channel_choices)[self.channel]

    @cached_property
    def branches(self) -> list[Branch]:
        """The branches that may be chosen. While the channel is not known, all open branches of the agency."""
        if self.channel:
            return self.offered.serving(self.procedure, self.channel)
        return self.offered.branches.get(self.agency.pk, [])

    @property
    def only_branch(self) -> Branch | None:
        return self.branches[0] if len(self.branches) == 1 else None

    @cached_property
    def branch_form(self) -> BranchForm:
        given = self._query.get("branch", "")
        code = self.only_branch.code if self.only_branch and not given else given
        return BranchForm(self.procedure, self.branches, {"branch": code})

    @cached_property
    def branch(self) -> Branch | None:
        return self.branch_form.cleaned_data["branch"] if self.channel and self.branch_form.is_valid() else None

    @property
    def _branch_code(self) -> str:
        return self.branch.code if self.branch else ""

    @cached_property
    def questions(self) -> list[str]:
        asked = ["channel"] if len(self.procedure.channels) > 1 else []
        asked += [] if self.only_branch else ["branch"]
        whom = ["whom"] if len(self.procedure.booked_for) > 1 else []
        return [*asked, "times", *whom, "details", "check"]

    def free(self, now: datetime) -> dict[str, dict[int, FreeTime]]:
        """Returns the earliest time of each branch (its key) in each channel of the service, as at a glance."""
        return glance.earliest_in(self.procedure.channels, self.procedure, self.offered, now=now)

    @property
    def next_question(self) -> str:
        if not self.channel:
            return "channel"
        return "times" if self.branch else "branch"

    def step(self, question: str) -> dict[str, int]:
        """Returns the number of this question and the number of all questions."""
        return {
            "step": self.questions.index(question) + 1 if question in self.questions else 1,
            "steps": len(self.questions),
        }

    def address(self, question: str, **more: str) -> str:
        """Returns the address of the question's page, with the answers to the questions before it."""
        answers = {"branch": {"channel": self.channel}, "times": {"channel": self.channel, "branch": self._branch_code}}
        query = urlencode({name: value for name, value in (answers.get(question, {}) | more).items() if value})
        path = reverse(f"appointments:{question}", args=[self.agency.platform_slug, self.procedure.code])
        return f"{path}?{query}" if query else path

    def address_after(self, question: str) -> str:
        return self.address(self.questions[self.questions.index(question) + 1])

    def address_before(self, question: str) -> str:
        """Returns the address of the page before: the question before this one, or the service's own page."""
        place = self.questions.index(question) if question in self.questions else 0
        return self.address(self.questions[place - 1]) if place else self.procedure_address

    @property
    def procedure_address(self) -> str:
        return reverse("appointments:procedure", args=[self.agency.platform_slug, self.procedure.code])

    def context(self, question: str) -> dict[str, object]:
        """Returns the context that the template of every question needs."""
        return {
            "journey": self,
            "agency": self.agency,
            "procedure": self.procedure,
            "back_url": self.address_before(question),
            **self.step(question),
        }
