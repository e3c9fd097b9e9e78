"""The tasks of the worker. Each may run at any time, twice, or in parallel with itself.

The periodic ones are sweeps: each has a lane of its own in the worker (accounts/work/lanes.py).
"""

from contextlib import closing
from functools import partial

from celery import shared_task
from django.core.mail import get_connection
from django.utils import timezone

from accounts.mails.handing import MAIL_SERVER
from accounts.peers import Peer
from accounts.work.lanes import LONGEST, Sweep
from accounts.work.sweeps import each
from agencies.models import Branch
from appointments import booking, counter, disruptions
from appointments.booking import retention
from appointments.calls import provision
from appointments.counter import delays, desks
from appointments.history import worker
from appointments.messages.delivery import GATEWAY, LEASE, deliver
from appointments.messages.notices import turns
from appointments.messages.notices.sending import deal_with_next
from appointments.messages.returned import reading
from appointments.models import Appointment, Disruption, Notice, Notification
from appointments.models.notification import NoticeQuerySet, NotificationQuerySet
from appointments.times import publishing
from appointments.watch import alerts
from videocalls import meetings, rooms, servers
from videocalls.models import Meeting, VideoCall

# How many rows one run deals with at most. The next run, seconds later, continues.
SWEEP = 200
MAILS, SMS = Notification.objects.by_mail(), Notification.objects.by_sms()

# Seconds after which a run is killed: a run of the sweep, and the slowest conversation that can begin at its end.
SENDING_LIMIT = LONGEST + LEASE.total_seconds() + 30
# Seconds for a sweep that asks nobody but the database.
QUICK_LIMIT = 2 * LONGEST


@shared_task(base=Sweep, width=2, time_limit=SENDING_LIMIT)
def deliver_due() -> None:
    """Send the mails that are due, one after the other, over one connection to the mail server."""
    _deliver(MAIL_SERVER, MAILS.urgent(), MAILS.planned())


@shared_task(base=Sweep, time_limit=SENDING_LIMIT)
def deliver_urgent() -> None:
    """Send the mails that somebody waits for at this moment, while others send what is due to many."""
    _deliver(MAIL_SERVER, MAILS.urgent(), first=Notice.objects.by_mail())


@shared_task(base=Sweep, time_limit=SENDING_LIMIT)
def deliver_sms() -> None:
    """Send the SMS that are due."""
    _deliver(GATEWAY, SMS.urgent(), SMS.planned())


@shared_task(base=Sweep, time_limit=SENDING_LIMIT)
def deliver_urgent_sms() -> None:
    """Send the SMS that somebody waits for at this moment."""
    _deliver(GATEWAY, SMS.urgent(), first=Notice.objects.by_sms())


def _deliver(through: Peer, *lanes: NotificationQuerySet, first: NoticeQuerySet | None = None) -> None:
    """Send what is due in the lanes, and before it the notices of `first`."""
    notices = None if first is None else partial(deal_with_next, among=first, clock=timezone.now)
    deliver(*lanes, through=through, clock=timezone.now, seconds=LONGEST, first=notices)


@shared_task(base=Sweep, time_limit=SENDING_LIMIT)
def read_mailbox() -> None:
    """Read which mails came back, and who declined an invitation in a calendar."""
    reading.read(now=timezone.now())


@shared_task(base=Sweep)
def check_alerts() -> None:
    """Raise and clear the alerts of all branches, and mail the supervisors what is new."""
    each([alerts.check], lambda check: check(now=timezone.now()), doing="looking for alerts")
    with closing(get_connection()) as mailer:
        for _ in range(SWEEP):
            if not alerts.mail_next(mailer, now=timezone.now()):
                break


@shared_task(base=Sweep, time_limit=QUICK_LIMIT)
def expire_due() -> None:
    """Give back the times of overdue holds and of bookings that were never verified; forget what was typed meanwhile."""
    retention.forget_typed(now=timezone.now())
    while booking.expire(by=worker("expire_due"), now=timezone.now(), limit=SWEEP) == SWEEP:
        pass


