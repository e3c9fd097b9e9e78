"""Private addresses of calendar feeds: one of the officer's own, and one for each branch where the officer works."""

from dataclasses import dataclass

from django.conf import settings
from django.contrib import messages
from django.contrib.admin.models import CHANGE, LogEntry
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext, gettext_noop
from django.views.decorators.http import require_POST

from accounts.people import signed_in
from accounts.sealing import random_key
from accounts.security import What, tell_when_done
from agencies import access
from agencies.models import Branch
from appointments.admin.forms import choice_of
from appointments.admin.pages import address, chosen_branch, officers_page, own_branches, page
from appointments.models import Feed

MADE = gettext_noop("Made a new address")


@dataclass(frozen=True)
class Row:
    """One line of the page: a branch or the officer (no branch), and the feed if there is one that has not ended."""

    branch: Branch | None
    feed: Feed | None

    @property
    def url(self) -> str:
        return settings.SITE_URL + reverse("appointments:feed", args=[self.feed.key]) if self.feed else ""


@officers_page
def feeds(request: HttpRequest) -> HttpResponse:
    user, branches = signed_in(request), own_branches(request)
    if not branches:
        return page(request, "no_branch.html", {"title": gettext("Calendar feeds")})
    branch = chosen_branch(request, branches)
    every = Feed.objects.filter(Q(officer=user) | Q(branch=branch)).select_related("made_by", "officer", "branch")
    found = [feed for feed in every if not feed.has_ended]
    own = next((feed for feed in found if feed.officer_id), None)
    of_branch = next((feed for feed in found if feed.branch_id), None)
    rows = [Row(None, own), Row(branch, of_branch)]
    context = {"title": gettext("Calendar feeds"), "rows": rows, "branch": branch}
    context["choose"] = choice_of(branches, branch)
    return page(request, "calendar/feed.html", context)


@officers_page
@require_POST
def renew(request: HttpRequest) -> HttpResponse:
    """Makes a new address for the feed. The old address stops working."""
    user, code = signed_in(request), request.POST.get("branch", "")
    whose = {"branch": get_object_or_404(access.counters(user), code=code)} if code else {"officer": user}
    made = {"key": random_key(), "made_by": user, "made_at": timezone.now()}
    feed, is_first = Feed.objects.update_or_create(**whose, defaults=made)
    tell_when_done(What.FEED_MADE, feed=feed.pk, branch=feed.branch_id, officer=feed.officer_id)
    LogEntry.objects.log_actions(str(user.pk), [feed], CHANGE, MADE, single_object=True)
    if is_first:
        messages.success(request, gettext("This is the address of the feed."))
    else:
        messages.success(request, gettext("There is a new address. Calendars with the old one no longer get news."))
    return redirect(address("feeds", branch=code))
