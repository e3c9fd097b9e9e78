from contextlib import closing

from celery import shared_task
from django.core.mail import get_connection
from django.utils import timezone

from accounts.mails.handing import MAIL_SERVER
from accounts.work.lanes import Sweep
from reports import checking, counting
from reports.demand import counting as demand
from reports.demand import sampling
from reports.mailing import delivery, subscriptions
from reports.opening import releasing

CHECK_LIMIT = 2 * 60 * 60
# Seconds after which a run ends, and after which it is killed. Its lease is longer (reports/mailing/delivery.py).
RUN, MAILING_LIMIT = 30, 9 * 60


@shared_task(base=Sweep)
def count_changed() -> None:
    """Counts the days again on which something has changed."""
    counting.count_all(now=timezone.now())


@shared_task(base=Sweep)
def rebuild_counts() -> None:
    """Does what the release before this one asks for at night, while both run side by side."""
    counting.count_all(now=timezone.now())


@shared_task(base=Sweep, time_limit=CHECK_LIMIT)
def check_counts() -> None:
    """Compares the roll-ups with the rows, and tells the operators if they differ. It mends nothing."""
    checking.check(now=timezone.now())


@shared_task(base=Sweep)
def release_months() -> None:
    """Publishes the figures of the months that ended two weeks ago."""
    releasing.release_due(now=timezone.now())


@shared_task(base=Sweep)
def count_demand() -> None:
    """Counts what visitors of the website wanted, and takes away the rows of settled days."""
    demand.count(now=timezone.now())


@shared_task(base=Sweep)
def sample_waits() -> None:
    """Looks up the first free times of each branch whose morning has come."""
    sampling.sample(now=timezone.now())


@shared_task(base=Sweep, time_limit=MAILING_LIMIT)
def send_reports() -> None:
    """Sends the reports by mail that are due. It has its own lane, so nobody waits for a code behind a workbook."""
    subscriptions.owe_due(now=timezone.now())
    reader = delivery.Reader(timezone.now)
    with closing(get_connection()) as mailer:
        MAIL_SERVER.work(
            lambda _works: delivery.deal_with_next(mailer, reader, now=timezone.now()), clock=timezone.now, seconds=RUN
        )


@shared_task(base=Sweep)
def forget_mailings() -> None:
    """Forgets the mails of long ago, and what has ended then."""
    subscriptions.forget(now=timezone.now())
