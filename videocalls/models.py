"""A video room with a time window, and who is in it. This app knows nothing of appointments."""

import json
import secrets
from datetime import datetime
from typing import Any

from django.db import models
from django.db.models import F, Q
from django.db.models.expressions import Combinable
from django.utils.translation import gettext_lazy as _

from accounts import sealing
from accounts.sealing.fields import SealedField
from accounts.work import leases

SEATS = 4  # people who can be in a room at the same time: each sends a picture to each other one


def random_room() -> str:
    """Returns a name that cannot be guessed, in lower case as Jitsi requires."""
    return secrets.token_hex(12)


class VideoCallQuerySet(models.QuerySet["VideoCall"]):
    def to_prepare(self, *, now: datetime) -> "VideoCallQuerySet":
        """Returns the calls that are due to be prepared at their provider and not leased to a worker."""
        waiting = self.filter(state=VideoCall.State.PENDING, closes_at__gt=now)
        return waiting.filter(leases.is_free(now=now), Q(retry_at__isnull=True) | Q(retry_at__lte=now))

    def reopen(self, opens_at: datetime | Combinable, closes_at: datetime | Combinable) -> int:
        """Gives the calls another window (UTC). They are prepared again, even if a worker is preparing them now.

        The window can be given by expressions about each call.
        """
        new = {"state": VideoCall.State.PENDING, "attempts": 0, "leased_until": None, "retry_at": None}
        return self.update(opens_at=opens_at, closes_at=closes_at, **new)


class VideoCall(models.Model):
    """A video room that opens and closes at set times (UTC)."""

    class State(models.TextChoices):
        PENDING = "pending", _("Being prepared")
        READY = "ready", _("Ready")
        FAILED = "failed", _("Failed")
        DROPPED = "dropped", _("Not needed any more")

    provider = models.CharField(_("provider"), max_length=20)
    # Where people go if the provider fails. Empty: they talk by telephone. Whoever falls back never returns.
    fallback = models.CharField(_("second video provider"), max_length=20, blank=True, default="", db_default="")
    fell_back_at = models.DateTimeField(_("fell back at"), null=True, blank=True)
    # From here on somebody may be inside at the provider.
    entered_at = models.DateTimeField(_("first entered at"), null=True, blank=True)
    # A fixed address of the agency, for the provider "link". It may have {room} for the name of the room.
    link = models.CharField(_("fixed address"), max_length=300, blank=True, default="", db_default="")
    room = models.CharField(_("room"), max_length=64, unique=True, default=random_room, editable=False)
    opens_at = models.DateTimeField(_("opens at"))
    closes_at = models.DateTimeField(_("closes at"))
    state = models.CharField(_("state"), max_length=10, choices=State, default=State.PENDING)
    attempts = models.PositiveSmallIntegerField(_("attempts"), default=0)
    leased_until = models.DateTimeField(_("leased until"), null=True, blank=True)
    retry_at = models.DateTimeField(_("next attempt"), null=True, blank=True)
    last_error = models.CharField(_("last error"), max_length=250, blank=True)
    ended_at = models.DateTimeField(_("ended at"), null=True, blank=True)
    # From when the people talk by telephone instead, and who wished it. The room stays, and they may come back to it.
    phone_from = models.DateTimeField(_("by telephone from"), null=True, blank=True)
    phone_by = models.CharField(_("who wished the telephone"), max_length=7, blank=True, db_default="", default="")
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)

    objects = VideoCallQuerySet.as_manager()

    class Meta:
        verbose_name = _("video call")
        verbose_name_plural = _("video calls")
        ordering = ("-opens_at",)
        constraints = (
            models.CheckConstraint(condition=Q(closes_at__gt=F("opens_at")), name="call_closes_after_opening"),
        )

    def __str__(self) -> str:
        return f"{self.provider} {self.room}"

    def is_open(self, now: datetime) -> bool:
        return self.opens_at <= now < self.closes_at

    @property
    def is_by_phone(self) -> bool:
        return self.phone_from is not None


INSIDE = Q(seat__isnull=False)
WAITING = Q(waiting_from__isnull=False, seat__isnull=True, left_at__isnull=True)
# A participant of whom something personal is still kept.
KNOWN = ~Q(name="") | ~Q(token="") | ~Q(told="")


class MeetingQuerySet(models.QuerySet["Meeting"]):
    def to_remove(self, *, now: datetime) -> "MeetingQuerySet":
        """Returns the meetings that nobody needs, and that no worker is removing."""
        return self.filter(leases.is_free(now=now), unneeded_at__lte=now, given_up_at__isnull=True)


