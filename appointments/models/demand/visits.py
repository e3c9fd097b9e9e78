"""Rows for each visitor. Pages add them beside their work, and `reports` counts them and takes them away.

The keys have no constraint: it would lock rows that everybody reads. No admin: rows stay for two days.
"""

from django.conf import settings
from django.db import models

from accounts.visits.devices import Device
from agencies.models import Channel


class Visit(models.Model):
    """What is known of both. `day` is local to the branch; `visitor` is a mark of the day (`accounts.visits.visitors`)."""

    agency_id = models.BigIntegerField()
    procedure_id = models.BigIntegerField()
    channel = models.CharField(max_length=10, choices=Channel, blank=True)
    device = models.CharField(max_length=8, choices=Device)
    language = models.CharField(max_length=2, choices=settings.LANGUAGES)
    day = models.DateField()
    visitor = models.CharField(max_length=32)

    class Meta:
        abstract = True


class Journey(Visit):
    """A visitor's way from the first time that was held until the booking. All belongs to the branch of that first time.

    `token` is random, and known to the visitor's session alone. `appointment_id` is what was booked in the end.
    """

    branch_id = models.BigIntegerField()
    token = models.CharField(max_length=32, unique=True)
    held_at = models.DateTimeField()
    filled_at = models.DateTimeField(null=True)
    appointment_id = models.BigIntegerField(null=True)

    class Meta:
        indexes = (models.Index(fields=["day"], name="journey_by_day"),)

    def __str__(self) -> str:
        return f"{self.procedure_id} {self.day}"


class NothingFree(Visit):
    """A visitor who was told that no time is free: at the branch, or without one at all branches. No channel: in none.

    It is written once for each visitor and day, at the first time.
    """

    branch_id = models.BigIntegerField(null=True)
    at = models.DateTimeField()

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=["day", "visitor", "procedure_id", "channel", "branch_id"],
                nulls_distinct=False,
                name="told_once_a_day",
            ),
        )

    def __str__(self) -> str:
        return f"{self.procedure_id} {self.day}"
