from typing import Any

from django.contrib import admin
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from agencies import access
from agencies.admin.places import AgencyFilter, PlacedAdmin
from agencies.forms import ProcedureForm
from agencies.models import Category, Procedure, Role
from agencies.models.procedure import declare


class ProcedureAdmin(PlacedAdmin):
    """A service. `appointments` registers it, because an edit here can change what citizens were told."""

    form = ProcedureForm
    list_display = ("name", "duration_minutes", "channel_names", "is_offered", "agency")
    list_filter = (AgencyFilter, "is_offered")
    list_select_related = ("agency",)
    search_fields = ("name_el", "name_en", "code", "mitos_id")
    fieldsets = (
        (None, {"fields": ("agency", "code", ("is_offered", "by_referral"), ("name_el", "name_en"))}),
        (_("How"), {"fields": ("channels", "duration_minutes", ("identification", "assurance"), "mitos_id")}),
        (
            _("How often"),
            {"fields": (("open_limit", "category"), ("period_limit", "period_days"), "days_between")},
        ),
        (_("Who books"), {"fields": ("booked_for", ("declaration_el", "declaration_en"))}),
        (_("Texts"), {"fields": (("description_el", "description_en"), ("documents_el", "documents_en"))}),
    )

    @admin.display(description=_("service"), ordering="name_el")
    def name(self, procedure: Procedure) -> str:
        return procedure.name

    @admin.display(description=_("channels"))
    def channel_names(self, procedure: Procedure) -> str:
        return ", ".join(str(label) for _value, label in procedure.channel_choices)

    def save_model(self, request: HttpRequest, obj: Procedure, form: Any, change: bool) -> None:
        """Saves the service, and a new version of what is declared if the text is another one."""
        super().save_model(request, obj, form, change)
        if "declaration_el" in form.cleaned_data:
            declare(obj, form.cleaned_data["declaration_el"], form.cleaned_data["declaration_en"], now=timezone.now())

    def rows(self, user: User, found: QuerySet) -> QuerySet:
        return found.filter(agency__in=access.whole_agencies(user, Role.AGENCY_ADMIN))

    def may_see(self, user: User) -> bool:
        return access.administers(user)

    def choices(self, user: User) -> dict[str, QuerySet]:
        agencies = access.whole_agencies(user, Role.AGENCY_ADMIN)
        return {"agency": agencies, "category": Category.objects.filter(agency__in=agencies)}

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> tuple[str, ...]:
        # The code is the procedure's address. A change of agency would move its appointments to the other agency.
        return ("agency", "code") if obj else ()


@admin.register(Category)
class CategoryAdmin(PlacedAdmin):
    """Services that share a limit. One that no service uses any more may be deleted."""

    list_display = ("name", "open_limit", "agency")
    list_filter = (AgencyFilter,)
    list_select_related = ("agency",)
    fields = ("agency", ("name_el", "name_en"), "open_limit")

    @admin.display(description=_("category"), ordering="name_el")
    def name(self, category: Category) -> str:
        return category.name

    def rows(self, user: User, found: QuerySet) -> QuerySet:
        return found.filter(agency__in=access.whole_agencies(user, Role.AGENCY_ADMIN))

    def may_see(self, user: User) -> bool:
        return access.administers(user)

    def may_delete(self, user: User, row: Model | None = None) -> bool:
        return self.may_change(user, row)

    def choices(self, user: User) -> dict[str, QuerySet]:
        return {"agency": access.whole_agencies(user, Role.AGENCY_ADMIN)}

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> tuple[str, ...]:
        return ("agency",) if obj else ()
