"""The roll-ups of what visitors wanted. Only `reports.demand` writes them."""

from django.db import models

from agencies.models import Agency, Branch, Procedure
from reports.models.fields import a_count


class SampledDay(models.Model):
    """That a branch's first free times were looked up on a local day. Without it, nobody knows what was free."""

    branch = models.ForeignKey(Branch, models.CASCADE, related_name="+", db_index=False)
    day = models.DateField()
    sampled_at = models.DateTimeField()

    class Meta:
        constraints = (models.UniqueConstraint(fields=["day", "branch"], name="one_sample_of_a_day"),)

    def __str__(self) -> str:
        return f"{self.branch_id} {self.day}"


class DailyWait(models.Model):
    """How many days away the first and the third free time were, on the morning of a local day.

    0 is the same day; empty means that nothing was free. `reach_days` is how far away the last time was that is open for
    booking, free or not; empty means that no time was open at all.
    """

    agency = models.ForeignKey(Agency, models.CASCADE, related_name="+", db_index=False)
    branch = models.ForeignKey(Branch, models.CASCADE, related_name="+", db_index=False)
    day = models.DateField()
    procedure = models.ForeignKey(Procedure, models.CASCADE, related_name="+", db_index=False)
    channel = models.CharField(max_length=10)
    first_days = models.SmallIntegerField(null=True)
    third_days = models.SmallIntegerField(null=True)
    reach_days = models.SmallIntegerField(null=True)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=["branch", "day", "procedure", "channel"], name="one_wait_of_a_kind"),
        )
        indexes = (models.Index(fields=["day"], name="wait_by_day"),)

    def __str__(self) -> str:
        return f"{self.branch_id} {self.day}: {self.first_days}"


class MonthlyWait(models.Model):
    """On how many days of a month (`rows`) the first free time was so many days away."""

    agency = models.ForeignKey(Agency, models.CASCADE, related_name="+", db_index=False)
    branch = models.ForeignKey(Branch, models.CASCADE, related_name="+", db_index=False)
    month = models.DateField()
    procedure = models.ForeignKey(Procedure, models.CASCADE, related_name="+", db_index=False)
    channel = models.CharField(max_length=10)
    first_days = models.SmallIntegerField(null=True)
    rows = a_count()

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=["branch", "month", "procedure", "channel", "first_days"],
                nulls_distinct=False,
                name="one_monthly_wait",
            ),
        )
        indexes = (models.Index(fields=["month", "agency"], name="wait_by_month"),)

    def __str__(self) -> str:
        return f"{self.branch_id} {self.month:%Y-%m}: {self.first_days}"


class Demand(models.Model):
    """How far visitors of the website came. Without a branch, no branch had a free time; without a channel, none had."""

    procedure = models.ForeignKey(Procedure, models.CASCADE, related_name="+", db_index=False)
    channel = models.CharField(max_length=10, blank=True)
    device = models.CharField(max_length=8)
    language = models.CharField(max_length=2)
    # Journeys that began in this time, and how far they came.
    held = a_count()
    filled = a_count()
    booked = a_count()
    # Visitors who were told that nothing is free, and of these, those who found no time of the service after it.
    nothing_free = a_count()
    went_away = a_count()

    class Meta:
        abstract = True


class DailyDemand(Demand):
    """The visitors of a local day."""

    agency = models.ForeignKey(Agency, models.CASCADE, related_name="+", db_index=False)
    branch = models.ForeignKey(Branch, models.CASCADE, null=True, related_name="+", db_index=False)
    day = models.DateField()

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=["day", "branch", "procedure", "channel", "device", "language"],
                nulls_distinct=False,
                name="one_demand_of_a_kind",
            ),
        )

    def __str__(self) -> str:
        return f"{self.branch_id or self.agency_id} {self.day}"


class MonthlyDemand(Demand):
    """The sum of the days of a month. `rows` is how many there are."""

    agency = models.ForeignKey(Agency, models.CASCADE, related_name="+", db_index=False)
    branch = models.ForeignKey(Branch, models.CASCADE, null=True, related_name="+", db_index=False)
    month = models.DateField()
    rows = a_count()

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=["month", "branch", "procedure", "channel", "device", "language"],
                nulls_distinct=False,
                name="one_monthly_demand",
            ),
        )

    def __str__(self) -> str:
        return f"{self.branch_id or self.agency_id} {self.month:%Y-%m}"


class SettledDay(models.Model):
    """A day whose visits are counted for good: their rows are gone."""

    day = models.DateField(primary_key=True)

    def __str__(self) -> str:
        return f"{self.day}"


class DailySearch(models.Model):
    """How many visitors looked for something in vain on a day: on the portal, or among an agency's branches.

    `text` is empty for what must not be kept. `crowd` has a bit for each network (`accounts.visits.visitors`).
    """

    agency = models.ForeignKey(Agency, models.CASCADE, null=True, related_name="+", db_index=False)
    day = models.DateField()
    language = models.CharField(max_length=2)
    text = models.CharField(max_length=60, blank=True)
    visitors = a_count()
    crowd = models.BigIntegerField(default=0)

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=["day", "text", "agency", "language"], nulls_distinct=False, name="one_search_of_a_day"
            ),
        )

    def __str__(self) -> str:
        return f"{self.day}: {self.visitors}"
