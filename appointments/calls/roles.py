"""Whoever loses a role, or the account, is put out of the rooms of calls: pages look at the role only as one enters."""

from typing import Any

from django.db.models.signals import post_delete, post_save
from django.dispatch import receiver
from django.utils import timezone

from accounts.models import User
from agencies import access
from agencies.models import Membership
from appointments.models import Appointment, Ticket
from videocalls import presence
from videocalls.models import Participant


def host_key(officer: int | None) -> str:
    """Returns the key of the officer (primary key) among the participants of a call."""
    return f"officer-{officer}"


@receiver([post_save, post_delete], sender=Membership)
def membership_changed(instance: Membership, **kwargs: Any) -> None:
    put_out(User(pk=instance.user_id))


@receiver(post_save, sender=User)
def account_changed(instance: User, **kwargs: Any) -> None:
    if not instance.is_active:
        put_out(instance)


def put_out(account: User) -> None:
    """Takes the officer's seats in calls of branches where the officer does not serve. The others stay and go on."""
    seats = list(Participant.objects.inside().filter(key=host_key(account.pk), call__ended_at=None))
    if not seats:
        return
    served = _served(User.objects.filter(pk=account.pk, is_active=True).first(), [seat.call_id for seat in seats])
    for seat in seats:
        if seat.call_id not in served:
            presence.leave(seat, now=timezone.now())


def _served(officer: User | None, calls: list[int]) -> set[int | None]:
    """Returns which of the calls (primary keys) are those of branches where the officer serves."""
    if officer is None:
        return set()
    booked = Appointment.objects.seen_by(officer).filter(video_call__in=calls).values_list("video_call", flat=True)
    places = Ticket.objects.filter(video_call__in=calls).select_related("branch")
    return {*booked} | {place.video_call_id for place in places if access.serves(officer, place.branch)}
