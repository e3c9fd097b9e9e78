"""How the sending of messages goes: what is due in each lane, and what did not arrive lately.

It consists of numbers, and shows no citizens. The number of queries does not depend on the number of branches.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count, Min, Q, QuerySet
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from accounts.mails.handing import MAIL_SERVER
from accounts.models import Peer, User
from accounts.providers.talking import OF_SIGN_IN
from accounts.work.due import Due, Lane, age, lanes
from agencies import access
from agencies.models import Agency, Branch, Role
from appointments.messages.delivery import GATEWAY
from appointments.models import Notification
from appointments.models.notification import NotificationQuerySet
from videocalls.providers.asking import OF_VIDEO

LATELY = timedelta(days=1)
Kind, Medium, State = Notification.Kind, Notification.Medium, Notification.State

# The messages of each lane that sends some.
SENT_BY: dict[str, Callable[[], NotificationQuerySet]] = {
    "urgent mail": lambda: Notification.objects.by_mail().urgent(),
    "mail": Notification.objects.by_mail,
    "sms": Notification.objects.by_sms,
}

PEERS = {MAIL_SERVER.name: _("mail server"), GATEWAY.name: _("SMS gateway")}


@dataclass(frozen=True)
class Away:
    """A server of others that does not work, and is left alone at present. Messages wait for it; calls do not."""

    label: str
    since: datetime
    is_of_video: bool
    is_of_sign_in: bool


@dataclass(frozen=True)
class Sending:
    """What a lane owes now: how old the oldest is, and how many there are."""

    due: Due
    number: int


@dataclass(frozen=True)
class Lost:
    """So many messages of one kind, by one way, with one outcome; of one branch, or of all together (None)."""

    kind: str
    medium: str
    state: str
    number: int
    branch: Branch | None = None


def away() -> list[Away]:
    """Return the servers of others that are left alone at present, the one first that has not worked for longest."""
    rows = Peer.objects.order_by("since", "name").values_list("name", "since")
    return [Away(label_of(name), since, name.startswith(OF_VIDEO), name.startswith(OF_SIGN_IN)) for name, since in rows]


def label_of(peer: str) -> str:
    """Return the name of a server for people."""
    if peer.startswith(OF_SIGN_IN):
        return gettext("sign-in service (%(host)s)") % {"host": peer.removeprefix(OF_SIGN_IN)}
    if not peer.startswith(OF_VIDEO):
        return str(PEERS.get(peer, peer))
    kind, _space, host = peer.removeprefix(OF_VIDEO).partition(" ")
    provider = dict(Agency.VideoProvider.choices).get(kind, kind)
    return gettext("server of video calls (%(provider)s, %(host)s)") % {"provider": provider, "host": host}


def unreachable(user: User) -> QuerySet[User]:
    """Return the people at whose address no mail arrives: this user, and those whose roles the user gives."""
    if access.is_operator(user):
        with_role = Q(is_operator=True) | Q(is_official=True) | Q(memberships__isnull=False)
    else:
        with_role = Q(memberships__agency__in=access.whole_agencies(user, Role.AGENCY_ADMIN))
    return User.objects.unreachable().filter(with_role | Q(pk=user.pk)).distinct().order_by("returned_at", "pk")


def sending(*, now: datetime, branches: Iterable[Branch] | None = None) -> list[Sending]:
    """Return what is due in each lane of messages, at these branches or at all (None). One query for each lane."""
    return [_sending(lane, now, branches) for lane in lanes() if lane.name in SENT_BY]


def _sending(lane: Lane, now: datetime, branches: Iterable[Branch] | None) -> Sending:
    due = _at(SENT_BY[lane.name]().due(now=now), branches)
    found: dict[str, Any] = due.order_by().aggregate(oldest=Min("due_at"), number=Count("pk"))
    return Sending(Due(lane, age(found["oldest"], now)), found["number"])


def lost(*, now: datetime, branches: Iterable[Branch] | None = None) -> list[Lost]:
    """Return what did not arrive, or perhaps not, in the last day: of each of these branches, or of all together (None)."""
    rows = _at(Notification.objects.undelivered().filter(due_at__gt=now - LATELY), branches)
    by_branch = [] if branches is None else ["appointment__branch"]
    counted = rows.order_by().values_list("kind", "medium", "state", *by_branch).annotate(number=Count("pk"))
    places = {branch.pk: branch for branch in branches or ()}
    found = [_lost(row, places) for row in counted]
    return sorted(found, key=lambda one: (one.branch.name if one.branch else "", -one.number, one.kind, one.medium))


def _lost(row: tuple[Any, ...], places: dict[int, Branch]) -> Lost:
    kind, medium, state, *place, number = row
    words = (str(Kind(kind).label), str(Medium(medium).label), str(State(state).label))
    return Lost(*words, number, places[place[0]] if place else None)


def _at(rows: NotificationQuerySet, branches: Iterable[Branch] | None) -> NotificationQuerySet:
    return rows if branches is None else rows.filter(appointment__branch__in=[branch.pk for branch in branches])
