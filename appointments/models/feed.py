from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from appointments.models.keys import random_key


class Feed(models.Model):
    """A private calendar address. Anybody who knows the key can read the calendar of the branch or officer."""

    key = models.CharField(max_length=22, unique=True, default=random_key, editable=False)
    branch = models.OneToOneField(
        "agencies.Branch", models.CASCADE, null=True, blank=True, related_name="feed", verbose_name=_("branch")
    )
    officer = models.OneToOneField(
        settings.AUTH_USER_MODEL, models.CASCADE, null=True, blank=True, related_name="feed", verbose_name=_("officer")
    )
    made_at = models.DateTimeField(_("made at"))

    class Meta:
        verbose_name = _("calendar feed")
        verbose_name_plural = _("calendar feeds")
        constraints = (
            models.CheckConstraint(
                condition=Q(branch__isnull=True) ^ Q(officer__isnull=True), name="feed_of_branch_or_officer"
            ),
        )

    def __str__(self) -> str:
        return str(self.branch or self.officer)
