"""Going to the provider of Europeans and coming back."""

from allauth.socialaccount.providers.oauth2.views import OAuth2CallbackView, OAuth2LoginView
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from accounts.europe.provider import EuropeAdapter
from accounts.providers.round_trip import coming_back, leaving


@leaving
def login(request: HttpRequest, provider_id: str) -> HttpResponseBase:
    return OAuth2LoginView.adapter_view(EuropeAdapter(request, provider_id))(request)


@coming_back
def callback(request: HttpRequest, provider_id: str) -> HttpResponseBase:
    return OAuth2CallbackView.adapter_view(EuropeAdapter(request, provider_id))(request)
