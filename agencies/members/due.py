"""The work that the worker owes members of agencies (accounts/work/due.py)."""

from datetime import datetime, timedelta

from django.utils.translation import gettext_lazy as _

from accounts.work.due import Lane, Rows, first
from agencies.models import Membership


def _rights(now: datetime) -> Rows:
    return first(Membership.objects.lapsing(now=now), "due_at")


# Once a day.
LANES = (Lane("unused rights", _("Unused rights"), timedelta(days=2), _rights),)
