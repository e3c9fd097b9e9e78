import secrets
from datetime import timedelta
from typing import Any

from django.contrib import admin
from django.db.models import DateTimeField, Field, Model, QuerySet
from django.forms import DateTimeInput, ModelForm
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from unfold.widgets import INPUT_CLASSES

from accounts.models import User
from agencies import access
from agencies.admin.places import AgencyFilter, PlacedAdmin
from agencies.models import Role, SystemToken

YEAR = timedelta(days=365)  # how long a token is valid, unless somebody says otherwise


@admin.register(SystemToken)
class SystemTokenAdmin(PlacedAdmin):
    """The token itself is shown only once, on the page after its creation."""

    list_display = ("label", "agency", "is_active", "ends_at", "created_at")
    list_filter = (AgencyFilter, "is_active")
    list_select_related = ("agency",)
    fields = ("agency", "label", "is_active", "ends_at", "created_at")

    def formfield_for_dbfield(self, db_field: Field, request: HttpRequest, **kwargs: Any) -> Any:
        """Asks for day and time in one field, as browsers do."""
        if isinstance(db_field, DateTimeField):
            classes = " ".join(INPUT_CLASSES)
            widget = DateTimeInput({"type": "datetime-local", "class": classes}, format="%Y-%m-%dT%H:%M")
            return db_field.formfield(widget=widget)
        return super().formfield_for_dbfield(db_field, request, **kwargs)

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, str | list[str]]:
        initial = super().get_changeform_initial_data(request)
        return {"ends_at": timezone.now() + YEAR} | initial

    def rows(self, user: User, found: QuerySet) -> QuerySet:
        return found.filter(agency__in=access.whole_agencies(user, Role.AGENCY_ADMIN))

    def may_see(self, user: User) -> bool:
        return access.administers(user)

    def choices(self, user: User) -> dict[str, QuerySet]:
        return {"agency": access.whole_agencies(user, Role.AGENCY_ADMIN)}

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> tuple[str, ...]:
        return ("agency", "created_at") if obj else ("created_at",)

    def save_model(self, request: HttpRequest, obj: SystemToken, form: ModelForm, change: bool) -> None:
        if not change:
            obj.key = secrets.token_urlsafe(32)
            obj.digest = SystemToken.digest_of(obj.key)
        super().save_model(request, obj, form, change)

    def response_add(
        self, request: HttpRequest, obj: SystemToken, post_url_continue: str | None = None
    ) -> HttpResponseBase:
        context = {**self.admin_site.each_context(request), "title": _("Token for %s") % obj.label, "token": obj}
        return TemplateResponse(request, "admin/agencies/systemtoken/created.html", context)
