from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.models import EmailAddress
from django.http import HttpRequest


class AccountAdapter(DefaultAccountAdapter):
    """Answers what allauth asks about accounts."""

    def confirm_email(self, request: HttpRequest, email_address: EmailAddress) -> bool:
        """Confirms an address. Refuses a new one if the person has got a role since the code was asked for."""
        user = email_address.user
        if email_address.email != user.email and not user.changes_own_address:
            return False
        return super().confirm_email(request, email_address)
