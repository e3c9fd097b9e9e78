"""The branch in the admin. `appointments` registers it, because an edit here can change the times that citizens can book."""

from typing import Any, cast

from django.contrib import admin
from django.contrib.admin.utils import flatten_fieldsets
from django.db.models import EmailField, Model, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from accounts.people import signed_in
from accounts.typed.addresses import StaffAddressField, StaffAskedInput
from agencies import access
from agencies.admin.places import AgencyFilter, PlacedAdmin
from agencies.finding import search
from agencies.models import Branch, Role
from agencies.models.branch import BranchQuerySet


class SupervisedAgencyFilter(AgencyFilter):
    role = Role.SUPERVISOR


class BranchAdmin(PlacedAdmin):
    """The agency's administrators edit the branch itself. Supervisors edit only its openings and closures."""

    list_display = ("name", "city", "is_open", "agency")
    list_filter = (SupervisedAgencyFilter, "is_open")
    list_select_related = ("agency",)
    search_fields = ("name_el",)  # so that there is a search: `get_search_results` is what it finds
    formfield_overrides: Any = {EmailField: {"form_class": StaffAddressField, "widget": StaffAskedInput}}
    fieldsets: Any = (
        (None, {"fields": ("of_agency", "code", ("is_open", "takes_referrals"), ("name_el", "name_en"))}),
        (
            _("Place"),
            {
                "classes": ("collapse",),
                "fields": (
                    ("address_el", "address_en"),
                    ("city_el", "city_en"),
                    ("region_el", "region_en"),
                    ("unit_el", "unit_en"),
                    ("areas", "postcodes"),
                    ("municipality", "country"),
                    "timezone",
                    ("latitude", "longitude"),
                ),
            },
        ),
        (
            _("Contact and access"),
            {
                "classes": ("collapse",),
                "fields": (
                    ("phone", "email"),
                    ("directions_el", "directions_en"),
                    ("access_el", "access_en"),
                    "is_illustrative",
                ),
            },
        ),
    )

    @admin.display(description=_("branch"), ordering="name_el")
    def name(self, branch: Branch) -> str:
        return branch.name

    @admin.display(description=_("city"), ordering="city_el")
    def city(self, branch: Branch) -> str:
        return branch.city

    @admin.display(description=_("agency"))
    def of_agency(self, branch: Branch) -> str:
        """Returns the agency without a link to its page, because supervisors cannot open that page."""
        return branch.agency.name

    def rows(self, user: User, found: QuerySet) -> QuerySet:
        return found.filter(pk__in=access.branches(user, Role.SUPERVISOR).values("pk"))

    def may_see(self, user: User) -> bool:
        return access.supervises(user)

    def may_add(self, user: User) -> bool:
        return access.administers(user)

    def choices(self, user: User) -> dict[str, QuerySet]:
        return {"agency": access.whole_agencies(user, Role.AGENCY_ADMIN)}

    def get_search_results(self, request: HttpRequest, queryset: QuerySet, search_term: str) -> tuple[QuerySet, bool]:
        return search.ranked(cast("BranchQuerySet", queryset), search_term), False

    def why_found(self, row: Branch, term: str) -> str:
        return search.place_found(row, term)

    def get_fieldsets(self, request: HttpRequest, obj: Model | None = None) -> Any:
        if obj is not None:
            return self.fieldsets
        first, *others = self.fieldsets
        return (None, {"fields": ("agency", *first[1]["fields"][1:])}), *others

    def get_readonly_fields(self, request: HttpRequest, obj: Branch | None = None) -> tuple[str, ...]:
        if obj is None:
            return ()
        if access.whole_agencies(signed_in(request), Role.AGENCY_ADMIN).filter(pk=obj.agency_id).exists():
            return ("of_agency", "code")
        return tuple(flatten_fieldsets(self.fieldsets))
