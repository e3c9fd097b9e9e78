"""The stored times of opening rules, and who of the website's visitors has taken one."""

from datetime import datetime, timedelta

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from agencies.models import Branch, OpeningRule

# No slot is longer. This limits how far back slots that still run are searched.
LONGEST_SLOT = timedelta(hours=4)
# `TimeSlotQuerySet.running` in SQL: whether the row `slot` runs at {now}.
RUNNING = "slot.starts_at > {now} - interval '4 hours' AND slot.starts_at <= {now} AND slot.ends_at > {now}"


class TimeSlotQuerySet(models.QuerySet["TimeSlot"]):
    def running(self, *, now: datetime) -> "TimeSlotQuerySet":
        """Slots that have begun and not ended: one of each rule at most. The desks of several rules add up."""
        return self.filter(starts_at__gt=now - LONGEST_SLOT, starts_at__lte=now, ends_at__gt=now)


class TimeSlot(models.Model):
    """One stored time of an opening rule, and how many of its desks are taken.

    `desks` is how many desks rules and closures give now. `capacity` is the greater one of `desks` and `taken`, so that
    a taken time is never lost. Only `appointments.times.publishing` and `appointments.booking` write here.
    """

    branch = models.ForeignKey(Branch, models.PROTECT, related_name="slots", db_index=False, verbose_name=_("branch"))
    rule = models.ForeignKey(
        OpeningRule, models.SET_NULL, null=True, related_name="slots", db_index=False, verbose_name=_("opening rule")
    )
    starts_at = models.DateTimeField(_("starts at"))
    ends_at = models.DateTimeField(_("ends at"))
    desks = models.PositiveSmallIntegerField(_("desks"))
    capacity = models.PositiveSmallIntegerField(_("capacity"))
    taken = models.PositiveSmallIntegerField(_("taken"), default=0)
    bookable_from = models.DateTimeField(_("bookable from"), null=True)

    objects = TimeSlotQuerySet.as_manager()

    class Meta:
        verbose_name = _("time slot")
        verbose_name_plural = _("time slots")
        ordering = ("starts_at", "pk")
        constraints = (
            models.CheckConstraint(condition=Q(taken__gte=0, taken__lte=F("capacity")), name="slot_not_overbooked"),
            models.CheckConstraint(condition=Q(ends_at__gt=F("starts_at")), name="slot_ends_after_start"),
            models.UniqueConstraint(fields=["rule", "starts_at", "ends_at"], name="one_slot_per_rule_and_time"),
        )
        indexes = (
            # Free times are read by rule, of which each branch has a few. Only free slots are in it, so it stays small.
            models.Index(
                fields=["rule", "starts_at"],
                include=["id", "branch", "ends_at", "capacity", "taken", "bookable_from"],
                condition=Q(taken__lt=F("capacity")),
                name="slot_free",
            ),
            models.Index(fields=["branch", "starts_at"], name="slot_by_branch"),
            models.Index(fields=["branch"], condition=Q(taken__gt=F("desks")), name="slot_overfull"),
        )

    def __str__(self) -> str:
        return f"{self.branch_id} {self.starts_at:%Y-%m-%d %H:%M}Z {self.taken}/{self.capacity}"

    @property
    def has_desk(self) -> bool:
        """Whether a desk is free. `HAS_DESK` of `appointments.times.slots` says the same in SQL."""
        return self.taken < self.capacity


class KeptDraft(models.Model):
    """That a session holds what somebody has typed on the way to a booking, and until when it may.

    A session lives for hours, and its computer may be shared. The worker takes what was typed out of it when the time is
    over. No admin: rows stay for minutes.
    """

    session = models.CharField(max_length=40, unique=True)
    forget_at = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return f"{self.pk}"


class Claim(models.Model):
    """Who has taken the time of an appointment on the website, as keyed hashes. Only `appointments.claims` writes it.

    `slot` is the one that was asked for. A row is deleted once the guest has proved the address, when the time is given
    back, or after a day.
    """

    appointment = models.OneToOneField(
        "appointments.Appointment", models.CASCADE, primary_key=True, related_name="claim"
    )
    slot = models.BigIntegerField()
    session = models.CharField(max_length=64, blank=True)
    network = models.CharField(max_length=64, blank=True)
    email = models.CharField(max_length=64, blank=True, default="")
    created_at = models.DateTimeField(db_index=True)

    class Meta:
        indexes = (
            models.Index(fields=["session"], condition=~Q(session=""), name="claim_by_session"),
            models.Index(fields=["network"], condition=~Q(network=""), name="claim_by_network"),
            models.Index(fields=["email"], condition=~Q(email=""), name="claim_by_email"),
        )

    def __str__(self) -> str:
        return f"{self.appointment_id}"
