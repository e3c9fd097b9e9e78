"""Pages that belong to no app: the rules for robots, and the way to sign in."""

from allauth.account.views import LoginView
from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_safe


@require_safe
def robots(request: HttpRequest) -> HttpResponse:
    closed = ["/accounts/", "/admin/", "/appointments/", "/api/", "/en/accounts/", "/en/admin/", "/en/appointments/"]
    closed += ["/*/book/"]  # pages of booking: they change every minute, and can hold a time
    lines = ["User-agent: *", *(f"Disallow: {path}" for path in closed), ""]
    return HttpResponse("\n".join(lines), content_type="text/plain; charset=utf-8")


def sign_in(request: HttpRequest) -> HttpResponseBase:
    """Shows the password page in the demo, and otherwise the page that sends a code by e-mail."""
    if settings.PASSWORD_SIGN_IN:
        return LoginView.as_view()(request)
    query = request.META.get("QUERY_STRING", "")
    return redirect(reverse("account_request_login_code") + (f"?{query}" if query else ""))
