from collections import defaultdict
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from django.contrib.postgres.fields import ArrayField
from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator
from django.db import models
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from agencies.models.agency import Agency
from agencies.models.services import serving
from agencies.text import alphabetical, localized
from agencies.wallclock import all_zones, instant, midnight, zone_of

if TYPE_CHECKING:  # annotations need no import at run time
    from agencies.models.opening import OpeningRule
    from agencies.models.procedure import Procedure


def validate_timezone(value: str) -> None:
    if value not in all_zones():
        raise ValidationError(_("“%(zone)s” is not a time zone, for example Europe/Athens."), params={"zone": value})


class BranchQuerySet(models.QuerySet["Branch"]):
    def open(self) -> "BranchQuerySet":
        """Returns the branches where the public can book."""
        return self.filter(is_open=True, agency__stage__in=Agency.LIVE)

    def in_order(self) -> "BranchQuerySet":
        """Returns the branches in the alphabetical order of the active language."""
        language = (get_language() or "el")[:2]
        return self.order_by("order_en" if language == "en" else "order_el", "pk")

    def serving(self, procedure: "Procedure", channel: str) -> "BranchQuerySet":
        """Returns the open branches where the public can book the procedure in the channel, even without free times."""
        rules = Branch.objects.filter(
            serving(procedure.pk, by="opening_rules__"),
            opening_rules__channels__contains=[channel],
            opening_rules__purpose="public",
        )
        return self.open().filter(agency=procedure.agency_id, pk__in=rules.values("pk"))

    def days(self, *, now: datetime) -> dict[date, list[str]]:
        """Returns the days that the branches' calendars show now, each with the time zones in which it is this day."""
        found: dict[date, list[str]] = defaultdict(list)
        for zone in self.order_by().values_list("timezone", flat=True).distinct():
            found[now.astimezone(zone_of(zone)).date()].append(zone)
        return dict(found)


