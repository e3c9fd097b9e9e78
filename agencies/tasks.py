from celery import shared_task
from django.utils import timezone

from accounts.work.lanes import Sweep
from accounts.work.sweeps import each
from agencies.members import inviting, lapsing
from agencies.models import Branch, Membership
from agencies.openings.holidays import coming_years, load_holidays


@shared_task(base=Sweep)
def load_coming_holidays() -> None:
    """Loads the holidays of this year and the next two, for each branch and year without any."""
    years = coming_years(timezone.localdate())
    each(
        Branch.objects.all(),
        lambda branch: load_holidays(Branch.objects.filter(pk=branch.pk), years),
        doing="loading the holidays of",
    )


@shared_task(base=Sweep)
def forget_invitations() -> None:
    inviting.forget(now=timezone.now())


@shared_task(base=Sweep)
def lapse_rights() -> None:
    """Warns those who do not use their role, and ends the roles of those whom the warning did not move."""
    now = timezone.now()
    each(
        Membership.objects.lapsing(now=now).order_by("pk"),
        lambda membership: lapsing.follow(membership, now=now),
        doing="looking after the unused",
    )
