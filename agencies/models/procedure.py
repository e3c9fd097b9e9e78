from datetime import datetime, timedelta

from django.contrib.postgres.fields import ArrayField
from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models, transaction
from django.db.models.functions import JSONObject
from django.utils.translation import gettext_lazy as _

from accounts.models import Identity
from agencies.models.agency import Agency
from agencies.models.channel import Channel
from agencies.text import localized


class ForWhom(models.TextChoices):
    """For whom somebody books. An officer may always book for a caller."""

    PERSON = "person", _("For oneself")
    BUSINESS = "business", _("For a business")
    OTHER = "other", _("For another person")


def for_oneself() -> list[str]:
    return [ForWhom.PERSON.value]


class ProcedureQuerySet(models.QuerySet["Procedure"]):
    def offered(self) -> "ProcedureQuerySet":
        """Returns the procedures that the public can book."""
        return self.filter(is_offered=True, agency__stage__in=Agency.LIVE)

    def for_officers(self) -> "ProcedureQuerySet":
        """Returns the procedures that officers can book for citizens, also those that the public cannot book."""
        offered = models.Q(is_offered=True) | models.Q(by_referral=True)
        return self.filter(offered, agency__stage__in=Agency.LIVE)

    def with_declaration(self) -> "ProcedureQuerySet":
        """Reads with each procedure what is declared now, so that `declaration` asks nothing more."""
        present = Declaration.objects.filter(
            procedure=models.OuterRef("pk"), version=models.OuterRef("declaration_version")
        )
        texts = JSONObject(version="version", text_el="text_el", text_en="text_en")
        return self.annotate(declared_now=models.Subquery(present.values(texts=texts)[:1]))


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
    booked_for = ArrayField(
        models.CharField(max_length=8, choices=ForWhom),
        default=for_oneself,
        db_default=for_oneself(),
        verbose_name=_("who it may be booked for"),
    )
    # The version of the declaration that whoever books accepts. 0: nothing is declared.
    declaration_version = models.PositiveIntegerField(default=0, db_default=0, editable=False)
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
        return lines_of(self._documents)

    @property
    def channel_choices(self) -> list[tuple[str, str]]:
        """Returns the procedure's channels as (value, label), in the order that all pages use."""
        return [(channel.value, str(channel.label)) for channel in Channel if channel.value in self.channels]

    @property
    def declaration(self) -> "Declaration | None":
        """Returns what whoever books declares, as it is worded now. One query, unless it was read before."""
        if not self.declaration_version:
            return None
        if read := getattr(self, "declared_now", None):
            return Declaration(procedure=self, **read)
        return self.declarations.filter(version=self.declaration_version).first()


class Declaration(models.Model):
    """One version of what citizens declare when they book the service, one sentence a line. Versions are only ever added.

    It has no admin of its own, because a form would change a version instead of adding one: the service's form does.
    """

    procedure = models.ForeignKey(Procedure, models.PROTECT, related_name="declarations", db_index=False)
    version = models.PositiveIntegerField()
    text_el = models.TextField(blank=True)
    text_en = models.TextField(blank=True)
    written_at = models.DateTimeField()

    class Meta:
        verbose_name = _("declaration")
        verbose_name_plural = _("declarations")
        constraints = (
            # Two who save at once write the same version: the second one is refused.
            models.UniqueConstraint(fields=["procedure", "version"], name="one_declaration_per_version"),
        )

    def __str__(self) -> str:
        return f"{self.procedure_id}.{self.version}"

    text = localized("text")

    @property
    def sentences(self) -> list[str]:
        return lines_of(self.text)


def lines_of(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip()]


@transaction.atomic
def declare(procedure: Procedure, text_el: str, text_en: str, *, now: datetime) -> Declaration | None:
    """Make this text what citizens declare: a new version, unless it is the present one. An empty text asks for nothing more.

    Returns the new version, or None if nothing changes.
    """
    locked = Procedure.objects.select_for_update(no_key=True).get(pk=procedure.pk)
    latest = locked.declarations.order_by("-version").first()
    texts = {"text_el": "\n".join(lines_of(text_el)), "text_en": "\n".join(lines_of(text_en))}
    present = locked.declaration
    if texts == (
        {"text_el": present.text_el, "text_en": present.text_en} if present else {"text_el": "", "text_en": ""}
    ):
        return None
    version = latest.version + 1 if latest else 1
    made = None
    if any(texts.values()):
        made = Declaration.objects.create(procedure=locked, version=version, written_at=now, **texts)
    procedure.declaration_version = version if made else 0
    procedure.save(update_fields=["declaration_version"])
    return made
