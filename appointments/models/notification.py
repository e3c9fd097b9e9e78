from datetime import datetime

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from accounts.work import leases


class NotificationQuerySet(models.QuerySet["Notification"]):
    def due(self, *, now: datetime) -> "NotificationQuerySet":
        """Messages to send now: they are due, and no worker is sending them."""
        owed = self.filter(state__in=(Notification.State.PENDING, Notification.State.SENDING), due_at__lte=now)
        return owed.filter(leases.is_free(now=now))

    def by_mail(self) -> "NotificationQuerySet":
        return self.filter(medium=Notification.Medium.EMAIL)

    def by_sms(self) -> "NotificationQuerySet":
        return self.filter(medium=Notification.Medium.SMS)

    def urgent(self) -> "NotificationQuerySet":
        """Messages that somebody waits for at this moment, because a deadline runs."""
        return self.filter(kind=Notification.Kind.VERIFY)

    def undelivered(self) -> "NotificationQuerySet":
        """Messages that could not be delivered. Officers see them and call the citizen instead."""
        return self.filter(state=Notification.State.FAILED)


class Notification(models.Model):
    """A message that is owed about an appointment, written in the transaction of the change that causes it."""

    class Kind(models.TextChoices):
        VERIFY = "verify", _("Please confirm")
        CONFIRMATION = "confirmation", _("Confirmation")
        REMINDER = "reminder", _("Reminder")
        MOVED = "moved", _("New time")
        KEPT = "kept", _("Same time, the clock has changed")
        CANCELLED = "cancelled", _("Cancellation")
        RATING = "rating", _("How was it?")
        OFFER = "offer", _("Another time is offered")
        DELAYED = "delayed", _("It will be later")
        SUMMARY = "summary", _("What was done")

    class Medium(models.TextChoices):
        EMAIL = "email", _("E-mail")
        SMS = "sms", _("SMS")

    class State(models.TextChoices):
        PENDING = "pending", _("To be sent")
        SENDING = "sending", _("Being sent")
        SENT = "sent", _("Sent")
        FAILED = "failed", _("Failed")
        DROPPED = "dropped", _("No longer needed")

    appointment = models.ForeignKey(
        "appointments.Appointment",
        models.CASCADE,
        related_name="notifications",
        db_index=False,
        verbose_name=_("appointment"),
    )
    kind = models.CharField(_("kind"), max_length=12, choices=Kind)
    medium = models.CharField(_("medium"), max_length=5, choices=Medium, default=Medium.EMAIL)
    revision = models.PositiveSmallIntegerField(_("revision"), default=0)
    minutes_before = models.PositiveIntegerField(
        _("minutes before"), default=0, db_column="lead_minutes", help_text=_("Tells reminders apart.")
    )
    language = models.CharField(_("language"), max_length=2, choices=settings.LANGUAGES)
    due_at = models.DateTimeField(_("due at"))
    state = models.CharField(_("state"), max_length=8, choices=State, default=State.PENDING)
    attempts = models.PositiveSmallIntegerField(_("attempts"), default=0)
    leased_until = models.DateTimeField(_("leased until"), null=True, blank=True)
    sent_at = models.DateTimeField(_("sent at"), null=True, blank=True)
    last_error = models.CharField(_("last error"), max_length=250, blank=True)

    objects = NotificationQuerySet.as_manager()

    class Meta:
        verbose_name = _("message")
        verbose_name_plural = _("messages")
        ordering = ("due_at", "pk")
        constraints = (
            models.UniqueConstraint(
                fields=["appointment", "kind", "medium", "revision", "minutes_before"], name="one_message_per_event"
            ),
        )
        indexes = (
            models.Index(fields=["due_at"], condition=Q(state__in=("pending", "sending")), name="message_due"),
            models.Index(fields=["due_at", "id"], condition=Q(state="failed"), name="message_failed"),
        )

    def __str__(self) -> str:
        return f"{self.get_kind_display()} ({self.get_medium_display()})"
