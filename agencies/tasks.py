from celery import shared_task
from django.utils import timezone

from agencies.models import Branch
from agencies.openings.holidays import coming_years, load_holidays


@shared_task
def load_coming_holidays() -> None:
    """Holidays of this year and the next two, for branches that have none in one of them yet."""
    load_holidays(Branch.objects.all(), coming_years(timezone.localdate()))
