from typing import Any

from django.contrib import admin
from django.db.models import Model, QuerySet
from django.forms import ModelForm
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from accounts.people import named, signed_in
from agencies import access
from agencies.admin.places import AgencyFilter, PlacedAdmin
from agencies.forms import InvitationForm, MembershipForm
from agencies.models import Branch, Membership, Role


@admin.register(Membership)
class MembershipAdmin(PlacedAdmin):
    """Memberships in the admin. People cannot change their own role, neither up nor, by mistake, down."""

    list_display = ("person", "email", "role", "place", "agency")
    list_filter = (AgencyFilter, "role")
    list_select_related = ("user", "branch", "agency")
    search_fields = ("user__email", "user__name")
    search_help_text = _("Name or e-mail address")
    autocomplete_fields = ("branch",)

    @admin.display(description=_("officer"), ordering="user__name")
    def person(self, membership: Membership) -> str:
        return membership.user.name_in_role

    @admin.display(description=_("e-mail address"), ordering="user__email")
    def email(self, membership: Membership) -> str:
        return membership.user.email

    @admin.display(description=_("branch"))
    def place(self, membership: Membership) -> str:
        return str(membership.branch or _("All branches"))

    def get_search_results(self, request: HttpRequest, queryset: QuerySet, search_term: str) -> tuple[QuerySet, bool]:
        return queryset.filter(named(search_term, "user__")), False

    def rows(self, user: User, found: QuerySet) -> QuerySet:
        return found.filter(agency__in=access.whole_agencies(user, Role.AGENCY_ADMIN))

    def may_see(self, user: User) -> bool:
        return access.administers(user)

    def may_change(self, user: User, row: Model | None = None) -> bool:
        return access.administers(user) and not (isinstance(row, Membership) and row.user_id == user.pk)

    def may_delete(self, user: User, row: Model | None = None) -> bool:
        return self.may_change(user, row)

    def choices(self, user: User) -> dict[str, QuerySet]:
        agencies = access.whole_agencies(user, Role.AGENCY_ADMIN)
        return {"agency": agencies, "branch": Branch.objects.filter(agency__in=agencies)}

    def get_fields(self, request: HttpRequest, obj: Model | None = None) -> tuple[str, ...]:
        place = ("agency", "branch", "everywhere", "role")
        return ("person", "email", *place) if obj else ("email", "name", *place)

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> tuple[str, ...]:
        return ("person", "email", "agency") if obj else ()

    def get_form(
        self, request: HttpRequest, obj: Model | None = None, change: bool = False, **kwargs: Any
    ) -> type[ModelForm]:
        form = super().get_form(request, obj, change, form=MembershipForm if obj else InvitationForm, **kwargs)
        form.asker = signed_in(request)
        return form
