from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from accounts.sealing import random_key
from agencies import access


class Feed(models.Model):
    """A private calendar address. Anybody who knows the key can read the calendar of the branch or officer.

    It ends with the role of the person who made it: the address stands in that person's calendars.
    """

    key = models.CharField(max_length=22, unique=True, default=random_key, editable=False)
    branch = models.OneToOneField(
        "agencies.Branch", models.CASCADE, null=True, blank=True, related_name="feed", verbose_name=_("branch")
    )
    officer = models.OneToOneField(
        settings.AUTH_USER_MODEL, models.CASCADE, null=True, blank=True, related_name="feed", verbose_name=_("officer")
    )
    made_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        related_name="+",
        db_index=False,
        verbose_name=_("made by"),
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

    @property
    def has_ended(self) -> bool:
        """Whether the person who made it serves no citizens there any more."""
        if self.branch:
            return self.made_by_id is None or not access.officers(self.branch).filter(pk=self.made_by_id).exists()
        return not (self.officer and self.officer.is_active and self.officer.is_officer)
