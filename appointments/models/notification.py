import re
from collections.abc import Mapping
from datetime import datetime

from django.conf import settings
from django.db import models
from django.db.models import OuterRef, Q, Subquery
from django.db.models.expressions import RawSQL
from django.db.models.functions import JSONObject
from django.utils.functional import cached_property
from django.utils.translation import gettext_lazy as _

from accounts.work import leases
from agencies.models import Agency
from appointments.models.counter import Ticket

# The kinds for which somebody waits at this moment: they have just pressed a button, or they decide by it whether to set out.
# Nobody misses the other kinds, which are planned or sent to many, when they come a few minutes later.
AWAITED = ("verify", "confirmation", "moved", "cancelled", "offer", "delayed")
# What the codes of mail systems mean (RFC 3463), as officers read it. A code that ends with a dot stands for all that begin so.
MEANT = {
    "5.1.1": _("There is no such address."),
    "5.1.2": _("There is no such address."),
    "5.1.3": _("There is no such address."),
    "5.1.6": _("There is no such address any more."),
    "5.1.10": _("There is no such address."),
    "5.2.1": _("The mailbox is closed."),
    "5.2.2": _("The mailbox is full."),
    "5.4.": _("The mail system of this address cannot be reached."),
    "5.7.": _("The mail system of this address does not take our mails."),
}
DELAYED = _("The mail systems are still trying.")
CODE = re.compile(r"(\d\.\d{1,3}\.\d{1,3})( delayed)?")
# Go to another address than the booker's, which is written with them.
TO_OTHERS = ("corrected", "for_you")
# Nobody knows of these that they have arrived, and nothing is tried any more.
UNDELIVERED = ("failed", "bounced", "unsure")


class NotificationQuerySet(models.QuerySet["Notification"]):
    def due(self, *, now: datetime) -> "NotificationQuerySet":
        """Messages to send now: they are due, and no worker is sending them."""
        owed = self.filter(state__in=(Notification.State.PENDING, Notification.State.SENDING), due_at__lte=now)
        return owed.filter(leases.is_free(now=now))

    def by_mail(self) -> "NotificationQuerySet":
        return self.filter(medium=Notification.Medium.EMAIL)

    def by_sms(self) -> "NotificationQuerySet":
        return self.filter(medium=Notification.Medium.SMS)

    def urgent(self) -> "NotificationQuerySet":
        """Messages that somebody waits for at this moment."""
        return self.filter(kind__in=AWAITED)

    def planned(self) -> "NotificationQuerySet":
        """Messages that may come a few minutes later."""
        return self.exclude(kind__in=AWAITED)

    def with_own_text(self) -> "NotificationQuerySet":
        """Read with each message what its agency has written for it, so that sending asks no statement more."""
        where = {name: OuterRef(name) for name in ("kind", "medium", "language")}
        written = OwnText.objects.filter(agency=OuterRef("appointment__agency"), **where).order_by("-version")
        return self.annotate(own_text=Subquery(written.values(text=JSONObject(subject="subject", body="body"))[:1]))

    def with_version(self) -> "NotificationQuerySet":
        """Read with each message which version of the appointment goes with it: the transaction that wrote it last."""
        written = RawSQL('"appointments_appointment"."xmin"::text', [])
        return self.select_related("appointment").annotate(version=written)

    def undelivered(self) -> "NotificationQuerySet":
        """Messages to the citizen that did not arrive, or perhaps not. Officers see them and call the citizen instead.

        What an earlier address is told is none: that it did not arrive there is often the reason for another one. Nor is what the
        person is told for whom somebody else has booked.
        """
        return self.filter(state__in=UNDELIVERED).exclude(kind__in=TO_OTHERS)


