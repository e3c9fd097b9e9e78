"""The roll-ups of what was done. `reports.rollups.facts` says what each figure is. Only `reports.counting` writes them."""

from django.db import models

from agencies.models import Agency, Branch, Procedure
from reports.models.fields import a_count, a_spread


class Outcome(models.TextChoices):
    """What became of an appointment or of a visit without one, as far as that is known."""

    OPEN = "open"
    SERVED = "served"
    MISSED = "missed"
    CANCELLED = "cancelled"


WALK_IN = "walk_in"  # as `source`: without an appointment. Otherwise it is that of the appointment.


class Fact(models.Model):
    """What was done in a time, at a place, for one service, channel, source and outcome."""

    procedure = models.ForeignKey(Procedure, models.CASCADE, related_name="+", db_index=False)
    channel = models.CharField(max_length=10)
    source = models.CharField(max_length=7)
    outcome = models.CharField(max_length=9, choices=Outcome)

    # Of requests that were made in this time.
    requested = a_count()
    booked = a_count()
    days_ahead = a_count()
    ahead_spread = a_spread()
    # Of appointments that are in this time.
    due = a_count()
    minutes = a_count()
    moved = a_count()
    begun = a_count()
    punctual = a_count()
    late_seconds = a_count()
    late_spread = a_spread()
    video_calls = a_count()
    video_connected = a_count()
    messages = a_count()
    messages_lost = a_count()
    # Of visits in this time, with an appointment or without.
    walk_ins = a_count()
    access_needs = a_count()
    missing_documents = a_count()
    waited = a_count()
    waiting_seconds = models.BigIntegerField(default=0)
    waiting_spread = a_spread()
    timed = a_count()
    serving_seconds = models.BigIntegerField(default=0)
    serving_spread = a_spread()
    overran = models.IntegerField(default=0, db_default=0)
    # Of cancellations that came in this time.
    cancelled = a_count()
    cancelled_late = a_count()
    cancelled_by_citizen = a_count()
    cancelled_late_by_citizen = a_count()

    class Meta:
        abstract = True


class DailyFact(Fact):
    """What a branch did on one of its local days."""

    agency = models.ForeignKey(Agency, models.CASCADE, related_name="+", db_index=False)
    branch = models.ForeignKey(Branch, models.CASCADE, related_name="+", db_index=False)
    day = models.DateField()

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=["branch", "day", "procedure", "channel", "source", "outcome"], name="one_fact_of_a_kind"
            ),
        )
        indexes = (models.Index(fields=["day", "agency"], name="fact_by_day"),)

    def __str__(self) -> str:
        return f"{self.branch_id} {self.day} {self.outcome}"


class OfMonth(Fact):
    """The sum of the daily facts of a month. `rows` is how many they are; with none the row goes."""

    month = models.DateField()
    rows = a_count()
    late_seconds = models.BigIntegerField(default=0)

    class Meta:
        abstract = True


class MonthlyFact(OfMonth):
    """What a branch did in a month."""

    agency = models.ForeignKey(Agency, models.CASCADE, related_name="+", db_index=False)
    branch = models.ForeignKey(Branch, models.CASCADE, related_name="+", db_index=False)

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=["branch", "month", "procedure", "channel", "source", "outcome"], name="one_monthly_fact"
            ),
        )
        indexes = (models.Index(fields=["month", "agency"], name="fact_by_month"),)

    def __str__(self) -> str:
        return f"{self.branch_id} {self.month:%Y-%m} {self.outcome}"


class MonthlySum(OfMonth):
    """What an agency did in a month, at all its branches: so that figures of whole agencies are quick to read."""

    agency = models.ForeignKey(Agency, models.CASCADE, related_name="+", db_index=False)

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=["month", "agency", "procedure", "channel", "source", "outcome"], name="one_monthly_sum"
            ),
        )

    def __str__(self) -> str:
        return f"{self.agency_id} {self.month:%Y-%m} {self.outcome}"


