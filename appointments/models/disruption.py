"""A strike, a flood, a broken network: times that fall out, and what each citizen is offered instead."""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from agencies.models import Agency, Branch
from agencies.text import localized
from appointments.models.appointment import Appointment


class Disruption(models.Model):
    """Branches of an agency that cannot serve in a range of their local time; each appointment in it gets an offer."""

    class State(models.TextChoices):
        PREPARING = "preparing", _("Looking for other times")
        OPEN = "open", _("Waiting for answers")
        SETTLED = "settled", _("Settled")

    agency = models.ForeignKey(Agency, models.CASCADE, related_name="disruptions", verbose_name=_("agency"))
    branches = models.ManyToManyField(Branch, related_name="disruptions", verbose_name=_("branches"))
    from_date = models.DateField(_("from"))
    until_date = models.DateField(_("until"))
    from_time = models.TimeField(_("from, time"), null=True, blank=True)
    until_time = models.TimeField(_("until, time"), null=True, blank=True)
    reason_el = models.CharField(_("reason (Greek)"), max_length=200)
    reason_en = models.CharField(_("reason (English)"), max_length=200)
    state = models.CharField(_("state"), max_length=10, choices=State, default=State.PREPARING)
    created_at = models.DateTimeField(_("created at"))
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+", verbose_name=_("officer")
    )
    settled_at = models.DateTimeField(_("settled at"), null=True, blank=True)

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
                | Q(from_time__isnull=False, until_time__isnull=False, until_time__gt=models.F("from_time")),
                name="disruption_times_in_order",
            ),
        )

    def __str__(self) -> str:
        return self.reason

    reason = localized("reason")


class Offer(models.Model):
    """A time held for the citizen of one appointment until a deadline, or the fact that none was found."""

    class State(models.TextChoices):
        OPEN = "open", _("Waiting for the answer")
        ACCEPTED = "accepted", _("Accepted")
        CHANGED = "changed", _("Chose another time")
        CANCELLED = "cancelled", _("Cancelled")
        LAPSED = "lapsed", _("No answer in time")
        NONE_FOUND = "none_found", _("No other time found")

    # The citizen still has an appointment that cannot take place: somebody has to call.
    HANGING = (State.OPEN, State.LAPSED, State.NONE_FOUND)

    disruption = models.ForeignKey(
        Disruption, models.CASCADE, related_name="offers", verbose_name=_("disruption"), db_index=False
    )
    appointment = models.ForeignKey(Appointment, models.CASCADE, related_name="offers", verbose_name=_("appointment"))
    hold = models.OneToOneField(
        Appointment, models.SET_NULL, null=True, blank=True, related_name="held_for", verbose_name=_("held time")
    )
    was_starts_at = models.DateTimeField(_("time that fell out"))
    state = models.CharField(_("state"), max_length=10, choices=State, default=State.OPEN)
    deadline = models.DateTimeField(_("deadline"), null=True, blank=True)
    created_at = models.DateTimeField(_("created at"))
    answered_at = models.DateTimeField(_("answered at"), null=True, blank=True)

    class Meta:
        verbose_name = _("offer")
        verbose_name_plural = _("offers")
        ordering = ("was_starts_at", "pk")
        constraints = (
            models.UniqueConstraint(fields=["disruption", "appointment"], name="one_offer_per_disruption"),
            models.UniqueConstraint(
                fields=["appointment"], condition=Q(state="open"), name="one_open_offer_per_appointment"
            ),
        )

    def __str__(self) -> str:
        return f"{self.appointment} – {self.get_state_display()}"
