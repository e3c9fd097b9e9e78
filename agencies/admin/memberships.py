from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import Model, QuerySet
from django.forms import ModelForm
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.urls import URLPattern, path, reverse
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.timezone import localtime
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from accounts.people import named, signed_in
from accounts.staff import factors, resetting
from agencies import access
from agencies.admin.places import AgencyFilter, PlacedAdmin
from agencies.forms import MembershipForm
from agencies.models import Agency, Branch, Membership, Role


@admin.register(Membership)
class MembershipAdmin(PlacedAdmin):
    """Memberships in the admin. People cannot change their own role, neither up nor, by mistake, down."""

    list_display = ("person", "email", "role", "place", "agency", "has_factor", "last_sign_in")
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

    @admin.display(description=_("second factor"), boolean=True)
    def has_factor(self, membership: Membership) -> bool:
        return bool(membership.with_factor)  # type: ignore[attr-defined]  # annotated

    @admin.display(description=_("last signed in"))
    def last_sign_in(self, membership: Membership) -> str:
        at = membership.user.last_login
        return date_format(localtime(at), "j N Y") if at else str(_("Never"))

    @admin.display(description=_("if it is lost"))
    def lost(self, membership: Membership) -> str:
        return format_html(
            '<a href="{}">{}</a>',
            reverse("admin:agencies_membership_reset_factor", args=[membership.pk]),
            _("Reset the second factor"),
        )

    def get_urls(self) -> list[URLPattern]:
        own = self.admin_site.admin_view(self.reset_factor)
        name = "agencies_membership_reset_factor"
        return [path("<int:pk>/reset-factor/", own, name=name), *super().get_urls()]

    def add_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Leads to the page that invites: a role begins when the person accepts it."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        return redirect("admin:agencies_invitation_add")

    def reset_factor(self, request: HttpRequest, pk: int) -> HttpResponseBase:
        """Resets the second factor of a member who has lost it."""
        row = self.get_object(request, str(pk))
        user = signed_in(request)
        if not isinstance(row, Membership) or not access.may_reset(user, row.user):
            raise PermissionDenied
        back = reverse("admin:agencies_membership_changelist")
        return resetting.page(request, row.user, user, site=self.admin_site, back=back)

    @admin.display(description=_("branch"))
    def place(self, membership: Membership) -> str:
        return str(membership.branch or _("All branches"))

    def get_search_results(self, request: HttpRequest, queryset: QuerySet, search_term: str) -> tuple[QuerySet, bool]:
        return queryset.filter(named(search_term, "user__")), False

    def rows(self, user: User, found: QuerySet) -> QuerySet:
        own = found.filter(agency__in=access.whole_agencies(user, Role.AGENCY_ADMIN))
        return own.annotate(with_factor=factors.exists_for("user"))

    def may_see(self, user: User) -> bool:
        return access.administers(user)

    def may_change(self, user: User, row: Model | None = None) -> bool:
        return access.administers(user) and not (isinstance(row, Membership) and row.user_id == user.pk)

    def may_delete(self, user: User, row: Model | None = None) -> bool:
        is_last = isinstance(row, Membership) and access.is_last_administrator(row)
        return self.may_change(user, row) and not is_last

    def delete_model(self, request: HttpRequest, obj: Membership) -> None:
        """Looks again when nobody else can end another membership of the agency at the same moment."""
        Agency.objects.select_for_update(no_key=True).get(pk=obj.agency_id)
        if access.is_last_administrator(obj):
            raise PermissionDenied
        super().delete_model(request, obj)

    def save_model(self, request: HttpRequest, obj: Membership, form: ModelForm, change: bool) -> None:
        Agency.objects.select_for_update(no_key=True).get(pk=obj.agency_id)
        kept = Membership.objects.get(pk=obj.pk)
        if kept.role != obj.role and access.is_last_administrator(kept):
            raise PermissionDenied
        super().save_model(request, obj, form, change)

    def choices(self, user: User) -> dict[str, QuerySet]:
        agencies = access.whole_agencies(user, Role.AGENCY_ADMIN)
        return {"agency": agencies, "branch": Branch.objects.filter(agency__in=agencies)}

    def get_fields(self, request: HttpRequest, obj: Model | None = None) -> tuple[str, ...]:
        place = ("agency", "branch", "everywhere", "role")
        factor = ("has_factor", "last_sign_in")
        is_open = isinstance(obj, Membership) and access.may_reset(signed_in(request), obj.user)
        return ("person", "email", *place, *factor, *(("lost",) if is_open else ()))

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> tuple[str, ...]:
        return ("person", "email", "agency", "has_factor", "last_sign_in", "lost") if obj else ()

    def get_form(
        self, request: HttpRequest, obj: Model | None = None, change: bool = False, **kwargs: Any
    ) -> type[ModelForm]:
        form = super().get_form(request, obj, change, form=MembershipForm, **kwargs)
        form.asker = signed_in(request)
        return form
