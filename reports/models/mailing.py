"""Reports that are sent by mail on a schedule."""

from datetime import datetime

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils.translation import gettext_lazy as _

from accounts.sealing import random_key
from accounts.work import leases


class SubscriptionQuerySet(models.QuerySet["Subscription"]):
    def running(self) -> "SubscriptionQuerySet":
        return self.filter(ended_at__isnull=True, paused_at__isnull=True)

    def due(self, *, now: datetime) -> "SubscriptionQuerySet":
        """Those whose mails are to be owed now."""
        return self.running().filter(due_at__lte=now)


class Subscription(models.Model):
    """A report that somebody has sent by mail, again and again, to a list of people.

    It has no admin: who made it sees it among the pages of reports, and operators see all. It goes some months after its end.
    """

    class Schedule(models.TextChoices):
        WEEKLY = "weekly", _("Every Monday")
        MONTHLY = "monthly", _("On the 2nd of each month")
        QUARTERLY = "quarter", _("On the 2nd of January, April, July and October")

    class Period(models.TextChoices):
        THIS_MONTH = "current", _("The month so far")
        MONTH = "month", _("The last month")
        QUARTER = "quarter", _("The last quarter")
        YEAR = "year", _("The last twelve months")

    class Attachment(models.TextChoices):
        XLSX = "xlsx", _("Excel workbook (XLSX)")
        CSV = "csv", _("CSV for programs")
        EXCEL = "excel", _("CSV for Excel")

    class End(models.TextChoices):
        RIGHTS = "rights", _("Who made it may not see these figures any more")
        FILTERS = "filters", _("The report, or what it was filtered by, does not exist any more")
        OVER = "over", _("The last day has passed")
        STOPPED = "stopped", _("Nobody wants to receive it any more")

    reference = models.CharField(max_length=22, unique=True, default=random_key, editable=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    report = models.CharField(max_length=40)  # the name of its address
    query = models.CharField(max_length=500, blank=True)  # the filters in the address, without the months
    # Whose figures these were when it was made (reports/mailing/scope.py). None: all agencies.
    agencies = ArrayField(models.BigIntegerField(), null=True)
    branches = ArrayField(models.BigIntegerField(), default=list)
    period = models.CharField(max_length=7, choices=Period)
    attachment = models.CharField(max_length=5, choices=Attachment)
    schedule = models.CharField(max_length=7, choices=Schedule)
    language = models.CharField(max_length=2, choices=settings.LANGUAGES)
    last_day = models.DateField()  # in Athens
    due_at = models.DateTimeField()  # the next moment of the schedule
    created_at = models.DateTimeField()
    paused_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    end = models.CharField(max_length=8, choices=End, blank=True)

    objects = SubscriptionQuerySet.as_manager()

    class Meta:
        ordering = ("-created_at", "-pk")
        constraints = (
            models.CheckConstraint(
                condition=models.Q(ended_at__isnull=True, end="")
                | (models.Q(ended_at__isnull=False) & ~models.Q(end="")),
                name="subscription_ends_for_a_reason",
            ),
        )
        indexes = (
            models.Index(
                fields=["due_at"],
                condition=models.Q(ended_at__isnull=True, paused_at__isnull=True),
                name="subscription_due",
            ),
        )

    def __str__(self) -> str:
        return f"{self.report}: {self.schedule}"


class Recipient(models.Model):
    """Somebody on the list. Whoever has the key, which stands in each mail, may stop the mails to this person."""

    subscription = models.ForeignKey(Subscription, models.CASCADE, related_name="recipients")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    key = models.CharField(max_length=22, unique=True, default=random_key, editable=False)
    stopped_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("pk",)
        constraints = (models.UniqueConstraint(fields=["subscription", "user"], name="once_on_a_list"),)

    def __str__(self) -> str:
        return f"{self.subscription_id}: {self.user_id}"


class SendingQuerySet(models.QuerySet["Sending"]):
    def due(self, *, now: datetime) -> "SendingQuerySet":
        """Mails to send now: they are owed, and no worker is sending them."""
        owed = self.filter(state=Sending.State.PENDING, retry_at__lte=now)
        return owed.filter(leases.is_free(now=now))


class Sending(models.Model):
    """A mail with a report that is owed to one person for one moment of the schedule. It goes some months later."""

    class State(models.TextChoices):
        PENDING = "pending", _("To be sent")
        SENT = "sent", _("Sent")
        FAILED = "failed", _("Failed")
        RETURNED = "returned", _("Came back")
        REFUSED = "refused", _("Not sent: may not see these figures")
        DROPPED = "dropped", _("No longer needed")

    recipient = models.ForeignKey(Recipient, models.CASCADE, related_name="sendings")
    moment = models.DateTimeField()  # of the schedule
    left_out = models.PositiveSmallIntegerField(default=0)  # earlier moments for which nothing was sent
    state = models.CharField(max_length=8, choices=State, default=State.PENDING)
    retry_at = models.DateTimeField()
    sent_at = models.DateTimeField(null=True, blank=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    leased_until = models.DateTimeField(null=True, blank=True)
    last_error = models.CharField(max_length=250, blank=True)

    objects = SendingQuerySet.as_manager()

    class Meta:
        ordering = ("moment", "pk")
        constraints = (models.UniqueConstraint(fields=["recipient", "moment"], name="one_mail_of_a_moment"),)
        indexes = (
            models.Index(fields=["retry_at"], condition=models.Q(state="pending"), name="sending_due"),
            models.Index(fields=["moment"], name="sending_moment"),
        )

    def __str__(self) -> str:
        return f"{self.recipient_id}: {self.moment:%Y-%m-%d}"
