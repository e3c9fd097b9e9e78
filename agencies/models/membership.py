from datetime import datetime, timedelta

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models.functions import Coalesce, Greatest, Now
from django.utils import timezone
from django.utils.translation import gettext_lazy as _


class Role(models.TextChoices):
    AGENT = "agent", _("Officer")
    SUPERVISOR = "supervisor", _("Supervisor")
    AGENCY_ADMIN = "agency_admin", _("Agency administrator")


class MembershipQuerySet(models.QuerySet["Membership"]):
    """A role is used when its holder signs in. One that nobody uses ends after a warning, so that nobody finds it later."""

    def unused(self, *, now: datetime) -> "MembershipQuerySet":
        """Roles that end soon if they are not used, with `used_at`, and `due_at`: when the next step for them was due."""
        others = Membership.objects.filter(
            agency=models.OuterRef("agency"), role=Role.AGENCY_ADMIN, user__is_active=True
        )
        is_needed = models.Q(role=Role.AGENCY_ADMIN) & ~models.Exists(others.exclude(pk=models.OuterRef("pk")))
        used = Greatest("given_at", Coalesce("user__last_login", "given_at"))
        quiet = timedelta(days=settings.RIGHTS_LAPSE_DAYS - settings.RIGHTS_WARNING_DAYS)
        rows = self.annotate(used_at=used).filter(used_at__lte=now - quiet).exclude(is_needed)
        is_warned = models.Q(warned_at__gte=models.F("used_at"))
        end = models.F("warned_at") + timedelta(days=settings.RIGHTS_WARNING_DAYS)
        return rows.annotate(
            is_warned=models.Case(models.When(is_warned, then=models.Value(True)), default=models.Value(False)),
            due_at=models.Case(models.When(is_warned, then=end), default=models.F("used_at") + quiet),
        )

    def lapsing(self, *, now: datetime) -> "MembershipQuerySet":
        """Roles whose holders have to be warned now, or that have to end now because the warning changed nothing."""
        return self.unused(now=now).filter(models.Q(due_at__lte=now))


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
    given_at = models.DateTimeField(_("since"), default=timezone.now, db_default=Now(), editable=False)
    # When its holder was told by mail that it is unused and ends.
    warned_at = models.DateTimeField(null=True, blank=True, editable=False)

    objects = MembershipQuerySet.as_manager()

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


class InvitationQuerySet(models.QuerySet["Invitation"]):
    def open(self, *, now: datetime) -> "InvitationQuerySet":
        """Invitations that can be accepted."""
        return self.filter(state=Invitation.State.OPEN, expires_at__gt=now)

    def forgettable(self, *, before: datetime) -> "InvitationQuerySet":
        """Invitations whose answer was due before this moment. What came of them stands in the memberships."""
        return self.filter(expires_at__lte=before)


class Invitation(models.Model):
    """A role that is offered to an address by mail, and begins when somebody who reads that mail accepts it."""

    class State(models.TextChoices):
        OPEN = "open", _("Invited")
        ACCEPTED = "accepted", _("Accepted")
        DECLINED = "declined", _("Declined")
        WITHDRAWN = "withdrawn", _("Withdrawn")

    email = models.EmailField(_("e-mail address"))
    name = models.CharField(_("full name"), max_length=120, blank=True)
    agency = models.ForeignKey("agencies.Agency", models.CASCADE, related_name="invitations", verbose_name=_("agency"))
    branch = models.ForeignKey(
        "agencies.Branch", models.CASCADE, null=True, blank=True, related_name="+", verbose_name=_("branch")
    )
    role = models.CharField(_("role"), max_length=12, choices=Role, default=Role.AGENT)
    invited_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+", verbose_name=_("invited by")
    )
    # Hash of the key in the latest mail. Earlier mails open nothing.
    digest = models.CharField(max_length=64, unique=True, editable=False)
    state = models.CharField(_("state"), max_length=9, choices=State, default=State.OPEN, editable=False)
    sent_at = models.DateTimeField(_("sent"), editable=False)
    expires_at = models.DateTimeField(_("valid until"), editable=False)

    objects = InvitationQuerySet.as_manager()

    class Meta:
        verbose_name = _("invitation")
        verbose_name_plural = _("invitations")
        ordering = ("-sent_at", "pk")
        constraints = (
            models.UniqueConstraint(
                fields=["email", "agency", "branch"],
                condition=models.Q(state="open"),
                nulls_distinct=False,
                name="one_open_invitation_per_place",
            ),
        )

    def __str__(self) -> str:
        return f"{self.email} – {self.get_role_display()}, {self.branch or self.agency}"

    def is_open(self, *, now: datetime) -> bool:
        return self.state == self.State.OPEN and now < self.expires_at
