"""Europeans sign in at any provider of OpenID Connect: allauth's own, with the level of assurance that eIDAS knows.

The provider tells the level as `acr`. https://eidas.ec.europa.eu: http://eidas.europa.eu/LoA/low, substantial or high.
"""

from typing import Any

from allauth.socialaccount.providers.openid_connect.provider import OpenIDConnectProvider
from allauth.socialaccount.providers.openid_connect.views import OpenIDConnectOAuth2Adapter
from django.http import HttpRequest

from accounts.europe.claims import person
from accounts.identities.people import Person
from accounts.providers.round_trip import Careful, reading


class EuropeAdapter(Careful, OpenIDConnectOAuth2Adapter):
    @property
    def openid_config(self) -> dict[str, Any]:
        with reading():
            config: dict[str, Any] = super().openid_config
            for name in ("issuer", "authorization_endpoint", "token_endpoint", "userinfo_endpoint", "jwks_uri"):
                if not str(config[name]).startswith(("https://", "http://")):
                    raise ValueError(name)
        return config


class EuropeProvider(OpenIDConnectProvider):
    package = "accounts.europe"
    oauth2_adapter_class = EuropeAdapter
    pkce_enabled_default = True

    def get_default_scope(self) -> list[str]:
        return ["openid", "profile", "email"]

    def get_scope_from_request(self, request: HttpRequest) -> list[str]:
        """Asks for nothing that the address of a page says."""
        return self.get_scope()

    def get_auth_params_from_request(self, request: HttpRequest, action: Any) -> dict[str, str]:
        return self.get_auth_params()

    def sociallogin_from_response(self, request: HttpRequest, response: dict[str, Any]) -> Any:
        who = person(response, self.sub_id, self.app.settings["levels"])
        login = super().sociallogin_from_response(request, who)
        login.person = who
        return login

    def extract_uid(self, data: Person) -> str:
        return data.subject

    def extract_extra_data(self, data: Person) -> dict[str, Any]:
        return {}

    def extract_common_fields(self, data: Person) -> dict[str, Any]:
        return {}

    def extract_email_addresses(self, data: Person) -> list[Any]:
        """Takes no address from the provider: people say where they want to be reached, and prove it with a code."""
        return []


provider_classes = [EuropeProvider]
