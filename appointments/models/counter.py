"""The counter of a branch: its queue, its desks, and its tickets."""

from datetime import date, datetime, timedelta

from django.conf import settings
from django.contrib.postgres.aggregates import ArrayAgg
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Max, Q, Value
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from accounts.sealing import random_key
from agencies.models import Branch, Channel
from agencies.models.channel import REMOTE
from appointments.models.appointment import LINK_TELLS


class Queue(models.Model):
    """The queue of one branch. The verbs of `appointments.counter` lock this row first.

    So two officers never call the same ticket. The keys open the pages of the branch's kiosk and of the screen in its
    hall, which nobody signs in to.
    """

    branch = models.OneToOneField(
        "agencies.Branch", models.CASCADE, primary_key=True, related_name="queue", verbose_name=_("branch")
    )
    day = models.DateField(_("day of the last ticket"), null=True)
    last_number = models.PositiveSmallIntegerField(_("last ticket"), default=0)
    kiosk_key = models.CharField(max_length=22, unique=True, default=random_key, editable=False)
    display_key = models.CharField(max_length=22, unique=True, default=random_key, editable=False)

    class Meta:
        verbose_name = _("queue")
        verbose_name_plural = _("queues")

    def __str__(self) -> str:
        return str(self.branch)


class DeskQuerySet(models.QuerySet["Desk"]):
    def with_services(self) -> "DeskQuerySet":
        """Add `services`: the keys of the services that the desk names. A desk that names none serves all."""
        named = Q(procedures__isnull=False)
        return self.annotate(services=ArrayAgg("procedures", filter=named, default=Value([])))

    def serving(self) -> "DeskQuerySet":
        """The desks in use at which an officer sits who has not paused."""
        return self.filter(is_used=True, officer__isnull=False, paused_at=None)


class Desk(models.Model):
    """A desk at which officers of a branch serve, and the officer who sits there now."""

    branch = models.ForeignKey("agencies.Branch", models.CASCADE, related_name="desks", verbose_name=_("branch"))
    name = models.CharField(_("name"), max_length=20, help_text=_("As on its sign, for example 3."))
    procedures = models.ManyToManyField(
        "agencies.Procedure",
        blank=True,
        related_name="+",
        verbose_name=_("services"),
        help_text=_("Empty: all services."),
    )
    is_used = models.BooleanField(_("in use"), default=True)
    officer = models.OneToOneField(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="desk", verbose_name=_("officer")
    )
    seated_at = models.DateTimeField(_("seated since"), null=True, blank=True)
    paused_at = models.DateTimeField(_("paused since"), null=True, blank=True)

    objects = DeskQuerySet.as_manager()

    class Meta:
        verbose_name = _("desk")
        verbose_name_plural = _("desks")
        ordering = ("branch", "name")
        constraints = (
            models.UniqueConstraint(fields=["branch", "name"], name="one_desk_of_a_name"),
            models.CheckConstraint(
                condition=Q(paused_at__isnull=True) | Q(officer__isnull=False), name="paused_desk_has_officer"
            ),
        )

    def __str__(self) -> str:
        return self.name


class TicketQuerySet(models.QuerySet["Ticket"]):
    def of_day(self, branch: Branch, day: date) -> "TicketQuerySet":
        return self.filter(branch=branch, day=day)

    def waiting(self) -> "TicketQuerySet":
        """The waiting tickets, the next one first: by priority, the time their turn counts from, and their number."""
        return self.filter(state=Ticket.State.WAITING).order_by(F("priority").desc(), "due_at", "number")

    def for_desk(self, desk: Desk) -> "TicketQuerySet":
        """Tickets that the desk may serve: those forwarded to it, and those for its services forwarded to none."""
        own = list(desk.procedures.values_list("pk", flat=True))
        served_here = Q(procedure__in=own) if own else Q()
        return self.filter(Q(for_desk=desk) | (Q(for_desk=None) & served_here))

    def open(self) -> "TicketQuerySet":
        return self.filter(state__in=Ticket.OPEN)

    def with_last_event(self) -> "TicketQuerySet":
        """Add `last_event`, the key of the ticket's last event, by which a page finds that the ticket has changed."""
        return self.annotate(last_event=Max("events__pk"))


