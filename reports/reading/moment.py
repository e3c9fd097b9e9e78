"""Until when the figures are counted."""

from datetime import datetime

from django.db.models import Min

from appointments.models import ChangedDay


def counted_until(*, now: datetime) -> datetime:
    """Returns the moment (UTC) until which every change is in the figures."""
    oldest: datetime | None = ChangedDay.objects.aggregate(oldest=Min("since"))["oldest"]
    return min(oldest or now, now)
