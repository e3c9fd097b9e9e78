"""Saving what an agency writes. Each save is a new version, and going back is one too, so nothing is ever lost."""

from datetime import datetime

from django.db import IntegrityError, transaction

from accounts.models import User
from accounts.typed import cleaned, on_one_line
from agencies.models import Agency
from appointments.errors import TextChanged
from appointments.messages.texts.checking import check
from appointments.messages.texts.kinds import Key
from appointments.models import OwnText


def write(agency: Agency, key: Key, subject: str, body: str, *, since: int, by: User, now: datetime) -> OwnText:
    """Save a new version after version `since`, which the writer has seen (0: none).

    Raises ValidationError if the text may not be sent, and TextChanged if there is a later version.
    """
    subject, body = on_one_line(subject), cleaned(body).strip()
    check(key, subject, body)
    return _add(agency, key, subject, body, since=since, by=by, now=now)


def reset(agency: Agency, key: Key, *, since: int, by: User, now: datetime) -> OwnText:
    """Go back to our text. Raises TextChanged if there is a later version."""
    return _add(agency, key, "", "", since=since, by=by, now=now)


def _add(agency: Agency, key: Key, subject: str, body: str, *, since: int, by: User, now: datetime) -> OwnText:
    latest = OwnText.objects.of(agency, *key).first()
    if since != (latest.version if latest else 0):
        raise TextChanged
    text = OwnText(agency=agency, **key._asdict(), version=since + 1, subject=subject, body=body)
    text.written_by, text.written_at = by, now
    try:
        with transaction.atomic():
            text.save(force_insert=True)
    except IntegrityError as error:
        raise TextChanged from error
    return text