class Ticket(models.Model):
    """One person's place in a branch's queue on one local day, with an appointment or without (a walk-in)."""

    class State(models.TextChoices):
        WAITING = "waiting", _("Waiting")
        CALLED = "called", _("Called")
        SERVING = "serving", _("Being served")
        PARKED = "parked", _("Parked")
        DONE = "done", _("Completed")
        GONE = "gone", _("Did not come")

    OPEN = (State.WAITING, State.CALLED, State.SERVING, State.PARKED)
    AT_DESK = (State.CALLED, State.SERVING)

    class Outcome(models.TextChoices):
        DONE = "done", _("Done")
        MISSING_DOCUMENT = "missing", _("A document was missing")
        REFERRED = "referred", _("Another office is responsible")
        REFUSED = "refused", _("Not possible by law")
        FOLLOW_UP = "follow_up", _("Goes on at another appointment")

    class Delivery(models.TextChoices):
        AT_DESK = "desk", _("Handed over at the desk")
        EMAIL = "email", _("By e-mail")
        POST = "post", _("By post")
        ONLINE = "online", _("In the inbox of gov.gr")
        PICK_UP = "pick_up", _("To be picked up")

    branch = models.ForeignKey(
        "agencies.Branch", models.PROTECT, related_name="tickets", verbose_name=_("branch"), db_index=False
    )
    day = models.DateField(_("day"))
    number = models.PositiveSmallIntegerField(_("number"))
    code = models.CharField(max_length=22, unique=True, default=random_key, editable=False)
    appointment = models.OneToOneField(
        "appointments.Appointment",
        models.CASCADE,
        null=True,
        blank=True,
        related_name="ticket",
        verbose_name=_("appointment"),
    )
    procedure = models.ForeignKey(
        "agencies.Procedure", models.PROTECT, related_name="tickets", verbose_name=_("service"), db_index=False
    )
    channel = models.CharField(_("channel"), max_length=10, choices=Channel, default=Channel.IN_PERSON)
    language = models.CharField(_("language"), max_length=2, choices=settings.LANGUAGES, default="el")
    name = models.CharField(_("name"), max_length=120, blank=True)
    # Of somebody who waits at home, without an appointment.
    phone = models.CharField(_("telephone"), max_length=32, blank=True, default="", db_default="")
    # Without a constraint: adding one would lock two tables that are in use.
    video_call = models.ForeignKey(
        "videocalls.VideoCall",
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        db_constraint=False,
        db_index=False,
        verbose_name=_("video call"),
    )
    priority = models.BooleanField(
        _("priority"), default=False, help_text=_("Disability, pregnancy, a small child, old age.")
    )
    state = models.CharField(_("state"), max_length=8, choices=State, default=State.WAITING)
    due_at = models.DateTimeField(_("turn counts from"))
    arrived_at = models.DateTimeField(_("here since"))
    called_at = models.DateTimeField(_("called at"), null=True, blank=True)
    calls = models.PositiveSmallIntegerField(_("times called"), default=0)
    serving_at = models.DateTimeField(_("served from"), null=True, blank=True)
    ended_at = models.DateTimeField(_("ended at"), null=True, blank=True)
    desk = models.ForeignKey(
        Desk, models.SET_NULL, null=True, blank=True, related_name="tickets", verbose_name=_("desk")
    )
    for_desk = models.ForeignKey(
        Desk, models.SET_NULL, null=True, blank=True, related_name="+", verbose_name=_("for desk"), db_index=False
    )
    officer = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("officer"),
        db_index=False,
    )
    park_reason = models.CharField(_("parked because"), max_length=200, blank=True)
    documents_seen = ArrayField(models.CharField(max_length=300), default=list, blank=True)
    internal_note = models.TextField(_("internal note"), max_length=2000, blank=True)
    citizen_note = models.TextField(_("note to the citizen"), max_length=2000, blank=True)
    outcome = models.CharField(_("result"), max_length=10, choices=Outcome, blank=True)
    # The day (UTC) on which the visitor rated it. Of tickets without an appointment alone.
    rated_at = models.DateTimeField(_("rated at"), null=True, blank=True)
    delivery = models.CharField(_("how it is delivered"), max_length=8, choices=Delivery, blank=True)

    objects = TicketQuerySet.as_manager()

    class Meta:
        verbose_name = _("ticket")
        verbose_name_plural = _("tickets")
        ordering = ("day", "number")
        constraints = (
            models.UniqueConstraint(fields=["branch", "day", "number"], name="one_ticket_of_a_number"),
            models.UniqueConstraint(
                fields=["desk"], condition=Q(state__in=("called", "serving")), name="one_ticket_at_a_desk"
            ),
            models.CheckConstraint(
                condition=~Q(state__in=("called", "serving")) | Q(called_at__isnull=False),
                name="called_ticket_has_time",
            ),
        )

    def __str__(self) -> str:
        return self.spoken_number

    def get_absolute_url(self) -> str:
        return reverse("appointments:ticket", args=[self.code])

    @property
    def is_walk_in(self) -> bool:
        return self.appointment_id is None

    @property
    def is_remote(self) -> bool:
        """Whether the person is served at home, by telephone or video."""
        return self.channel in REMOTE

    @property
    def spoken_number(self) -> str:
        """The number on the screen and on paper: A001 for an appointment, B001 for a walk-in.

        Both letters look the same in Greek and in Latin.
        """
        return f"{'B' if self.is_walk_in else 'A'}{self.number:03}"

    def may_be_rated(self, now: datetime) -> bool:
        """Return whether the visitor can say how it was: once, and as long as the link of an appointment would let them.

        Who had an appointment rates that.
        """
        if not self.is_walk_in or self.state != self.State.DONE or self.rated_at or self.ended_at is None:
            return False
        return now < self.ended_at + LINK_TELLS

    def waited(self, now: datetime) -> timedelta:
        return (self.called_at or now) - self.arrived_at