@shared_task(base=Sweep)
def look_after_disruptions() -> None:
    """Offer another time to every citizen whose time cannot be kept. Continues where a stopped worker left off."""
    by = worker("look_after_disruptions")
    each(
        Disruption.objects.to_look_after(now=timezone.now()).order_by("pk"),
        lambda disruption: disruptions.look_after(disruption, by=by, now=timezone.now()),
        doing="looking after the disruption",
    )


@shared_task(base=Sweep, time_limit=SENDING_LIMIT)
def provide_video_calls() -> None:
    """Give every booked video appointment its call, and tell the video providers about calls they do not know yet."""
    now, by = timezone.now(), worker("provide_video_calls")
    without = Appointment.objects.without_call(now=now).order_by("starts_at").values_list("pk", flat=True)
    each(without[:SWEEP], lambda pk: provision.give_call(pk, by=by, now=now), doing="giving a call to the appointment")
    each(
        VideoCall.objects.to_prepare(now=now).order_by("opens_at")[:SWEEP],
        lambda call: provision.prepare(call, by=by, now=timezone.now()),
        doing="preparing the call",
    )
    each(
        provision.untold_fallbacks(now=now)[:SWEEP],
        lambda pk: provision.tell_fallback(pk, by=by, now=now),
        doing="telling that the call has moved",
    )
    servers.forget(now=now)
    each(
        servers.to_look_at(now=now),
        lambda call: servers.look(call, now=timezone.now()),
        doing="looking at the server of the call",
    )


@shared_task(base=Sweep, time_limit=SENDING_LIMIT)
def remove_meetings() -> None:
    """Take away what video providers keep for calls that nobody needs any more."""
    now = timezone.now()
    provision.drop_needless(now=now)
    meetings.find_unneeded(now=now)
    each(
        Meeting.objects.to_remove(now=now).order_by("unneeded_at")[:SWEEP],
        lambda meeting: meetings.remove(meeting, now=timezone.now()),
        doing="removing the meeting",
    )


@shared_task(base=Sweep, time_limit=QUICK_LIMIT)
def follow_windows() -> None:
    """Let the rooms of video calls open and close, and be where, as appointments and agencies say now."""
    provision.follow_windows(now=timezone.now())
    provision.follow_links(now=timezone.now())


@shared_task(base=Sweep, time_limit=QUICK_LIMIT)
def forget_calls() -> None:
    """Forget who was in video rooms that closed an hour ago."""
    rooms.forget(now=timezone.now())


@shared_task(base=Sweep, time_limit=QUICK_LIMIT)
def tell_delays() -> None:
    """Tell every citizen once who will be served much later than promised."""
    delays.tell(now=timezone.now())


@shared_task(base=Sweep, time_limit=QUICK_LIMIT)
def tell_turns() -> None:
    """Tell whoever waits in a line at home, and has asked for it, that they are next or are called."""
    turns.tell(now=timezone.now())


@shared_task(base=Sweep, time_limit=QUICK_LIMIT)
def free_desks() -> None:
    """Free the desks of people who no longer serve at the branch."""
    desks.free_of_strangers(by=worker("free_desks"), now=timezone.now())


@shared_task(base=Sweep)
def close_past_days() -> None:
    """End the queues of days that are over on the branch's clock."""
    counter.close_past(by=worker("close_past_days"), now=timezone.now())


@shared_task
def keep_promises(branch_pk: int) -> None:
    """Put the branch's appointments back on their promised wall-clock times. Only a person's confirmation starts it."""
    disruptions.keep_promises(Branch.objects.get(pk=branch_pk), by=worker("keep_promises"), now=timezone.now())


@shared_task
def publish_agency(agency_pk: int) -> None:
    publishing.publish_each(Branch.objects.filter(agency=agency_pk).values_list("pk", flat=True), now=timezone.now())


@shared_task(base=Sweep)
def publish_all() -> None:
    publishing.publish_all(now=timezone.now())


@shared_task(base=Sweep)
def forget() -> None:
    """Erase personal data after the agency's retention period, and stop counting past appointments towards limits."""
    now = timezone.now()
    each(
        [retention.erase_old, retention.uncount_past, retention.forget_received, reading.forget],
        lambda step: step(now=now),
        doing="forgetting",
    )
