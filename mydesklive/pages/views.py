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


@require_safe
def security(request: HttpRequest) -> HttpResponse:
    """Says whom to tell of a weak point, as RFC 9116 wants it."""
    contact = settings.SECURITY_CONTACT or settings.SITE_URL + reverse("agencies:help")
    lines = [
        f"Contact: {contact}",
        f"Expires: {settings.SECURITY_TXT_EXPIRES:%Y-%m-%dT%H:%M:%SZ}",
        "Preferred-Languages: el, en",
        f"Canonical: {settings.SITE_URL}/.well-known/security.txt",
        "",
    ]
    return HttpResponse("\n".join(lines), content_type="text/plain; charset=utf-8")


def sign_in(request: HttpRequest) -> HttpResponseBase:
    """Shows the password page in the demo, and otherwise the page that sends a code by e-mail."""
    if settings.PASSWORD_SIGN_IN:
        return LoginView.as_view()(request)
    query = request.META.get("QUERY_STRING", "")
    return redirect(reverse("account_request_login_code") + (f"?{query}" if query else ""))
