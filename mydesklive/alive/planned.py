"""Notes when a periodic task has ended well, and until when its next run must have ended."""

import logging
from datetime import datetime, timedelta
from typing import Any

from celery.schedules import crontab
from django.db import DatabaseError
from django.utils import timezone

from accounts.models import Planned

logger = logging.getLogger(__name__)

# What a run may take, and the waiting before it. The nightly ones follow one another.
SOON, BY_MORNING = timedelta(minutes=15), timedelta(hours=2)
# A task that runs every few seconds is noted once in this time.
ENOUGH = timedelta(seconds=30)


def note(sender: Any, result: object, **kwargs: object) -> None:
    """Called by Celery after each task. A run that was left out because another one runs has the result 0."""
    schedule = {entry["task"]: entry["schedule"] for entry in sender.app.conf.beat_schedule.values()}.get(sender.name)
    if schedule is None or not result:
        return
    now = timezone.now()
    try:
        if not Planned.objects.filter(task=sender.name, ended_at__gt=now - ENOUGH, ended_at__lte=now).exists():
            Planned.objects.update_or_create(
                task=sender.name, defaults={"ended_at": now, "next_at": next_end(schedule, now)}
            )
    except DatabaseError:
        logger.warning("The end of %s could not be noted", sender.name, exc_info=True)


def next_end(schedule: crontab | float, now: datetime) -> datetime:
    """Returns until when the next run of a task that ends now must have ended."""
    if isinstance(schedule, crontab):
        return now + schedule.remaining_estimate(now) + BY_MORNING
    return now + timedelta(seconds=schedule) + SOON
