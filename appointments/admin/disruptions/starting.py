"""Mass disruptions. A supervisor chooses where and when, sees who is affected, starts it, and follows the answers."""

from datetime import date, datetime, timedelta
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Count, Model, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from accounts.people import signed_in
from agencies import access
from agencies.admin.places import PlacedAdmin, unbroken
from agencies.finding.places import by_place
from agencies.models import Agency, Branch, Role
from appointments import disruptions
from appointments.admin.disruptions import answers
from appointments.admin.disruptions.forms import DisruptionForm
from appointments.admin.pages import acting, page
from appointments.models import Appointment, Disruption, Offer, Status
from appointments.models.disruption import every_way

# A second click within this time, or a form that is sent again, opens the disruption that was started already.
AGAIN = timedelta(minutes=5)
PREFILLED = ("from_date", "until_date", "from_time", "until_time", "reason_el", "reason_en")


@admin.register(Disruption)
class DisruptionAdmin(PlacedAdmin):
    """The disruptions at the supervisor's branches.

    Nothing is edited here: `appointments.disruptions` starts and ends them.
    """

    list_display = ("what", "days", "hours", "where", "answered", "state_shown")
    list_display_links = ("what",)
    search_fields = ("reason_el", "reason_en")
    found_at = "branches"

    @admin.display(description=_("reason"))
    def what(self, disruption: Disruption) -> str:
        return disruption.reason

    @admin.display(description=_("days"))
    def days(self, disruption: Disruption) -> str:
        return unbroken(days_of(disruption))

    @admin.display(description=_("hours"))
    def hours(self, disruption: Disruption) -> str:
        return hours_of(disruption)

    @admin.display(description=_("where"))
    def where(self, disruption: Disruption) -> str:
        branches = list(disruption.branches.all())
        if len(branches) == 1:
            return branches[0].name
        return ngettext("%d branch", "%d branches", len(branches)) % len(branches)

    @admin.display(description=_("answered"))
    def answered(self, disruption: Disruption) -> str:
        total = disruption.total  # type: ignore[attr-defined]
        done = total - disruption.hanging  # type: ignore[attr-defined]
        return unbroken(gettext("%(done)d of %(total)d") % {"done": done, "total": total})

    @admin.display(description=_("state"))
    def state_shown(self, disruption: Disruption) -> str:
        return format_html(
            '<span class="state state--{}">{}</span>',
            "completed" if disruption.state == Disruption.State.SETTLED else "arrived",
            disruption.get_state_display(),
        )

    def rows(self, user: User, found: QuerySet) -> QuerySet:
        """Adds `total`, the number of offers at the user's branches, and `hanging`, the number that are not settled."""
        own = access.branches(user, Role.SUPERVISOR).values("pk")
        here = Q(offers__was_branch__in=own)
        return found.filter(pk__in=Disruption.objects.filter(branches__in=own).values("pk")).annotate(
            total=Count("offers", filter=here, distinct=True),
            hanging=Count("offers", filter=here & Q(offers__state__in=Offer.UNSETTLED), distinct=True),
        )

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        return super().get_queryset(request).select_related("agency").prefetch_related("branches")

    def may_see(self, user: User) -> bool:
        return access.supervises(user)

    def may_change(self, user: User, row: Model | None = None) -> bool:
        return False

    def may_add(self, user: User) -> bool:
        return access.supervises(user)

    def get_urls(self) -> list[URLPattern]:
        guarded = self.admin_site.admin_view
        return [
            path("<int:pk>/board/", guarded(self.board_again), name="appointments_disruption_board"),
            path("<int:pk>/<str:reference>/accept/", guarded(self.accept), name="appointments_disruption_accept"),
            path("<int:pk>/<str:reference>/again/", guarded(self.again), name="appointments_disruption_again"),
            *super().get_urls(),
        ]

    # The page of one disruption

    def change_view(self, request: HttpRequest, object_id: str, *args: Any, **kwargs: Any) -> HttpResponseBase:
        return answers.show(request, self._found(request, object_id))

    def history_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        return redirect(answers.address(self._found(request, object_id)))

    def board_again(self, request: HttpRequest, pk: int) -> HttpResponse:
        return answers.show_again(request, self._found(request, str(pk)))

    def accept(self, request: HttpRequest, pk: int, reference: str) -> HttpResponse:
        return answers.accept(request, self._found(request, str(pk)), reference)

    def again(self, request: HttpRequest, pk: int, reference: str) -> HttpResponse:
        return answers.again(request, self._found(request, str(pk)), reference)

    def _found(self, request: HttpRequest, object_id: str) -> Disruption:
        if not self.has_view_permission(request):
            raise PermissionDenied
        return get_object_or_404(self.get_queryset(request), pk=object_id if object_id.isdecimal() else 0)

    # Starting a disruption

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponseBase:
        """Shows two pages: the form (where, when, why), then the affected citizens with the button that starts it."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        agency = _agency(request)
        if agency is None:
            agencies = access.agencies(signed_in(request), Role.SUPERVISOR)
            return page(request, "disruptions/agency.html", {"title": gettext("New disruption"), "agencies": agencies})
        branches = access.branches(signed_in(request), Role.SUPERVISOR).filter(agency=agency)
        form = DisruptionForm(branches, request.POST or None, initial=_initial(request, branches))
        if request.method == "POST" and form.is_valid() and "back" not in request.POST:
            return _start(request, form, agency) if "confirm" in request.POST else _check(request, form, agency)
        return page(request, "disruptions/add.html", _asking(form, agency, branches))


def _agency(request: HttpRequest) -> Agency | None:
    """Returns the agency that the address names, by its own slug or by a branch, or the user's only agency, or None."""
    own = access.agencies(signed_in(request), Role.SUPERVISOR)
    if slug := request.GET.get("agency"):
        return get_object_or_404(own, slug=slug)
    if code := request.GET.get("branch"):
        return get_object_or_404(
            access.branches(signed_in(request), Role.SUPERVISOR).select_related("agency"), code=code
        ).agency
    few = list(own[:2])
    return few[0] if len(few) == 1 else None


