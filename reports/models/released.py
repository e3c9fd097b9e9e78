"""Page views, and the figures of past months as anybody may have them."""

from django.db import models

from accounts.visits.devices import Device
from agencies.models import Procedure
from reports.models.fields import a_count


class PageViews(models.Model):
    """How often the page of a service was read in a month, with a kind of device from a country (empty: not known)."""

    month = models.DateField()  # its first day
    procedure = models.ForeignKey(Procedure, models.CASCADE, related_name="+", db_index=False)
    language = models.CharField(max_length=10)
    country = models.CharField(max_length=2, blank=True)
    device = models.CharField(max_length=10, choices=Device)
    views = a_count()

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=["month", "procedure", "language", "country", "device"], name="one_count_of_page_views"
            ),
        )

    def __str__(self) -> str:
        return f"{self.month:%Y-%m} {self.procedure_id}: {self.views}"


class Release(models.Model):
    """The figures of a month as anybody may have them. A month is released once and never changed (`reports.opening`)."""

    month = models.DateField(unique=True)  # its first day
    released_at = models.DateTimeField()

    class Meta:
        ordering = ("month",)

    def __str__(self) -> str:
        return f"{self.month:%Y-%m}"


class ReleasedRow(models.Model):
    """A row of a dataset, by the names of its columns, as it was published. None is hidden."""

    release = models.ForeignKey(Release, models.PROTECT, related_name="rows", db_index=False)
    dataset = models.CharField(max_length=20)
    cells = models.JSONField()

    class Meta:
        indexes = (models.Index(fields=["release", "dataset", "id"], name="row_by_release"),)

    def __str__(self) -> str:
        return f"{self.dataset} {self.pk}"
