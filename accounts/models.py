"""The user, who signs in with an e-mail address, the mails that are owed, what limits have counted, and the demo's mailbox."""

from datetime import datetime
from typing import Any, ClassVar

from django.conf import settings
from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import PermissionsMixin
from django.db import models
from django.db.models.functions import Lower
from django.utils import timezone
from django.utils.crypto import salted_hmac
from django.utils.functional import cached_property
from django.utils.translation import gettext_lazy as _

from accounts.sealing.fields import SealedField
from accounts.typed import validate_name
from accounts.work import leases

SEALED_AS = "account mail"  # what it says, until it is sent
SUBJECT, TAX_NUMBER = "subject of an identity", "tax number"  # what an identity has sealed
LONGEST_NAME = 120  # characters
# Django's own, so that sessions of the release before go on.
SESSION_SALT = "django.contrib.auth.models.AbstractBaseUser.get_session_auth_hash"


class UserManager(BaseUserManager["User"]):
    def create_user(self, email: str, password: str | None = None, **fields: Any) -> "User":
        user = self.model(email=email, **fields)
        user.clean()
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> "User":
        return self.create_user(email, password, is_superuser=True, is_operator=True, **fields)

    def unreachable(self) -> models.QuerySet["User"]:
        """People to whose present address no mail arrives."""
        return self.filter(returned_from=models.F("email"))

    def note_returned(self, address: str, *, sent_at: datetime, now: datetime) -> None:
        """Note that no mail arrives at this address, unless a code that arrived there has been typed since that mail left."""
        people = self.filter(email=address.lower()).exclude(returned_from=models.F("email"))
        people.exclude(last_login__gt=sent_at).update(returned_from=models.F("email"), returned_at=now)

    def note_arrived(self, user: "User") -> None:
        """Note that mails arrive: the person has typed a code that was sent to the address."""
        self.filter(pk=user.pk).exclude(returned_from="").update(returned_from="", returned_at=None)

    def empty(self, user: "User") -> None:
        """Forget whose the account was. The row stays, because the history refers to it; nobody signs in with it again.

        Sessions end with it, and the address is free for a new account.
        """
        AccountMail.objects.filter(recipient__iexact=user.email).delete()
        for one in user._meta.related_objects:
            if (
                one.on_delete is models.CASCADE
            ):  # what is nothing without the account: its addresses, its ways to sign in
                one.related_model._default_manager.filter(**{one.field.name: user}).delete()
        user.email, user.name, user.phone = f"account.{user.pk}@erased.invalid", "", ""
        user.returned_from, user.returned_at, user.last_login, user.is_active = "", None, None, False
        user.set_unusable_password()
        user.save()

    def get_by_natural_key(self, email: str | None) -> "User":
        return self.get(email=(email or "").lower())