def _initial(request: HttpRequest, branches: QuerySet[Branch]) -> dict[str, Any]:
    few = list(branches.values_list("code", flat=True)[:2])
    asked = request.GET.getlist("branch") or (few if len(few) == 1 else [])
    given = {name: request.GET[name] for name in PREFILLED if request.GET.get(name)}
    return {"branches": asked, "ways": every_way(), **given}


def _asking(form: DisruptionForm, agency: Agency, branches: QuerySet[Branch]) -> dict[str, Any]:
    """Returns the context of the form. Branches are grouped by place, and a group with a chosen branch is open."""
    chosen = set(map(str, form["branches"].value() or []))
    places = [(place, any(row.branch.code in chosen for row in place.rows)) for place in by_place(branches, {})]
    return {
        "title": gettext("New disruption"),
        "form": form,
        "agency": agency,
        "places": places,
        "chosen": chosen,
        "many": sum(len(place.rows) for place, _is_open in places) > 1,
    }


def _check(request: HttpRequest, form: DisruptionForm, agency: Agency) -> HttpResponse:
    """Shows how many citizens are affected at each branch, and the appointments at branches that the user serves.

    Operators serve no branch, so they see numbers only.
    """
    branches = form.chosen()
    planned = form.planned(agency, signed_in(request))
    found = disruptions.affected(planned, branches).select_related("branch", "procedure")
    affected = list(found.order_by("branch__name_el", "starts_at", "pk"))
    served = set(access.counters(signed_in(request)).values_list("pk", flat=True))
    context = {
        "title": gettext("New disruption"),
        "form": form,
        "agency": agency,
        "planned": planned,
        "days": days_of(planned),
        "hours": hours_of(planned),
        "branches": branches,
        "number": len(affected),
        "rows": _by_branch(affected),
        "shown": [appointment for appointment in affected if appointment.branch_id in served],
        "to_call": sum(not appointment.email for appointment in affected),
        "present": planned.hits(branches).filter(status__in=(Status.ARRIVED, Status.SERVING)).count(),
        "unconfirmed": planned.hits(branches).filter(status=Status.UNVERIFIED).count(),
        "hidden": [
            (name, value)
            for name in request.POST
            if name != "csrfmiddlewaretoken"
            for value in request.POST.getlist(name)
        ],
    }
    return page(request, "disruptions/check.html", context)


def _by_branch(affected: list[Appointment]) -> list[dict[str, Any]]:
    rows: dict[int, dict[str, Any]] = {}
    for appointment in affected:
        row = rows.setdefault(appointment.branch_id, {"branch": appointment.branch, "number": 0, "to_call": 0})
        row["number"] += 1
        row["to_call"] += not appointment.email
    return list(rows.values())


def _start(request: HttpRequest, form: DisruptionForm, agency: Agency) -> HttpResponse:
    now, planned = timezone.now(), form.planned(agency, signed_in(request))
    started = _started_before(planned, now)
    if started is None:
        branches = form.chosen()
        started = disruptions.start(planned, branches, by=acting(request), now=now)
        messages.success(request, _told(started, branches))
    return redirect(answers.address(started))


def _told(started: Disruption, branches: list[Branch]) -> str:
    if disruptions.affected(started, branches).exists():
        return gettext("The times are closed. Everybody affected is now offered another one.")
    return gettext("The times are closed: nobody can book them any more.")


def _started_before(planned: Disruption, now: datetime) -> Disruption | None:
    names = ("agency", "created_by", *PREFILLED)
    same = {name: getattr(planned, name) for name in names}
    return Disruption.objects.filter(**same, created_at__gt=now - AGAIN).first()


def days_of(disruption: Disruption) -> str:
    return "–".join(dict.fromkeys(map(_short, (disruption.from_date, disruption.until_date))))


def _short(day: date) -> str:
    return date_format(day, "SHORT_DATE_FORMAT")


def hours_of(disruption: Disruption) -> str:
    return disruption.hours or gettext("All day")
