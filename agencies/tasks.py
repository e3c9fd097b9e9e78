from celery import shared_task
from django.utils import timezone

from agencies.holidays import load_holidays
from agencies.models import Branch

YEARS_AHEAD = 2


@shared_task
def load_coming_holidays() -> None:
    """Holidays of this year and the next two, for branches that have none in one of them yet."""
    year = timezone.localdate().year
    load_holidays(Branch.objects.all(), range(year, year + YEARS_AHEAD + 1))
