"""Openings and closures of a branch, in the local time of its zone."""

from collections.abc import Iterable
from datetime import date, datetime, time, timedelta

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils.dates import WEEKDAYS
from django.utils.translation import gettext_lazy as _

from agencies.models.branch import Branch
from agencies.models.channel import Channel
from agencies.models.until import MIDNIGHT, UntilField, after, hours
from agencies.text import localized

LIST_OF_DAYS = 2  # at most this many days in a row are named one by one
ISO_WEEKDAYS = [(number + 1, label) for number, label in WEEKDAYS.items()]


def weekday_names(weekdays: Iterable[int]) -> str:
    """Returns ISO weekdays in words: "Monday–Friday", "Monday, Wednesday"."""
    runs: list[list[int]] = []
    for day in sorted(weekdays):
        if runs and runs[-1][-1] == day - 1:
            runs[-1].append(day)
        else:
            runs.append([day])
    names = [[str(WEEKDAYS[day - 1]) for day in run] for run in runs]
    return ", ".join(f"{run[0]}–{run[-1]}" if len(run) > LIST_OF_DAYS else ", ".join(run) for run in names)


# SQL: true if {rule}, a row of opening rules, opens on {day}, a local date. Closures do not count. Same as `OpeningRule.is_on`.
RULE_OPENS = """{day} >= {rule}.valid_from AND ({rule}.valid_until IS NULL OR {day} <= {rule}.valid_until)
        AND extract(isodow FROM {day}) = ANY({rule}.weekdays)
        AND (date_trunc('week', {day}::timestamp)::date - date_trunc('week', {rule}.valid_from::timestamp)::date) / 7
            %% {rule}.every_n_weeks = 0"""


class OpeningRule(models.Model):
    """A weekly opening of a branch. Dates and times are local to the branch's zone."""

    class Purpose(models.TextChoices):
        PUBLIC = "public", _("Appointments for everybody")
        ASSISTED = "assisted", _("Appointments that officers book")
        WALK_IN = "walk_in", _("Visits without an appointment")

    branch = models.ForeignKey(
        "agencies.Branch", models.CASCADE, related_name="opening_rules", verbose_name=_("branch")
    )
    purpose = models.CharField(_("purpose"), max_length=8, choices=Purpose, default=Purpose.PUBLIC)
    weekdays = ArrayField(
        models.PositiveSmallIntegerField(choices=ISO_WEEKDAYS), verbose_name=_("weekdays"), help_text=_("1 is Monday.")
    )
    opens_at = models.TimeField(_("from"))
    closes_at = UntilField(_("until"))
    every_n_weeks = models.PositiveSmallIntegerField(
        _("every … weeks"), default=1, validators=[MinValueValidator(1), MaxValueValidator(8)]
    )
    valid_from = models.DateField(_("valid from"), help_text=_("Weeks are counted from this date's week."))
    valid_until = models.DateField(_("valid until"), null=True, blank=True)
    slot_minutes = models.PositiveSmallIntegerField(
        _("slot length, minutes"), default=10, validators=[MinValueValidator(5), MaxValueValidator(240)]
    )
    desks = models.PositiveSmallIntegerField(
        _("desks"), default=1, validators=[MinValueValidator(1), MaxValueValidator(200)]
    )
    channels = ArrayField(models.CharField(max_length=10, choices=Channel), verbose_name=_("channels"))
    procedures = models.ManyToManyField(
        "agencies.Procedure",
        blank=True,
        related_name="opening_rules",
        verbose_name=_("services"),
        help_text=_("Empty: all services."),
    )
    release_days = models.PositiveSmallIntegerField(
        _("becomes bookable, days before"), null=True, blank=True, help_text=_("Empty: as soon as it is published.")
    )
    release_at = models.TimeField(_("becomes bookable at"), null=True, blank=True)

    class Meta:
        verbose_name = _("opening rule")
        verbose_name_plural = _("opening rules")
        ordering = ("branch", "valid_from", "opens_at")
        constraints = (
            models.CheckConstraint(
                condition=after("opens_at", "closes_at"),
                name="opening_ends_after_start",
                violation_error_message=_("The opening must end after it starts."),
            ),
            models.CheckConstraint(
                condition=models.Q(valid_until__isnull=True) | models.Q(valid_until__gte=models.F("valid_from")),
                name="opening_valid_in_order",
                violation_error_message=_("The last date must not be before the first."),
            ),
            models.CheckConstraint(condition=models.Q(slot_minutes__gte=5), name="opening_slot_minutes"),
            models.CheckConstraint(condition=models.Q(desks__gte=1), name="opening_desks"),
            models.CheckConstraint(condition=models.Q(every_n_weeks__gte=1), name="opening_every_n_weeks"),
        )

    def __str__(self) -> str:
        return f"{weekday_names(self.weekdays)} {self.hours}"

    @property
    def hours(self) -> str:
        return hours(self.opens_at, self.closes_at)

    def is_open_at(self, clock: time) -> bool:
        """Returns whether this time of the day is within the hours."""
        return self.opens_at <= clock and (self.closes_at == MIDNIGHT or clock < self.closes_at)

    def is_on(self, day: date) -> bool:
        """Returns whether the rule opens on this local day. Closures do not count. Same as RULE_OPENS in SQL."""
        if day < self.valid_from or (self.valid_until is not None and day > self.valid_until):
            return False
        weeks = (_monday(day) - _monday(self.valid_from)).days // 7
        return day.isoweekday() in self.weekdays and weeks % self.every_n_weeks == 0

    @property
    def is_once(self) -> bool:
        return self.valid_from == self.valid_until

    def clean(self) -> None:
        if self.release_days is not None and self.release_at is None:
            raise ValidationError({"release_at": _("Say at what time new days open.")})


