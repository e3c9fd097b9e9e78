"""The history: a row for every step that a verb takes. It is written with the step, and never changed."""

from datetime import datetime

from django.conf import settings
from django.contrib.postgres.indexes import BrinIndex
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _


class EventQuerySet(models.QuerySet["Event"]):
    def standing(self) -> "EventQuerySet":
        """Steps that have not been taken back."""
        return self.filter(undone_at__isnull=True)

    def in_order(self) -> "EventQuerySet":
        """Order by the time of the step. Steps with the same time are in the order in which they were written."""
        return self.order_by("at", "pk")


class Event(models.Model):
    """One step: what was done, when, by whom, from which page, to what, and what the values were before.

    The database refuses to change or delete a row. Two things are allowed: `undone_at` is set once, when the step is
    taken back, and retention folds the steps of an ended appointment into one row (`Verb.PAST`).
    It never contains names, addresses, telephone numbers, or text that people have typed.
    """

    class Verb(models.TextChoices):
        # Of an appointment
        HOLD = "hold", _("Time held")
        BOOK = "book", _("Booked")
        REQUEST = "request", _("Requested")
        VERIFY = "verify", _("E-mail address confirmed: booked")
        MOVE = "move", _("Moved")
        CANCEL = "cancel", _("Cancelled")
        RELEASE = "release", _("Held time given back")
        EXPIRE = "expire", _("Expired")
        ASSIGN = "assign", _("Assigned")
        KEEP = "keep", _("Kept on a changed clock")
        CORRECT = "correct", _("Contact changed")
        CHANGE = "change", _("Details have changed")
        CONFIRM = "confirm", _("Confirmed by the citizen")
        ERASE = "erase", _("Personal data erased")
        # On the day, with a ticket or without
        CHECK_IN = "check_in", _("Arrived")
        ADMIT = "admit", _("In the queue")
        CALL = "call", _("Called")
        CALL_AGAIN = "call_again", _("Called again")
        SERVE = "serve", _("Service begun")
        INTERRUPT = "interrupt", _("Service interrupted")
        PARK = "park", _("Parked")
        RETURN = "return", _("Back in the queue")
        FORWARD = "forward", _("Forwarded")
        COMPLETE = "complete", _("Completed")
        MISS = "miss", _("Did not come")
        GIVE_UP = "give_up", _("Left the queue")
        CLOSE = "close", _("The day ended")
        # Of a desk
        SIT = "sit", _("Sat down")
        PAUSE = "pause", _("Paused")
        RESUME = "resume", _("Resumed")
        LEAVE = "leave", _("Left the desk")
        # Of times that cannot be kept, and what is offered instead
        DISRUPT = "disrupt", _("Times closed")
        OFFER = "offer", _("Another time offered")
        ACCEPT = "accept", _("Offer accepted")
        LAPSE = "lapse", _("No answer in time")
        SETTLE = "settle", _("Offer ended")
        # Of what goes with an appointment
        ROOM = "room", _("Room of the video call made")
        NO_ROOM = "no_room", _("The room of the video call could not be made")
        OTHER_ROOM = "other_room", _("The video call moved to the second provider")
        LET_IN = "let_in", _("Let in to the video call")
        PHONE = "phone", _("By telephone instead of video")
        VIDEO = "video", _("By video again")
        IDENTIFY = "identify", _("Identity document seen on camera")
        TELL = "tell", _("Message sent")
        FAIL = "fail", _("Message did not arrive")
        RESEND = "resend", _("Message to be sent again")
        DOUBT = "doubt", _("Message perhaps sent")
        # What retention leaves of all of it
        PAST = "past", _("Earlier steps")

    class By(models.TextChoices):
        """The role in which somebody acts. The same person may act as a citizen once and as an officer later."""

        CITIZEN = "citizen", _("Citizen")
        GUEST = "guest", _("Guest")
        OFFICER = "officer", _("Officer")
        SYSTEM = "system", _("Agency's system")
        WORKER = "worker", _("The service itself")

    at = models.DateTimeField(_("at"))
    verb = models.CharField(_("what"), max_length=10, choices=Verb)
    appointment = models.ForeignKey(
        "appointments.Appointment",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="events",
        verbose_name=_("appointment"),
    )
    ticket = models.ForeignKey(
        "appointments.Ticket",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="events",
        verbose_name=_("ticket"),
        db_index=False,
    )
    desk = models.ForeignKey(
        "appointments.Desk",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="events",
        verbose_name=_("desk"),
        db_index=False,
    )
    disruption = models.ForeignKey(
        "appointments.Disruption",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="events",
        verbose_name=_("disruption"),
        db_index=False,
    )
    # Empty in rows that were written before this field existed.
    by = models.CharField(_("by"), max_length=8, choices=By, blank=True, db_default="", default="")
    officer = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("officer"),
        db_index=False,
    )
    # The name of the URL, or of the worker's task, that the step came from.
    page = models.CharField(_("page"), max_length=80, blank=True, db_default="", default="")
    # The earlier values: {"appointment": {...}, "ticket": {...}, "messages": [keys of dropped ones]}.
    before = models.JSONField(default=dict, editable=False)
    # What else a reader of the history wants to know: {"desk": "3"}, {"from": "2026-03-03T08:00:00+00:00", ...}.
    details = models.JSONField(default=dict, editable=False)
    undone_at = models.DateTimeField(_("taken back at"), null=True, blank=True)

    objects = EventQuerySet.as_manager()

    class Meta:
        verbose_name = _("event")
        verbose_name_plural = _("events")
        ordering = ("at", "pk")
        constraints = (
            models.CheckConstraint(
                condition=Q(appointment__isnull=False)
                | Q(ticket__isnull=False)
                | Q(desk__isnull=False)
                | Q(disruption__isnull=False),
                name="event_is_of_something",
            ),
        )
        indexes = (
            models.Index(fields=["ticket"], condition=Q(ticket__isnull=False), name="event_by_ticket"),
            models.Index(fields=["desk"], condition=Q(desk__isnull=False), name="event_by_desk"),
            models.Index(fields=["disruption"], condition=Q(disruption__isnull=False), name="event_by_disruption"),
            # Rows are written in the order of time, so a few pages of this index find the events old enough to fold.
            BrinIndex(fields=["at"], name="event_by_time"),
        )

    def __str__(self) -> str:
        return self.get_verb_display()

    @property
    def is_undone(self) -> bool:
        return self.undone_at is not None

    def undo(self, now: datetime) -> None:
        """Mark the step as taken back, which is the only change that the database allows."""
        self.undone_at = now
        self.save(update_fields=["undone_at"])


