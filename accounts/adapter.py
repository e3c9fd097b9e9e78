from typing import Any, cast

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.authentication import get_authentication_records
from allauth.account.models import EmailAddress
from allauth.core import context as current
from django.conf import settings
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.sites.shortcuts import get_current_site
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone

from accounts import identities
from accounts.limits import tries
from accounts.mails import outbox
from accounts.models import User
from accounts.providers import configured
from accounts.security import What, tell
from accounts.staff import factors
from accounts.taxisnet.views import sign_out_url

# Tells the owner of an account about a change that only the owner can cause. No flood of other mails may hide it.
TO_OWNERS = ("account/email/email_changed", "mfa/email/")


class AccountAdapter(DefaultAccountAdapter):
    """Answers what allauth asks about accounts."""

    def confirm_email(self, request: HttpRequest, email_address: EmailAddress) -> bool:
        """Confirms an address. Refuses a new one if the person has got a role since the code was asked for."""
        user = email_address.user
        if email_address.email != user.email and not user.changes_own_address:
            return False
        is_confirmed = super().confirm_email(request, email_address)
        if is_confirmed:
            User.objects.note_arrived(user)
        return is_confirmed

    def get_login_redirect_url(self, request: HttpRequest) -> str:
        """Returns where a person begins who did not come from a certain page: each role on its own pages."""
        user = cast(User, request.user)
        if factors.is_missing(request, user):
            return reverse("mfa_index")
        if user.is_staff:
            return reverse("admin:index")
        if user.is_official:
            return reverse("reports:index")
        return super().get_login_redirect_url(request)

    def authenticate(self, request: HttpRequest, **credentials: Any) -> AbstractBaseUser | None:
        """Looks at a password. Wrong ones are counted, those of the same moment too."""
        login, now = str(credentials.get("email", "")), timezone.now()
        tries.count_password(request, login, now=now)
        user: AbstractBaseUser | None = super().authenticate(request, **credentials)
        if user:
            tries.uncount_password(request, login, now=now)
        return user

    def get_reauthentication_methods(self, user: Any) -> list[dict[str, Any]]:
        """Returns how the person can show again who it is. Whoever has a second factor shows that, and no password."""
        methods: list[dict[str, Any]] = super().get_reauthentication_methods(user)
        by_factor = [method for method in methods if method["id"] != "reauthenticate"]
        return by_factor or (methods if settings.PASSWORD_SIGN_IN else [])

    def login(self, request: HttpRequest, user: AbstractBaseUser) -> None:
        records = get_authentication_records(request, user)
        super().login(request, user)
        tries.remember_owner(request, cast(User, user).email, now=timezone.now())
        if records and records[-1]["method"] == "code":
            User.objects.note_arrived(cast(User, user))

    def post_login(self, request: HttpRequest, user: AbstractBaseUser, **about: Any) -> HttpResponse:
        """Keeps in the session how sure the provider is that has signed the person in."""
        if login := (about["signal_kwargs"] or {}).get("sociallogin"):
            identities.note_proof(request, login.account.provider, login.state["level"])
        return super().post_login(request, user, **about)

    def get_logout_redirect_url(self, request: HttpRequest) -> str:
        """Leads on to the provider, so that the next person at this computer is not signed in there."""
        back: str = super().get_logout_redirect_url(request)
        app = configured.of(identities.proved_by(request))
        return sign_out_url(app, request.build_absolute_uri(back)) if app and configured.is_taxisnet(app) else back

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        """Owes the mail, unless the address has had too many. The page says the same, so that strangers learn nothing.

        The worker sends it, so that no page waits for the mail server. The library would mail what the browser calls
        itself, which is text that anybody can choose.
        """
        now, for_owner = timezone.now(), template_prefix.startswith(TO_OWNERS)
        if not for_owner and not tries.may_mail(current.request, email, now=now):
            if code := context.get("code"):
                tries.forget_unmailed(current.request, code)
            return
        site = get_current_site(self.request) if self.request else None
        told = {"request": self.request, "email": email, "current_site": site, **context, "user_agent": ""}
        letter = self.render_mail(template_prefix, email, told)
        asked_by = "" if for_owner or not self.request else outbox.asker(self.request.session)
        tell(What.CODE_MAILED, mail=template_prefix.rpartition("/")[2])
        outbox.owe(letter, template_prefix.rpartition("/")[2], asked_by=asked_by, now=now)
