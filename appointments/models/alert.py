from datetime import datetime

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from accounts.work import leases


class AlertQuerySet(models.QuerySet["Alert"]):
    def open(self) -> "AlertQuerySet":
        """Alerts about problems that still exist."""
        return self.filter(cleared_at__isnull=True)


class Alert(models.Model):
    """A problem at a branch that its supervisors should look at. It is mailed once, and cleared when it is solved."""

    class Kind(models.TextChoices):
        NO_FREE_TIME = "no_time", _("No free time")
        UNPLACED = "unplaced", _("Appointments that no longer fit")
        OFF_CLOCK = "off_clock", _("Appointments on a changed clock")

    branch = models.ForeignKey("agencies.Branch", models.CASCADE, related_name="alerts", verbose_name=_("branch"))
    kind = models.CharField(_("kind"), max_length=10, choices=Kind)
    procedure = models.ForeignKey(
        "agencies.Procedure",
        models.CASCADE,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("service"),
        db_index=False,
    )
    number = models.PositiveIntegerField(_("number"), default=0)
    raised_at = models.DateTimeField(_("raised at"))
    mailed_at = models.DateTimeField(_("mailed at"), null=True, blank=True)
    cleared_at = models.DateTimeField(_("cleared at"), null=True, blank=True)

    objects = AlertQuerySet.as_manager()

    class Meta:
        verbose_name = _("alert")
        verbose_name_plural = _("alerts")
        ordering = ("-raised_at",)
        constraints = (
            models.UniqueConstraint(
                fields=["branch", "kind", "procedure"],
                condition=Q(cleared_at__isnull=True),
                nulls_distinct=False,
                name="one_open_alert",
            ),
        )

    def __str__(self) -> str:
        return f"{self.get_kind_display()}: {self.branch}"


class AlertMailQuerySet(models.QuerySet["AlertMail"]):
    def due(self, *, now: datetime) -> "AlertMailQuerySet":
        """Mails to be sent now: their alert is still open, and no worker is sending them."""
        owed = self.filter(settled_at__isnull=True, alert__cleared_at__isnull=True)
        return owed.filter(leases.is_free(now=now), Q(retry_at__isnull=True) | Q(retry_at__lte=now))


class AlertMail(models.Model):
    """An alert that is owed to one supervisor by mail. All alerts due to one supervisor are sent as one mail."""

    alert = models.ForeignKey(Alert, models.CASCADE, related_name="mails", verbose_name=_("alert"))
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="+", verbose_name=_("supervisor"), db_index=False
    )
    attempts = models.PositiveSmallIntegerField(_("attempts"), default=0, db_default=0)
    leased_until = models.DateTimeField(_("leased until"), null=True, blank=True)
    retry_at = models.DateTimeField(_("next attempt"), null=True, blank=True)
    settled_at = models.DateTimeField(_("sent or given up at"), null=True, blank=True)
    last_error = models.CharField(_("last error"), max_length=250, blank=True)

    objects = AlertMailQuerySet.as_manager()

    class Meta:
        verbose_name = _("mail about an alert")
        verbose_name_plural = _("mails about alerts")
        ordering = ("pk",)
        constraints = (models.UniqueConstraint(fields=["alert", "user"], name="one_mail_per_alert_and_supervisor"),)
        indexes = (models.Index(fields=["user"], condition=Q(settled_at__isnull=True), name="alert_mail_owed"),)

    def __str__(self) -> str:
        return f"{self.user_id}: {self.alert_id}"
