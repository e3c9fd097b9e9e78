"""The roll-ups, and the reports that are sent by mail.

Roll-ups hold counts and sums alone, and nothing about a person. `reports.rollups.facts` says what each figure is. They have no
admin: only `reports.counting` writes them.
"""

from datetime import datetime

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils.translation import gettext_lazy as _

from accounts.sealing import random_key
from accounts.visits.devices import Device
from accounts.work import leases
from agencies.models import Agency, Branch, Procedure


def a_count() -> "models.IntegerField[int, int]":
    return models.IntegerField(default=0)


def a_spread() -> "ArrayField[list[int], list[int]]":
    """Returns a field for a small histogram. Spreads of several rows are added bucket by bucket; empty means no value."""
    return ArrayField(models.IntegerField(), default=list)


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
