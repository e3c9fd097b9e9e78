from celery import shared_task
from django.utils import timezone

from agencies.models import Branch
from agencies.openings.holidays import coming_years, load_holidays


@shared_task
def load_coming_holidays() -> None:
    """Loads the holidays of this year and the next two, for each branch and year without any."""
    load_holidays(Branch.objects.all(), coming_years(timezone.localdate()))
