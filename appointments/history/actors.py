"""Who takes a step. The outermost caller (a view, a task, a command) says it once; verbs hand it on to the history."""

from dataclasses import dataclass

from accounts.models import User
from appointments.models import Event

By = Event.By


@dataclass(frozen=True, slots=True)
class Actor:
    """A person or a program in one role, and the page (the name of its address, or of a task) from which it acts."""

    by: Event.By
    user: User | None = None
    page: str = ""

    @property
    def citizen(self) -> User | None:
        """The account of the citizen who acts, if signed in."""
        return self.user if self.by == By.CITIZEN else None

    @property
    def officer(self) -> User | None:
        return self.user if self.by == By.OFFICER else None

    @property
    def is_for_agency(self) -> bool:
        """Whether the agency acts, which may do so up to the last minute: an officer, its own system, or the worker."""
        return self.by in (By.OFFICER, By.SYSTEM, By.WORKER)


def worker(task: str) -> Actor:
    """The service itself, in one of its tasks."""
    return Actor(By.WORKER, page=task)