class User(AbstractBaseUser, PermissionsMixin):
    """A person who can sign in: a citizen, and by role also an officer, an operator or an official.

    Officers get their role at an agency or a branch from `agencies.Membership`. The two roles here hold for the whole
    platform. Neither of them shows citizens' data.
    """

    email = models.EmailField(_("e-mail address"), unique=True, error_messages={"unique": _("This address is taken.")})
    name = models.CharField(_("full name"), max_length=LONGEST_NAME, blank=True, validators=[validate_name])
    phone = models.CharField(_("telephone"), max_length=20, blank=True)
    language = models.CharField(_("language"), max_length=2, choices=settings.LANGUAGES, default=settings.LANGUAGE_CODE)
    is_active = models.BooleanField(_("may sign in"), default=True)
    is_operator = models.BooleanField(_("platform operator"), default=False, help_text=_("Configures agencies."))
    is_official = models.BooleanField(_("ministry official"), default=False, help_text=_("Reads statistics."))
    # Made for a role. All other accounts are made by the people themselves, and are their own affair.
    is_invited = models.BooleanField(_("made by an invitation"), default=False, db_default=False, editable=False)
    # The address whose mails have come back, and since when. Another address of the person may work.
    returned_from = models.EmailField(blank=True, default="", db_default="", editable=False)
    returned_at = models.DateTimeField(null=True, blank=True, editable=False)
    # Counts what has ended all sessions of the person. The database counts the loss of a role and of the right to sign in.
    sessions_ended = models.PositiveIntegerField(default=0, db_default=0, editable=False)
    date_joined = models.DateTimeField(_("joined at"), default=timezone.now, editable=False)

    objects: ClassVar[UserManager] = UserManager()

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    class Meta:
        verbose_name = _("user")
        verbose_name_plural = _("users")
        ordering = ("email",)
        constraints = (models.CheckConstraint(condition=models.Q(email=Lower("email")), name="user_email_lower_case"),)

    def __str__(self) -> str:
        return self.name or self.email

    def clean(self) -> None:
        self.email = self.email.strip().lower()

    @cached_property
    def is_staff(self) -> bool:
        """Returns whether this person can open the admin. Django's admin requires this name."""
        return self.configures or self.is_officer

    @property
    def configures(self) -> bool:
        """Returns whether the person configures the whole platform."""
        return self.is_superuser or self.is_operator

    @cached_property
    def is_officer(self) -> bool:
        """Returns whether the person has a membership. Reads all, because who asks this soon asks which."""
        models.prefetch_related_objects([self], "memberships")
        return bool(self.memberships.all())

    @property
    def name_in_role(self) -> str:
        """Returns how those who manage members call the person. What citizens wrote in their own account is not shown."""
        return str(self) if self.is_invited else self.email

    @property
    def has_role(self) -> bool:
        return self.is_staff or self.is_official

    @property
    def changes_own_address(self) -> bool:
        """Returns whether the person may move the account to another address.

        A role belongs to an address, so whoever manages the members decides on it. Accounts with a password are the
        demo's, which all its visitors share.
        """
        return not self.has_role and not self.has_usable_password()

    def end_sessions(self) -> None:
        """Ends all sessions of the person, at their next request."""
        User.objects.filter(pk=self.pk).update(sessions_ended=models.F("sessions_ended") + 1)
        self.refresh_from_db(fields=["sessions_ended"])

    def _get_session_auth_hash(self, secret: str | None = None) -> str:
        """Returns what Django compares with the session at each request. It changes when `sessions_ended` does."""
        known = f"{self.password} {self.sessions_ended}" if self.sessions_ended else self.password
        return salted_hmac(SESSION_SALT, known, secret=secret, algorithm="sha256").hexdigest()

    def get_full_name(self) -> str:
        return self.name

    def get_short_name(self) -> str:
        return self.name.split(" ")[0] or self.email


class Identity(models.Model):
    """Who the owner of an account is, as a provider such as TAXISnet has said. People cannot change it.

    `subject` names the person at the provider, and is a keyed hash: nobody reads a tax number from it.
    """

    class Kind(models.TextChoices):
        PERSON = "person", _("person")
        BUSINESS = "business", _("business")

    class Level(models.TextChoices):
        """How sure the provider is, by eIDAS (EU 910/2014, article 8), from the lowest."""

        LOW = "low", _("low")
        SUBSTANTIAL = "substantial", _("substantial")
        HIGH = "high", _("high")

    user = models.OneToOneField(User, models.CASCADE, related_name="identity", verbose_name=_("user"))
    source = models.CharField(max_length=40)  # the id of the provider
    subject = models.CharField(max_length=64)
    subject_encrypted = SealedField(SUBJECT)  # what `subject` is a hash of, for the day on which keys change
    kind = models.CharField(max_length=8, choices=Kind)
    level = models.CharField(max_length=11, choices=Level)
    first_name = models.CharField(max_length=120, blank=True)  # empty for a business
    last_name = models.CharField(max_length=250)
    tax_number_encrypted = SealedField(TAX_NUMBER, null=True)  # null if the provider tells none
    tax_number_hash = models.CharField(max_length=64, blank=True)
    confirmed_at = models.DateTimeField()

    class Meta:
        verbose_name = _("identity")
        verbose_name_plural = _("identities")
        constraints = (models.UniqueConstraint(fields=["source", "subject"], name="one_account_for_a_person"),)

    def __str__(self) -> str:
        return f"{self.source}: {self.user_id}"

    @property
    def name(self) -> str:
        """Return the full name, cut to what a name may have elsewhere."""
        return f"{self.first_name} {self.last_name}".strip()[:LONGEST_NAME]


