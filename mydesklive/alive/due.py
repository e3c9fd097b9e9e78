"""The work that is due at a time of the schedule (accounts/work/due.py)."""

from datetime import datetime, timedelta

from celery import current_app
from django.utils.translation import gettext_lazy as _

from accounts.models import Planned
from accounts.work.due import Lane, Rows, first


def _planned(now: datetime) -> Rows:
    """Periodic tasks that have not ended at their time: the nightly publishing, but also each sweep."""
    tasks = [entry["task"] for entry in current_app.conf.beat_schedule.values()]
    return first(Planned.objects.filter(task__in=tasks, next_at__lte=now), "next_at")


LANES = (Lane("planned tasks", _("Planned tasks"), timedelta(0), _planned),)
