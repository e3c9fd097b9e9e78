"""Pages of the admin that update themselves. One cheap query tells whether anything has changed.

A page carries a sealed key. When it asks for news (`?key=…&seen=…`), the answer comes from the key, the session cookie
and one query. The query also checks that the person is still signed in and still works at the branch. So sixty desks
can ask again and again, and Django does not read the session, the user and the memberships each time.

The key stands in addresses, which proxies log. So nobody can read it, and it is sealed for the session: it is valid only
together with the cookie.
"""

import base64
import json
from dataclasses import dataclass
from datetime import datetime, timedelta

from cryptography.fernet import Fernet, InvalidToken
from django.conf import settings
from django.db import connection
from django.http import HttpRequest
from django.utils.crypto import salted_hmac

from accounts.people import signed_in
from agencies.access import REACHES
from agencies.models import Branch
from agencies.wallclock import midnight, zone_of
from appointments import sight
from videocalls.presence import AWAY

SALT = "appointments.admin.live"

# What pages show of a door. Whoever stands there asks all the time, so a row changes without anything new: only whether
# the person is here counts, not when the page has asked last.
DOOR = f"""
    call.phone_by, person.id, person.name, person.waiting_from, person.seat, person.left_at, person.told,
    person.seen_at > %(now)s - interval '{AWAY.total_seconds()} seconds'
"""
# `xmin` is the transaction that last wrote a row. So every change of a row changes the sum, even a change by plain SQL.
CHANGED = f"""
SELECT now_is.state, CASE WHEN now_is.state <> %(known)s THEN {{also}} END
FROM agencies_branch branch CROSS JOIN LATERAL (SELECT
    (SELECT count(*) || '.' || coalesce(sum(xmin::text::bigint), 0) FROM appointments_appointment
        WHERE branch_id = branch.id AND starts_at >= %(since)s AND starts_at < %(until)s)
    || '-' || (SELECT count(*) || '.' || coalesce(sum(xmin::text::bigint), 0) FROM appointments_ticket
        WHERE branch_id = branch.id AND day = %(day)s)
    || '-' || (SELECT coalesce(sum(xmin::text::bigint), 0) FROM appointments_desk WHERE branch_id = branch.id)
    || '-' || (SELECT coalesce(sum(hashtext(({DOOR})::text)), 0)
        FROM appointments_appointment visit JOIN videocalls_videocall call ON call.id = visit.video_call_id
            LEFT JOIN videocalls_participant person ON person.call_id = call.id AND person.waiting_from IS NOT NULL
        WHERE visit.branch_id = branch.id AND visit.starts_at >= %(since)s AND visit.starts_at < %(until)s)
    AS state) AS now_is
WHERE branch.id = %(branch)s
    AND EXISTS (SELECT FROM django_session WHERE session_key = %(session)s AND expire_date > %(now)s)
    AND EXISTS (
        SELECT FROM agencies_membership membership JOIN accounts_user person ON person.id = membership.user_id
        WHERE person.id = %(user)s AND person.is_active AND person.sessions_ended = %(ended)s AND {REACHES}
    )
"""


@dataclass(frozen=True)
class Live:
    """The answer to a poll: the user, the branch, the state of what the page shows, and `more`, the value of `also`."""

    user_id: int
    branch_id: int
    state: str
    more: str | None = None


def live_key(request: HttpRequest, branch: Branch) -> str:
    """Returns the sealed key with which this person can poll for this branch in this session."""
    user = signed_in(request)
    facts = [user.pk, user.sessions_ended, branch.pk, branch.timezone]
    return _seal(request.session.session_key or "").encrypt(json.dumps(facts).encode()).decode()


def _seal(session: str) -> Fernet:
    """Returns what seals and opens the keys of one session."""
    return Fernet(base64.urlsafe_b64encode(salted_hmac(SALT, session, algorithm="sha256").digest()))


def opened(request: HttpRequest, *, now: datetime, also: str = "NULL", known: str = "") -> Live | None:
    """Answers a poll with one query. Returns None if the person may see nothing.

    That is so if the person has signed out, no longer works at the branch, or sends a key that is wrong or too old.
    `also` is an SQL expression of ours about the row `branch`. Its value is returned as `more`, which is None while the
    state is still `known`.
    """
    session, key = request.COOKIES.get(settings.SESSION_COOKIE_NAME), request.GET.get("key", "")
    if not session:
        return None
    try:
        facts = _seal(session).decrypt(key.encode(), ttl=settings.SESSION_COOKIE_AGE)
        user, ended, branch, zone = json.loads(facts)
    except (InvalidToken, ValueError):  # a key of the release before has fewer facts
        return None
    today = now.astimezone(zone_of(zone)).date()
    since, until = (midnight(day, zone_of(zone)) for day in (today, today + timedelta(days=1)))
    params = {"branch": branch, "user": user, "ended": ended, "session": session, "now": now, "known": known}
    params |= {"since": since, "until": until, "day": today}
    with connection.cursor() as cursor:
        cursor.execute(CHANGED.format(also=also), params)
        row = cursor.fetchone()
    sight.read_by(user)
    return Live(user, branch, *row) if row else None
