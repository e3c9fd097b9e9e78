from django.core.exceptions import ValidationError
from django.db import models
from django.utils.translation import gettext_lazy as _

from agencies.models.agency import Agency
from agencies.models.procedure import Procedure
from agencies.text import localized


class SynonymQuerySet(models.QuerySet["Synonym"]):
    def in_use(self) -> "SynonymQuerySet":
        """Returns the synonyms of what the portal shows, and those that belong to no agency."""
        return self.filter(models.Q(agency=None) | models.Q(agency__in=Agency.objects.visible()))


class Synonym(models.Model):
    """Words that people type in the search, and what they mean: a service, an agency, or something not booked here."""

    code = models.SlugField(_("code"), max_length=60, unique=True)
    agency = models.ForeignKey(
        "agencies.Agency",
        models.CASCADE,
        related_name="synonyms",
        verbose_name=_("agency"),
        null=True,
        blank=True,
        help_text=_("Without a service below, the words mean the agency."),
    )
    procedure = models.ForeignKey(
        Procedure,
        models.CASCADE,
        related_name="synonyms",
        verbose_name=_("service"),
        null=True,
        blank=True,
    )
    words = models.TextField(_("words"), help_text=_("Greek and English, one word or phrase a line."))
    note_el = models.TextField(
        _("not booked here (Greek)"),
        blank=True,
        help_text=_("If the service cannot be booked here: say so, and say where it is offered."),
    )
    note_en = models.TextField(_("not booked here (English)"), blank=True)

    objects = SynonymQuerySet.as_manager()

    class Meta:
        verbose_name = _("search word")
        verbose_name_plural = _("search words")
        ordering = ("code",)

    def __str__(self) -> str:
        return ", ".join(self.phrases[:3])

    note = localized("note")

    @property
    def phrases(self) -> list[str]:
        return [line.strip() for line in self.words.splitlines() if line.strip()]

    def clean(self) -> None:
        if self.procedure and self.procedure.agency_id != self.agency_id:
            raise ValidationError({"procedure": _("This service belongs to another agency.")})
        if self.note_el and self.procedure:
            raise ValidationError({"note_el": _("A service that is booked here needs no note.")})
        if not self.agency and not self.note_el:
            raise ValidationError({"agency": _("Choose an agency, or write where the service is offered.")})
