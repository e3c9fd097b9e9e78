"""The agency in the admin. `appointments` registers it, because an edit here can change the times that citizens can book."""

from django.contrib import admin
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from agencies import access
from agencies.admin.places import PlacedAdmin
from agencies.forms import AgencyForm
from agencies.models import Agency, Role


class AgencyAdmin(PlacedAdmin):
    """Operators add an agency and set its rules. The agency's administrators only read them."""

    form = AgencyForm
    list_display = ("short_name", "platform", "stage", "live_since")
    list_filter = ("stage",)
    search_fields = ("name_el", "name_en", "platform", "slug")
    fieldsets = (
        (None, {"fields": ("stage", "live_since", "slug", ("name_el", "name_en"), ("short_name_el", "short_name_en"))}),
        (_("Platform and brand"), {"fields": (("platform", "platform_slug"), "accent")}),
        (_("Texts"), {"fields": (("description_el", "description_en"), ("branch_word_el", "branch_word_en"))}),
        (_("Basis"), {"fields": (("legal_basis", "mitos_id"), ("publishes_figures", "publishes_branches"))}),
        (
            _("Booking"),
            {"fields": (("horizon_days", "notice_minutes"), ("change_minutes", "hold_minutes"), "verify_minutes")},
        ),
        (_("The day at the branches"), {"fields": (("walk_in_minutes", "alert_days"), "feeds_show_names")}),
        (_("Messages and data"), {"fields": ("reminders", "retention_days")}),
        (
            _("Video"),
            {
                "fields": (
                    ("video_provider", "video_fallback"),
                    "video_link",
                    ("video_early_minutes", "video_late_minutes"),
                )
            },
        ),
    )

    @admin.display(description=_("agency"), ordering="short_name_el")
    def short_name(self, agency: Agency) -> str:
        return agency.short_name

    def rows(self, user: User, found: QuerySet) -> QuerySet:
        return found.filter(pk__in=access.whole_agencies(user, Role.AGENCY_ADMIN))

    def may_see(self, user: User) -> bool:
        return access.administers(user)

    def may_change(self, user: User, row: Model | None = None) -> bool:
        return access.is_operator(user)

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> tuple[str, ...]:
        # These are addresses of the agency. Links and other programs rely on them.
        return ("slug", "platform_slug") if obj else ()
