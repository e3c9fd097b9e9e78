"""Disruptions: a strike, a flood or a broken network, because of which times cannot be kept."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.db.models.expressions import RawSQL
from django.utils.translation import gettext_lazy as _

from agencies.models import Branch
from agencies.models.until import UntilField, after, end_on, hours
from agencies.text import localized
from appointments.models.appointment import LONGEST_APPOINTMENT, Appointment, AppointmentQuerySet

DAY = timedelta(days=1)

# The slots of an appointment decide whether it is affected, not its own end, because closures withdraw slots.
HIT = f"""
SELECT appointment.id
FROM unnest(%s::bigint[], %s::timestamptz[], %s::timestamptz[]) AS closed (branch_id, begins, ends)
JOIN appointments_appointment appointment ON appointment.branch_id = closed.branch_id
    AND appointment.starts_at > closed.begins - {LONGEST_APPOINTMENT} AND appointment.starts_at < closed.ends
WHERE EXISTS (
    SELECT FROM appointments_timeslot slot
    WHERE slot.id = ANY(appointment.slot_ids) AND slot.starts_at < closed.ends AND slot.ends_at > closed.begins
)
"""


class Way(models.TextChoices):
    """What may be offered instead of the appointment's own time."""

    SAME = "same", _("Another time at the same branch")
    NEAR = "near", _("A time at a branch near by")
    VIDEO = "video", _("A video call, for services that are given by video")


def every_way() -> list[str]:
    return [*Way.values]


class DisruptionQuerySet(models.QuerySet["Disruption"]):
    def around(self, moment: datetime) -> "DisruptionQuerySet":
        """Disruptions that may close this moment. One more day at each end covers every time zone."""
        return self.filter(from_date__lte=(moment + DAY).date(), until_date__gte=(moment - DAY).date())

    def to_look_after(self, *, now: datetime) -> "DisruptionQuerySet":
        """Disruptions that are not settled, or not over: until then they may still affect another appointment."""
        # One more day, because the last day ends later at branches in the west.
        return self.filter(~Q(state=Disruption.State.SETTLED) | Q(until_date__gte=(now - DAY).date()))


class Disruption(models.Model):
    """Branches of an agency cannot serve in a range of their local time. Each appointment in it gets an offer.

    The range is like that of a closure: every day from `from_date` to `until_date`, all day or from `from_time` to
    `until_time`.
    """

    class State(models.TextChoices):
        PREPARING = "preparing", _("Looking for other times")
        OPEN = "open", _("Waiting for answers")
        SETTLED = "settled", _("Settled")

    agency = models.ForeignKey("agencies.Agency", models.CASCADE, related_name="disruptions", verbose_name=_("agency"))
    branches = models.ManyToManyField("agencies.Branch", related_name="disruptions", verbose_name=_("branches"))
    from_date = models.DateField(_("from"))
    until_date = models.DateField(_("until"))
    from_time = models.TimeField(_("from, time"), null=True, blank=True)
    until_time = UntilField(_("until, time"), null=True, blank=True)
    reason_el = models.CharField(_("reason (Greek)"), max_length=200)
    reason_en = models.CharField(_("reason (English)"), max_length=200)
    ways = ArrayField(models.CharField(max_length=5, choices=Way), verbose_name=_("what is offered"), default=every_way)
    # The keys of the appointments that fall out because a clock has changed. Empty if hours are closed.
    fallen = ArrayField(models.BigIntegerField(), null=True, editable=False)
    state = models.CharField(_("state"), max_length=10, choices=State, default=State.PREPARING)
    # Since when citizens wait for their offers. None in rows of before, and then it is since `created_at`.
    preparing_since = models.DateTimeField(null=True, editable=False)
    created_at = models.DateTimeField(_("created at"))
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+", verbose_name=_("officer")
    )
    settled_at = models.DateTimeField(_("settled at"), null=True, blank=True)

    objects = DisruptionQuerySet.as_manager()

    class Meta:
        verbose_name = _("disruption")
        verbose_name_plural = _("disruptions")
        ordering = ("-created_at",)
        constraints = (
            models.CheckConstraint(
                condition=Q(until_date__gte=models.F("from_date")), name="disruption_dates_in_order"
            ),
            models.CheckConstraint(
                condition=Q(from_time__isnull=True, until_time__isnull=True)
                | Q(from_time__isnull=False, until_time__isnull=False) & after("from_time", "until_time"),
                name="disruption_times_in_order",
            ),
        )

    def __str__(self) -> str:
        return self.reason

    reason = localized("reason")

    @property
    def hours(self) -> str:
        """The hours in digits, or "" for whole days."""
        if self.from_time is None or self.until_time is None:
            return ""
        return hours(self.from_time, self.until_time)

    def windows(self, branch: Branch) -> list[tuple[datetime, datetime]]:
        """Return the closed times at the branch as (begin, end) in UTC, in order. A changed clock closes none."""
        if self.fallen is not None:
            return []
        if self.from_time is None or self.until_time is None:
            return [(branch.midnight(self.from_date), branch.midnight(self.until_date + DAY))]
        days = (self.from_date + number * DAY for number in range((self.until_date - self.from_date).days + 1))
        begins, ends = self.from_time, self.until_time
        return [(branch.instant(datetime.combine(day, begins)), branch.instant(end_on(day, ends))) for day in days]

    def hits(self, branches: Iterable[Branch]) -> AppointmentQuerySet:
        """Return the appointments, of any status, whose time at these branches is closed, or that a clock change drops."""
        if self.fallen is not None:
            named = Appointment.objects.filter(pk__in=self.fallen, branch__in=branches).select_related("branch")
            return Appointment.objects.filter(pk__in=[one.pk for one in named if one.is_off_clock])
        closed = [(branch.pk, *window) for branch in branches for window in self.windows(branch)]
        columns = [list(column) for column in zip(*closed, strict=True)] or [[], [], []]
        return Appointment.objects.filter(pk__in=RawSQL(HIT, columns))  # noqa: S611 (no user input)
