from datetime import timedelta

from django.contrib.postgres.fields import ArrayField
from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

from accounts.models import Identity
from agencies.models.agency import Agency
from agencies.models.channel import Channel
from agencies.text import localized


class ProcedureQuerySet(models.QuerySet["Procedure"]):
    def offered(self) -> "ProcedureQuerySet":
        """Returns the procedures that the public can book."""
        return self.filter(is_offered=True, agency__stage__in=Agency.LIVE)

    def for_officers(self) -> "ProcedureQuerySet":
        """Returns the procedures that officers can book for citizens, also those that the public cannot book."""
        offered = models.Q(is_offered=True) | models.Q(by_referral=True)
        return self.filter(offered, agency__stage__in=Agency.LIVE)


class Category(models.Model):
    """Services of an agency that count together: a person may have so many open appointments for all of them."""

    agency = models.ForeignKey("agencies.Agency", models.CASCADE, related_name="categories", verbose_name=_("agency"))
    name_el = models.CharField(_("name (Greek)"), max_length=200)
    name_en = models.CharField(_("name (English)"), max_length=200)
    open_limit = models.PositiveSmallIntegerField(
        _("open appointments per person"), default=1, validators=[MinValueValidator(1), MaxValueValidator(20)]
    )

    class Meta:
        verbose_name = _("category of services")
        verbose_name_plural = _("categories of services")
        ordering = ("agency", "pk")

    def __str__(self) -> str:
        return self.name

    name = localized("name")


class Procedure(models.Model):
    """A service that citizens book."""

    class Identification(models.TextChoices):
        NONE = "none", _("Name and e-mail")
        TAX_NUMBER = "tax_number", _("Name, e-mail and tax number")

    agency = models.ForeignKey("agencies.Agency", models.PROTECT, related_name="procedures", verbose_name=_("agency"))
    code = models.SlugField(_("code"), max_length=60, unique=True)
    name_el = models.CharField(_("name (Greek)"), max_length=200)
    name_en = models.CharField(_("name (English)"), max_length=200)
    description_el = models.TextField(_("description (Greek)"), blank=True)
    description_en = models.TextField(_("description (English)"), blank=True)
    documents_el = models.TextField(_("what to bring (Greek)"), blank=True, help_text=_("One document a line."))
    documents_en = models.TextField(_("what to bring (English)"), blank=True, help_text=_("One document a line."))
    duration_minutes = models.PositiveSmallIntegerField(
        _("duration, minutes"), validators=[MinValueValidator(5), MaxValueValidator(480)]
    )
    channels = ArrayField(models.CharField(max_length=10, choices=Channel), verbose_name=_("channels"))
    identification = models.CharField(
        _("identification needed"), max_length=12, choices=Identification, default=Identification.NONE
    )
    # How sure it must be who books: a level of eIDAS. Officers who book for somebody see to it themselves.
    assurance = models.CharField(
        _("level of assurance needed"),
        max_length=11,
        choices=Identity.Level,
        blank=True,
        default="",
        db_default="",
        help_text=_("Citizens then have to sign in at this level or a higher one. Empty: nobody has to sign in."),
    )
    open_limit = models.PositiveSmallIntegerField(
        _("open appointments per person"), default=1, validators=[MinValueValidator(1), MaxValueValidator(20)]
    )
    category = models.ForeignKey(
        Category,
        models.PROTECT,
        related_name="procedures",
        verbose_name=_("category"),
        null=True,
        blank=True,
        db_index=False,
        help_text=_("Services of one category share a limit of open appointments per person."),
    )
    period_limit = models.PositiveSmallIntegerField(
        _("most appointments per person in a period"),
        null=True,
        blank=True,
        validators=[MinValueValidator(1), MaxValueValidator(100)],
        help_text=_("Also past ones count, but not cancelled ones. Empty means any number."),
    )
    period_days = models.PositiveSmallIntegerField(
        _("length of the period, days"),
        default=30,
        db_default=30,
        blank=True,
        validators=[MinValueValidator(1), MaxValueValidator(366)],
    )
    days_between = models.PositiveSmallIntegerField(
        _("days from one appointment of a person to the next"),
        default=0,
        db_default=0,
        blank=True,
        validators=[MaxValueValidator(366)],
        help_text=_("0 means that there may be several on one day."),
    )
    mitos_id = models.CharField(_("Mitos number"), max_length=6, blank=True, validators=[RegexValidator(r"^\d{6}$")])
    is_offered = models.BooleanField(_("offered to the public"), default=True)
    by_referral = models.BooleanField(
        _("officers book it for citizens"),
        default=False,
        help_text=_("A specialist's appointment: officers of the agency may book it even where the public cannot."),
    )

    objects = ProcedureQuerySet.as_manager()

    class Meta:
        verbose_name = _("service")
        verbose_name_plural = _("services")
        ordering = ("pk",)

    def __str__(self) -> str:
        return self.name

    name = localized("name")
    description = localized("description")
    _documents = localized("documents")

    @property
    def duration(self) -> timedelta:
        return timedelta(minutes=self.duration_minutes)

    @property
    def documents(self) -> list[str]:
        return [line.strip() for line in self._documents.splitlines() if line.strip()]

    @property
    def channel_choices(self) -> list[tuple[str, str]]:
        """Returns the procedure's channels as (value, label), in the order that all pages use."""
        return [(channel.value, str(channel.label)) for channel in Channel if channel.value in self.channels]
