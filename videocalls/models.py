"""A video room with a time window at a provider. This app knows nothing of appointments."""

import secrets
from datetime import datetime

from django.db import models
from django.db.models import Q
from django.db.models.expressions import Combinable
from django.utils.translation import gettext_lazy as _

from accounts.work import leases


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

    provider = models.CharField(_("provider"), max_length=20)
    room = models.CharField(_("room"), max_length=64, unique=True, default=random_room, editable=False)
    opens_at = models.DateTimeField(_("opens at"))
    closes_at = models.DateTimeField(_("closes at"))
    state = models.CharField(_("state"), max_length=10, choices=State, default=State.PENDING)
    attempts = models.PositiveSmallIntegerField(_("attempts"), default=0)
    leased_until = models.DateTimeField(_("leased until"), null=True, blank=True)
    retry_at = models.DateTimeField(_("next attempt"), null=True, blank=True)
    last_error = models.CharField(_("last error"), max_length=250, blank=True)
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)

    objects = VideoCallQuerySet.as_manager()

    class Meta:
        verbose_name = _("video call")
        verbose_name_plural = _("video calls")
        ordering = ("-opens_at",)
        constraints = (
            models.CheckConstraint(condition=Q(closes_at__gt=models.F("opens_at")), name="call_closes_after_opening"),
        )

    def __str__(self) -> str:
        return f"{self.provider} {self.room}"

    def is_open(self, now: datetime) -> bool:
        return self.opens_at <= now < self.closes_at
