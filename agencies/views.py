"""The pages of the portal and of the platforms. The page of a service shows free times, so it is in `appointments`."""

from collections.abc import Iterator
from itertools import islice

from django.contrib import messages
from django.db.models import Count, Prefetch, Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.cache import cache_control, never_cache
from django.views.decorators.http import require_http_methods, require_safe

from agencies import accents
from agencies.finding import search
from agencies.finding.missed import missed
from agencies.members import inviting
from agencies.models import Agency, Branch, Channel, Procedure

MAX_QUERY = 100
MAX_COLOURS = 200
SUGGESTED = 8
SUGGESTIONS_LAST = 60  # seconds in caches
YEAR = 365 * 24 * 3600


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def invitation(request: HttpRequest, key: str) -> HttpResponse:
    """Shows the role that is offered to whoever has got the mail, and takes the answer."""
    now, answer = timezone.now(), request.POST.get("answer")
    try:
        if answer == "accept":
            inviting.accept(key, now=now)
            messages.success(
                request, _("The role is yours. Sign in with the address to which the invitation was sent.")
            )
            return redirect("account_login")
        if answer == "decline":
            inviting.decline(key, now=now)
            messages.success(request, _("You have declined the invitation."))
            return redirect("agencies:portal")
        offered = inviting.found(key, now=now)
    except inviting.NotOpen:
        return render(request, "agencies/invitation.html", {"invitation": None}, status=410)
    return render(request, "agencies/invitation.html", {"invitation": offered})


@require_safe
def portal(request: HttpRequest) -> HttpResponse:
    query = request.GET.get("q", "").strip()[:MAX_QUERY]
    agencies = list(_with_offer(Agency.objects.visible()))
    context: dict[str, object] = {
        "query": query,
        "live": [agency for agency in agencies if agency.is_live],
        "joining": [agency for agency in agencies if not agency.is_live],
        "accents": "-".join(sorted({agency.accent[1:] for agency in agencies})),
    }
    if query:
        found = search.find(query, agencies, None if "all" in request.GET else search.SHOWN)
        context["found"] = found
        if not found.number and not found.notes:
            missed(request, query, now=timezone.now())
    return render(request, "agencies/portal.html", context)


@require_safe
@cache_control(public=True, max_age=SUGGESTIONS_LAST)
def suggestions(request: HttpRequest) -> JsonResponse:
    """Returns what the query may mean, for the list under the portal's search line."""
    query = request.GET.get("q", "").strip()[:MAX_QUERY]
    found = search.find(query, list(Agency.objects.visible().order_by("pk")), SUGGESTED)
    rows = list(islice(_suggested(found), SUGGESTED))
    count = ngettext("%(number)s suggestion", "%(number)s suggestions", len(rows)) % {"number": len(rows)}
    return JsonResponse({"suggestions": rows, "count": count})


@require_safe
def platform(request: HttpRequest, platform_slug: str) -> HttpResponse:
    if platform_slug != platform_slug.lower():
        return redirect("agencies:platform", platform_slug.lower(), permanent=True)
    agency = get_object_or_404(_with_offer(Agency.objects.visible()), platform_slug=platform_slug)
    procedures = list(agency.procedures.all())
    remote = [one for one in procedures if one.channels != [Channel.IN_PERSON]]
    branch = _branch(agency, request.GET.get("branch", ""))
    context = {
        "agency": agency,
        "procedures": procedures,
        "remote": remote,
        "at_branch_only": [one for one in procedures if one not in remote],
        "branch": branch,
        "hours": branch.hours_on(branch.today(timezone.now())) if branch else [],
    }
    return render(request, "agencies/platform.html", context)


@require_safe
def page(request: HttpRequest, name: str) -> HttpResponse:
    """Shows a page of text: help, accessibility."""
    return render(request, f"agencies/{name}.html")


@require_safe
@cache_control(public=True, immutable=True, max_age=YEAR)
def accent_stylesheet(request: HttpRequest, colours: str) -> HttpResponse:
    names = colours.split("-")
    if len(names) > MAX_COLOURS or not all(accents.COLOUR.fullmatch(name) for name in names):
        raise Http404
    return HttpResponse(accents.stylesheet(names), content_type="text/css; charset=utf-8")


def _with_offer(agencies: QuerySet[Agency]) -> QuerySet[Agency]:
    """Adds the services and the number of branches that take bookings."""
    count = Count("branches", filter=Q(branches__is_open=True))
    procedures = Prefetch("procedures", Procedure.objects.filter(is_offered=True))
    return agencies.annotate(branch_count=count).order_by("pk").prefetch_related(procedures)


def _suggested(found: search.Found) -> Iterator[dict[str, str]]:
    platforms = [_suggestion(one.name, _("Agency"), "agencies:platform", one.platform_slug) for one in found.agencies]
    if found.agency_first:
        yield from platforms
    for procedure, branch in found.services:
        place = {"branch": branch.code} if branch else {}
        address = "appointments:procedure", procedure.agency.platform_slug, procedure.code
        yield _suggestion(procedure.name, procedure.agency.short_name, *address, query=place)
    if not found.agency_first:
        yield from platforms
    for one in found.branches:
        query = {"branch": one.code}
        yield _suggestion(one.name, one.city, "agencies:platform", one.agency.platform_slug, query=query)


def _suggestion(text: str, kind: str, name: str, *args: str, query: dict[str, str] | None = None) -> dict[str, str]:
    return {"text": text, "kind": kind, "url": reverse(name, args=args, query=query)}


def _branch(agency: Agency, code: str) -> Branch | None:
    """Returns the branch that the citizen has already chosen. The page passes it on to the booking."""
    return Branch.objects.open().filter(agency=agency, code=code).first() if code else None
