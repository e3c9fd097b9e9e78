"""The work that the worker owes accounts (accounts/work/due.py)."""

from datetime import datetime, timedelta

from django.utils.translation import gettext_lazy as _

from accounts.models import AccountMail
from accounts.work.due import Lane, Rows, first


def _codes(now: datetime) -> Rows:
    return first(AccountMail.objects.due(now=now), "due_at")


LANES = (Lane("codes", _("Codes for signing in"), timedelta(minutes=2), _codes),)
