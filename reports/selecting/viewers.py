"""Who sees which figures. Nobody sees a name: figures are counts, and small ones stay within the state."""

from dataclasses import dataclass
from typing import Self

from django.contrib.auth.models import AnonymousUser

from accounts.models import User
from agencies import access


@dataclass(frozen=True)
class Viewer:
    """The agencies (primary keys) whose figures somebody sees as a whole, and the branches of others. None: all agencies."""

    agencies: frozenset[int] | None = frozenset()
    branches: frozenset[int] = frozenset()

    @classmethod
    def of(cls, user: User | AnonymousUser) -> Self:
        """Returns what the user sees. Officials and operators see all counts, supervisors those of their branches."""
        if not isinstance(user, User) or not user.is_active:
            return cls()
        if user.is_official or access.is_operator(user):
            return cls(agencies=None)
        agencies, branches = access.supervised_places(user)
        return cls(frozenset(agencies), frozenset(branches))

    @property
    def sees_figures(self) -> bool:
        return self.agencies is None or bool(self.agencies or self.branches)

    @property
    def sees_branches_alone(self) -> bool:
        """Returns whether there is no agency that they see as a whole."""
        return self.agencies is not None and not self.agencies


def is_colleague(user: User | AnonymousUser) -> bool:
    """Returns whether somebody works here at all. To others, pages that they may not see do not exist."""
    return isinstance(user, User) and user.has_role
