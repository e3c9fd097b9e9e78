from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _


class Reading(models.Model):
    """One time that an officer opened a citizen's record: when, and on which page. Kept as long as the record."""

    appointment = models.ForeignKey(
        "appointments.Appointment", models.CASCADE, related_name="readings", verbose_name=_("appointment")
    )
    officer = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        related_name="+",
        verbose_name=_("officer"),
        db_index=False,
    )
    at = models.DateTimeField(_("at"))
    page = models.CharField(_("page"), max_length=80)

    class Meta:
        verbose_name = _("reading of a record")
        verbose_name_plural = _("readings of records")
        ordering = ("at", "pk")

    def __str__(self) -> str:
        return f"{self.officer_id}: {self.appointment_id}"
