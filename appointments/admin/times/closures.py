"""Closures and absences. Before one is saved, the supervisor sees who is affected."""

from collections.abc import Iterable
from contextlib import suppress
from datetime import datetime, time, timedelta
from typing import TYPE_CHECKING, Any, cast

from django.contrib import admin
from django.contrib.admin import SimpleListFilter
from django.db.models import Model, Q, QuerySet
from django.forms import ModelForm
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext, pgettext

from accounts.models import User
from accounts.people import signed_in
from agencies import access
from agencies.admin.places import AgencyFilter, unbroken
from agencies.models import Branch, Closure, Role
from agencies.models.until import MIDNIGHT
from agencies.openings.forms import AbsenceForm, ClosureForm
from agencies.wallclock import parse_day
from appointments.admin.times.previewed import PreviewedAdmin, Query, spelled
from appointments.admin.times.published import publish_and_tell
from appointments.admin.times.rules import only, short
from appointments.models import Appointment
from appointments.times.previews import AT_ONCE, Preview, preview, preview_of_many

if TYPE_CHECKING:  # annotations need no import at run time
    from agencies.models.opening import ClosureQuerySet

# The preview of a closure covers all published times.
EVERYTHING = timedelta(days=400)
ABSENCE = Closure.Kind.ABSENCE


class ComingFilter(SimpleListFilter):
    title = gettext_lazy("when")
    parameter_name = "when"

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin) -> list[tuple[str, Any]]:
        return [("past", gettext_lazy("Past"))]

    def choices(self, changelist: Any) -> Any:
        without = changelist.get_query_string(remove=["when"])
        yield {"selected": not self.value(), "query_string": without, "display": gettext_lazy("From today on")}
        yield from list(super().choices(changelist))[1:]

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        found, now = cast("ClosureQuerySet", queryset), timezone.now()
        return found.past(now=now).order_by("-from_date") if self.value() == "past" else found.from_today(now=now)


TIMES = (("from_date", "until_date"), ("from_time", "until_time"))
REASONS = ("reason_el", "reason_en")
CLOSURE = ((None, {"fields": (("agency", "branch"), "kind", *TIMES, "desks", REASONS)}),)
AGENCY_TOO = ((None, {"fields": (("agency", "branch"), "everywhere", "kind", *TIMES, "desks", REASONS)}),)
ABSENT = ((None, {"fields": ("branch", "officer", *TIMES, "desks", REASONS)}),)


def _named(request: HttpRequest) -> dict[str, Any]:
    """Returns the days and times in the address (ISO), which the calendar puts there."""
    found: dict[str, Any] = {}
    for name in ("from_date", "until_date"):
        if day := parse_day(request.GET.get(name, "")):
            found[name] = day
    for name in ("from_time", "until_time"):
        with suppress(KeyError, ValueError):
            asked = request.GET[name]
            found[name] = MIDNIGHT if name == "until_time" and asked == "24:00" else time.fromisoformat(asked)
    return found


