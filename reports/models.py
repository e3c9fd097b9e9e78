from django.db import models

from agencies.models import Agency


class DailyCount(models.Model):
    """The counts of an agency on one day. They are added up in advance, so that figures over years are quick to read.

    All rows are made anew every night. The last days are always counted from the appointments themselves.
    """

    agency = models.ForeignKey(Agency, models.CASCADE, related_name="+", db_index=False)
    day = models.DateField()
    submitted = models.PositiveIntegerField()
    served = models.PositiveIntegerField()
    missed = models.PositiveIntegerField()
    cancelled = models.PositiveIntegerField()
    ratings = models.PositiveIntegerField()
    satisfied = models.PositiveIntegerField()

    class Meta:
        constraints = (models.UniqueConstraint(fields=["agency", "day"], name="one_count_per_agency_and_day"),)
