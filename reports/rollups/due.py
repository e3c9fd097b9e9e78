"""The work that the worker owes reports (accounts/work/due.py)."""

from datetime import datetime, timedelta

from django.utils.translation import gettext_lazy as _

from accounts.work.due import Lane, Rows, first
from appointments.models import ChangedDay, Miscount


def _changed(_now: datetime) -> Rows:
    return first(ChangedDay.objects.all(), "since")


def _wrong(_now: datetime) -> Rows:
    return first(Miscount.objects.all(), "found_at")


LANES = (
    Lane("figures", _("Figures to count again"), timedelta(minutes=5), _changed),
    Lane("wrong figures", _("Figures that differ from the appointments"), timedelta(0), _wrong),
)
