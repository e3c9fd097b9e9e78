"""The work that the worker owes the statistics of unmet demand (accounts/work/due.py)."""

from datetime import datetime, timedelta

from django.db.models import F, Max
from django.utils.translation import gettext_lazy as _

from accounts.work.due import Lane, Rows, first
from agencies.models import Branch, Search
from appointments.models import Journey, NothingFree
from reports.demand.counting import ROWS_STAY
from reports.models import SampledDay

DAY = timedelta(days=1)
LATELY = 30 * DAY
GONE = ROWS_STAY + 2 * DAY


def _unseen(now: datetime) -> Rows:
    """Open branches that were looked at lately, but not in the last day. A new one is looked at without being owed."""
    open_ones = Branch.objects.open().values("pk")
    lately = SampledDay.objects.filter(day__gte=now.date() - LATELY, branch__in=open_ones).order_by().values("branch")
    last = lately.annotate(since=Max("sampled_at") + DAY).filter(since__lte=now)
    return last.order_by("since").values_list("since", flat=True)[:1]


def _visits(now: datetime) -> tuple[Rows, ...]:
    """Rows of visitors that should be counted and gone, wherever their day was."""
    rows = (Journey.objects.annotate(at=F("held_at")), NothingFree.objects.all(), Search.objects.all())
    old = (one.filter(day__lt=now.date() - ROWS_STAY, at__lte=now - GONE) for one in rows)
    return tuple(first(one.annotate(since=F("at") + GONE), "since") for one in old)


LANES = (
    Lane("first free times", _("First free times to look up"), timedelta(hours=2), _unseen),
    Lane("visits", _("Visits to count and forget"), timedelta(hours=1), _visits),
)
