"""Resetting the second factor of a colleague who has lost it: the deed, the mail to the owner, and the page that asks."""

from typing import Any

from allauth.account.adapter import get_adapter
from django.conf import settings
from django.contrib import messages
from django.contrib.admin import AdminSite
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from accounts.models import User
from accounts.security import What, tell
from accounts.staff import factors


def reset(person: User, *, by: User | None) -> bool:
    """Takes all factors of the person away, ends the sessions, and mails the person who did it. Returns False if there was none.

    `by` is None for whoever runs the server.
    """
    is_done = factors.reset(person)
    tell(What.FACTOR_RESET, account=person.pk, had=int(is_done))
    if is_done:
        with translation.override(person.language):
            told: dict[str, Any] = {"by": by.name_in_role if by else _("whoever runs the server")}
            told |= {"timestamp": timezone.now(), "site_url": settings.SITE_URL}
            get_adapter().send_mail("mfa/email/factors_reset", person.email, told)
    return is_done


def page(request: HttpRequest, person: User, by: User, *, site: AdminSite, back: str) -> HttpResponseBase:
    """Asks whether to reset the factor of the person, and does it. The caller has checked that `by` may."""
    if request.method == "POST":
        if reset(person, by=by):
            messages.success(
                request, _("The second factor of %s is reset. A mail tells the person.") % person.name_in_role
            )
        else:
            messages.info(request, _("%s has no second factor.") % person.name_in_role)
        return redirect(back)
    context = {
        "title": _("Reset the second factor?"),
        "person": person,
        "has_factor": factors.has_factor(person),
        "back": back,
    }
    answer: HttpResponse = TemplateResponse(
        request, "admin/accounts/reset_factor.html", {**site.each_context(request), **context}
    )
    return answer
