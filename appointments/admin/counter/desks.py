"""The desks of a branch.

Supervisors name them and choose their services; officers can make those that the rules plan.
"""

from datetime import date
from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.admin import SimpleListFilter
from django.core.exceptions import ValidationError
from django.db.models import ManyToManyField, Model, Q, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget

from accounts.models import User
from accounts.people import signed_in
from agencies import access
from agencies.admin.places import PlacedAdmin
from agencies.models import Branch, OpeningRule, Procedure, Role
from agencies.text import alphabetical
from appointments.errors import DeskTaken
from appointments.models import Desk


class BranchFilter(SimpleListFilter):
    title = _("branch")
    parameter_name = "branch"

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin) -> list[tuple[str, str]]:
        branches = access.branches(signed_in(request), Role.SUPERVISOR).filter(desks__isnull=False).distinct()
        return [(branch.code, branch.name) for branch in branches]

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        return queryset.filter(branch__code=self.value()) if self.value() else queryset


class DeskForm(forms.ModelForm):
    """Refuses to take a desk out of use while an officer sits there, and refuses services of another agency."""

    def clean_is_used(self) -> bool:
        is_used = self.cleaned_data["is_used"]
        if self.instance.officer_id and not is_used:
            raise ValidationError(DeskTaken.message)
        return is_used

    def clean(self) -> dict[str, Any]:
        given = super().clean() or self.cleaned_data
        branch = given.get("branch") or (self.instance.branch if self.instance.branch_id else None)
        if branch and any(one.agency_id != branch.agency_id for one in given.get("procedures", ())):
            self.add_error("procedures", _("This service belongs to another agency."))
        return given


@admin.register(Desk)
class DeskAdmin(PlacedAdmin):
    """The list and the form of desks. The officer is not edited here, because officers sit down on the queue page."""

    form = DeskForm
    list_display = ("name", "place", "served", "officer", "is_used")
    list_filter = (BranchFilter, "is_used")
    list_select_related = ("branch", "officer")
    fields = ("branch", "name", "procedures", "is_used")
    autocomplete_fields = ("branch",)
    formfield_overrides = {ManyToManyField: {"widget": UnfoldAdminCheckboxSelectMultipleWidget}}

    @admin.display(description=_("branch"))
    def place(self, desk: Desk) -> str:
        return desk.branch.name

    @admin.display(description=_("services"))
    def served(self, desk: Desk) -> str:
        return ", ".join(procedure.name for procedure in desk.procedures.all()) or str(_("All services"))

    def rows(self, user: User, found: QuerySet) -> QuerySet:
        return found.filter(branch__in=access.branches(user, Role.SUPERVISOR)).prefetch_related("procedures")

    def may_see(self, user: User) -> bool:
        return access.supervises(user)

    def choices(self, user: User) -> dict[str, QuerySet]:
        branches = access.branches(user, Role.SUPERVISOR)
        procedures = Procedure.objects.filter(agency__in=branches.values("agency")).order_by(alphabetical("name_el"))
        return {"branch": branches, "procedures": procedures}

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> Any:
        """Fixes the branch of a desk once it exists, because tickets of the branch refer to the desk."""
        return ("branch",) if obj else ()


def set_up(branch: Branch, today: date) -> None:
    """Makes the desks that the opening rules plan, named from "1", if the branch has none.

    Call it with the queue locked.
    """
    if not Desk.objects.filter(branch=branch).exists():
        names = range(1, desks_by_rules(branch, today) + 1)
        Desk.objects.bulk_create(Desk(branch=branch, name=str(name)) for name in names)


def desks_by_rules(branch: Branch, today: date) -> int:
    """Returns the most desks that the branch's opening rules, now or later, open at the same time. At least 1."""
    rules = OpeningRule.objects.filter(Q(valid_until=None) | Q(valid_until__gte=today), branch=branch)
    together = [
        sum(rule.desks for rule in rules if weekday in rule.weekdays and rule.is_open_at(begin.opens_at))
        for begin in rules
        for weekday in begin.weekdays
    ]
    return max(together, default=1)
