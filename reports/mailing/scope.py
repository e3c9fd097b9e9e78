"""Whose figures a report has, and who may read them. It is asked when somebody subscribes, and again before each mail."""

from dataclasses import dataclass
from typing import Self

from allauth.account.models import EmailAddress

from accounts.models import User
from agencies.models import Branch
from reports.models import Subscription
from reports.selecting.selection import Selection
from reports.selecting.viewers import Viewer


@dataclass(frozen=True)
class Scope:
    """Agencies as a whole (primary keys; None: all), and branches of others. The published table has none."""

    agencies: frozenset[int] | None = frozenset()
    branches: frozenset[int] = frozenset()

    @classmethod
    def of(cls, selection: Selection) -> Self:
        """Returns whose figures these are. Filters by region, country, service and channel make no difference."""
        viewer = selection.viewer
        if selection.branch:
            return cls(branches=frozenset([selection.branch.pk]))
        if not selection.agency:
            return cls(viewer.agencies, viewer.branches)
        agency = selection.agency.pk
        if viewer.agencies is None or agency in viewer.agencies:
            return cls(frozenset([agency]))
        own = Branch.objects.filter(pk__in=viewer.branches, agency=agency)
        return cls(branches=frozenset(own.values_list("pk", flat=True)))

    @classmethod
    def had_by(cls, subscription: Subscription) -> Self:
        """Returns whose figures the report had when it was made."""
        agencies = None if subscription.agencies is None else frozenset(subscription.agencies)
        return cls(agencies, frozenset(subscription.branches))

    def is_seen_by(self, viewer: Viewer) -> bool:
        """Returns whether the viewer sees all of it."""
        if viewer.agencies is None:
            return True
        if self.agencies is None or not self.agencies <= viewer.agencies:
            return False
        others = Branch.objects.filter(pk__in=self.branches - viewer.branches)
        return viewer.agencies >= set(others.values_list("agency", flat=True))


def may_read(user: User, scope: Scope, *, is_public: bool) -> bool:
    """Returns whether a report may be mailed to the user: the address is theirs, and they may see what it says."""
    if not (user.is_active and has_proven_address(user)):
        return False
    viewer = Viewer.of(user)
    return is_public or (viewer.sees_figures and scope.is_seen_by(viewer))


def has_proven_address(user: User) -> bool:
    """Returns whether the user has typed a code that was sent to the present address. Others could read a mistyped one."""
    return EmailAddress.objects.filter(user=user, email=user.email, verified=True).exists()
