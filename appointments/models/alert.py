from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from agencies.models import Branch, Procedure


class Alert(models.Model):
    """Something at a branch that its supervisors should look at; mailed once, gone when it is no longer so."""

    class Kind(models.TextChoices):
        NO_FREE_TIME = "no_time", _("No free time")
        UNPLACED = "unplaced", _("Appointments that no longer fit")

    branch = models.ForeignKey(Branch, models.CASCADE, related_name="alerts", verbose_name=_("branch"))
    kind = models.CharField(_("kind"), max_length=10, choices=Kind)
    procedure = models.ForeignKey(
        Procedure, models.CASCADE, null=True, blank=True, related_name="+", verbose_name=_("service"), db_index=False
    )
    number = models.PositiveIntegerField(_("number"), default=0)
    raised_at = models.DateTimeField(_("raised at"))
    mailed_at = models.DateTimeField(_("mailed at"), null=True, blank=True)
    cleared_at = models.DateTimeField(_("cleared at"), null=True, blank=True)

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