class ChangedDay(models.Model):
    """A day of a branch on which something that reports count has changed, and which they have not counted again yet.

    Triggers of the database write the rows, in the transaction of the change, so no verb can forget it. `reports` takes
    them away when it counts. It is a local day, or the day in which the hour (UTC) is, or with neither all days of the
    branch. Ratings have no branch: theirs is a day of the agency. Rows are only added, so no two bookings wait for each
    other here.

    The keys have no constraint: it would lock the branch's row in each booking. No admin: rows stay for seconds.
    """

    branch_id = models.BigIntegerField(null=True)
    agency_id = models.BigIntegerField(null=True)
    hour = models.DateTimeField(null=True)
    day = models.DateField(null=True)
    since = models.DateTimeField(db_default=Now(), db_index=True)

    def __str__(self) -> str:
        return f"{self.branch_id or self.agency_id} {self.hour or self.day}"

    @property
    def is_of_all_days(self) -> bool:
        return self.hour is None and self.day is None


class Miscount(models.Model):
    """A branch whose figures the nightly check of the reports found wrong. It stands until all is counted anew.

    `days` is how many days differ, from `first_day` on. No branch: the sums or the ratings of an agency differ. No admin:
    the page “Watch” tells of it, and the worker's log names it.
    """

    agency = models.ForeignKey("agencies.Agency", models.CASCADE, related_name="+", db_index=False)
    branch = models.ForeignKey("agencies.Branch", models.CASCADE, null=True, related_name="+", db_index=False)
    first_day = models.DateField()
    days = models.PositiveIntegerField()
    found_at = models.DateTimeField()

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=["agency", "branch"], nulls_distinct=False, name="one_miscount_of_a_branch"),
        )

    def __str__(self) -> str:
        return f"{self.branch_id or self.agency_id} {self.first_day}"