class Meeting(models.Model):
    """What a provider keeps for a call: it is made ahead, moved with the call, and removed when nobody needs it.

    The row is written before the provider is asked. So a meeting whose making was never confirmed is removed too.
    """

    PURPOSE = "meeting of a video call"

    call = models.ForeignKey(VideoCall, models.CASCADE, related_name="meetings", verbose_name=_("video call"))
    provider = models.CharField(_("provider"), max_length=20)
    sealed = SealedField(PURPOSE, default=b"", editable=False)
    # From then on (UTC) it may be removed, or removing it is tried again.
    unneeded_at = models.DateTimeField(_("not needed from"), null=True, blank=True)
    given_up_at = models.DateTimeField(_("could not be removed"), null=True, blank=True)
    attempts = models.PositiveSmallIntegerField(_("attempts"), default=0)
    leased_until = models.DateTimeField(_("leased until"), null=True, blank=True)
    last_error = models.CharField(_("last error"), max_length=250, blank=True)

    objects = MeetingQuerySet.as_manager()

    class Meta:
        verbose_name = _("meeting at a provider")
        verbose_name_plural = _("meetings at providers")
        constraints = (models.UniqueConstraint(fields=["call", "provider"], name="meeting_once_at_a_provider"),)
        indexes = (
            models.Index(fields=["unneeded_at"], condition=Q(unneeded_at__isnull=False), name="meeting_to_remove"),
        )

    def __str__(self) -> str:
        return f"{self.provider} {self.call_id}"

    @property
    def details(self) -> dict[str, Any]:
        """What the provider said of the meeting: its key, links and passwords. Nobody reads them in the database."""
        return json.loads(sealing.opened(self.sealed, self.PURPOSE)) if self.sealed else {}

    @details.setter
    def details(self, details: dict[str, Any]) -> None:
        self.sealed = sealing.sealed(json.dumps(details), self.PURPOSE)


class ParticipantQuerySet(models.QuerySet["Participant"]):
    def waiting(self) -> "ParticipantQuerySet":
        """Return who has come and is not let in yet, in the order in which they came."""
        return self.filter(WAITING).order_by("waiting_from", "pk")

    def inside(self) -> "ParticipantQuerySet":
        return self.filter(INSIDE).order_by("seat")

    def inside_or_waiting(self) -> "ParticipantQuerySet":
        """Return who is inside, by seat, and then who waits, in the order in which they came."""
        return self.filter(INSIDE | WAITING).order_by(F("seat").asc(nulls_last=True), "waiting_from", "pk")

    def known(self) -> "ParticipantQuerySet":
        """Return those of whom something personal is still kept. An index holds them alone, and they are few."""
        return self.filter(KNOWN)


class Participant(models.Model):
    """A person in a call, and when the person waited, was let in and left (UTC).

    The times stay for statistics. The name, what was said to the person, and the token of a link go with the room.
    """

    class Role(models.TextChoices):
        HOST = "host", _("Officer")
        VISITOR = "visitor", _("Citizen")
        GUEST = "guest", _("Interpreter or companion")

    call = models.ForeignKey(VideoCall, models.CASCADE, related_name="participants", verbose_name=_("video call"))
    role = models.CharField(_("role"), max_length=7, choices=Role)
    # Tells people apart in the call, and is the same when somebody comes back: "citizen", "officer-7", "guest-…".
    key = models.CharField(max_length=40, editable=False)
    name = models.CharField(_("name"), max_length=150, blank=True)
    # A guest's own link. Whoever has it still waits until an officer has looked who it is.
    token = models.CharField(max_length=22, blank=True, editable=False)
    waiting_from = models.DateTimeField(_("waiting from"), null=True, blank=True)
    admitted_at = models.DateTimeField(_("let in at"), null=True, blank=True)
    left_at = models.DateTimeField(_("left at"), null=True, blank=True)
    seen_at = models.DateTimeField(_("last seen at"), null=True, blank=True)
    # The place in the room, from the moment of being let in until leaving.
    seat = models.PositiveSmallIntegerField(_("seat"), null=True, blank=True)
    # The page in which the person is in the built-in room. The newest counts, and a closed one leaves it empty.
    session = models.CharField(max_length=22, blank=True, default="", db_default="", editable=False)
    # The browser with which the person stands at the door or is inside. The one that asked last counts, and others say so.
    device = models.CharField(max_length=22, blank=True, default="", db_default="", editable=False)
    told = models.CharField(_("what the officer says to who waits"), max_length=200, blank=True)

    objects = ParticipantQuerySet.as_manager()

    class Meta:
        verbose_name = _("participant")
        verbose_name_plural = _("participants")
        ordering = ("call", "pk")
        constraints = (
            models.UniqueConstraint(fields=["call", "key"], name="participant_once_in_a_call"),
            models.UniqueConstraint(fields=["call", "seat"], name="seat_taken_once"),
            models.UniqueConstraint(fields=["token"], condition=~Q(token=""), name="link_of_one_participant"),
            models.CheckConstraint(
                condition=Q(seat__isnull=True) | Q(seat__gte=1, seat__lte=SEATS), name="seat_is_in_the_room"
            ),
        )
        indexes = (models.Index(fields=["call"], condition=KNOWN, name="participant_known"),)

    def __str__(self) -> str:
        return self.name or self.key

    @property
    def is_host(self) -> bool:
        return self.role == self.Role.HOST

    @property
    def is_inside(self) -> bool:
        return self.seat is not None


class Signal(models.Model):
    """What one browser tells another to connect both (offer, answer, candidate). Taken away with the room."""

    call = models.ForeignKey(VideoCall, models.CASCADE, related_name="signals", verbose_name=_("video call"))
    sender = models.ForeignKey(Participant, models.CASCADE, related_name="+", db_index=False)
    receiver = models.ForeignKey(Participant, models.CASCADE, related_name="signals", db_index=False)
    kind = models.CharField(max_length=12)
    payload = models.JSONField(default=dict)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name = _("signal")
        verbose_name_plural = _("signals")
        ordering = ("pk",)
        indexes = (models.Index(fields=["receiver", "id"], name="signal_inbox"),)

    def __str__(self) -> str:
        return self.kind
