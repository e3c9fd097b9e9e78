from celery import shared_task
from django.utils import timezone

from accounts.work.lanes import Sweep
from reports import counting


@shared_task(base=Sweep)
def rebuild_counts() -> None:
    counting.rebuild(now=timezone.now())