@admin.register(Closure)
class ClosureAdmin(PreviewedAdmin):
    """The closures of branches and of whole agencies.

    Only people with a role at all of an agency change the closures of the whole agency. Supervisors of some branches
    read them.
    """

    form = ClosureForm
    change_form_template = "admin/appointments/times/closure.html"
    list_before_template = "admin/appointments/times/closure_list.html"
    list_display = ("what", "days", "hours", "place", "desks_away")
    list_filter = (ComingFilter, "kind", AgencyFilter)
    list_select_related = ("branch", "agency", "officer")
    search_fields = ("reason_el", "reason_en", "officer__name")
    found_at = "branch"
    autocomplete_fields = ("branch",)

    @admin.display(description=gettext_lazy("closure"))
    def what(self, closure: Closure) -> str:
        what = closure.reason or str(closure.get_kind_display())
        return f"{closure.officer}: {what}" if closure.officer else what

    @admin.display(description=gettext_lazy("days"))
    def days(self, closure: Closure) -> str:
        ends = dict.fromkeys((closure.from_date, closure.until_date))
        return unbroken("–".join(map(short, ends)))

    @admin.display(description=gettext_lazy("desks away"))
    def desks_away(self, closure: Closure) -> str:
        return str(closure.desks or pgettext("desks", "All"))

    @admin.display(description=gettext_lazy("hours"))
    def hours(self, closure: Closure) -> str:
        return closure.hours or _("All day")

    @admin.display(description=gettext_lazy("where"))
    def place(self, closure: Closure) -> str:
        return str(closure.branch or closure.agency)

    # Permissions

    def rows(self, user: User, found: QuerySet) -> QuerySet:
        here = Q(branch__in=access.branches(user, Role.SUPERVISOR).values("pk"))
        everywhere = Q(branch__isnull=True, agency__in=access.agencies(user, Role.SUPERVISOR).values("pk"))
        return found.filter(here | everywhere)

    def may_see(self, user: User) -> bool:
        return access.supervises(user)

    def may_change(self, user: User, row: Model | None = None) -> bool:
        if isinstance(row, Closure) and row.branch_id is None:
            return access.whole_agencies(user, Role.SUPERVISOR).filter(pk=row.agency_id).exists()
        return access.supervises(user)

    def may_delete(self, user: User, row: Model | None = None) -> bool:
        return self.may_change(user, row)

    def choices(self, user: User) -> dict[str, QuerySet]:
        branches = access.branches(user, Role.SUPERVISOR)
        return {
            "agency": access.agencies(user, Role.SUPERVISOR),
            "branch": branches.select_related("agency"),
            "officer": access.officers_of(branches),
        }

    # The form

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        title = _("Add an officer's absence") if _is_absence(request, None) else _("Add a closure")
        return super().add_view(request, form_url, {"title": title} | (extra_context or {}))

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        if _is_absence(request, obj):
            kwargs["form"] = AbsenceForm
        form = super().get_form(request, obj, change, **kwargs)
        form.closes_all_of = access.whole_agencies(signed_in(request), Role.SUPERVISOR)
        if obj and obj.branch and "officer" in form.base_fields:
            form.base_fields["officer"].queryset = access.officers_of(Branch.objects.filter(pk=obj.branch_id))
        return form

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        """Returns the first values of the form.

        They are the branch, days and times in the address, or else the user's only agency and branch, and today.
        """
        choices = self.choices(signed_in(request))
        own = {name: row.pk for name in ("agency", "branch") for row in only(choices[name])}
        if code := request.GET.get("branch"):
            for branch in only(choices["branch"].filter(code=code)):
                own |= {"branch": branch.pk, "agency": branch.agency_id}
        here = Branch.objects.filter(pk__in=[own["branch"]] if "branch" in own else []).first()
        today = here.today(timezone.now()) if here else timezone.localdate()
        return {"from_date": today, "until_date": today} | own | _named(request)

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> tuple[str, ...]:
        return ("place",) if obj else ()

    def get_fieldsets(self, request: HttpRequest, obj: Closure | None = None) -> Any:
        """Returns the fields. The branch and agency are chosen once; later they are shown and cannot be changed."""
        fieldsets = ABSENT if _is_absence(request, obj) else CLOSURE
        if obj is None:
            whole = access.whole_agencies(signed_in(request), Role.SUPERVISOR)
            return AGENCY_TOO if fieldsets is CLOSURE and whole.exists() else fieldsets
        return ((None, {"fields": ("place", *fieldsets[0][1]["fields"][1:])}),)

    def save_related(self, request: HttpRequest, form: ModelForm, formsets: Any, change: bool) -> None:
        super().save_related(request, form, formsets, change)
        publish_and_tell(request, closed_by(form.instance))

    def delete_model(self, request: HttpRequest, obj: Closure) -> None:
        branches = list(closed_by(obj))
        super().delete_model(request, obj)
        publish_and_tell(request, branches)

    # Previews

    def look(self, form: ModelForm, now: datetime) -> Preview:
        closure: Any = form.instance
        branches = list(closed_by(closure))
        if len(branches) > AT_ONCE:
            return preview_of_many(branches, closure, now=now)
        return preview(branches, lambda: _saved(form), now=now, within=EVERYTHING)

    def look_without(self, row: Model, now: datetime) -> Preview:
        closure = Closure.objects.select_related("branch", "agency").get(pk=row.pk)
        branches = list(closed_by(closure))
        if len(branches) > AT_ONCE:
            return Preview(before=0, after=0, branches=len(branches))
        return preview(branches, lambda: _deleted(closure), now=now, within=EVERYTHING)

    def words(self, preview: Preview) -> list[str]:
        if preview.branches:
            return [_("this is about %d branches: their times are published afterwards") % preview.branches]
        if preview.fewer:
            return [
                ngettext("this takes away %s time", "this takes away %s times", preview.fewer) % spelled(preview.fewer)
            ]
        if preview.more:
            return [
                ngettext("this gives back %s time", "this gives back %s times", preview.more) % spelled(preview.more)
            ]
        return [_("this takes away no times that are published now")]

    def affected(self, row: Model, now: datetime) -> Query:
        closure: Any = row
        fields = ("from_date", "until_date", "from_time", "until_time", "reason_el", "reason_en")
        given = [(name, getattr(closure, name)) for name in fields]
        return [
            *(("branch", branch.code) for branch in _with_affected(closure, now)),
            *((name, f"{value:%H:%M}" if name.endswith("_time") else str(value)) for name, value in given if value),
        ]


def closed_by(closure: Closure) -> Iterable[Branch]:
    return [closure.branch] if closure.branch else closure.agency.branches.all()


def _with_affected(closure: Closure, now: datetime) -> list[Branch]:
    """Returns the closed branches. If there are many, returns only those where somebody has an affected appointment."""
    branches = list(closed_by(closure))
    if len(branches) <= AT_ONCE:
        return branches
    displaced = preview_of_many(branches, closure, now=now).displaced
    return list(Branch.objects.filter(pk__in=Appointment.objects.filter(pk__in=displaced).values("branch")))


def _is_absence(request: HttpRequest, closure: Closure | None) -> bool:
    return closure.kind == ABSENCE if closure else request.GET.get("kind") == ABSENCE


def _saved(form: ModelForm) -> list:
    form.save()
    return []


def _deleted(closure: Closure) -> list:
    closure.delete()
    return []
