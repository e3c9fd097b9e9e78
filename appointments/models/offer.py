"""Offers: another time that is held for a citizen until a deadline, and the reason."""

from datetime import datetime

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _


class OfferQuerySet(models.QuerySet["Offer"]):
    def unsettled(self) -> "OfferQuerySet":
        """Offers that the citizen still has to answer, and those for which an officer has to find another time.

        Only a disruption leaves such work: after any other offer the citizen keeps the appointment.
        """
        hanging = Q(reason=Offer.Reason.DISRUPTION, state__in=Offer.UNSETTLED)
        return self.filter(Q(state=Offer.State.OPEN) | hanging)

    def awaited(self) -> "OfferQuerySet":
        """Offers that the citizen may still answer, with the times that they hold. An appointment has at most one."""
        return self.filter(state=Offer.State.OPEN).select_related("hold__branch")

    def for_disruptions(self) -> "OfferQuerySet":
        return self.filter(reason=Offer.Reason.DISRUPTION)


class Offer(models.Model):
    """Another time that is held for the citizen of an appointment until a deadline; or the fact that none was found.

    The appointment itself stays as it is until the offer is accepted.
    """

    class Reason(models.TextChoices):
        DISRUPTION = "disruption", _("The time cannot be kept")
        WAITLIST = "waitlist", _("An earlier time was wished for")
        SUGGESTION = "suggestion", _("An officer suggests another time")

    class State(models.TextChoices):
        OPEN = "open", _("Waiting for the answer")
        ACCEPTED = "accepted", _("Accepted")
        CHANGED = "changed", _("Chose another time")
        CANCELLED = "cancelled", _("Cancelled")
        LAPSED = "lapsed", _("No answer in time")
        NONE_FOUND = "none_found", _("No other time found")
        KEPT = "kept", _("Served after all")
        WITHDRAWN = "withdrawn", _("Withdrawn")

    UNSETTLED = (State.OPEN, State.LAPSED, State.NONE_FOUND)

    reason = models.CharField(
        _("reason"), max_length=10, choices=Reason, default=Reason.DISRUPTION, db_default="disruption"
    )
    disruption = models.ForeignKey(
        "appointments.Disruption",
        models.CASCADE,
        null=True,
        blank=True,
        related_name="offers",
        verbose_name=_("disruption"),
        db_index=False,
    )
    appointment = models.ForeignKey(
        "appointments.Appointment", models.CASCADE, related_name="offers", verbose_name=_("appointment")
    )
    hold = models.OneToOneField(
        "appointments.Appointment",
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="held_for",
        verbose_name=_("held time"),
    )
    was_starts_at = models.DateTimeField(_("time of the appointment"))
    was_branch = models.ForeignKey(
        "agencies.Branch", models.PROTECT, related_name="+", verbose_name=_("branch of the appointment"), db_index=False
    )
    state = models.CharField(_("state"), max_length=10, choices=State, default=State.OPEN)
    deadline = models.DateTimeField(_("deadline"), null=True, blank=True)
    created_at = models.DateTimeField(_("created at"))
    answered_at = models.DateTimeField(_("answered at"), null=True, blank=True)

    objects = OfferQuerySet.as_manager()

    class Meta:
        verbose_name = _("offer")
        verbose_name_plural = _("offers")
        ordering = ("was_starts_at", "pk")
        constraints = (
            models.UniqueConstraint(fields=["disruption", "appointment"], name="one_offer_per_disruption"),
            models.UniqueConstraint(
                fields=["appointment"], condition=Q(state="open"), name="one_open_offer_per_appointment"
            ),
            models.CheckConstraint(
                condition=~Q(state="open") | Q(hold__isnull=False, deadline__isnull=False),
                name="open_offer_holds_a_time",
            ),
            models.CheckConstraint(
                condition=Q(reason="disruption", disruption__isnull=False)
                | (~Q(reason="disruption") & Q(disruption__isnull=True)),
                name="offer_of_disruption_names_it",
            ),
        )

    def __str__(self) -> str:
        return f"{self.appointment} – {self.get_state_display()}"

    @property
    def is_unsettled(self) -> bool:
        """As in `OfferQuerySet.unsettled`."""
        return self.state == self.State.OPEN or (self.is_of_disruption and self.state in self.UNSETTLED)

    @property
    def is_of_disruption(self) -> bool:
        """Whether the time of the appointment itself cannot be kept, so that a message is due even if no other is free."""
        return self.reason == self.Reason.DISRUPTION

    @property
    def because(self) -> str:
        """The reason as the citizen reads it, in the active language."""
        return self.disruption.reason if self.disruption else str(self.get_reason_display())

    def is_open(self, now: datetime) -> bool:
        """Return whether the time is still held. Checks the deadline, because the sweep may not have run since."""
        return self.state == self.State.OPEN and self.deadline is not None and now < self.deadline
