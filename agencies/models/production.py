"""How large an agency was in the past. What is asked of its figures as of an earlier day is answered from here."""

from datetime import date, datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.db import models
from django.utils.translation import gettext_lazy as _

from agencies.models.agency import Agency
from agencies.text import localized


class ProductionPeriodQuerySet(models.QuerySet["ProductionPeriod"]):
    def just_before(self, moment: datetime) -> "ProductionPeriodQuerySet":
        """Returns the periods that were going on just before the moment."""
        return self.filter(models.Q(until=None) | models.Q(until__gte=moment), since__lt=moment)


class ProductionPeriod(models.Model):
    """A time (UTC) in which an agency was in production, a branch took bookings, or a service was offered.

    A trigger of the database writes the periods, whoever changes a row and however. So nobody can forget one, and staff have
    no page for them. `key` is the primary key of the row, which may be gone by now. A branch that moves to another country
    or region gets a new period.
    """

    class Kind(models.TextChoices):
        AGENCY = "agency"
        BRANCH = "branch"
        PROCEDURE = "procedure"

    agency = models.ForeignKey(Agency, models.CASCADE, related_name="production_periods", db_index=False)
    kind = models.CharField(max_length=9, choices=Kind)
    key = models.BigIntegerField()
    country = models.CharField(max_length=2, blank=True)
    region = models.CharField(max_length=100, blank=True)
    since = models.DateTimeField()
    until = models.DateTimeField(null=True, blank=True)

    objects = ProductionPeriodQuerySet.as_manager()

    class Meta:
        verbose_name = _("period in production")
        verbose_name_plural = _("periods in production")
        constraints = (
            models.UniqueConstraint(
                fields=["kind", "key"], condition=models.Q(until=None), name="one_production_period_goes_on"
            ),
        )

    def __str__(self) -> str:
        return f"{self.kind} {self.key}: {self.since} – {self.until or ''}"


class PublishedCountQuerySet(models.QuerySet["PublishedCount"]):
    def on(self, day: date) -> "PublishedCountQuerySet":
        return self.filter(since__lte=day, until__gte=day)


class PublishedCount(models.Model):
    """How many services and branches an agency had, as it was published before this service counted them itself.

    The counts are those of the day `cut_off`, and are given for the days from `since` to `until`. None means that a number was
    not published. They are loaded from a file and have no page for staff: nobody may change what was published.
    """

    agency = models.ForeignKey(Agency, models.CASCADE, related_name="published_counts", verbose_name=_("agency"))
    since = models.DateField(_("given from"))
    until = models.DateField(_("given until"))
    cut_off = models.DateField(_("counted on"))
    procedures = models.PositiveIntegerField(_("services"), null=True, blank=True)
    branches = models.PositiveIntegerField(_("branches"), null=True, blank=True)
    countries = models.PositiveIntegerField(_("countries"), null=True, blank=True)
    regions = models.PositiveIntegerField(_("regions"), null=True, blank=True)
    source_el = models.CharField(_("source (Greek)"), max_length=200)
    source_en = models.CharField(_("source (English)"), max_length=200)

    objects = PublishedCountQuerySet.as_manager()

    class Meta:
        verbose_name = _("published count")
        verbose_name_plural = _("published counts")
        ordering = ("agency", "since")
        constraints = (
            models.UniqueConstraint(fields=["agency", "since"], name="one_published_count_per_start"),
            models.CheckConstraint(condition=models.Q(since__lte=models.F("until")), name="published_count_has_days"),
        )

    def __str__(self) -> str:
        return f"{self.agency}, {self.cut_off}"

    source = localized("source")

    def clean(self) -> None:
        """Refuses days for which other counts of the agency are given."""
        others: models.QuerySet[Any] = PublishedCount.objects.exclude(pk=self.pk).filter(agency=self.agency_id)
        if others.filter(since__lte=self.until, until__gte=self.since).exists():
            raise ValidationError({"since": _("Other counts are given for some of these days.")})
