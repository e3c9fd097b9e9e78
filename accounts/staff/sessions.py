"""Sessions in the database that end. Those of people with a role end when nobody has done anything for a while.

`expire_date` of the row is the moment at which a session ends, so everything that reads it agrees, also the polls of pages
that keep themselves up to date with one query and without Django's session (appointments/admin/live.py).
"""

from datetime import datetime

from django.conf import settings
from django.contrib.sessions.backends.base import SessionBase
from django.contrib.sessions.backends.db import SessionStore as DatabaseStore

# Seconds since 1970: when the person signed in, and when a person with a role last did something.
SINCE, SEEN = "signed_in_at", "staff_seen_at"
# Seconds. The row is written so seldom, so a session can end as much earlier.
EVERY = 60


class SessionStore(DatabaseStore):
    """The engine of sessions, named in SESSION_ENGINE."""

    def get_session_cookie_age(self) -> int:
        """Returns the seconds without a change of the session after which it ends."""
        return settings.STAFF_IDLE_MINUTES * 60 if SEEN in self else settings.SESSION_COOKIE_AGE


def is_over(session: SessionBase, *, now: datetime) -> bool:
    """Returns whether somebody with a role has to sign in again, because the day's work is over or nobody was here."""
    at = now.timestamp()
    signed_in, seen = session.get(SINCE, at), session.get(SEEN, at)
    return at - signed_in >= settings.SESSION_COOKIE_AGE or at - seen >= settings.STAFF_IDLE_MINUTES * 60


def note_sign_in(session: SessionBase, *, has_role: bool, now: datetime) -> None:
    session[SINCE] = now.timestamp()
    if has_role:
        note_activity(session, now=now)


def note_activity(session: SessionBase, *, now: datetime) -> None:
    if now.timestamp() - session.get(SEEN, 0) >= EVERY:
        session[SEEN] = now.timestamp()


def is_fresh(session: SessionBase, seconds: int, *, now: datetime) -> bool:
    """Returns whether the person has signed in within these seconds."""
    return now.timestamp() - session.get(SINCE, 0) < seconds
