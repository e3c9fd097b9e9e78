"""The pages of reports by mail: making a list, looking at one's lists, and stopping the mails to oneself."""

from typing import cast

from django.contrib import messages
from django.db.models import Case, OuterRef, Prefetch, QuerySet, Subquery, Value, When
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.models import User
from agencies import access
from reports.mailing import contents, schedule, subscriptions
from reports.mailing.contents import PUBLISHED
from reports.mailing.forms import SubscriptionForm
from reports.mailing.scope import Scope
from reports.models import Recipient, Sending, Subscription
from reports.selecting.filters import FilterForm
from reports.selecting.viewers import Viewer
from reports.showing.pages import refused


@never_cache
@require_safe
def sendings(request: HttpRequest) -> HttpResponseBase:
    """Shows the own lists; operators see all."""
    if not Viewer.of(request.user).sees_figures:
        return refused(request)
    user = cast("User", request.user)
    lists = [*_seen_by(user).select_related("user").prefetch_related(Prefetch("recipients", _people()))]
    words, titles = contents.words(lists), contents.reports()
    rows = [(one, titles.get(one.report, one.report), words[one.pk], _link(one)) for one in lists]
    context = {"rows": rows, "sees_all": access.is_operator(user)}
    return render(request, "reports/mailing/list.html", context)


def _people() -> QuerySet[Recipient]:
    """Returns the recipients, each with what became of the latest mail."""
    mails = Sending.objects.filter(recipient=OuterRef("pk")).order_by("-moment")
    names = [When(latest=state, then=Value(str(label))) for state, label in Sending.State.choices]
    found = Recipient.objects.select_related("user").order_by("pk")
    found = found.annotate(
        latest=Subquery(mails.values("state")[:1]), latest_moment=Subquery(mails.values("moment")[:1])
    )
    return found.annotate(latest_state=Case(*names, default=Value("")))


def _seen_by(user: User) -> QuerySet[Subscription]:
    found = Subscription.objects.all()
    return found if access.is_operator(user) else found.filter(user=user)


def _link(subscription: Subscription) -> str:
    """Returns the page with the same filters, or "" if it does not exist any more."""
    if subscription.report not in contents.reports():
        return ""
    return f"{contents.address(subscription.report)}?{subscription.query}"


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def new(request: HttpRequest) -> HttpResponseBase:
    """Makes a list for the report and the filters in the address."""
    viewer = Viewer.of(request.user)
    if not viewer.sees_figures:
        return refused(request)
    report = request.GET.get("report", "")
    if report not in contents.reports():
        raise Http404
    filters = None
    if report != PUBLISHED:
        filters = contents.selected(report, request.GET.urlencode(), viewer, today=schedule.day_of(timezone.now()))
        if not filters.is_valid():  # the page of the report says what is wrong
            return redirect(f"{contents.address(report)}?{request.GET.urlencode()}")
    return _new(request, report, filters)


def _new(request: HttpRequest, report: str, filters: FilterForm | None) -> HttpResponse:
    selection = filters.selection if filters else None
    user, now = cast("User", request.user), timezone.now()
    scope = Scope.of(selection) if selection else None
    data = request.POST if request.method == "POST" else None
    query = contents.remembered(request.GET, filters) if filters else ""
    form = SubscriptionForm(data, user=user, scope=scope, query=query, today=schedule.day_of(now))
    if form.is_valid():
        said = {"report": report, "query": query, **form.cleaned_data}
        subscriptions.subscribe(user, said.pop("recipients"), scope=scope or Scope(), now=now, **said)
        messages.success(request, _("The report will be sent by mail."))
        return redirect("reports:sendings")
    context = {
        "form": form,
        "title": contents.reports()[report],
        "words": selection.words if selection else [],
        "back": f"{contents.address(report)}?{_without_report(request.GET)}",
    }
    return render(request, "reports/mailing/new.html", context, status=400 if form.errors else 200)


def _without_report(query: QueryDict) -> str:
    kept = query.copy()
    kept.pop("report", None)
    return kept.urlencode()


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def edit(request: HttpRequest, reference: str) -> HttpResponseBase:
    """Changes how and to whom one's own list is sent. Report and filters stay: other ones are another list."""
    if not Viewer.of(request.user).sees_figures:
        return refused(request)
    user, now = cast("User", request.user), timezone.now()
    known = get_object_or_404(Subscription.objects.filter(user=user, ended_at=None), reference=reference)
    scope = None if known.report == PUBLISHED else Scope.had_by(known)
    data, today = request.POST if request.method == "POST" else None, schedule.day_of(now)
    form = SubscriptionForm(data, user=user, scope=scope, query=known.query, today=today, known=known)
    if form.is_valid():
        said = dict(form.cleaned_data)
        if subscriptions.change(known, said.pop("recipients"), now=now, **said):
            messages.success(request, _("Saved."))
        return redirect("reports:sendings")
    context = {
        "form": form,
        "title": contents.reports().get(known.report, known.report),
        "words": contents.words([known])[known.pk],
        "back": reverse("reports:sendings"),
        "known": known,
    }
    return render(request, "reports/mailing/new.html", context, status=400 if form.errors else 200)


@never_cache
@require_POST
def change(request: HttpRequest, reference: str) -> HttpResponseBase:
    """Pauses, resumes or deletes a list, as the button says. Asks first whether to delete one that still runs."""
    if not Viewer.of(request.user).sees_figures:
        return refused(request)
    found = get_object_or_404(_seen_by(cast("User", request.user)), reference=reference)
    now, do = timezone.now(), request.POST.get("do")
    if do == "pause":
        subscriptions.pause(found, now=now)
    elif do == "resume":
        subscriptions.resume(found, now=now)
    elif do == "delete" and not found.ended_at and "sure" not in request.POST:
        context = {"one": found, "title": contents.reports().get(found.report, found.report)}
        return render(request, "reports/mailing/delete.html", context)
    elif do == "delete":
        found.delete()
        messages.success(request, _("The report is no longer sent by mail."))
    return redirect("reports:sendings")


@csrf_exempt
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def stop(request: HttpRequest, key: str) -> HttpResponse:
    """Stops the mails to one person, by one press in the mail program (RFC 8058) or on this page.

    Who has the key may do it: mail programs send no cookie and no token. Opening the page changes nothing, because programs
    that look for viruses open links.
    """
    running = Recipient.objects.filter(key=key, stopped_at=None, subscription__ended_at=None)
    recipient = running.select_related("subscription").first()
    if recipient and request.method == "POST":
        subscriptions.stop(recipient, now=timezone.now())
        recipient = None
    title = contents.reports().get(recipient.subscription.report, "") if recipient else ""
    return render(request, "reports/mailing/stop.html", {"recipient": recipient, "title": title})