class AccountMailQuerySet(models.QuerySet["AccountMail"]):
    def unsent(self) -> "AccountMailQuerySet":
        return self.filter(state=AccountMail.State.PENDING)

    def due(self, *, now: datetime) -> "AccountMailQuerySet":
        """Mails to send now: they are due, and no worker is sending them."""
        return self.unsent().filter(leases.is_free(now=now), due_at__lte=now)


class AccountMail(models.Model):
    """A mail about an account that is owed, above all a code. It holds what it says only until it is sent or given up."""

    class State(models.TextChoices):
        PENDING = "pending", _("To be sent")
        SENT = "sent", _("Sent")
        FAILED = "failed", _("Failed")
        DROPPED = "dropped", _("No longer needed")

    kind = models.CharField(max_length=60)  # the name of its template
    recipient = models.EmailField()
    language = models.CharField(max_length=2, choices=settings.LANGUAGES)
    content = SealedField(SEALED_AS, null=True, editable=False)  # subject, text and HTML, sealed; null once settled
    # Names the browser session that asked for the mail. Only the latest mail that one session asks for is sent.
    asked_by = models.CharField(max_length=22, blank=True, editable=False)
    # Since when that session waits for a mail. Unlike `created_at`, it stays when one unsent mail replaces another.
    awaited_since = models.DateTimeField()
    created_at = models.DateTimeField()
    due_at = models.DateTimeField()
    useless_at = models.DateTimeField()  # a code is no longer valid then
    state = models.CharField(max_length=8, choices=State, default=State.PENDING)
    attempts = models.PositiveSmallIntegerField(default=0)
    leased_until = models.DateTimeField(null=True, blank=True)
    # Whether the server has put off this mail alone. Then other mails need not be late.
    is_put_off = models.BooleanField(default=False)
    last_error = models.CharField(max_length=250, blank=True)

    objects = AccountMailQuerySet.as_manager()

    class Meta:
        ordering = ("due_at", "pk")
        constraints = (
            models.CheckConstraint(
                condition=models.Q(state="pending", content__isnull=False)
                | (~models.Q(state="pending") & models.Q(content__isnull=True)),
                name="settled_mail_keeps_no_content",
            ),
        )
        indexes = (
            models.Index(fields=["due_at"], condition=models.Q(state="pending"), name="account_mail_due"),
            models.Index(fields=["asked_by"], condition=~models.Q(asked_by=""), name="account_mail_asked_by"),
            models.Index(fields=["created_at"], name="account_mail_created"),
        )

    def __str__(self) -> str:
        return self.kind


class Count(models.Model):
    """How often somebody has done something in one period. `accounts.limits` alone writes and reads it, in plain SQL.

    `who` is a keyed hash. Rows are deleted soon after their period (`limits.forget_past`).
    """

    what = models.CharField(max_length=40)
    who = models.CharField(max_length=64)
    period = models.BigIntegerField(help_text="The number of periods since 1970.")
    number = models.PositiveIntegerField()
    ends_at = models.DateTimeField(db_index=True)

    class Meta:
        constraints = (models.UniqueConstraint(fields=["what", "who", "period"], name="one_count_per_period"),)

    def __str__(self) -> str:
        return f"{self.what}: {self.number}"


class DemoMail(models.Model):
    """A mail of the demo. It is not sent, but shown on a page, where a visitor can read it and follow its links."""

    created_at = models.DateTimeField(default=timezone.now, db_index=True)
    recipient = models.EmailField()
    subject = models.CharField(max_length=250)
    source = models.TextField(help_text="The whole message as it would have left, RFC 5322.")

    class Meta:
        ordering = ("-created_at", "-pk")

    def __str__(self) -> str:
        return f"{self.recipient}: {self.subject}"


class Peer(models.Model):
    """A server of others that does not work at the moment. There is no row while it works."""

    name = models.CharField(max_length=280, unique=True)  # a kind of server, and its host if there are several
    since = models.DateTimeField()
    failures = models.PositiveIntegerField()  # in a row
    quiet_until = models.DateTimeField()  # until then nobody asks it, except the one who is asking it now
    last_error = models.CharField(max_length=250)

    def __str__(self) -> str:
        return self.name


class Planned(models.Model):
    """A periodic task, and until when its next run must have ended. The worker writes it when a run has ended well."""

    task = models.CharField(max_length=100, unique=True)
    ended_at = models.DateTimeField()
    next_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.task
