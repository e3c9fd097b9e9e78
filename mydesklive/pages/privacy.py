"""The pages about privacy and cookies. They say what is true in this installation."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from mydesklive.privacy.cookies import COOKIES
from mydesklive.privacy.processors import processors, retention


@require_safe
def privacy(request: HttpRequest) -> HttpResponse:
    return render(request, "privacy/privacy.html", {"agencies": retention(), "processors": processors()})


@require_safe
def cookies(request: HttpRequest) -> HttpResponse:
    return render(request, "privacy/cookies.html", {"cookies": COOKIES})
