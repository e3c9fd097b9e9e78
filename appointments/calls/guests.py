"""Sending a guest's link by mail, to an address that is used for this one message."""

from datetime import datetime

from django.db import transaction

from accounts.work.waking import wake_worker
from appointments.errors import TooManyLinks
from appointments.models import Notice, Notification
from appointments.models.notification import NoticeQuerySet
from videocalls.models import Participant, VideoCall

# Mails with links for one call: each guest's address may have been mistyped once or twice.
MOST = 10


@transaction.atomic
def send_link(guest: Participant, address: str, *, language: str, now: datetime) -> None:
    """Owes the mail with the guest's link. While it is on its way to the same address, nothing more is owed.

    Raises TooManyLinks.
    """
    call = VideoCall.objects.select_for_update(no_key=True).get(pk=guest.call_id)
    to_guest = {"guest": guest, "kind": Notice.Kind.GUEST, "medium": Notification.Medium.EMAIL, "address": address}
    if Notice.objects.open().filter(**to_guest).exists():
        return
    if Notice.objects.filter(guest__call=call).count() >= MOST:
        raise TooManyLinks
    Notice.objects.create(**to_guest, language=language, due_at=now)
    wake_worker("appointments.tasks.deliver_urgent")


def mailed_links(call: VideoCall | None) -> NoticeQuerySet:
    """Returns the latest mail to each guest of the call."""
    of_call = Notice.objects.filter(guest__call=call) if call else Notice.objects.none()
    return of_call.order_by("guest_id", "-pk").distinct("guest_id")