class DailyHours(models.Model):
    """How many visits began in each hour (0 to 23) of a branch's local day."""

    agency = models.ForeignKey(Agency, models.CASCADE, related_name="+", db_index=False)
    branch = models.ForeignKey(Branch, models.CASCADE, related_name="+", db_index=False)
    day = models.DateField()
    hours = a_spread()

    class Meta:
        constraints = (models.UniqueConstraint(fields=["branch", "day"], name="hours_of_a_day"),)

    def __str__(self) -> str:
        return f"{self.branch_id} {self.day}"


class MonthlyHours(models.Model):
    """The same of one weekday (1 is Monday) in a month. `rows` is how many days have visits."""

    agency = models.ForeignKey(Agency, models.CASCADE, related_name="+", db_index=False)
    branch = models.ForeignKey(Branch, models.CASCADE, related_name="+", db_index=False)
    month = models.DateField()
    weekday = models.PositiveSmallIntegerField()
    hours = a_spread()
    rows = a_count()

    class Meta:
        constraints = (models.UniqueConstraint(fields=["branch", "month", "weekday"], name="hours_of_a_month"),)
        indexes = (models.Index(fields=["month", "agency"], name="hours_by_month"),)

    def __str__(self) -> str:
        return f"{self.branch_id} {self.month:%Y-%m} {self.weekday}"


class DailyRating(models.Model):
    """How many ratings gave one score. Ratings are anonymous, so they know no branch."""

    agency = models.ForeignKey(Agency, models.CASCADE, related_name="+", db_index=False)
    day = models.DateField()
    procedure = models.ForeignKey(Procedure, models.CASCADE, related_name="+", db_index=False)
    channel = models.CharField(max_length=10)
    score = models.PositiveSmallIntegerField()
    ratings = a_count()

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=["agency", "day", "procedure", "channel", "score"], name="one_count_of_a_score"
            ),
        )

    def __str__(self) -> str:
        return f"{self.agency_id} {self.day}: {self.score}"


class MonthlyRating(models.Model):
    """The same of a month. `rows` is how many daily counts it sums."""

    agency = models.ForeignKey(Agency, models.CASCADE, related_name="+", db_index=False)
    month = models.DateField()
    procedure = models.ForeignKey(Procedure, models.CASCADE, related_name="+", db_index=False)
    channel = models.CharField(max_length=10)
    score = models.PositiveSmallIntegerField()
    ratings = a_count()
    rows = a_count()

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=["month", "agency", "procedure", "channel", "score"], name="one_monthly_count_of_a_score"
            ),
        )

    def __str__(self) -> str:
        return f"{self.agency_id} {self.month:%Y-%m}: {self.score}"


class DailyCapacity(models.Model):
    """The minutes of desks that a branch offered on a day. It stands as it was that day: past times are deleted."""

    branch = models.ForeignKey(Branch, models.CASCADE, related_name="+", db_index=False)
    day = models.DateField()
    minutes = models.PositiveIntegerField()

    class Meta:
        constraints = (models.UniqueConstraint(fields=["branch", "day"], name="one_capacity_of_a_day"),)

    def __str__(self) -> str:
        return f"{self.branch_id} {self.day}: {self.minutes}"


class DailySum(models.Model):
    """The counts of an agency on one day: sums of the facts and ratings, so that figures over years are quick to read."""

    agency = models.ForeignKey(Agency, models.CASCADE, related_name="+", db_index=False)
    day = models.DateField()
    submitted = a_count()
    served = a_count()
    missed = a_count()
    cancelled = a_count()
    ratings = a_count()
    satisfied = a_count()

    class Meta:
        constraints = (models.UniqueConstraint(fields=["agency", "day"], name="one_sum_of_a_day"),)

    def __str__(self) -> str:
        return f"{self.agency_id} {self.day}"