class Notification(models.Model):
    """A message that is owed about an appointment, written in the transaction of the change that causes it."""

    class Kind(models.TextChoices):
        VERIFY = "verify", _("Please confirm")
        CONFIRMATION = "confirmation", _("Confirmation")
        REMINDER = "reminder", _("Reminder")
        MOVED = "moved", _("New time")
        KEPT = "kept", _("Same time, the clock has changed")
        CANCELLED = "cancelled", _("Cancellation")
        RATING = "rating", _("How was it?")
        OFFER = "offer", _("Another time is offered")
        DELAYED = "delayed", _("It will be later")
        SUMMARY = "summary", _("What was done")
        DECLINED = "declined", _("Declined in the calendar, but not cancelled")
        CORRECTED = "corrected", _("The address was changed")
        CHANGED = "changed", _("Details have changed")
        REPLY = "reply", _("Answer to an SMS")
        FOR_YOU = "for_you", _("To the person for whom it is")

    class Medium(models.TextChoices):
        EMAIL = "email", _("E-mail")
        SMS = "sms", _("SMS")

    class State(models.TextChoices):
        PENDING = "pending", _("To be sent")
        SENDING = "sending", _("Being sent")
        SENT = "sent", _("Sent")
        FAILED = "failed", _("Failed")
        BOUNCED = "bounced", _("Came back")
        UNSURE = "unsure", _("Perhaps sent")
        DROPPED = "dropped", _("No longer needed")

    appointment = models.ForeignKey(
        "appointments.Appointment",
        models.CASCADE,
        related_name="notifications",
        db_index=False,
        verbose_name=_("appointment"),
    )
    kind = models.CharField(_("kind"), max_length=12, choices=Kind)
    medium = models.CharField(_("medium"), max_length=5, choices=Medium, default=Medium.EMAIL)
    revision = models.PositiveSmallIntegerField(_("revision"), default=0)
    minutes_before = models.PositiveIntegerField(
        _("minutes before"), default=0, db_column="lead_minutes", help_text=_("Tells reminders apart.")
    )
    language = models.CharField(_("language"), max_length=2, choices=settings.LANGUAGES)
    due_at = models.DateTimeField(_("due at"))
    state = models.CharField(_("state"), max_length=8, choices=State, default=State.PENDING)
    attempts = models.PositiveSmallIntegerField(_("attempts"), default=0)
    leased_until = models.DateTimeField(_("leased until"), null=True, blank=True)
    sent_at = models.DateTimeField(_("sent at"), null=True, blank=True)
    # The address or number that it was sent to, as it was then. Those of TO_OTHERS have it from the beginning.
    sent_to = models.CharField(_("sent to"), max_length=254, blank=True, default="", db_default="")
    last_error = models.CharField(_("last error"), max_length=250, blank=True)
    # What the text needs and no row tells later: the earlier values of changed details, {"branch.address_el": "..."}, or
    # what became of an SMS, {"outcome": "confirmed"}.
    details = models.JSONField(default=dict, db_default={}, editable=False)

    objects = NotificationQuerySet.as_manager()
    version: str  # no column: which version of the appointment was read with it, if it was claimed to be sent

    class Meta:
        verbose_name = _("message")
        verbose_name_plural = _("messages")
        ordering = ("due_at", "pk")
        constraints = (
            models.UniqueConstraint(
                fields=["appointment", "kind", "medium", "revision", "minutes_before"], name="one_message_per_event"
            ),
        )
        indexes = (
            # A lane that stands still leaves many due rows, which the other lanes never read. Many are due at one minute, so
            # the key spares each claim the sorting of all of them.
            models.Index(
                fields=["medium", "due_at", "id"],
                condition=Q(state__in=("pending", "sending")),
                name="message_due_by_medium",
            ),
            models.Index(
                fields=["medium", "due_at", "id"],
                condition=Q(state__in=("pending", "sending"), kind__in=AWAITED),
                name="message_due_urgent",
            ),
            models.Index(fields=["due_at", "id"], condition=Q(state__in=UNDELIVERED), name="message_undelivered"),
        )

    def __str__(self) -> str:
        return f"{self.get_kind_display()} ({self.get_medium_display()})"

    @cached_property
    def own_text(self) -> dict[str, str] | None:
        """The agency's own text, or None. Its body is empty if the agency has gone back to ours."""
        of_agency = OwnText.objects.filter(agency=self.appointment.agency_id, kind=self.kind)
        written = of_agency.filter(medium=self.medium, language=self.language).order_by("-version")
        latest = written.first()
        return {"subject": latest.subject, "body": latest.body} if latest else None

    @property
    def may_be_sent_again(self) -> bool:
        """Whether it is one of those that `undelivered` finds."""
        return self.state in UNDELIVERED and self.kind not in TO_OTHERS

    @property
    def is_known_lost(self) -> bool:
        """Whether it certainly did not arrive. Otherwise somebody might get it twice if it is sent again."""
        return self.state != self.State.UNSURE

    @property
    def problem(self) -> str:
        """What went wrong, in words if it is known what a mail system's code means, or else as it was told."""
        found = CODE.fullmatch(self.last_error)
        if not found:
            return self.last_error
        code, is_delayed = found.groups()
        meant = DELAYED if is_delayed else MEANT.get(code) or MEANT.get(f"{code[:3]}.")
        return f"{meant} ({code})" if meant else code

    @property
    def address(self) -> str:
        """The address or number that it has to be sent to."""
        if self.kind in TO_OTHERS:
            return self.sent_to
        return self.appointment.phone if self.medium == self.Medium.SMS else self.appointment.email


