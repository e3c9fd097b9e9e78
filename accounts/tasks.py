"""The worker's tasks about accounts. Each may run at any time, twice, or in parallel with itself."""

from contextlib import closing

from celery import shared_task
from django.core.mail import get_connection
from django.utils import timezone

from accounts.mails import outbox
from accounts.mails.handing import MAIL_SERVER
from accounts.work.lanes import Sweep

# Seconds after which a run ends; the next one, seconds later, continues. A server that answers a letter at a time would
# keep a run for ever, so it is stopped.
RUN, STOPPED, KILLED = 30, 90, 110


@shared_task(base=Sweep, soft_time_limit=STOPPED, time_limit=KILLED)
def send_codes() -> None:
    """Send the mails about accounts that are due, codes above all, over one connection to the mail server."""
    with closing(get_connection()) as mailer:
        MAIL_SERVER.work(
            lambda _works: outbox.deal_with_next(mailer, now=timezone.now()), clock=timezone.now, seconds=RUN
        )


@shared_task(base=Sweep)
def forget_mails() -> None:
    outbox.forget(now=timezone.now())
