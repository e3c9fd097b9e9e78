from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from agencies.models import Declaration, ForWhom
from appointments import sight
from appointments.models.appointment import Appointment


class Standing(models.TextChoices):
    """In what capacity somebody books for a business, or what they are to the person for whom they book."""

    REPRESENTATIVE = "representative", _("legal representative")
    EMPLOYEE = "employee", _("employee")
    ACCOUNTANT = "accountant", _("accountant")
    LAWYER = "lawyer", _("lawyer")
    AUTHORISED = "authorised", _("authorised by a document")
    PARENT = "parent", _("parent")
    CHILD = "child", _("son or daughter")
    SPOUSE = "spouse", _("spouse or partner")
    RELATIVE = "relative", _("another relative")
    GUARDIAN = "guardian", _("guardian by a court's decision")
    CARER = "carer", _("carer or social worker")
    FRIEND = "friend", _("friend or neighbour")


STANDINGS: dict[str, tuple[Standing, ...]] = {
    ForWhom.BUSINESS: (
        *(Standing.REPRESENTATIVE, Standing.EMPLOYEE, Standing.ACCOUNTANT, Standing.LAWYER, Standing.AUTHORISED),
    ),
    ForWhom.OTHER: (
        *(Standing.CHILD, Standing.PARENT, Standing.SPOUSE, Standing.RELATIVE, Standing.GUARDIAN, Standing.CARER),
        *(Standing.LAWYER, Standing.AUTHORISED, Standing.FRIEND),
    ),
}


@sight.watched("name", "email", "phone", key="appointment_id")
class Party(models.Model):
    """For whom an appointment is, where it is not whoever has booked it. The appointment's own contact is the booker's.

    The tax number of a business, or of the person, is the appointment's. No admin: officers read it on the appointment.
    """

    KINDS = (ForWhom.BUSINESS, ForWhom.OTHER)

    appointment = models.OneToOneField(Appointment, models.CASCADE, primary_key=True, related_name="party")
    kind = models.CharField(max_length=8, choices=ForWhom)
    name = models.CharField(max_length=160)
    standing = models.CharField(max_length=14, choices=Standing)
    email = models.EmailField(blank=True)
    phone = models.CharField(max_length=20, blank=True)
    # Which version of our text the booker has agreed to: that the person knows and agrees. 0 for a business.
    consent = models.PositiveSmallIntegerField(default=0)
    consented_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name = _("party")
        verbose_name_plural = _("parties")
        constraints = (
            models.CheckConstraint(
                condition=Q(kind="business") | Q(kind="other", consent__gt=0, consented_at__isnull=False),
                name="person_has_agreed",
            ),
        )

    def __str__(self) -> str:
        return self.get_kind_display()


class Acceptance(models.Model):
    """That whoever booked has accepted this version of what the service has them declare. No admin: nobody may change it."""

    appointment = models.OneToOneField(Appointment, models.CASCADE, primary_key=True, related_name="acceptance")
    declaration = models.ForeignKey(Declaration, models.PROTECT, related_name="+", db_index=False)
    accepted_at = models.DateTimeField()

    class Meta:
        verbose_name = _("acceptance")
        verbose_name_plural = _("acceptances")

    def __str__(self) -> str:
        return f"{self.declaration_id}"
