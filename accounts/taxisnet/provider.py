"""TAXISnet as a provider of allauth: OAuth 2.0 with a code, and an answer in XML (accounts/taxisnet/answers.py)."""

from typing import Any

from allauth.socialaccount.providers.base import ProviderAccount
from allauth.socialaccount.providers.oauth2.provider import OAuth2Provider
from django.http import HttpRequest

from accounts.identities.people import Person
from accounts.taxisnet.views import TaxisnetAdapter, TaxisnetStaffAdapter


class TaxisnetProvider(OAuth2Provider):
    """TAXISnet for citizens."""

    id = "taxisnet"
    name = "TAXISnet"
    account_class = ProviderAccount
    oauth2_adapter_class = TaxisnetAdapter

    def get_default_scope(self) -> list[str]:
        return ["read"]

    def get_scope_from_request(self, request: HttpRequest) -> list[str]:
        """Asks for nothing that the address of a page says."""
        return self.get_scope()

    def get_auth_params_from_request(self, request: HttpRequest, action: Any) -> dict[str, str]:
        return self.get_auth_params()

    def extract_uid(self, data: Person) -> str:
        return data.subject

    def extract_extra_data(self, data: Person) -> dict[str, Any]:
        """Keeps nothing in the clear. What is kept of a person, and how, is told by `Person.fields`."""
        return {}


class TaxisnetStaffProvider(TaxisnetProvider):
    """TAXISnet for public employees."""

    id = "taxisnet_staff"
    slug = "taxisnet-staff"
    name = "TAXISnet for public employees"  # shown nowhere: buttons have texts of their own
    package = "accounts.taxisnet.staff"
    oauth2_adapter_class = TaxisnetStaffAdapter


provider_classes = [TaxisnetProvider, TaxisnetStaffProvider]