class NoticeQuerySet(models.QuerySet["Notice"]):
    def open(self) -> "NoticeQuerySet":
        return self.filter(state__in=(Notification.State.PENDING, Notification.State.SENDING))

    def due(self, *, now: datetime) -> "NoticeQuerySet":
        """Notices to send now: their moment has come, and no worker is sending them."""
        return self.open().filter(leases.is_free(now=now), due_at__lte=now)

    def by_mail(self) -> "NoticeQuerySet":
        return self.filter(medium=Notification.Medium.EMAIL)

    def by_sms(self) -> "NoticeQuerySet":
        return self.filter(medium=Notification.Medium.SMS)

    def of_call(self) -> "NoticeQuerySet":
        """The notices that are only for whoever does not look at the page while being called."""
        return self.filter(kind=Notice.Kind.CALLED)

    def told(self) -> "NoticeQuerySet":
        """Those that were sent, or tried in vain, in order."""
        states = Notification.State
        told = (states.SENT, states.FAILED, states.BOUNCED, states.UNSURE)
        return self.filter(state__in=told).order_by("due_at", "pk")

    def promise(self, ticket: Ticket, addresses: Mapping[str, str]) -> None:
        """Write what whoever waits with this ticket is told later, once by each medium that has an address."""
        rows = [
            Notice(ticket=ticket, kind=kind, medium=medium, address=address, language=ticket.language)
            for medium, address in addresses.items()
            for kind in (Notice.Kind.NEXT, Notice.Kind.CALLED)
            if address
        ]
        Notice.objects.bulk_create(rows, ignore_conflicts=True)


class Notice(models.Model):
    """A message to somebody who has no appointment: who waits in a line, or a guest who is sent a link.

    It has its own address, which nobody has proven. So it says nothing that was typed, and forgets the address as soon as it
    is sent, given up or no longer needed. `due_at` is None until its moment has come. No admin: officers read what became
    of it on the page of the ticket, and nobody may change it.
    """

    class Kind(models.TextChoices):
        NEXT = "next", _("You are next")
        CALLED = "called", _("It is your turn")
        GUEST = "guest", _("Link for a guest")

    ticket = models.ForeignKey(Ticket, models.CASCADE, null=True, related_name="notices", db_index=False)
    guest = models.ForeignKey("videocalls.Participant", models.CASCADE, null=True, related_name="+")
    kind = models.CharField(_("kind"), max_length=6, choices=Kind)
    medium = models.CharField(_("medium"), max_length=5, choices=Notification.Medium)
    language = models.CharField(_("language"), max_length=2, choices=settings.LANGUAGES)
    address = models.CharField(_("address"), max_length=254, blank=True)
    due_at = models.DateTimeField(_("due at"), null=True)
    # When the page of whoever waits last asked. Whoever looks at it sees the call there.
    looked_at = models.DateTimeField(null=True)
    state = models.CharField(_("state"), max_length=8, choices=Notification.State, default=Notification.State.PENDING)
    attempts = models.PositiveSmallIntegerField(_("attempts"), default=0)
    leased_until = models.DateTimeField(_("leased until"), null=True)
    sent_at = models.DateTimeField(_("sent at"), null=True)
    last_error = models.CharField(_("last error"), max_length=250, blank=True)

    objects = NoticeQuerySet.as_manager()

    class Meta:
        verbose_name = _("notice")
        verbose_name_plural = _("notices")
        constraints = (
            models.UniqueConstraint(fields=["ticket", "kind", "medium"], name="one_notice_of_a_kind"),
            models.CheckConstraint(
                condition=Q(ticket__isnull=False, guest=None, kind__in=("next", "called"))
                | Q(ticket=None, guest__isnull=False, kind="guest"),
                name="notice_is_for_one",
            ),
            models.CheckConstraint(
                condition=Q(state__in=("pending", "sending")) | Q(address="", last_error=""),
                name="notice_forgets_its_address",
            ),
        )
        indexes = (
            models.Index(
                fields=["medium", "due_at", "id"],
                condition=Q(state__in=("pending", "sending")),
                name="notice_open",
            ),
        )

    def __str__(self) -> str:
        return f"{self.get_kind_display()} ({self.get_medium_display()})"


