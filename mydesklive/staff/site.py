"""The admin site for staff: its first page, its menu, signing in and signing out."""

from typing import TYPE_CHECKING, Any, cast

from allauth.account.adapter import get_adapter
from django.conf import settings
from django.contrib.admin.views.autocomplete import AutocompleteJsonView
from django.contrib.auth.views import LogoutView, redirect_to_login
from django.core.exceptions import PermissionDenied
from django.db.models import Model
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext as _
from unfold.sites import UnfoldAdminSite

from accounts.people import signed_in
from agencies import access
from agencies.models import Role

if TYPE_CHECKING:  # annotations need no import at run time
    from agencies.admin.places import PlacedAdmin

Item = dict[str, Any]


class FoundByTyping(AutocompleteJsonView):
    """The rows that a list found by typing offers, best first, each with the reason if its name does not say it."""

    def serialize_result(self, obj: Model, to_field_name: str) -> dict[str, str]:
        row = super().serialize_result(obj, to_field_name)
        why = cast("PlacedAdmin", self.model_admin).why_found(obj, self.term)
        return row | {"text": f"{row['text']} – {why}"} if why else row


class StaffSite(UnfoldAdminSite):
    enable_nav_sidebar = True

    def get_urls(self) -> list[URLPattern]:
        # Django's link to a row's public page does not check whether the user may see the row.
        return [path("r/<path:content_type_id>/<path:object_id>/", _nothing), *super().get_urls()]

    def index(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Redirects to the first page of the menu. For officers this is the queue."""
        return redirect(_items(request)[0]["link"])

    def autocomplete_view(self, request: HttpRequest) -> HttpResponseBase:
        return FoundByTyping.as_view(admin_site=self)(request)

    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Redirects to the one sign-in page of the product. Signed-in people who are not staff are refused.

        Officials who begin here are sent to their own page.
        """
        beginning = request.GET.get("next", "") or reverse("admin:index")
        if request.user.is_authenticated and not self.has_permission(request):
            if beginning == reverse("admin:index") and request.user.is_official:
                return redirect("reports:index")
            raise PermissionDenied
        if request.user.is_authenticated:
            return redirect("admin:index")
        return redirect_to_login(beginning, reverse(settings.LOGIN_URL))

    def logout(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Leads on to the provider at which the person has signed in, as on all other pages."""
        return LogoutView.as_view(next_page=get_adapter(request).get_logout_redirect_url(request))(request)


def _nothing(request: HttpRequest, **kwargs: str) -> HttpResponse:
    raise Http404


def navigation(request: HttpRequest) -> list[Item]:
    """Returns the menu with only the pages that the person may open."""
    items = _items(request)
    pages = {page: item["link"] for item in items for page in item["pages"]}
    here = max((page for page in pages if request.path.startswith(page)), key=len, default="")
    return [{"items": [item | {"active": item["link"] == pages.get(here)} for item in items]}]


def _items(request: HttpRequest) -> list[Item]:
    user = signed_in(request)
    operator = access.is_operator(user)
    return [
        *(_of_officers() if access.has_role(user, Role.AGENT) else []),
        *([_watch()] if access.has_role(user, Role.SUPERVISOR) else []),
        *(_of_supervisors() if access.supervises(user) else []),
        *(_of_administrators() if access.administers(user) else []),
        *([_item(_("Users"), "manage_accounts", "accounts_user_changelist")] if operator else []),
        *([_watch()] if operator and not access.has_role(user, Role.SUPERVISOR) else []),
    ]


def _of_officers() -> list[Item]:
    return [
        _item(_("Queue"), "groups", "appointments_queue"),
        _item(_("Today"), "today", "appointments_appointment_day"),
        _item(_("Calendar"), "calendar_month", "appointments_appointment_calendar"),
        _item(_("Book for a caller"), "add_call", "appointments_appointment_book"),
        _item(_("Appointments"), "search", "appointments_appointment_changelist"),
        _item(_("No longer fit"), "event_busy", "appointments_appointment_unplaced"),
    ]


def _watch() -> Item:
    return _item(
        _("Watch"), "monitoring", "appointments_appointment_watch", also=("appointments_appointment_promises",)
    )


def _of_supervisors() -> list[Item]:
    return [
        _item(_("Branches"), "store", "agencies_branch_changelist"),
        _item(_("Desks"), "desk", "appointments_desk_changelist"),
        _item(_("Opening rules"), "schedule", "agencies_openingrule_changelist"),
        _item(_("Closures"), "event_repeat", "agencies_closure_changelist"),
        _item(_("Disruptions"), "campaign", "appointments_disruption_changelist"),
        _item(_("Kiosk and screen"), "tv", "appointments_appointment_screens"),
        _item(_("Texts of messages"), "mail", "appointments_appointment_texts"),
    ]


def _of_administrators() -> list[Item]:
    return [
        _item(_("Services"), "assignment", "agencies_procedure_changelist"),
        _item(_("Categories of services"), "category", "agencies_category_changelist"),
        _item(_("Memberships"), "badge", "agencies_membership_changelist"),
        _item(_("Invitations"), "forward_to_inbox", "agencies_invitation_changelist"),
        _item(_("Agencies"), "account_balance", "agencies_agency_changelist"),
        _item(_("Search words"), "manage_search", "agencies_synonym_changelist"),
        _item(_("System tokens"), "key", "agencies_systemtoken_changelist"),
    ]


def _item(title: str, icon: str, name: str, also: tuple[str, ...] = ()) -> Item:
    """Returns an entry of the menu. `also` names further pages that belong to it and have no entry."""
    pages = [reverse(f"admin:{page}") for page in (name, *also)]
    return {"title": title, "icon": icon, "link": pages[0], "pages": pages}
