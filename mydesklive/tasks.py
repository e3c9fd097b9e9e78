from celery import shared_task
from django.core.management import call_command
from django.utils import timezone

from accounts import limits
from accounts.work.lanes import Sweep
from appointments import claims


@shared_task(base=Sweep)
def clear_sessions() -> None:
    call_command("clearsessions")


@shared_task(base=Sweep)
def clear_counts() -> None:
    """Delete what limits have counted in periods that are over, and who took times on the website a day ago."""
    now = timezone.now()
    limits.forget_past(now=now)
    claims.forget_old(now=now)
