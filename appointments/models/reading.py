from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _


class Reading(models.Model):
    """That somebody of the agency has looked at a citizen's record: who, when, on which page, for which branch.

    The same look by the same reader on the same page within a few minutes is one row, because pages look again by
    themselves (`appointments/history/readings.py`). The database refuses to change a row, and to delete it before the
    record is erased.
    """

    class By(models.TextChoices):
        OFFICER = "officer", _("Officer")
        SYSTEM = "system", _("Agency's system")

    appointment = models.ForeignKey(
        "appointments.Appointment", models.CASCADE, related_name="readings", verbose_name=_("appointment")
    )
    # The branch of the appointment at that time. Empty in rows that were written before this field existed. Without a
    # constraint: adding one would lock two tables that are in use.
    branch = models.ForeignKey(
        "agencies.Branch",
        models.DO_NOTHING,
        null=True,
        related_name="+",
        db_constraint=False,
        db_index=False,
        verbose_name=_("branch"),
    )
    by = models.CharField(_("by"), max_length=7, choices=By, default=By.OFFICER, db_default=By.OFFICER)
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
