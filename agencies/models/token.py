import hashlib

from django.db import models
from django.utils.translation import gettext_lazy as _


class SystemToken(models.Model):
    """Lets an agency's own system book for that agency through the API. Only a digest of the token is stored.

    An agency may have several for one system, so a new one takes the place of an old one while the system runs.
    """

    agency = models.ForeignKey("agencies.Agency", models.CASCADE, related_name="tokens", verbose_name=_("agency"))
    label = models.CharField(_("system"), max_length=80)
    digest = models.CharField(max_length=64, unique=True, editable=False)
    is_active = models.BooleanField(_("active"), default=True)
    ends_at = models.DateTimeField(
        _("valid until"),
        null=True,
        blank=True,
        help_text=_(
            "Make a new token before, give it to the system, and switch the old one off. Empty: until it is switched off."
        ),
    )
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)

    # The token itself. Only the newly made object has it, and it is never stored.
    key: str

    class Meta:
        verbose_name = _("system token")
        verbose_name_plural = _("system tokens")
        ordering = ("agency", "label")

    def __str__(self) -> str:
        return f"{self.agency}: {self.label}"

    @staticmethod
    def digest_of(key: str) -> str:
        """Returns a plain SHA-256. Tokens are long and random (or the demo's), so a slower hash is not needed."""
        return hashlib.sha256(key.encode()).hexdigest()
