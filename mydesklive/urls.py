"""The map of the product. Greek pages at /, English ones under /en/."""

from django.conf import settings
from django.conf.urls.i18n import i18n_patterns
from django.contrib import admin
from django.urls import include, path, re_path

from accounts.views import AddressCode, SignInCode, address, closed, password_again
from agencies.views import invitation
from appointments.history.timeline import BY_SMS
from appointments.views.messages import replies
from mydesklive.pages import metrics, privacy, probes, views

handler500 = "mydesklive.pages.outages.failed"

urlpatterns = [
    path("health/live", probes.live, name="health-live"),
    path("health/ready", probes.ready, name="health-ready"),
    path("health/work", probes.work, name="health-work"),
    path("metrics", metrics.metrics, name="metrics"),
    path("hooks/sms/", replies.receive, name=BY_SMS),
    path("robots.txt", views.robots, name="robots"),
    path(".well-known/security.txt", views.security, name="security"),
    path("api/v1/", include("mydesklive.api")),
    path("i18n/", include("django.conf.urls.i18n")),
    *i18n_patterns(
        path("accounts/login/", views.sign_in, name="account_login"),
        path("accounts/login/code/confirm/", SignInCode.as_view(), name="account_confirm_login_code"),
        path("accounts/confirm-email/", AddressCode.as_view(), name="account_email_verification_sent"),
        path("accounts/email/", address, name="account_email"),
        path("accounts/invitation/<slug:key>/", invitation, name="invitation"),
        path("accounts/reauthenticate/", password_again, name="account_reauthenticate"),
        path("accounts/2fa/", include("accounts.staff.urls")),
        re_path(r"^(?:accounts/password|admin/password_change)/", closed),
        # People get an identity with their first sign-in, and nobody can exchange it.
        re_path(r"^accounts/(?:3rdparty|social)/", closed),
        path("accounts/", include("allauth.urls")),
        path("reports/", include("reports.urls")),
        path("calls/livekit/", include("videocalls.livekit")),
        path("calls/", include("videocalls.urls")),
        path("admin/", admin.site.urls),
        path("privacy/", privacy.privacy, name="privacy"),
        path("cookies/", privacy.cookies, name="cookies"),
        *([path("sandbox/", include("mydesklive.sandbox.urls"))] if settings.SANDBOX else []),
        path("", include("accounts.urls")),
        # These come last: `<platform>/` and `<platform>/<procedure>/` match every address that nothing above matches.
        path("", include("appointments.urls")),
        path("", include("agencies.urls")),
        prefix_default_language=False,
    ),
]
