from django.db import models

from agencies.models import Agency


class DailyCount(models.Model):
    """What an agency did on one day, added up from its appointments so that years are read at once.

    Every night it is made anew from the rows; the last days are always counted from the rows themselves.
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
