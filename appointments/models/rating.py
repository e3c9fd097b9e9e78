from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

from agencies.models import Agency, Channel, Procedure


class Rating(models.Model):
    """An anonymous rating after an appointment or another visit. Nothing in it leads back to the visit or the citizen."""

    agency = models.ForeignKey(Agency, models.PROTECT, related_name="ratings", verbose_name=_("agency"))
    procedure = models.ForeignKey(Procedure, models.PROTECT, related_name="ratings", verbose_name=_("service"))
    channel = models.CharField(_("channel"), max_length=10, choices=Channel)
    served_on = models.DateField(_("served on"))
    score = models.PositiveSmallIntegerField(
        _("satisfaction"),
        validators=[MinValueValidator(1), MaxValueValidator(5)],
        help_text=_("5: completely satisfied."),
    )
    comment = models.TextField(_("comment"), max_length=1000, blank=True)

    class Meta:
        verbose_name = _("rating")
        verbose_name_plural = _("ratings")
        ordering = ("-served_on", "-pk")
        constraints = (models.CheckConstraint(condition=models.Q(score__range=(1, 5)), name="rating_score_1_to_5"),)
        indexes = (models.Index(fields=["agency", "served_on"], name="rating_by_agency"),)

    def __str__(self) -> str:
        return f"{self.agency_id} {self.served_on}: {self.score}"
