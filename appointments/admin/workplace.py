from typing import Any, cast

from django.contrib import admin
from django.contrib.admin import SimpleListFilter
from django.db.models import Exists, Model, OuterRef, Prefetch, QuerySet
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.views import ChangeList

from accounts.models import User
from accounts.people import signed_in
from agencies import access
from agencies.admin.places import AgencyFilter, PlacedAdmin, unbroken
from agencies.models import Branch, Role
from appointments.admin.booking import callers, contact, day, printing, steps
from appointments.admin.calendar import calendar, planning
from appointments.admin.calls import door
from appointments.admin.counter import board, presses, screens, serving
from appointments.admin.disruptions import promises
from appointments.admin.messages import texts
from appointments.admin.pages import address, find, officers_page, own_branches, page, visits_before, visits_of
from appointments.admin.watch import sending, watch
from appointments.booking.persons import tax_number_of
from appointments.calls import provision
from appointments.history import timeline
from appointments.models import Appointment, Notification, Offer
from appointments.models.appointment import AppointmentQuerySet


class ByReference(ChangeList):
    """A list whose rows link to an appointment by its reference, never by its primary key."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.pk_attname = "reference"


class WhenFilter(SimpleListFilter):
    """Filters by date. Without a search the list begins today, because it would be very long with the past."""

    title = _("when")
    parameter_name = "when"

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin) -> list[tuple[str, Any]]:
        self.searched = bool(request.GET.get("q"))
        return [("past", _("Past"))] if self.searched else [("past", _("Past")), ("all", _("Past and coming"))]

    def choices(self, changelist: ChangeList) -> Any:
        yield {
            "selected": self.value() not in dict(self.lookup_choices),
            "query_string": changelist.get_query_string(remove=["when"]),
            "display": _("Past and coming") if self.searched else _("From today on"),
        }
        yield from list(super().choices(changelist))[1:]

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        found, now = cast(AppointmentQuerySet, queryset), timezone.now()
        if self.value() == "past":
            return found.before_today(now=now)
        if self.value() == "all" or self.searched:
            return found
        return found.from_today(now=now)


class OwnAgencyFilter(AgencyFilter):
    role = Role.AGENT

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin) -> list[tuple[str, str]]:
        agencies = {branch.agency.slug: branch.agency.short_name for branch in own_branches(request)}
        return list(agencies.items())


class OwnBranchFilter(SimpleListFilter):
    """Filters by one branch. Only the links of the watch page use it, so it offers no other branch."""

    title = _("branch")
    parameter_name = "branch"

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin) -> list[tuple[str, str]]:
        code = request.GET.get("branch")
        return [(branch.code, branch.name) for branch in own_branches(request) if branch.code == code] if code else []

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        return queryset.filter(branch__code=self.value()) if self.value() else queryset


class UndeliveredFilter(SimpleListFilter):
    """Filters for appointments with a failed message. An officer has to call these citizens."""

    title = _("messages")
    parameter_name = "undelivered"

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin) -> list[tuple[str, Any]]:
        return [("yes", _("A message did not arrive"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        failed = Notification.objects.undelivered().filter(appointment=OuterRef("pk"))
        return queryset.filter(Exists(failed)) if self.value() else queryset


@admin.register(Appointment)
class AppointmentAdmin(PlacedAdmin):
    """The list of appointments, and the officers' pages.

    No field is edited here: pages call `booking` and `counter`.
    """

    list_display = ("spoken_reference", "when", "name", "service", "place", "state")
    list_display_links = ("spoken_reference", "name")
    list_filter = (WhenFilter, "status", "channel", UndeliveredFilter, OwnAgencyFilter, OwnBranchFilter)
    list_select_related = ("branch", "procedure")
    search_fields = ("search",)
    search_help_text = _("Reference, name, telephone or e-mail")

    @admin.display(description=_("reference"))
    def spoken_reference(self, appointment: Appointment) -> str:
        return unbroken(appointment.spoken_reference)

    @admin.display(description=_("date and time"))
    def when(self, appointment: Appointment) -> str:
        return unbroken(date_format(appointment.branch.local(appointment.starts_at), "SHORT_DATETIME_FORMAT"))

    @admin.display(description=_("service"))
    def service(self, appointment: Appointment) -> str:
        return appointment.procedure.name

    @admin.display(description=_("branch"))
    def place(self, appointment: Appointment) -> str:
        return appointment.branch.name

    @admin.display(description=_("status"))
    def state(self, appointment: Appointment) -> str:
        return format_html(
            '<span class="state state--{}">{}</span>', appointment.status, appointment.get_status_display()
        )

    def rows(self, user: User, found: QuerySet) -> QuerySet:
        return cast("AppointmentQuerySet", found).seen_by(user).beyond_hold()

    def may_see(self, user: User) -> bool:
        return access.has_role(user, Role.AGENT)

    def may_change(self, user: User, row: Model | None = None) -> bool:
        return False

    def get_ordering(self, request: HttpRequest) -> tuple[str, ...]:
        """Lists the earliest first. After a search, or with past appointments in the list, the latest comes first."""
        latest_first = request.GET.get("when") or request.GET.get("q")
        return ("-starts_at", "-pk") if latest_first else ("starts_at", "pk")

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return ByReference

    def get_search_results(self, request: HttpRequest, queryset: QuerySet, search_term: str) -> tuple[QuerySet, bool]:
        return (cast("AppointmentQuerySet", queryset).matching(search_term) if search_term.strip() else queryset), False

    def get_urls(self) -> list[URLPattern]:
        one_click = [
            path(f"<str:reference>/{name}/", steps.take, {"name": name}, name=f"appointments_appointment_{name}")
            for name in steps.ONE_CLICK
        ]
        return [
            path("day/", day.day, name="appointments_appointment_day"),
            path("book/", callers.book, name="appointments_appointment_book"),
            path("screens/", screens.screens, name="appointments_appointment_screens"),
            path("unplaced/", unplaced, name="appointments_appointment_unplaced"),
            path("queue/", board.queue, name="appointments_queue"),
            path("queue/poll/", board.poll, name="appointments_queue_poll"),
            *serving.urls,
            path("queue/<slug:branch>/<slug:step>/", presses.take, name="appointments_queue_step"),
            *watch.urls,
            *sending.urls,
            *promises.urls,
            *calendar.urls,
            *texts.urls,
            *door.urls,
            path("<str:reference>/booked/", callers.booked, name="appointments_appointment_booked"),
            *printing.urls,
            path("<str:reference>/cancel/", steps.cancel, name="appointments_appointment_cancel"),
            path("<str:reference>/contact/", contact.contact, name="appointments_appointment_contact"),
            path("<str:reference>/again/<int:message>/", contact.again, name="appointments_appointment_again"),
            path("<str:reference>/move/", steps.move, name="appointments_appointment_move"),
            *one_click,
            *super().get_urls(),
        ]

    def change_view(self, request: HttpRequest, object_id: str, *args: Any, **kwargs: Any) -> HttpResponseBase:
        return detail(request, reference=object_id)

    def history_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        return redirect(address("change", find(request, object_id).reference))


@officers_page
def detail(request: HttpRequest, reference: str) -> HttpResponse:
    """Shows one appointment, read-only, with the steps that are possible now."""
    appointment, now = find(request, reference), timezone.now()
    context = {
        "title": appointment.spoken_reference,
        "appointment": appointment,
        "steps": steps.possible(appointment, now),
        "is_printed": printing.is_printed(appointment),
        "assign": planning.assigning(appointment),
        "here": request.path,
        "timeline": timeline.of(appointment),
        "messages_sent": appointment.notifications.order_by("due_at", "pk"),
        "may_correct": appointment.may_be_corrected(now),
        "offer": appointment.offers.awaited().first(),
        "supervised": _supervised(request),
        "call": appointment.video_call,
        "moved_to": provision.second_provider(appointment),
        "tax_number": tax_number_of(appointment),
        **_linked(request, appointment),
        "visits": [*visits_of(request, appointment.pk), *visits_before(request, appointment)],
    }
    return page(request, "booking/detail.html", context)


def _linked(request: HttpRequest, appointment: Appointment) -> dict[str, Any]:
    """Returns the follow-up appointments of this one, and the keys of linked appointments that the officer may open."""
    followers = list(appointment.followers.select_related("branch").order_by("starts_at"))
    pks = [one.pk for one in followers] + ([appointment.follows_id] if appointment.follows_id else [])
    seen = Appointment.objects.seen_by(signed_in(request)).filter(pk__in=pks)
    return {"followers": followers, "seen": set(seen.values_list("pk", flat=True))}


def _supervised(request: HttpRequest) -> set[int]:
    """Returns the keys of the branches whose disruptions the officer may open."""
    return set(access.branches(signed_in(request), Role.SUPERVISOR).values_list("pk", flat=True))


@officers_page
def unplaced(request: HttpRequest) -> HttpResponse:
    """Lists the appointments that no longer fit the opening rules and closures, so officers move or cancel them."""
    branches: QuerySet[Branch] = access.counters(signed_in(request))
    if code := request.GET.get("branch"):
        branches = branches.filter(code=code)
    pks = list(branches.values_list("pk", flat=True))
    found = Appointment.objects.unplaced(now=timezone.now(), branches=pks).select_related("branch", "procedure")
    awaited = Prefetch("offers", Offer.objects.awaited(), to_attr="open_offers")
    context = {
        "title": gettext("Appointments that no longer fit"),
        "appointments": found.order_by("starts_at", "pk").prefetch_related(awaited),
        "supervised": _supervised(request),
        "here": request.get_full_path(),
    }
    return page(request, "booking/unplaced.html", context)
