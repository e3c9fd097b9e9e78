from celery import shared_task
from django.utils import timezone

from reports import counting


@shared_task
def rebuild_counts() -> None:
    counting.rebuild(now=timezone.now())
