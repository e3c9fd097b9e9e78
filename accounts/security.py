"""Security events, and what this thread works on while they happen.

An event is one line of JSON of the logger `mydesklive.security`: what happened, who did it in which role, in which
request, and to which row. It names people and things by the numbers of their rows alone, so it can be shipped to others.
"""

import logging
import re
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass
from enum import StrEnum

from django.db import transaction

logger = logging.getLogger("mydesklive.security")

# What can be told: numbers, and words of our own. An address, a name or a text is none of these.
_WORD = re.compile(r"[a-z0-9_]([-a-z0-9_.:]{0,78}[a-z0-9_])?")
Detail = int | str | None


class What(StrEnum):
    SIGNED_IN = "signed_in"
    SIGN_IN_FAILED = "sign_in_failed"
    SIGNED_OUT = "signed_out"
    SESSION_OVER = "session_over"
    SIGNED_UP = "signed_up"
    IDENTITY_GIVEN = "identity_given"
    CODE_MAILED = "code_mailed"
    CODE_FAILED = "code_failed"
    ADDRESS_CONFIRMED = "address_confirmed"
    ADDRESS_CHANGED = "address_changed"
    FACTOR_ADDED = "factor_added"
    FACTOR_REMOVED = "factor_removed"
    FACTOR_RESET = "factor_reset"
    FACTOR_SHOWN = "factor_shown"
    FACTOR_FAILED = "factor_failed"
    ROLE_OFFERED = "role_offered"
    ROLE_OFFER_ENDED = "role_offer_ended"
    ROLE_GIVEN = "role_given"
    ROLE_CHANGED = "role_changed"
    ROLE_TAKEN = "role_taken"
    ACCOUNT_CHANGED = "account_changed"
    TOKEN_MADE = "token_made"  # noqa: S105 (a word, not a token)
    TOKEN_CHANGED = "token_changed"  # noqa: S105
    TOKEN_ENDED = "token_ended"  # noqa: S105
    TOKEN_REFUSED = "token_refused"  # noqa: S105
    RECORD_READ = "record_read"
    FEED_MADE = "feed_made"
    FEED_READ = "feed_read"
    PERSONAL_DATA_ERASED = "personal_data_erased"
    LIMIT_PASSED = "limit_passed"
    REFUSED = "refused"


@dataclass(frozen=True)
class Actor:
    user: int | None = None
    role: str = "guest"


@dataclass(frozen=True)
class Work:
    """A request or a task. All lines that are logged meanwhile carry its `id`."""

    id: str
    who: Callable[[], Actor] = Actor


CURRENT: ContextVar[Work | None] = ContextVar("work", default=None)
_NO_REQUEST = Actor(role="console")


def tell(what: What, *, actor: Actor | None = None, **about: Detail) -> None:
    """Log the event. The actor is by default whoever sent the request that is worked on."""
    work = CURRENT.get()
    if actor is None:
        actor = work.who() if work else _NO_REQUEST
    told = {"event": str(what), "actor": actor.user, "role": actor.role}
    logger.info("%s", what, extra={"told": told | {name: _plain(detail) for name, detail in about.items()}})


def tell_when_done(what: What, **about: Detail) -> None:
    """Log the event after the transaction. What is rolled back has not happened."""
    transaction.on_commit(lambda: tell(what, actor=None, **about))


def _plain(detail: Detail) -> Detail:
    return detail if detail is None or isinstance(detail, int) or _WORD.fullmatch(detail) else "…"
