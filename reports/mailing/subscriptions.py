"""The lists of reports by mail: made, paused, ended; and their mails owed at the moments of the schedules.

`owe_due` writes a row for each person and moment, in the transaction that moves the subscription on to its next moment. So a
worker that was away writes them later, and none twice. Of moments that were missed only the last one counts: its mail says
how many were left out.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.utils import translation

from accounts.mails import outbox
from accounts.models import User
from accounts.work import leases
from accounts.work.sweeps import each
from reports.mailing import letters, schedule
from reports.mailing.scope import Scope
from reports.models import Recipient, Sending, Subscription

State, End = Sending.State, Subscription.End
# Rows are forgotten after so long, with the subscriptions that have ended.
KEPT = timedelta(days=180)


@transaction.atomic
def subscribe(user: User, people: Iterable[User], *, scope: Scope, now: datetime, **said: Any) -> Subscription:
    """Have a report sent to these people from the next moment of the schedule on."""
    subscription = Subscription.objects.create(
        user=user,
        agencies=None if scope.agencies is None else sorted(scope.agencies),
        branches=sorted(scope.branches),
        created_at=now,
        due_at=schedule.following(said["schedule"], now),
        **said,
    )
    Recipient.objects.bulk_create(Recipient(subscription=subscription, user=one) for one in people)
    return subscription


@transaction.atomic
def change(subscription: Subscription, people: Iterable[User], *, now: datetime, **said: Any) -> bool:
    """Send it so, and to these people, from now on. Return False if it has ended meanwhile.

    What is owed for a moment that has come is still sent to those who stay.
    """
    running = Subscription.objects.select_for_update(no_key=True).filter(pk=subscription.pk, ended_at=None)
    if (known := running.first()) is None:
        return False
    if known.schedule != said["schedule"]:
        said["due_at"] = schedule.following(said["schedule"], now)
    running.update(**said)
    wanted = {one.pk for one in people}
    known.recipients.filter(stopped_at=None).exclude(user__in=wanted).delete()
    missing = wanted - set(known.recipients.values_list("user", flat=True))
    Recipient.objects.bulk_create(Recipient(subscription=known, user_id=one) for one in sorted(missing))
    return True


@transaction.atomic
def pause(subscription: Subscription, *, now: datetime) -> None:
    """Send nothing until it is resumed, not even what is owed. Repeating it changes nothing."""
    if Subscription.objects.running().filter(pk=subscription.pk).update(paused_at=now):
        _drop_owed(subscription)


@transaction.atomic
def resume(subscription: Subscription, *, now: datetime) -> None:
    """Send again from the next moment on. What was left out meanwhile is not sent. Repeating it changes nothing."""
    paused = Subscription.objects.filter(pk=subscription.pk, ended_at=None, paused_at__isnull=False)
    paused.update(paused_at=None, due_at=schedule.following(subscription.schedule, now))


def _drop_owed(subscription: Subscription) -> None:
    owed = Sending.objects.filter(recipient__subscription=subscription, state=State.PENDING)
    owed.update(state=State.DROPPED, leased_until=None)


def owe_due(*, now: datetime) -> int:
    """Owe the mails of all moments that have come. Return of how many subscriptions."""
    due = Subscription.objects.due(now=now).order_by("due_at", "pk")
    return sum(each(due, lambda one: _owe(one, now), doing="owing the mails of"))


@transaction.atomic
def _owe(known: Subscription, now: datetime) -> bool:
    """Owe the mails of the last moment that has come, and move on. Return False if another worker has done it."""
    subscription = leases.lock_first(Subscription.objects.due(now=now).filter(pk=known.pk))
    if subscription is None:
        return False
    *missed, moment = schedule.missed(subscription.schedule, subscription.due_at, now=now)
    if schedule.day_of(moment) > subscription.last_day:
        end(subscription, End.OVER, now=now)
        return True
    earlier = Sending.objects.filter(recipient__subscription=subscription, state=State.PENDING, moment__lt=moment)
    earlier.filter(leases.is_free(now=now)).update(state=State.DROPPED)
    row = {"moment": moment, "retry_at": moment, "left_out": len(missed)}
    reading = subscription.recipients.filter(stopped_at__isnull=True)
    Sending.objects.bulk_create([Sending(recipient=one, **row) for one in reading], ignore_conflicts=True)
    subscription.due_at = schedule.following(subscription.schedule, moment)
    subscription.save(update_fields=["due_at"])
    return True


@transaction.atomic
def end(subscription: Subscription, reason: str, *, now: datetime) -> None:
    """End the subscription, drop what is still owed, and owe the news to who made it. Repeating it changes nothing."""
    running = Subscription.objects.filter(pk=subscription.pk, ended_at=None)
    if not running.update(ended_at=now, end=reason):
        return
    subscription.ended_at, subscription.end = now, reason
    _drop_owed(subscription)
    with translation.override(subscription.user.language):
        outbox.owe(letters.ended(subscription), "report_ended", now=now)


@transaction.atomic
def stop(recipient: Recipient, *, now: datetime) -> None:
    """Send no more mails to the person. A list of nobody ends. Repeating it changes nothing."""
    Recipient.objects.filter(pk=recipient.pk, stopped_at=None).update(stopped_at=now)
    Sending.objects.filter(recipient=recipient, state=State.PENDING).update(state=State.DROPPED, leased_until=None)
    subscription = Subscription.objects.select_for_update(no_key=True).get(pk=recipient.subscription_id)
    if not subscription.recipients.filter(stopped_at=None).exists():
        end(subscription, End.STOPPED, now=now)


def forget(*, now: datetime) -> int:
    """Delete the rows of mails of long ago, and the subscriptions that ended then; return how many."""
    ended = Subscription.objects.filter(ended_at__lt=now - KEPT)
    old = Sending.objects.filter(moment__lt=now - KEPT).exclude(state=State.PENDING)
    return old.delete()[0] + ended.delete()[0]
