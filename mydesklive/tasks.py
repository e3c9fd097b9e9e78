from celery import shared_task
from django.core.management import call_command

from accounts.work.lanes import Sweep


@shared_task(base=Sweep)
def clear_sessions() -> None:
    call_command("clearsessions")