def _monday(day: date) -> date:
    return day - timedelta(days=day.weekday())


# `ClosureQuerySet.of` in SQL: true if the row `closure` applies to the row `branch`.
CLOSES_BRANCH = "closure.agency_id = branch.agency_id AND (closure.branch_id IS NULL OR closure.branch_id = branch.id)"
# `ClosureQuerySet.during` in SQL.
CLOSES_DURING = "closure.from_date <= {until} AND closure.until_date >= {since}"


class ClosureQuerySet(models.QuerySet["Closure"]):
    def of(self, branch: Branch) -> "ClosureQuerySet":
        """Returns the closures of the branch, of some of its desks, and of its whole agency."""
        return self.filter(models.Q(branch=branch) | models.Q(branch=None, agency=branch.agency_id))

    def during(self, since: date, until: date) -> "ClosureQuerySet":
        """Returns the closures on any of these local days. The last day is included."""
        return self.filter(from_date__lte=until, until_date__gte=since)

    def from_today(self, *, now: datetime) -> "ClosureQuerySet":
        """Returns the closures that are not over. One of a whole agency is over when it is over at each of its branches."""
        return self.filter(_not_over(now))

    def past(self, *, now: datetime) -> "ClosureQuerySet":
        """Returns the other closures: those that ended before today, on the calendar of their branches."""
        return self.exclude(pk__in=Closure.objects.filter(_not_over(now)).values("pk"))


def _not_over(now: datetime) -> models.Q:
    # An agency without branches has no calendar on which a day could be over.
    found = models.Q(branch=None) & ~models.Q(agency__in=Branch.objects.values("agency"))
    for day, zones in Branch.objects.days(now=now).items():
        there = Branch.objects.filter(timezone__in=zones)
        of_them = models.Q(branch__in=there) | models.Q(branch=None, agency__in=there.values("agency"))
        found |= of_them & models.Q(until_date__gte=day)
    return found


class Closure(models.Model):
    """Closed time of a whole agency, a branch, or some of its desks, in the local time of each branch.

    It applies to every day from `from_date` to `until_date`, either all day or from `from_time` to `until_time`.
    """

    class Kind(models.TextChoices):
        HOLIDAY = "holiday", _("Holiday")
        CLOSED = "closed", _("Closed")
        ABSENCE = "absence", _("Absence")

    agency = models.ForeignKey("agencies.Agency", models.CASCADE, related_name="closures", verbose_name=_("agency"))
    branch = models.ForeignKey(
        "agencies.Branch",
        models.CASCADE,
        null=True,
        blank=True,
        related_name="closures",
        verbose_name=_("branch"),
        help_text=_("Empty: the whole agency."),
    )
    kind = models.CharField(_("kind"), max_length=10, choices=Kind, default=Kind.CLOSED)
    from_date = models.DateField(_("from"))
    until_date = models.DateField(_("until"))
    from_time = models.TimeField(_("from, time"), null=True, blank=True)
    until_time = UntilField(_("until, time"), null=True, blank=True)
    desks = models.PositiveSmallIntegerField(
        _("desks away"), null=True, blank=True, validators=[MinValueValidator(1)], help_text=_("Empty: all desks.")
    )
    officer = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="absences",
        verbose_name=_("officer"),
        help_text=_("Who is away, for an absence."),
    )
    reason_el = models.CharField(_("reason (Greek)"), max_length=200, blank=True)
    reason_en = models.CharField(_("reason (English)"), max_length=200, blank=True)

    objects = ClosureQuerySet.as_manager()

    class Meta:
        verbose_name = _("closure")
        verbose_name_plural = _("closures")
        ordering = ("from_date", "from_time")
        indexes = (
            models.Index(fields=["branch", "from_date"], name="closure_by_branch"),
            models.Index(fields=["agency", "from_date"], name="closure_by_agency"),
        )
        constraints = (
            models.UniqueConstraint(
                fields=["branch", "from_date"], condition=models.Q(kind="holiday"), name="one_holiday_a_day"
            ),
            models.CheckConstraint(
                condition=models.Q(until_date__gte=models.F("from_date")),
                name="closure_dates_in_order",
                violation_error_message=_("The last date must not be before the first."),
            ),
            models.CheckConstraint(
                condition=models.Q(from_time__isnull=True, until_time__isnull=True)
                | models.Q(from_time__isnull=False, until_time__isnull=False) & after("from_time", "until_time"),
                name="closure_times_in_order",
                violation_error_message=_("Give both times, the first before the last, or none for the whole day."),
            ),
        )

    def __str__(self) -> str:
        return f"{self.reason or self.get_kind_display()} {self.from_date:%d/%m/%Y}"

    reason = localized("reason")

    @property
    def hours(self) -> str:
        """The hours in digits, or "" for whole days."""
        if self.from_time is None or self.until_time is None:
            return ""
        return hours(self.from_time, self.until_time)

    def clean(self) -> None:
        if self.branch and self.agency_id and self.branch.agency_id != self.agency_id:
            raise ValidationError({"branch": _("This branch belongs to another agency.")})
