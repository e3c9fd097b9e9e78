from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models
from django.utils.translation import gettext_lazy as _


class Role(models.TextChoices):
    AGENT = "agent", _("Officer")
    SUPERVISOR = "supervisor", _("Supervisor")
    AGENCY_ADMIN = "agency_admin", _("Agency administrator")


class Membership(models.Model):
    """A user's role at an agency, or at one branch of it."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="memberships", verbose_name=_("user")
    )
    agency = models.ForeignKey("agencies.Agency", models.CASCADE, related_name="memberships", verbose_name=_("agency"))
    branch = models.ForeignKey(
        "agencies.Branch",
        models.CASCADE,
        null=True,
        blank=True,
        related_name="memberships",
        verbose_name=_("branch"),
        help_text=_("Empty: all branches of the agency."),
    )
    role = models.CharField(_("role"), max_length=12, choices=Role, default=Role.AGENT)

    class Meta:
        verbose_name = _("membership")
        verbose_name_plural = _("memberships")
        ordering = ("agency", "branch", "user")
        constraints = (
            models.UniqueConstraint(
                fields=["user", "agency", "branch"], nulls_distinct=False, name="one_role_per_user_and_place"
            ),
            models.CheckConstraint(
                condition=~models.Q(role="agency_admin") | models.Q(branch__isnull=True),
                name="agency_admin_has_whole_agency",
                violation_error_message=_("An agency administrator has the whole agency, not one branch."),
            ),
        )

    def __str__(self) -> str:
        return f"{self.user.name_in_role} – {self.get_role_display()}, {self.branch or self.agency}"

    def clean(self) -> None:
        if self.branch and self.agency_id and self.branch.agency_id != self.agency_id:
            raise ValidationError({"branch": _("This branch belongs to another agency.")})
