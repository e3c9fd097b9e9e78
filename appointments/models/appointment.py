import re
from collections.abc import Iterable
from copy import copy
from datetime import date, datetime, timedelta
from functools import cache, reduce
from operator import or_
from zoneinfo import ZoneInfo

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchVectorField
from django.core import signing
from django.db import models
from django.db.models import F, Q
from django.db.models.expressions import RawSQL
from django.db.models.functions import Least
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext_lazy as _

from accounts.models import Identity, User
from accounts.sealing.fields import SealedField
from agencies import access
from agencies.models import Agency, Branch, Channel, ForWhom, Procedure
from agencies.text import search_key
from agencies.wallclock import all_zones, midnight, zone_of
from appointments import references, sight
from appointments.references import random_reference
from videocalls.models import VideoCall

TAX_NUMBER = "tax number"  # what sealed ones are sealed as
SHORTEST_NUMBER = 5  # digits; a search text with fewer is not taken for a telephone number
_ANY = "REFERENCE"  # stands in a path where a reference will stand
# How long after an appointment its link still tells whose it was. Until then it is rated, and its result is read.
LINK_TELLS = timedelta(days=30)
# Our messages alone carry the first key, so whoever has it reads the mail of the address. Pages and answers carry the second.
_MAILED, _SHOWN = signing.Signer(salt="appointments.manage"), signing.Signer(salt="appointments.open")


@cache
def _path_of(view: str, language: str) -> str:
    """Return the path of a page about an appointment, with {} in the reference's place.

    It is kept, because every answer and message contains such a path, and Django takes long to find it.
    """
    with translation.override(language):
        return reverse(f"appointments:{view}", args=[_ANY]).replace(_ANY, "{}")


class Status(models.TextChoices):
    HELD = "held", _("Held")
    UNVERIFIED = "unverified", _("Waiting for confirmation")
    BOOKED = "booked", _("Booked")
    ARRIVED = "arrived", _("Arrived")
    SERVING = "serving", _("Being served")
    COMPLETED = "completed", _("Completed")
    CANCELLED = "cancelled", _("Cancelled")
    NO_SHOW = "no_show", _("Did not come")
    EXPIRED = "expired", _("Expired")


# Still to be served. These hold their slots and count towards the limit per person.
OPEN = (Status.HELD, Status.UNVERIFIED, Status.BOOKED, Status.ARRIVED, Status.SERVING)
# Promised to a citizen. A change of openings must not take these times away silently.
PROMISED = (Status.UNVERIFIED, Status.BOOKED, Status.ARRIVED, Status.SERVING)
# These have given their slots back.
RELEASED = (Status.CANCELLED, Status.EXPIRED)
# These expire at their deadline, unless the citizen confirms them.
UNCONFIRMED = (Status.HELD, Status.UNVERIFIED)
# Not served yet: may be moved, cancelled, and assigned to an officer.
CHANGEABLE = (Status.UNVERIFIED, Status.BOOKED, Status.ARRIVED)
# The citizen has not come yet.
EXPECTED = (Status.UNVERIFIED, Status.BOOKED)
# Never became an appointment: a time that is only held, or that nobody confirmed in time.
NEVER_MADE = (Status.HELD, Status.EXPIRED)

# No appointment is longer. This limits how far before a slot, or a closed time, its appointments are searched.
LONGEST_APPOINTMENT = "interval '8 hours'"

# Overfull slots are few, but PostgreSQL cannot estimate this from a comparison of two columns. OFFSET 0 makes it begin
# with these slots, and the array makes it expect few appointments. (0.5 s became 3 ms for 249 branches.)
UNPLACED = f"""
SELECT unnest(ARRAY(
    SELECT id FROM (
        SELECT appointment.id, appointment.starts_at, slot.desks,
            row_number() OVER (PARTITION BY slot.id ORDER BY appointment.created_at, appointment.id) AS place
        FROM appointments_timeslot slot CROSS JOIN LATERAL (
            SELECT id, starts_at, created_at FROM appointments_appointment
            WHERE branch_id = slot.branch_id AND starts_at BETWEEN slot.starts_at - {LONGEST_APPOINTMENT} AND slot.starts_at
                AND slot.id = ANY(slot_ids) AND status = ANY(%s)
            OFFSET 0
        ) AS appointment
        WHERE slot.taken > slot.desks AND slot.starts_at > %s
            AND slot.branch_id = ANY(coalesce(%s::bigint[], ARRAY(SELECT id FROM agencies_branch)))
    ) AS held WHERE place > desks AND starts_at > %s
))
"""


