"""How the sending of messages goes: for supervisors at their branches, for operators everywhere, in numbers alone."""

from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.translation import gettext

from accounts.people import signed_in
from accounts.work.due import due, lanes
from agencies import access
from agencies.models import Role
from appointments.admin.pages import address, page
from appointments.admin.watch.watch import served_by, supervisors_page
from appointments.watch.sending import SENT_BY, away, lost, sending, unreachable


@supervisors_page
def messages(request: HttpRequest) -> HttpResponse:
    now, user = timezone.now(), signed_in(request)
    everywhere = access.is_operator(user)
    branches = None if everywhere else list(access.branches(user, Role.SUPERVISOR).in_order())
    serves = served_by(user)
    found = lost(now=now, branches=branches)
    others = [lane for lane in lanes() if lane.name not in SENT_BY] if everywhere else []
    context = {
        "title": gettext("Sending of messages"),
        "away": away(),
        "unreachable": unreachable(user),
        "sending": sending(now=now, branches=branches),
        "others": due(others, now=now),
        "lost": [(one, _address(one.branch.code) if one.branch and serves(one.branch) else "") for one in found],
        "everywhere": everywhere,
    }
    return page(request, "watch/sending.html", context)


def _address(code: str) -> str:
    """Returns the address of the list of the branch's appointments with a message that did not arrive."""
    return address("changelist", branch=code, undelivered="yes", when="all")


urls: list[URLPattern] = [path("watch/messages/", messages, name="appointments_appointment_watch_messages")]
