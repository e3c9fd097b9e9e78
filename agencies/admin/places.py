"""The base of all admin pages: rows outside a person's own agencies and branches do not exist for them.

Permissions come only from `agencies.access`. Django's own permission rows are not used.
"""

from typing import Any

from django.contrib.admin import ModelAdmin as DjangoModelAdmin
from django.contrib.admin import ShowFacets, SimpleListFilter
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import Field, ForeignKey, ManyToManyField, Model, Q, QuerySet
from django.forms import ModelChoiceField, ModelMultipleChoiceField
from django.http import Http404, HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from unfold.admin import ModelAdmin

from accounts.models import User
from accounts.people import signed_in
from agencies import access
from agencies.admin.choosing import FoundByServer
from agencies.finding import search
from agencies.models import Branch, Role


def unbroken(text: str) -> SafeString:
    """Returns the text of a list's cell without line breaks."""
    return format_html('<span class="unbroken">{}</span>', text)


class PlacedAdmin(ModelAdmin):
    """Rows that belong to agencies or branches. `rows` returns those a person sees, `may_change` decides about edits."""

    view_on_site = False
    actions = None
    show_full_result_count = False
    show_facets = ShowFacets.NEVER
    sortable_by = ()
    list_per_page = 50
    found_at = ""  # the field with the branches of a row, by which it is found besides `search_fields`

    def rows(self, user: User, found: QuerySet) -> QuerySet:
        """Returns the found rows that the user may see."""
        raise NotImplementedError

    def may_see(self, user: User) -> bool:
        """Returns whether the user may see rows of this kind."""
        raise NotImplementedError

    def may_change(self, user: User, row: Model | None = None) -> bool:
        """Returns whether the user may edit this row or, without a row, any row of this kind."""
        return self.may_see(user)

    def may_add(self, user: User) -> bool:
        return self.may_change(user)

    def may_delete(self, user: User, row: Model | None = None) -> bool:
        """Returns False by default: a row that other rows refer to is closed or switched off, and not deleted."""
        return False

    def choices(self, user: User) -> dict[str, QuerySet]:
        """Returns, for each field that refers to other rows, the rows that the user may choose."""
        return {}

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        return self.rows(signed_in(request), super().get_queryset(request))

    def get_search_results(self, request: HttpRequest, queryset: QuerySet, search_term: str) -> tuple[QuerySet, bool]:
        """Finds the rows of which each word is in a text, or says where their branch is."""
        if not self.found_at:
            return super().get_search_results(request, queryset, search_term)
        for word in search_term.split():
            texts, _repeated = super().get_search_results(request, self.model._default_manager.all(), word)
            there = self.model._default_manager.filter(
                **{f"{self.found_at}__in": search.within(Branch.objects.all(), word).values("pk")}
            )
            queryset = queryset.filter(Q(pk__in=texts.values("pk")) | Q(pk__in=there.values("pk")))
        return queryset, False

    def why_found(self, row: Any, term: str) -> str:
        """Returns what is told beside a row that is found by typing, if its name does not say why it is found."""
        return ""

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Model:
        """Returns the row. To strangers it does not exist; colleagues at its place learn that they lack the right."""
        if row := super().get_object(request, object_id, from_field):
            return row
        found: QuerySet = DjangoModelAdmin.get_queryset(self, request)
        try:
            hidden = found.filter(pk=self.model._meta.pk.to_python(object_id)).first()
        except ValidationError:
            hidden = None
        if hidden and access.works_at(signed_in(request), hidden):
            raise PermissionDenied
        raise Http404

    def formfield_for_foreignkey(self, db_field: ForeignKey, request: HttpRequest, **kwargs: Any) -> ModelChoiceField:
        if db_field.name in self.get_autocomplete_fields(request):
            kwargs = {"widget": FoundByServer(db_field, self.admin_site)} | kwargs
        return super().formfield_for_foreignkey(db_field, request, **self._chosen_from(db_field, request, kwargs))

    def formfield_for_manytomany(
        self, db_field: ManyToManyField, request: HttpRequest, **kwargs: Any
    ) -> ModelMultipleChoiceField:
        return super().formfield_for_manytomany(db_field, request, **self._chosen_from(db_field, request, kwargs))

    def formfield_for_dbfield(self, db_field: Field, request: HttpRequest, **kwargs: Any) -> Any:
        """Leaves out the links that add or change the other row in a separate window."""
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
    """Filters by agency. Does not appear for people who see only one agency."""

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
