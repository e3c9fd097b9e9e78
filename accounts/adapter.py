from typing import Any, cast

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.models import EmailAddress
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone

from accounts.limits import MAILS_AN_HOUR, is_flooded
from accounts.models import User
from accounts.security import What, tell

# Tells the owner of an account about a change that only the owner can cause. No flood of other mails may hide it.
TO_OWNERS = ("account/email/email_changed",)


class AccountAdapter(DefaultAccountAdapter):
    """Answers what allauth asks about accounts."""

    def confirm_email(self, request: HttpRequest, email_address: EmailAddress) -> bool:
        """Confirms an address. Refuses a new one if the person has got a role since the code was asked for."""
        user = email_address.user
        if email_address.email != user.email and not user.changes_own_address:
            return False
        return super().confirm_email(request, email_address)

    def get_login_redirect_url(self, request: HttpRequest) -> str:
        """Returns where a person begins who did not come from a certain page: each role on its own pages."""
        user = cast(User, request.user)
        if user.is_staff:
            return reverse("admin:index")
        if user.is_official:
            return reverse("reports:index")
        return super().get_login_redirect_url(request)

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        """Sends the mail, unless the address has had too many. The page says the same, so that strangers learn nothing."""
        if template_prefix not in TO_OWNERS and is_flooded(email, now=timezone.now(), limits=(MAILS_AN_HOUR,)):
            return
        tell(What.CODE_MAILED, mail=template_prefix.rpartition("/")[2])
        super().send_mail(template_prefix, email, context)
