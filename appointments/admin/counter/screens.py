"""The addresses of a branch's kiosk and hall screen, for supervisors who set them up. The key in each opens it."""

from dataclasses import dataclass

from django.conf import settings
from django.contrib import admin, messages
from django.contrib.admin.models import CHANGE, LogEntry
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext, gettext_noop
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods

from accounts.people import signed_in
from accounts.sealing import random_key
from agencies import access
from agencies.models import Branch, Role
from appointments.admin.forms import choice_of
from appointments.admin.pages import address, chosen_branch, page
from appointments.models import Queue

KEYS = {"kiosk": "kiosk_key", "display": "display_key"}
RENEWED = {"kiosk": gettext_noop("Kiosk: made a new address"), "display": gettext_noop("Screen: made a new address")}


@dataclass(frozen=True)
class Device:
    name: str
    title: str | Promise
    text: str | Promise
    url: str


@require_http_methods(["GET", "HEAD", "POST"])
@admin.site.admin_view
def screens(request: HttpRequest) -> HttpResponse:
    branches = _supervised(request)
    if not branches:
        return page(request, "no_branch.html", {"title": gettext("Kiosk and screen")})
    branch = chosen_branch(request, branches)
    # A branch's queue may not exist yet. It is made when somebody first opens this page.
    queue, _made = Queue.objects.get_or_create(branch=branch)
    if request.method == "POST" and request.POST.get("renew") in KEYS:
        _renew(request, queue, request.POST["renew"])
        return redirect(address("screens", branch=branch.code))
    context = {
        "title": gettext("Kiosk and screen"),
        "branch": branch,
        "choose": choice_of(branches, branch),
        "devices": _devices(queue),
        "command": "chromium --kiosk --autoplay-policy=no-user-gesture-required",
    }
    return page(request, "counter/screens.html", context)


def _supervised(request: HttpRequest) -> list[Branch]:
    user = signed_in(request)
    if not access.supervises(user):
        raise PermissionDenied
    return list(access.branches(user, Role.SUPERVISOR).in_order().select_related("agency"))


def _devices(queue: Queue) -> list[Device]:
    def url(name: str) -> str:
        return settings.SITE_URL + reverse(f"appointments:{name}", args=[getattr(queue, KEYS[name])])

    kiosk = _(
        "Stands at the entrance: citizens check in there or take a number. Add ?print=1 to print each number at once."
    )
    display = _("Hangs in the hall: it shows who is called to which desk, with a sound.")
    return [
        Device("kiosk", _("Kiosk"), kiosk, url("kiosk")),
        Device("display", _("Screen in the hall"), display, url("display")),
    ]


def _renew(request: HttpRequest, queue: Queue, name: str) -> None:
    Queue.objects.filter(pk=queue.pk).update(**{KEYS[name]: random_key()})
    LogEntry.objects.log_actions(str(signed_in(request).pk), [queue], CHANGE, RENEWED[name], single_object=True)
    messages.success(request, gettext("The old address no longer works. Set the device up with the new one."))