def _lexemes(*texts: str) -> list[str]:
    """Return the words of the search index, quoted.

    They are words of names as `search_key` spells them, e-mail addresses in lower case, and the last ten digits of
    telephone numbers.
    """
    words = []
    for text in texts:
        if "@" in text:
            words += [re.sub(r"['\\\s]", "", text).lower()]
        elif len(digits := re.sub(r"\D", "", text)) >= SHORTEST_NUMBER:
            words += [digits[-10:]]
        else:
            words += search_key(text).split()
    return [f"'{word}'" for word in dict.fromkeys(words) if word]


class AppointmentQuerySet(models.QuerySet["Appointment"]):
    def one(self) -> "Appointment | None":
        """Returns the row if there is one, for what is unique. `first` would make PostgreSQL and Django order it."""
        return next(iter(self.order_by()), None)

    def open(self) -> "AppointmentQuerySet":
        return self.filter(status__in=OPEN)

    def promised(self) -> "AppointmentQuerySet":
        return self.filter(status__in=PROMISED)

    def overdue(self, *, now: datetime) -> "AppointmentQuerySet":
        """Holds, and unconfirmed bookings of guests, whose deadline has passed."""
        return self.filter(status__in=UNCONFIRMED, expires_at__lte=now)

    def beyond_hold(self) -> "AppointmentQuerySet":
        """All except times that are only held, which have no contact yet and are shown to nobody."""
        return self.exclude(status=Status.HELD)

    def made(self) -> "AppointmentQuerySet":
        """All that became an appointment, however it ended."""
        return self.exclude(status__in=NEVER_MADE)

    def in_calendar(self) -> "AppointmentQuerySet":
        """What calendars show: all that became an appointment and was not cancelled."""
        return self.exclude(status__in=(*NEVER_MADE, Status.CANCELLED))

    def expected(self) -> "AppointmentQuerySet":
        return self.filter(status__in=EXPECTED)

    def of_citizen(self, user: User) -> "AppointmentQuerySet":
        """The appointments of this citizen's account, without times that were only held."""
        return self.made().filter(citizen=user)

    def seen_by(self, user: User) -> "AppointmentQuerySet":
        """Appointments that the officer may see: those of the officer's branches and agencies."""
        agency_ids, branch_ids = access.served_places(user)
        return self.filter(Q(agency__in=agency_ids) | Q(branch__in=branch_ids))

    def without_call(self, *, now: datetime) -> "AppointmentQuerySet":
        """Booked video appointments that are not over and have no call yet."""
        return self.filter(channel=Channel.VIDEO, video_call__isnull=True, status=Status.BOOKED, ends_at__gt=now)

    def unplaced(self, *, now: datetime, branches: Iterable[int] | None = None) -> "AppointmentQuerySet":
        """Promised future appointments at these branches (None: all) that no longer fit opening rules and closures.

        If a slot has lost only some of its desks, the appointments that were made last do not fit. One that has begun
        is not counted, but takes a desk of the slots that it still needs.
        """
        places = None if branches is None else list(branches)
        return self.filter(pk__in=RawSQL(UNPLACED, [[*PROMISED], now, places, now]))  # noqa: S611 (no user input)

    def matching(self, query: str) -> "AppointmentQuerySet":
        """Appointments by reference, e-mail address, telephone number, or words of a name as an officer hears it.

        The beginning of a word or number is enough. Indexes keep this fast, however many past appointments there are.
        """
        wanted = Q(reference__in=references.readings(query))
        for beginning in references.beginnings(query):
            wanted |= Q(reference__startswith=beginning)
        if lexemes := " & ".join(f"{lexeme}:*" for lexeme in _lexemes(query)):
            wanted |= Q(
                RawSQL(f"{self.model._meta.db_table}.search @@ %s::tsquery", [lexemes], models.BooleanField())  # noqa: S611
            )
        return self.filter(wanted)

    def of_address(self, address: str) -> "AppointmentQuerySet":
        """Those whose messages go to this address, in whatever letters. The search index finds them."""
        return self.matching(address.strip()).filter(email__iexact=address.strip())

    def with_reference(self, typed: str) -> "AppointmentQuerySet":
        """The appointment whose reference was typed or scanned, in whatever letters."""
        return self.filter(reference__in=references.readings(typed))

    def booked_instead_of(self, missed: "Appointment", *, now: datetime) -> "AppointmentQuerySet":
        """The open appointments, today at the same branch, that the citizen has booked since this one was missed."""
        anew = self.promised().on_day(missed.branch, missed.branch.today(now)).filter(created_at__gte=missed.ended_at)
        same = anew.filter(person_key=missed.person_key, procedure=missed.procedure_id).exclude(person_key="")
        return same.order_by("starts_at", "pk")

    def on_day(self, branch: Branch, day: date) -> "AppointmentQuerySet":
        """Appointments at the branch that begin on its local day."""
        begin, end = branch.day_span(day)
        return self.filter(branch=branch, starts_at__gte=begin, starts_at__lt=end)

    def from_today(self, *, now: datetime) -> "AppointmentQuerySet":
        """Appointments that begin on this day of their branch's calendar, or later."""
        zones = _zones_by_midnight(now)
        today = (Q(branch__timezone__in=there, starts_at__gte=moment) for moment, there in zones.items())
        return self.filter(reduce(or_, today, Q(pk__in=()))).filter(starts_at__gte=min(zones, default=now))

    def before_today(self, *, now: datetime) -> "AppointmentQuerySet":
        """Appointments that began on an earlier day of their branch's calendar."""
        zones = _zones_by_midnight(now)
        past = (Q(branch__timezone__in=there, starts_at__lt=moment) for moment, there in zones.items())
        return self.filter(reduce(or_, past, Q(pk__in=())))