class Branch(models.Model):
    """A place where an agency serves, with its time zone and holidays, or the central services, which serve remotely."""

    agency = models.ForeignKey("agencies.Agency", models.PROTECT, related_name="branches", verbose_name=_("agency"))
    code = models.SlugField(_("code"), max_length=60, unique=True)
    name_el = models.CharField(_("name (Greek)"), max_length=200)
    name_en = models.CharField(_("name (English)"), max_length=200)
    address_el = models.CharField(_("address (Greek)"), max_length=200, blank=True)
    address_en = models.CharField(_("address (English)"), max_length=200, blank=True)
    city_el = models.CharField(_("city (Greek)"), max_length=100)
    city_en = models.CharField(_("city (English)"), max_length=100)
    region_el = models.CharField(_("region (Greek)"), max_length=100, blank=True)
    region_en = models.CharField(_("region (English)"), max_length=100, blank=True)
    unit_el = models.CharField(
        _("regional unit (Greek)"),
        max_length=100,
        blank=True,
        default="",
        db_default="",
        help_text=_("In the genitive, for example Χανίων."),
    )
    unit_en = models.CharField(_("regional unit (English)"), max_length=100, blank=True, default="", db_default="")
    areas = ArrayField(
        models.CharField(max_length=60),
        verbose_name=_("other names of the place"),
        default=list,
        blank=True,
        db_default=[],
        help_text=_("Suburbs, villages and islands that people type to find the branch, with commas between them."),
    )
    postcodes = ArrayField(
        models.CharField(max_length=5, validators=[RegexValidator(r"^\d{2,5}$")]),
        verbose_name=_("postcodes"),
        default=list,
        blank=True,
        db_default=[],
        help_text=_("Postcodes of the area, or their first digits (731), with commas between them."),
    )
    municipality = models.SlugField(
        _("municipality"), max_length=60, blank=True, help_text=_("For its patron-saint day.")
    )
    country = models.CharField(_("country"), max_length=2, validators=[RegexValidator(r"^[A-Z]{2}$")], default="GR")
    timezone = models.CharField(_("time zone"), max_length=50, default="Europe/Athens", validators=[validate_timezone])
    latitude = models.DecimalField(_("latitude"), max_digits=7, decimal_places=4, null=True, blank=True)
    longitude = models.DecimalField(_("longitude"), max_digits=7, decimal_places=4, null=True, blank=True)
    phone = models.CharField(_("telephone"), max_length=30, blank=True)
    email = models.EmailField(_("e-mail address"), blank=True)
    access_el = models.TextField(_("accessibility (Greek)"), blank=True)
    access_en = models.TextField(_("accessibility (English)"), blank=True)
    directions_el = models.TextField(
        _("how to get there (Greek)"),
        blank=True,
        default="",
        db_default="",
        help_text=_("Buses, stations, parking, and which entrance. Stands in messages and on letters."),
    )
    directions_en = models.TextField(_("how to get there (English)"), blank=True, default="", db_default="")
    is_illustrative = models.BooleanField(
        _("the address, telephone and access are examples"),
        default=False,
        db_default=False,
        help_text=_("Pages and messages then say so. Untick it when the true ones are filled in."),
    )
    is_open = models.BooleanField(_("takes bookings"), default=True)
    takes_referrals = models.BooleanField(
        _("takes follow-ups of other branches"),
        default=True,
        help_text=_("Officers of the agency's other branches may book here for whom they serve."),
    )
    # What the names are ordered by. As columns, they also order what is distinct and what refers to a branch.
    order_el = models.GeneratedField(
        expression=alphabetical("name_el"), output_field=models.TextField(), db_persist=True
    )
    order_en = models.GeneratedField(
        expression=alphabetical("name_en"), output_field=models.TextField(), db_persist=True
    )

    objects = BranchQuerySet.as_manager()

    class Meta:
        verbose_name = _("branch")
        verbose_name_plural = _("branches")
        ordering = ("order_el", "pk")
        indexes = (models.Index(fields=["agency", "country", "region_el"], name="branch_by_place"),)

    def __str__(self) -> str:
        return self.name

    name = localized("name")
    address = localized("address")
    city = localized("city")
    region = localized("region")
    access = localized("access")
    directions = localized("directions")

    def hours_on(self, day: date) -> list[str]:
        """Returns in words when the branch is open to the public for personal visits, by the rules that hold on the day."""
        rules = self.opening_rules.filter(purpose="public", channels__contains=["in_person"], valid_from__lte=day)
        rules = rules.filter(models.Q(valid_until=None) | models.Q(valid_until__gte=day)).order_by(
            "weekdays", "opens_at"
        )
        hours: list[OpeningRule] = []
        for rule in rules:
            if rule.is_once:
                continue
            if hours and hours[-1].weekdays == rule.weekdays and rule.opens_at <= hours[-1].closes_at:
                hours[-1].closes_at = max(hours[-1].closes_at, rule.closes_at)
            else:
                hours.append(rule)
        return [str(rule) for rule in hours]

    @property
    def map_links(self) -> dict[str, str]:
        """Returns the addresses of a map: "app" for the reader's own, "web" for OpenStreetMap. Empty without coordinates."""
        if self.latitude is None or self.longitude is None:
            return {}
        return {
            "app": f"geo:{self.latitude},{self.longitude}",
            "web": f"https://www.openstreetmap.org/?mlat={self.latitude}&mlon={self.longitude}#map=15/{self.latitude}/{self.longitude}",
        }

    @property
    def zone(self) -> ZoneInfo:
        return zone_of(self.timezone)

    def local(self, moment: datetime) -> datetime:
        """Returns the moment (aware) in the branch's time zone."""
        return moment.astimezone(self.zone)

    def today(self, now: datetime) -> date:
        return self.local(now).date()

    def instant(self, local: datetime) -> datetime:
        """Returns the moment (UTC) at which the branch's clock shows `local` (naive)."""
        return instant(local, self.zone)

    def midnight(self, day: date) -> datetime:
        """Returns the first moment (UTC) of the branch's local day."""
        return midnight(day, self.zone)

    def day_span(self, day: date) -> tuple[datetime, datetime]:
        """Returns the first moments (UTC) of the branch's local day and of the next day."""
        return self.midnight(day), self.midnight(day + timedelta(days=1))
