from allauth.socialaccount.providers.oauth2.urls import default_urlpatterns

from accounts.taxisnet.provider import TaxisnetProvider

urlpatterns = default_urlpatterns(TaxisnetProvider)