def _zones_by_midnight(now: datetime) -> dict[datetime, list[str]]:
    """Return the first moments of today on the branches' calendars, each with the time zones for which it is that."""
    found: dict[datetime, list[str]] = {}
    for day, zones in Branch.objects.days(now=now).items():
        for zone in zones:
            found.setdefault(midnight(day, zone_of(zone)), []).append(zone)
    return found


@sight.watched("reference", "name", "phone", "notes", "tax_number_encrypted")
class Appointment(models.Model):
    """One citizen, one service, one channel, and one or more consecutive slots. Times are UTC.

    A time that is only held is an appointment as well, with the status HELD. Status, times and slots change only
    through the verbs in `appointments.booking`.
    """

    class CancelledBy(models.TextChoices):
        CITIZEN = "citizen", _("the citizen")
        AGENCY = "agency", _("the agency")

    class Source(models.TextChoices):
        WEB = "web", _("Website")
        STAFF = "staff", _("Officer")
        SYSTEM = "system", _("Agency's system")

    reference = models.CharField(_("reference"), max_length=12, unique=True, default=random_reference, editable=False)
    agency = models.ForeignKey(Agency, models.PROTECT, related_name="appointments", verbose_name=_("agency"))
    branch = models.ForeignKey(
        Branch, models.PROTECT, related_name="appointments", db_index=False, verbose_name=_("branch")
    )
    procedure = models.ForeignKey(
        Procedure, models.PROTECT, related_name="appointments", db_index=False, verbose_name=_("service")
    )
    channel = models.CharField(_("channel"), max_length=10, choices=Channel)
    status = models.CharField(_("status"), max_length=10, choices=Status)
    slot_ids = ArrayField(models.BigIntegerField(), default=list, blank=True, editable=False)
    starts_at = models.DateTimeField(_("starts at"))
    ends_at = models.DateTimeField(_("ends at"))
    # What the branch's clock shows at the start, as it was promised. It stands when a country changes its clock law or
    # the branch's zone is corrected. Empty if that is not known: then it is what the clock shows now.
    promised_day = models.DateField(_("promised day"), null=True, editable=False)
    promised_time = models.TimeField(_("promised time"), null=True, editable=False)

    citizen = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="appointments",
        db_index=False,
        verbose_name=_("citizen's account"),
    )
    name = models.CharField(_("full name"), max_length=120, blank=True)
    email = models.EmailField(_("e-mail address"), blank=True)
    phone = models.CharField(_("telephone"), max_length=20, blank=True)
    # The address from which a mail came back. It says nothing about another one, to which the contact was corrected since.
    returned_from = models.EmailField(blank=True, default="", db_default="", editable=False)
    # When the reader of the address opened a link of ours. Only then do messages say what whoever booked had typed.
    address_proven_at = models.DateTimeField(null=True, editable=False)
    # How often the address was changed. Links that were sent to an earlier one open nothing any more.
    address_changes = models.PositiveSmallIntegerField(default=0, db_default=0, editable=False)
    language = models.CharField(_("language"), max_length=2, choices=settings.LANGUAGES, default="el")
    timezone = models.CharField(_("citizen's time zone"), max_length=50, blank=True)
    notes = models.TextField(_("what the citizen told us"), max_length=500, blank=True)
    tax_number_encrypted = SealedField(TAX_NUMBER, null=True, editable=False)
    # How sure it was who booked: the level of assurance of the sign-in. Empty for guests, and after a code or a password.
    assurance = models.CharField(
        _("level of assurance"),
        max_length=11,
        choices=Identity.Level,
        blank=True,
        default="",
        db_default="",
        editable=False,
    )
    # A keyed hash of the tax number or the e-mail, by which a person's open appointments are counted without the name.
    person_key = models.CharField(max_length=64, blank=True, editable=False)
    # Name, e-mail and telephone as officers search for them; `index_contact` writes it.
    search = SearchVectorField(db_default="", default="", editable=False)
    # The place of this one among the person's open appointments for the service, from 0. Null if it is not counted.
    limit_place = models.PositiveSmallIntegerField(null=True, editable=False)

    source = models.CharField(_("booked through"), max_length=6, choices=Source, default=Source.WEB)
    idempotency_key = models.CharField(max_length=100, null=True, editable=False)  # noqa: DJ001 (unique)
    # A keyed hash of what was asked for with the idempotency key. Empty if that is not known.
    request_digest = models.CharField(max_length=64, blank=True, default="", db_default="", editable=False)
    revision = models.PositiveSmallIntegerField(
        _("revision"), default=0, help_text=_("Counts moves and corrections, as iCalendar's SEQUENCE.")
    )
    expires_at = models.DateTimeField(_("deadline"), null=True, blank=True)
    created_at = models.DateTimeField(_("created at"))
    booked_at = models.DateTimeField(_("booked at"), null=True, blank=True)
    moved_at = models.DateTimeField(_("moved at"), null=True, blank=True)
    arrived_at = models.DateTimeField(_("arrived at"), null=True, blank=True)
    serving_at = models.DateTimeField(_("served from"), null=True, blank=True)
    completed_at = models.DateTimeField(_("completed at"), null=True, blank=True)
    ended_at = models.DateTimeField(_("ended at"), null=True, blank=True, help_text=_("Cancelled, missed or expired."))
    cancelled_by = models.CharField(_("cancelled by"), max_length=10, choices=CancelledBy, blank=True)
    cancel_reason = models.CharField(_("reason"), max_length=300, blank=True)
    officer = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="served_appointments",
        db_index=False,
        verbose_name=_("officer"),
    )
    video_call = models.OneToOneField(
        VideoCall, models.SET_NULL, null=True, blank=True, related_name="+", verbose_name=_("video call")
    )
    rated_at = models.DateTimeField(_("rated at"), null=True, blank=True)
    # The appointment that was being served when this one was booked.
    follows = models.ForeignKey(
        "self",
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="followers",
        verbose_name=_("follows"),
        db_index=False,
    )

    objects = AppointmentQuerySet.as_manager()

    class Meta:
        verbose_name = _("appointment")
        verbose_name_plural = _("appointments")
        ordering = ("starts_at", "pk")
        constraints = (
            models.UniqueConstraint(
                fields=["idempotency_key"], condition=Q(idempotency_key__isnull=False), name="one_appointment_per_key"
            ),
            models.UniqueConstraint(
                fields=["person_key", "procedure", "limit_place"],
                condition=Q(status__in=OPEN) & ~Q(person_key=""),
                name="open_appointments_per_person",
            ),
            models.CheckConstraint(
                condition=~Q(status__in=RELEASED) | Q(slot_ids=[]), name="ended_appointment_holds_no_slot"
            ),
            models.CheckConstraint(
                condition=~Q(status__in=OPEN) | ~Q(slot_ids=[]), name="open_appointment_holds_slots"
            ),
            models.CheckConstraint(condition=Q(ends_at__gt=F("starts_at")), name="appointment_ends_after_start"),
            models.CheckConstraint(
                condition=~Q(status__in=UNCONFIRMED) | Q(expires_at__isnull=False),
                name="unconfirmed_appointment_has_deadline",
            ),
        )
        indexes = (
            models.Index(fields=["branch", "starts_at"], name="appointment_by_branch"),
            # How often a person has had a service (`booking/allowance/rules.py`), and what else there is at the time.
            models.Index(fields=["person_key", "starts_at"], condition=~Q(person_key=""), name="appointment_by_person"),
            models.Index(fields=["citizen"], condition=Q(citizen__isnull=False), name="appointment_by_citizen"),
            models.Index(fields=["follows"], condition=Q(follows__isnull=False), name="appointment_by_followed"),
            GinIndex(fields=["search"], name="appointment_search"),
            # Reports count the requests and the cancellations of one day (`reports/rollups/facts.py`).
            models.Index("branch", Least("created_at", "starts_at"), name="appointment_by_request"),
            models.Index(
                "branch",
                Least("ended_at", "starts_at"),
                condition=Q(status=Status.CANCELLED),
                name="appointment_by_cancellation",
            ),
            models.Index(
                fields=["expires_at"],
                condition=Q(status__in=UNCONFIRMED),
                name="appointment_overdue",
            ),
            models.Index(
                fields=["starts_at"],
                condition=Q(channel=Channel.VIDEO, video_call__isnull=True, status=Status.BOOKED),
                name="appointment_without_call",
            ),
        )

    def __str__(self) -> str:
        return self.reference

    def get_absolute_url(self) -> str:
        return reverse("appointments:detail", args=[self.reference])

    def index_contact(self, *others: str) -> None:
        """Bring `search` up to date. Whoever changes the contact calls this before saving.

        `others` are name and contact of the one for whom the appointment is, if that is not whoever booked.
        """
        self.search = " ".join(_lexemes(self.name, self.email, self.phone, *others))

    @property
    def for_whom(self) -> str:
        """Return one of ForWhom. One query if the party has not been read."""
        party = getattr(self, "party", None)
        return party.kind if party else ForWhom.PERSON

    @property
    def is_of_own_address(self) -> bool:
        """Whether a signed-in citizen has booked with the address of the account, which a code has proved."""
        return self.citizen is not None and self.citizen.email.lower() == self.email.lower()

    @property
    def is_address_proven(self) -> bool:
        """Whether the address is known to be the citizen's, not only typed by somebody on the website."""
        return bool(self.address_proven_at) or self.is_address_of_agency or self.is_of_own_address

    @property
    def is_address_of_agency(self) -> bool:
        """Whether the agency has booked, and its officer or system typed the address: they know whose it is.

        An address that came later counts as typed by anybody, for what else was typed came perhaps from somebody else.
        """
        return self.source != self.Source.WEB and not self.address_changes

    @property
    def is_mail_returned(self) -> bool:
        """Whether mails to the address do not arrive: one came back for good."""
        return bool(self.email) and self.email.lower() == self.returned_from.lower()

    def as_told(self, *, proven: bool) -> "Appointment":
        """Return the appointment as messages may tell it. Unless the address is proven, nothing is left that was typed.

        Otherwise anybody could have us send text of their own to anybody.
        """
        told = copy(self)
        if not proven:
            told.name = told.phone = told.notes = told.returned_from = ""
            told.citizen = None
        if self.cancelled_by != self.CancelledBy.AGENCY:
            told.cancel_reason = ""
        return told

    @property
    def is_open(self) -> bool:
        return self.status in OPEN

    @property
    def spoken_reference(self) -> str:
        """The reference in two groups, which are easier to read out: "K7M4Q 2XDBN"."""
        return f"{self.reference[:5]} {self.reference[5:]}"

    @property
    def zone(self) -> ZoneInfo:
        """The citizen's own time zone, or the branch's if that is not known."""
        return ZoneInfo(self.timezone) if self.timezone in all_zones() else self.branch.zone

    def promise(self, starts_at: datetime, ends_at: datetime, clock: ZoneInfo) -> None:
        """Set when the appointment is (UTC), and what the branch's clock shows then. Does not save."""
        self.starts_at, self.ends_at = starts_at, ends_at
        local = starts_at.astimezone(clock)
        self.promised_day, self.promised_time = local.date(), local.time()

    @property
    def promised(self) -> datetime:
        """The promised start on the branch's clock (naive)."""
        if self.promised_day is None or self.promised_time is None:
            return self.branch.local(self.starts_at).replace(tzinfo=None)
        return datetime.combine(self.promised_day, self.promised_time)

    @property
    def is_off_clock(self) -> bool:
        """Whether the branch's clock no longer shows the promised time at the start."""
        return self.branch.local(self.starts_at).replace(tzinfo=None) != self.promised

    @property
    def promised_at(self) -> datetime:
        """The moment (UTC) at which the branch's clock shows the promised time. Nearly always the start."""
        return self.branch.instant(self.promised) if self.is_off_clock else self.starts_at

    def is_at(self, moment: datetime, branch: int) -> bool:
        """Return whether the appointment is at this moment (UTC) at the branch with this key, and was promised then."""
        return (moment, branch) == (self.starts_at, self.branch_id) and not self.is_off_clock

    def is_overdue(self, now: datetime) -> bool:
        """Return whether the deadline of a hold, or of a booking that a guest has to confirm, has passed."""
        return self.expires_at is not None and self.expires_at <= now

    @property
    def call_window(self) -> tuple[datetime, datetime]:
        """When the room of a video appointment opens and closes (UTC)."""
        early, late = self.agency.video_early_minutes, self.agency.video_late_minutes
        return self.starts_at - timedelta(minutes=early), self.ends_at + timedelta(minutes=late)

    def may_be_corrected(self, now: datetime) -> bool:
        """Return whether officers may correct the contact: as long as the visit is spoken of, whatever became of it.

        Not of a time that nobody booked, nor of a person whom retention has erased and who has no name.
        """
        is_known = self.status not in NEVER_MADE and bool(self.name) and self.link_tells_who(now)
        return is_known and not (self.status == Status.UNVERIFIED and self.is_overdue(now))

    def may_correct(self, now: datetime) -> bool:
        """Return whether the citizen may still correct the contact: until all is over, because somebody may call."""
        return self.status in PROMISED and not self.is_overdue(now) and now < max(self.ends_at, self.call_window[1])

    def may_change(self, now: datetime) -> bool:
        """Return whether the citizen may still move or cancel the appointment: until the agency's limit before it.

        A citizen whose time a disruption has closed may do so later, too. Officers are not bound by the limit.
        """
        latest = self.starts_at - timedelta(minutes=self.agency.change_minutes)
        return self.status in EXPECTED and (now <= latest or self.has_fallen_out)

    @property
    def has_fallen_out(self) -> bool:
        """Whether a disruption has closed the appointment's time. One query, and one for each disruption nearby."""
        closing = self.branch.disruptions.around(self.starts_at)
        return any(disruption.hits([self.branch]).filter(pk=self.pk).exists() for disruption in closing)

    def page_url(self, view: str = "detail") -> str:
        """Return the absolute address of a page about the appointment, in the citizen's language, without a key."""
        return settings.SITE_URL + _path_of(view, self.language).format(self.reference)

    def link(self, view: str = "detail") -> str:
        """Return the address for messages. It opens the page without a sign-in, for anybody who has the link.

        Nothing else may show it: opening it proves the e-mail address.
        """
        return f"{self.page_url(view)}?key={self.link_key}"

    def shown_link(self, view: str = "detail") -> str:
        """Return an address that opens the page in the same way, for what whoever booked may see. It proves nothing."""
        return f"{self.page_url(view)}?key={_SHOWN.signature(self.opened_as)}"

    @property
    def link_key(self) -> str:
        return _MAILED.signature(self.opened_as)

    @property
    def opened_as(self) -> str:
        """What links are signed for, and what browsers that may open it remember. It changes with the address."""
        return f"{self.reference}.{self.address_changes}" if self.address_changes else self.reference

    def link_tells_who(self, now: datetime) -> bool:
        """Return whether the link, which anybody may have by now, still shows the person and opens all pages."""
        return now < self.ends_at + LINK_TELLS

    def is_link_key(self, key: str) -> bool:
        """Return whether the key opens this appointment. Keys signed with one of SECRET_KEY_FALLBACKS are valid too."""
        return self.is_mailed_key(key) or self._is_signed(_SHOWN, key)

    def is_mailed_key(self, key: str) -> bool:
        """Return whether the key is the one in our messages."""
        return self._is_signed(_MAILED, key)

    def _is_signed(self, signer: signing.Signer, key: str) -> bool:
        try:
            return signer.unsign(f"{self.opened_as}:{key}") == self.opened_as
        except signing.BadSignature:
            return False
