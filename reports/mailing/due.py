"""The work that the worker owes to those who get reports by mail (accounts/work/due.py)."""

from datetime import datetime, timedelta

from django.utils.translation import gettext_lazy as _

from accounts.work.due import Lane, Rows, first
from reports.models import Sending, Subscription


def _mails(now: datetime) -> tuple[Rows, ...]:
    return first(Subscription.objects.due(now=now), "due_at"), first(Sending.objects.due(now=now), "retry_at")


LANES = (Lane("reports", _("Reports by mail"), timedelta(minutes=30), _mails),)
