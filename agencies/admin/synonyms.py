from typing import Any

from django.contrib import admin
from django.db.models import ForeignKey, Model, Q, QuerySet
from django.forms import ModelChoiceField
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from accounts.people import signed_in
from agencies import access
from agencies.admin.places import AgencyFilter, PlacedAdmin
from agencies.models import Procedure, Role, Synonym


@admin.register(Synonym)
class SynonymAdmin(PlacedAdmin):
    """Agencies edit the words for their own services. Operators also edit those for what no agency here offers."""

    list_display = ("phrases", "procedure", "agency")
    list_filter = (AgencyFilter,)
    list_select_related = ("agency", "procedure")
    search_fields = ("words", "note_el", "note_en", "code")
    autocomplete_fields = ("procedure",)
    fieldsets = (
        (None, {"fields": ("code", "agency", "procedure", "words")}),
        (_("Not booked here"), {"fields": (("note_el", "note_en"),)}),
    )

    @admin.display(description=_("words"), ordering="code")
    def phrases(self, synonym: Synonym) -> str:
        return str(synonym)

    def rows(self, user: User, found: QuerySet) -> QuerySet:
        own = Q(agency__in=access.whole_agencies(user, Role.AGENCY_ADMIN))
        return found.filter(own | Q(agency=None) if access.is_operator(user) else own)

    def may_see(self, user: User) -> bool:
        return access.administers(user)

    def may_delete(self, user: User, row: Model | None = None) -> bool:
        return self.may_change(user, row)

    def choices(self, user: User) -> dict[str, QuerySet]:
        agencies = access.whole_agencies(user, Role.AGENCY_ADMIN)
        return {"agency": agencies, "procedure": Procedure.objects.filter(agency__in=agencies)}

    def formfield_for_foreignkey(self, db_field: ForeignKey, request: HttpRequest, **kwargs: Any) -> ModelChoiceField:
        """Lets only operators leave out the agency: its words then concern the whole portal."""
        field = super().formfield_for_foreignkey(db_field, request, **kwargs)
        if db_field.name == "agency":
            field.required = not access.is_operator(signed_in(request))
        return field

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> tuple[str, ...]:
        return ("code",) if obj else ()