class OwnTextQuerySet(models.QuerySet["OwnText"]):
    def of(self, agency: Agency, kind: str, medium: str, language: str) -> "OwnTextQuerySet":
        """All versions of one text, the latest first."""
        return self.filter(agency=agency, kind=kind, medium=medium, language=language).order_by("-version")

    def current(self) -> "OwnTextQuerySet":
        """The latest version of each text."""
        one = ("agency_id", "kind", "medium", "language")
        return self.order_by(*one, "-version").distinct(*one)


class OwnText(models.Model):
    """One version of what an agency says in a kind of message, instead of our text. Versions are only ever added.

    An empty body goes back to ours. The pages for it are in admin/messages/texts.py: the admin's own form would change a
    version instead of adding one.
    """

    agency = models.ForeignKey(Agency, models.PROTECT, related_name="own_texts", db_index=False)
    kind = models.CharField(max_length=20)  # one of those in messages/texts/kinds.py
    medium = models.CharField(max_length=5, choices=Notification.Medium)
    language = models.CharField(max_length=2, choices=settings.LANGUAGES)
    version = models.PositiveIntegerField()
    subject = models.CharField(max_length=200, blank=True)
    body = models.TextField(blank=True)
    written_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+", db_index=False
    )
    written_at = models.DateTimeField()

    objects = OwnTextQuerySet.as_manager()

    class Meta:
        verbose_name = _("own text")
        verbose_name_plural = _("own texts")
        constraints = (
            # Two who save at once write the same version: the second one is told.
            models.UniqueConstraint(
                fields=["agency", "kind", "medium", "language", "version"], name="one_own_text_per_version"
            ),
        )

    def __str__(self) -> str:
        return f"{self.agency} – {self.kind} ({self.medium}, {self.language}) {self.version}"


class Mailbox(models.Model):
    """The mailbox in which notices and answers arrive: how far it has been read, and when it is read again.

    There is one row for each mailbox that was ever configured. A row of an earlier one does nothing.
    """

    key = models.CharField(max_length=64, unique=True)  # a keyed hash of where the mailbox is
    validity = models.BigIntegerField(default=0)  # IMAP's UIDVALIDITY; the numbers of mails begin anew with another one
    last = models.BigIntegerField(default=0)  # the number of the last mail that was dealt with, and of all before it
    due_at = models.DateTimeField()  # since when reading is due
    retry_at = models.DateTimeField()  # when it is tried next
    attempts = models.PositiveSmallIntegerField(default=0)
    leased_until = models.DateTimeField(null=True)
    last_error = models.CharField(max_length=250, blank=True)

    def __str__(self) -> str:
        return self.key


class ReturnedMail(models.Model):
    """A mail of the mailbox, by its number alone, and what followed from it. So each is dealt with once."""

    class Outcome(models.TextChoices):
        OPEN = ""  # its reading has begun
        BOUNCED = "bounced"
        DELAYED = "delayed"
        DECLINED = "declined"
        NOTHING = "nothing"  # about a mail of ours, and nothing follows
        FOREIGN = "foreign"  # about no mail of ours
        UNREADABLE = "unreadable"

    mailbox = models.ForeignKey(Mailbox, models.CASCADE, related_name="mails", db_index=False)
    validity = models.BigIntegerField()
    uid = models.BigIntegerField()
    outcome = models.CharField(max_length=10, choices=Outcome, blank=True, default=Outcome.OPEN)
    attempts = models.PositiveSmallIntegerField(default=0)
    seen_at = models.DateTimeField(db_index=True)

    class Meta:
        constraints = (models.UniqueConstraint(fields=["mailbox", "validity", "uid"], name="mail_is_read_once"),)

    def __str__(self) -> str:
        return f"{self.validity}.{self.uid}"


class ReceivedSms(models.Model):
    """An SMS that was sent to us, so that it is acted on once. Neither its number nor its text is kept."""

    class Outcome(models.TextChoices):
        CANCELLED = "cancelled", _("Cancelled")
        CONFIRMED = "confirmed", _("Confirmed")
        TOO_LATE = "too_late", _("Too late to cancel")
        SEVERAL = "several", _("Several appointments")
        UNCLEAR = "unclear", _("Not understood")
        UNKNOWN = "unknown", _("No appointment")
        TOO_MANY = "too_many", _("Too many messages")

    # A keyed hash of the name that the gateway gives to the message.
    digest = models.CharField(max_length=64, unique=True)
    received_at = models.DateTimeField(db_index=True)
    outcome = models.CharField(max_length=9, choices=Outcome, default=Outcome.UNKNOWN)
