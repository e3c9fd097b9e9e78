"""The page of a branch shows its week, its opening rules and its closures. They are edited on pages of their own."""

from datetime import date
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.forms import ModelForm
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from accounts.people import signed_in
from agencies import access
from agencies.admin.branches import BranchAdmin
from agencies.models import Branch, Closure, Role
from agencies.openings.holidays import coming_years, load_holidays
from appointments.admin.times.published import publish_and_tell
from appointments.times.timetable import asked_week, week_of

SHOWN = 12


@admin.register(Branch)
class BranchOpeningsAdmin(BranchAdmin):
    """A branch's form.

    Its time zone and whether it is open change its times, so they are published again after saving.
    """

    change_form_template = "admin/appointments/times/branch.html"

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        context = dict(extra_context or {})
        branch = access.branches(signed_in(request), Role.SUPERVISOR).filter(pk=_number(object_id)).first()
        if branch:
            now = timezone.now()
            context["week"] = week_of(branch, asked_week(branch, request.GET.get("week", ""), now=now))
            context["rules"] = branch.opening_rules.order_by("purpose", "valid_from", "opens_at")
            context["closures"] = _coming(branch, branch.today(now))[:SHOWN]
        return super().change_view(request, object_id, form_url, context)

    def save_related(self, request: HttpRequest, form: ModelForm, formsets: Any, change: bool) -> None:
        super().save_related(request, form, formsets, change)
        if not change:
            load_holidays(Branch.objects.filter(pk=form.instance.pk), coming_years(form.instance.today(timezone.now())))
        else:
            publish_and_tell(request, [form.instance])


def _number(text: str) -> int:
    return int(text) if text.isdecimal() else 0


def _coming(branch: Branch, today: date) -> QuerySet[Closure]:
    return branch.closures.filter(until_date__gte=today).select_related("officer").order_by("from_date", "from_time")
