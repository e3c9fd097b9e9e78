"""What all pages of the admin have in common: rows outside one's places do not exist.

`agencies.access` alone says who may; Django's own permission rows are not used.
"""

from typing import Any

from django.contrib.admin import ModelAdmin as DjangoModelAdmin
from django.contrib.admin import ShowFacets, SimpleListFilter
from django.db.models import Field, ForeignKey, ManyToManyField, Model, QuerySet
from django.forms import ModelChoiceField, ModelMultipleChoiceField
from django.http import Http404, HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from unfold.admin import ModelAdmin

from accounts.models import User
from accounts.people import signed_in
from agencies import access
from agencies.models import Role


def unbroken(text: str) -> SafeString:
    """The text of a list's cell on one line."""
    return format_html('<span class="unbroken">{}</span>', text)


class PlacedAdmin(ModelAdmin):
    """Rows that lie at agencies or branches: `rows` are those that exist for a person, `may_change` those one edits."""

    view_on_site = False
    actions = None
    show_full_result_count = False
    show_facets = ShowFacets.NEVER
    sortable_by = ()
    list_per_page = 50

    def rows(self, user: User, found: QuerySet) -> QuerySet:
        """Of the found rows, those that exist for the user."""
        raise NotImplementedError

    def may_see(self, user: User) -> bool:
        """Whether the user has anything to do with rows of this kind."""
        raise NotImplementedError

    def may_change(self, user: User, row: Model | None = None) -> bool:
        """Whether the user edits this row, or rows of this kind at all."""
        return self.may_see(user)

    def may_add(self, user: User) -> bool:
        return self.may_change(user)

    def may_delete(self, user: User, row: Model | None = None) -> bool:
        """Nothing that others refer to is deleted: it is closed or switched off instead."""
        return False

    def choices(self, user: User) -> dict[str, QuerySet]:
        """For each field that refers to other rows, those that one may refer to."""
        return {}

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        return self.rows(signed_in(request), super().get_queryset(request))

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Model:
        row = super().get_object(request, object_id, from_field)
        if row is None:
            raise Http404
        return row

    def formfield_for_foreignkey(self, db_field: ForeignKey, request: HttpRequest, **kwargs: Any) -> ModelChoiceField:
        return super().formfield_for_foreignkey(db_field, request, **self._chosen_from(db_field, request, kwargs))

    def formfield_for_manytomany(
        self, db_field: ManyToManyField, request: HttpRequest, **kwargs: Any
    ) -> ModelMultipleChoiceField:
        return super().formfield_for_manytomany(db_field, request, **self._chosen_from(db_field, request, kwargs))

    def formfield_for_dbfield(self, db_field: Field, request: HttpRequest, **kwargs: Any) -> Any:
        """Without the links that add and change the other row in a window of its own."""
        field = super().formfield_for_dbfield(db_field, request, **kwargs)
        for name in ("can_add_related", "can_change_related", "can_delete_related", "can_view_related"):
            if field is not None and hasattr(field.widget, name):
                setattr(field.widget, name, False)
        return field

    def _chosen_from(self, db_field: Field, request: HttpRequest, kwargs: dict[str, Any]) -> dict[str, Any]:
        return {"queryset": self.choices(signed_in(request))[db_field.name]} | kwargs

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.may_see(signed_in(request))

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return self.may_see(signed_in(request))

    def has_add_permission(self, request: HttpRequest) -> bool:
        return self.may_add(signed_in(request))

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return self.may_change(signed_in(request), obj)

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return self.may_delete(signed_in(request), obj)


class AgencyFilter(SimpleListFilter):
    """By the agencies that exist for the person; not there for who has one only."""

    title = _("agency")
    parameter_name = "agency"
    role = Role.AGENCY_ADMIN

    def lookups(self, request: HttpRequest, model_admin: DjangoModelAdmin) -> list[tuple[str, str]]:
        agencies = access.agencies(signed_in(request), self.role)
        return [(agency.slug, agency.short_name) for agency in agencies]

    def has_output(self) -> bool:
        return len(self.lookup_choices) > 1

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        return queryset.filter(agency__slug=self.value()) if self.value() else queryset
