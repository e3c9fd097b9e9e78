"""Going to TAXISnet and coming back: that of citizens, and that of public employees, which is another server path."""

from typing import Any
from urllib.parse import quote, urlencode

from allauth.socialaccount.adapter import get_adapter
from allauth.socialaccount.models import SocialApp, SocialLogin, SocialToken
from allauth.socialaccount.providers.oauth2.views import OAuth2Adapter, OAuth2CallbackView, OAuth2LoginView
from django.http import HttpRequest

from accounts.identities.people import Person
from accounts.providers.configured import level_of
from accounts.providers.round_trip import Careful, coming_back, leaving
from accounts.taxisnet import answers


class Asking(OAuth2Adapter):
    """Asks TAXISnet who has signed in."""

    @property
    def base(self) -> str:
        url: str = self.get_provider().app.settings["url"]
        return url

    @property
    def authorize_url(self) -> str:
        return f"{self.base}/oauth/authorize"

    @property
    def access_token_url(self) -> str:
        return f"{self.base}/oauth/token"

    def complete_login(self, request: HttpRequest, app: SocialApp, token: SocialToken, **kwargs: Any) -> SocialLogin:
        with get_adapter().get_requests_session() as session:
            answer = session.get(
                f"{self.base}/userinfo", params={"format": "xml"}, headers={"Authorization": f"Bearer {token.token}"}
            )
        answer.raise_for_status()
        person = answers.person(answer.content, self.provider_id, level_of(self.base))
        return signed_in(self.get_provider().sociallogin_from_response(request, person), person)


def signed_in(login: SocialLogin, person: Person) -> SocialLogin:
    login.person = person
    return login


def sign_out_url(app: SocialApp, back: str) -> str:
    """Return the address at which the browser signs out of TAXISnet, which then leads to `back`."""
    return f"{app.settings['url']}/logout/{quote(app.client_id, safe='')}/?{urlencode({'url': back})}"


class TaxisnetAdapter(Careful, Asking):
    provider_id = "taxisnet"


class TaxisnetStaffAdapter(Careful, Asking):
    provider_id = "taxisnet_staff"


oauth2_login = leaving(OAuth2LoginView.adapter_view(TaxisnetAdapter))
oauth2_callback = coming_back(OAuth2CallbackView.adapter_view(TaxisnetAdapter))
staff_login = leaving(OAuth2LoginView.adapter_view(TaxisnetStaffAdapter))
staff_callback = coming_back(OAuth2CallbackView.adapter_view(TaxisnetStaffAdapter))
