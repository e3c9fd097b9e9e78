from datetime import timedelta

from django.contrib.postgres.fields import ArrayField
from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator, URLValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

from agencies.text import localized

DAY_MINUTES = 24 * 60


def default_reminders() -> list[int]:
    """Returns three days, one day and two hours, in minutes before the appointment."""
    return [3 * DAY_MINUTES, DAY_MINUTES, 2 * 60]


class AgencyQuerySet(models.QuerySet["Agency"]):
    def live(self) -> "AgencyQuerySet":
        """Returns the agencies whose platform takes bookings from the public."""
        return self.filter(stage__in=Agency.LIVE)

    def visible(self) -> "AgencyQuerySet":
        """Returns the agencies that the portal shows: the live ones, and those that are joining and take no bookings yet."""
        return self.exclude(stage=Agency.Stage.REQUEST)


class Agency(models.Model):
    """A public body with its own platform, brand and rules."""

    class Stage(models.TextChoices):
        REQUEST = "request", _("Request")
        JOINING = "joining", _("Joining")
        PILOT = "pilot", _("Pilot")
        PRODUCTION = "production", _("In production")

    # The stages in which the public can book.
    LIVE = (Stage.PILOT, Stage.PRODUCTION)

    class VideoProvider(models.TextChoices):
        """The names are those of `videocalls.providers`, which this app does not import."""

        ROOM = "room", _("None: the officer calls by telephone")
        JITSI = "jitsi", "Jitsi"
        LIVEKIT = "livekit", "LiveKit"
        BBB = "bbb", "BigBlueButton"
        WEBEX = "webex", "Webex"
        LINK = "link", _("The agency's own fixed address")

    slug = models.SlugField(_("short code"), max_length=40, unique=True)
    name_el = models.CharField(_("name (Greek)"), max_length=200)
    name_en = models.CharField(_("name (English)"), max_length=200)
    short_name_el = models.CharField(_("short name (Greek)"), max_length=60)
    short_name_en = models.CharField(_("short name (English)"), max_length=60)
    description_el = models.TextField(_("description (Greek)"), blank=True)
    description_en = models.TextField(_("description (English)"), blank=True)
    branch_word_el = models.CharField(_("what a branch is called (Greek)"), max_length=60, blank=True)
    branch_word_en = models.CharField(_("what a branch is called (English)"), max_length=60, blank=True)

    platform = models.CharField(_("platform"), max_length=40, unique=True, help_text=_("For example myKEPlive."))
    platform_slug = models.SlugField(_("address"), max_length=40, unique=True, help_text=_("For example mykeplive."))
    stage = models.CharField(_("stage"), max_length=12, choices=Stage, default=Stage.REQUEST)
    live_since = models.DateField(_("in production since"), null=True, blank=True)
    accent = models.CharField(
        _("accent colour"), max_length=7, default="#003375", validators=[RegexValidator(r"^#[0-9a-f]{6}$")]
    )
    legal_basis = models.CharField(_("legal basis"), max_length=200, blank=True)
    mitos_id = models.CharField(_("Mitos number"), max_length=6, blank=True, validators=[RegexValidator(r"^\d{6}$")])
    publishes_figures = models.BooleanField(_("publishes its figures"), default=True)
    publishes_branches = models.BooleanField(_("publishes the number of branches"), default=True)

    horizon_days = models.PositiveSmallIntegerField(
        _("booking opens, days ahead"), default=60, validators=[MinValueValidator(1), MaxValueValidator(366)]
    )
    notice_minutes = models.PositiveIntegerField(
        _("last booking, minutes before"),
        default=60,
        validators=[MaxValueValidator(30 * DAY_MINUTES)],
        db_column="lead_minutes",
    )
    change_minutes = models.PositiveIntegerField(
        _("last change by the citizen, minutes before"), default=60, validators=[MaxValueValidator(30 * DAY_MINUTES)]
    )
    hold_minutes = models.PositiveSmallIntegerField(
        _("a time is held, minutes"), default=10, validators=[MinValueValidator(2), MaxValueValidator(60)]
    )
    verify_minutes = models.PositiveSmallIntegerField(
        _("guests confirm their e-mail within, minutes"),
        default=30,
        validators=[MaxValueValidator(DAY_MINUTES)],
        help_text=_("0: guests need not confirm, except on crowded days."),
    )
    reminders = ArrayField(
        models.PositiveIntegerField(),
        verbose_name=_("reminders, minutes before"),
        default=default_reminders,
        blank=True,
    )
    retention_days = models.PositiveIntegerField(_("personal data is kept, days after"), default=180)
    video_provider = models.CharField(
        _("video provider"), max_length=20, choices=VideoProvider, default=VideoProvider.ROOM
    )
    video_fallback = models.CharField(
        _("second video provider"),
        max_length=20,
        choices=VideoProvider,
        blank=True,
        default="",
        db_default="",
        help_text=_("A call goes on there if the first one fails. Without it, the officer calls by telephone."),
    )
    video_link = models.CharField(
        _("the agency's own address for video calls"),
        max_length=300,
        blank=True,
        default="",
        db_default="",
        validators=[URLValidator(["https"]), RegexValidator(r"^[^{}]*(\{room\}[^{}]*)?$")],
        help_text=_(
            "For the provider with a fixed address. With {room} in it, each appointment has a room of its own. Without, "
            "all meet at the same place, which needs a waiting room."
        ),
    )
    video_early_minutes = models.PositiveSmallIntegerField(_("room opens, minutes before"), default=10)
    video_late_minutes = models.PositiveSmallIntegerField(_("room closes, minutes after"), default=30)

    walk_in_minutes = models.PositiveSmallIntegerField(
        _("appointments go before walk-ins, minutes"),
        default=30,
        validators=[MaxValueValidator(DAY_MINUTES)],
        help_text=_("A walk-in's turn counts from so long after the arrival."),
    )
    alert_days = models.PositiveSmallIntegerField(
        _("alert when a service has no free time for, days"), default=21, validators=[MaxValueValidator(366)]
    )
    feeds_show_names = models.BooleanField(_("calendar feeds show citizens' names"), default=False)

    objects = AgencyQuerySet.as_manager()

    class Meta:
        verbose_name = _("agency")
        verbose_name_plural = _("agencies")
        ordering = ("pk",)

    def __str__(self) -> str:
        return self.short_name

    name = localized("name")
    short_name = localized("short_name")
    description = localized("description")
    branch_word = localized("branch_word")

    @property
    def is_live(self) -> bool:
        return self.stage in self.LIVE

    @property
    def is_pilot(self) -> bool:
        return self.stage == self.Stage.PILOT

    @property
    def notice(self) -> timedelta:
        """The shortest time between a booking by the public and the start of the appointment."""
        return timedelta(minutes=self.notice_minutes)
