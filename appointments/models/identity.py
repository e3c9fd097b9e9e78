from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _


class IdentityCheck(models.Model):
    """What an officer saw of the citizen's identity document on camera. No picture and no number of it is kept."""

    appointment = models.OneToOneField(
        "appointments.Appointment", models.CASCADE, related_name="identity", verbose_name=_("appointment")
    )
    is_shown = models.BooleanField(_("a document was shown"), default=False)
    is_same_face = models.BooleanField(_("the face is that of the document"), default=False)
    valid_until = models.DateField(_("the document is valid until"), null=True, blank=True)
    officer = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        related_name="+",
        verbose_name=_("officer"),
        db_index=False,
    )
    at = models.DateTimeField(_("at"))

    class Meta:
        verbose_name = _("identity check on camera")
        verbose_name_plural = _("identity checks on camera")
        ordering = ("at", "pk")

    def __str__(self) -> str:
        return f"{self.officer_id}: {self.appointment_id}"
