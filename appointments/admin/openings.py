"""Branches, opening rules and closures: saving one publishes its times at once and tells what no longer fits."""

from collections.abc import Iterable
from datetime import date
from functools import partial
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin import SimpleListFilter
from django.db import transaction
from django.db.models import Model, Q, QuerySet
from django.forms import ModelForm
from django.http import HttpRequest
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext, pgettext
from unfold.admin import StackedInline

from accounts.models import User
from accounts.people import signed_in
from agencies import access
from agencies.admin.branches import BranchAdmin
from agencies.admin.places import AgencyFilter, PlacedAdmin, unbroken
from agencies.forms import ClosureForm, OpeningRuleForm
from agencies.models import Branch, Channel, Closure, OpeningRule, Procedure, Role
from appointments import tasks
from appointments.admin.pages import address
from appointments.models import Appointment
from appointments.publishing import Published, publish

# Times of so many branches are published while the person waits; more are left to the worker.
AT_ONCE = 5


def publish_and_tell(request: HttpRequest, branches: Iterable[Branch]) -> None:
    """Bring the branches' times in line with what has just been saved, and say what came of it."""
    chosen = list(branches)
    if len(chosen) > AT_ONCE:
        leave_to_worker(request, chosen)
        return
    pks = [branch.pk for branch in chosen]
    now = timezone.now()
    messages.success(request, _told(publish(pks, now=now)))
    if unplaced := Appointment.objects.unplaced(now=now, branches=pks).count():
        messages.warning(request, _unplaced(request, chosen, unplaced))


def leave_to_worker(request: HttpRequest, branches: list[Branch]) -> None:
    transaction.on_commit(partial(_start, {branch.agency_id for branch in branches}), robust=True)
    messages.info(request, _("The times of %d branches are being published.") % len(branches))


def _start(agencies: set[int]) -> None:
    for pk in agencies:
        tasks.publish_agency.delay(pk)


def _told(published: Published) -> str:
    if not (published.added or published.removed or published.changed or published.kept):
        return _("Published: no time has changed.")
    counts = {"added": published.added, "changed": published.changed, "removed": published.removed + published.kept}
    return _("Published: %(added)d times added, %(changed)d changed, %(removed)d withdrawn.") % counts


def _unplaced(request: HttpRequest, branches: list[Branch], count: int) -> str:
    """Who does not serve these branches, as an operator, reads the number alone."""
    text = ngettext("%d appointment no longer fits.", "%d appointments no longer fit.", count) % count
    if not access.counters(signed_in(request)).filter(pk__in=[branch.pk for branch in branches]).exists():
        return text
    code = branches[0].code if len(branches) == 1 else ""
    return format_html(
        '{} <a href="{}">{}</a>', text, address("unplaced", branch=code), _("See which, move or cancel them")
    )


def _only(rows: QuerySet) -> list[Model]:
    """The row, where there is no other to choose."""
    found = list(rows[:2])
    return found if len(found) == 1 else []


def short(day: date) -> str:
    return date_format(day, "SHORT_DATE_FORMAT")


def supervises(user: User) -> bool:
    return access.is_operator(user) or access.has_role(user, Role.SUPERVISOR)


class SupervisedAgencyFilter(AgencyFilter):
    role = Role.SUPERVISOR

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        return queryset.filter(branch__agency__slug=self.value()) if self.value() else queryset


RULE_FIELDSETS = (
    (
        None,
        {
            "fields": (
                "weekdays",
                ("opens_at", "closes_at"),
                ("slot_minutes", "desks"),
                "channels",
                ("valid_from", "valid_until"),
            )
        },
    ),
    (
        gettext_lazy("More"),
        {"classes": ("collapse",), "fields": ("procedures", ("every_n_weeks", "release_days", "release_at"))},
    ),
)


@admin.register(OpeningRule)
class OpeningRuleAdmin(PlacedAdmin):
    form = OpeningRuleForm
    list_display = ("spoken", "branch", "desks", "slot_length", "channel_names", "validity")
    list_filter = (SupervisedAgencyFilter,)
    list_select_related = ("branch",)
    search_fields = ("branch__search_text",)
    search_help_text = gettext_lazy("Branch")
    autocomplete_fields = ("branch",)
    fieldsets = ((None, {"fields": ("branch",)}), *RULE_FIELDSETS)

    @admin.display(description=gettext_lazy("channels"))
    def channel_names(self, rule: OpeningRule) -> str:
        return ", ".join(str(Channel(channel).label) for channel in rule.channels)

    @admin.display(description=gettext_lazy("opening rule"))
    def spoken(self, rule: OpeningRule) -> str:
        return unbroken(str(rule))

    @admin.display(description=gettext_lazy("slot"))
    def slot_length(self, rule: OpeningRule) -> str:
        return unbroken(_("%d min") % rule.slot_minutes)

    @admin.display(description=gettext_lazy("valid"))
    def validity(self, rule: OpeningRule) -> str:
        if rule.valid_until is None:
            return unbroken(_("from %s") % short(rule.valid_from))
        return unbroken(f"{short(rule.valid_from)}–{short(rule.valid_until)}")

    def rows(self, user: User, found: QuerySet) -> QuerySet:
        return found.filter(branch__in=access.branches(user, Role.SUPERVISOR).values("pk"))

    def may_see(self, user: User) -> bool:
        return supervises(user)

    def may_delete(self, user: User, row: Model | None = None) -> bool:
        return self.may_change(user, row)

    def choices(self, user: User) -> dict[str, QuerySet]:
        agencies = access.agencies(user, Role.SUPERVISOR)
        procedures = Procedure.objects.filter(agency__in=agencies.values("pk")).select_related("agency")
        return {"branch": access.branches(user, Role.SUPERVISOR), "procedures": procedures}

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        branches = _only(access.branches(signed_in(request), Role.SUPERVISOR))
        own = {"branch": branches[0].pk} if branches else {}
        return own | {"valid_from": timezone.localdate()} | super().get_changeform_initial_data(request)

    def get_search_results(self, request: HttpRequest, queryset: QuerySet, search_term: str) -> tuple[QuerySet, bool]:
        if not search_term:
            return queryset, False
        return queryset.filter(branch__in=Branch.objects.matching(search_term).values("pk")), False

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> tuple[str, ...]:
        return ("branch",) if obj else ()

    def save_related(self, request: HttpRequest, form: ModelForm, formsets: Any, change: bool) -> None:
        super().save_related(request, form, formsets, change)
        publish_and_tell(request, [form.instance.branch])

    def delete_model(self, request: HttpRequest, obj: OpeningRule) -> None:
        branch = obj.branch
        super().delete_model(request, obj)
        publish_and_tell(request, [branch])


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
        today = timezone.localdate()
        if self.value() == "past":
            return queryset.filter(until_date__lt=today).order_by("-from_date")
        return queryset.filter(until_date__gte=today)


@admin.register(Closure)
class ClosureAdmin(PlacedAdmin):
    """Of a branch, or of a whole agency for who has a role at all of it; others read those."""

    form = ClosureForm
    list_display = ("what", "days", "hours", "place", "desks_away")
    list_filter = (ComingFilter, "kind", AgencyFilter)
    list_select_related = ("branch", "agency")
    search_fields = ("reason_el", "reason_en")
    autocomplete_fields = ("branch",)
    fieldsets = (
        (
            None,
            {
                "fields": (
                    ("agency", "branch"),
                    "kind",
                    ("from_date", "until_date"),
                    ("from_time", "until_time"),
                    "desks",
                    ("reason_el", "reason_en"),
                )
            },
        ),
    )

    @admin.display(description=gettext_lazy("closure"))
    def what(self, closure: Closure) -> str:
        return closure.reason or closure.get_kind_display()

    @admin.display(description=gettext_lazy("days"))
    def days(self, closure: Closure) -> str:
        ends = dict.fromkeys((closure.from_date, closure.until_date))
        return unbroken("–".join(map(short, ends)))

    @admin.display(description=gettext_lazy("desks away"))
    def desks_away(self, closure: Closure) -> str:
        return str(closure.desks or pgettext("desks", "All"))

    @admin.display(description=gettext_lazy("hours"))
    def hours(self, closure: Closure) -> str:
        if closure.from_time is None or closure.until_time is None:
            return _("All day")
        return f"{closure.from_time:%H:%M}–{closure.until_time:%H:%M}"

    @admin.display(description=gettext_lazy("where"))
    def place(self, closure: Closure) -> str:
        return str(closure.branch or closure.agency)

    def rows(self, user: User, found: QuerySet) -> QuerySet:
        here = Q(branch__in=access.branches(user, Role.SUPERVISOR).values("pk"))
        everywhere = Q(branch__isnull=True, agency__in=access.agencies(user, Role.SUPERVISOR).values("pk"))
        return found.filter(here | everywhere)

    def may_see(self, user: User) -> bool:
        return supervises(user)

    def may_change(self, user: User, row: Model | None = None) -> bool:
        if isinstance(row, Closure) and row.branch_id is None:
            return access.whole_agencies(user, Role.SUPERVISOR).filter(pk=row.agency_id).exists()
        return supervises(user)

    def may_delete(self, user: User, row: Model | None = None) -> bool:
        return self.may_change(user, row)

    def choices(self, user: User) -> dict[str, QuerySet]:
        return {
            "agency": access.agencies(user, Role.SUPERVISOR),
            "branch": access.branches(user, Role.SUPERVISOR).select_related("agency"),
        }

    def get_form(self, request: HttpRequest, obj: Closure | None = None, change: bool = False, **kwargs: Any) -> Any:
        form = super().get_form(request, obj, change, **kwargs)
        form.closes_all_of = access.whole_agencies(signed_in(request), Role.SUPERVISOR)
        return form

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        """One's own agency and branch, where there is only one."""
        choices = self.choices(signed_in(request))
        own = {name: row.pk for name in ("agency", "branch") for row in _only(choices[name])}
        return own | super().get_changeform_initial_data(request)

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> tuple[str, ...]:
        return ("place",) if obj else ()

    def get_fieldsets(self, request: HttpRequest, obj: Model | None = None) -> Any:
        """Where it closes is chosen once; later it is read."""
        if obj is None:
            return self.fieldsets
        return ((None, {"fields": ("place", *self.fieldsets[0][1]["fields"][1:])}),)

    def save_related(self, request: HttpRequest, form: ModelForm, formsets: Any, change: bool) -> None:
        super().save_related(request, form, formsets, change)
        publish_and_tell(request, closed_by(form.instance))

    def delete_model(self, request: HttpRequest, obj: Closure) -> None:
        branches = list(closed_by(obj))
        super().delete_model(request, obj)
        publish_and_tell(request, branches)


def closed_by(closure: Closure) -> Iterable[Branch]:
    return [closure.branch] if closure.branch else closure.agency.branches.all()


class OfBranch(StackedInline):
    """Rows that hang on a branch: who supervises the branch edits them."""

    extra = 0
    show_change_link = False

    def has_view_permission(self, request: HttpRequest, obj: Branch | None = None) -> bool:
        return supervises(signed_in(request))

    def has_add_permission(self, request: HttpRequest, obj: Branch | None = None) -> bool:
        return supervises(signed_in(request))

    def has_change_permission(self, request: HttpRequest, obj: Branch | None = None) -> bool:
        return supervises(signed_in(request))

    def has_delete_permission(self, request: HttpRequest, obj: Branch | None = None) -> bool:
        return supervises(signed_in(request))


class OpeningRuleInline(OfBranch):
    model = OpeningRule
    form = OpeningRuleForm
    fieldsets = RULE_FIELDSETS

    def get_formset(self, request: HttpRequest, obj: Branch | None = None, **kwargs: Any) -> Any:
        formset = super().get_formset(request, obj, **kwargs)
        formset.form.base_fields["procedures"].queryset = Procedure.objects.filter(
            agency=obj.agency_id if obj else None
        )
        return formset


class ClosureInline(OfBranch):
    """Closures still to come. Holidays are in their own list, which is longer."""

    model = Closure
    form = ClosureForm
    verbose_name_plural = gettext_lazy("closures to come")
    fieldsets = (
        (
            None,
            {
                "fields": (
                    ("from_date", "until_date"),
                    ("from_time", "until_time"),
                    ("kind", "desks"),
                    ("reason_el", "reason_en"),
                )
            },
        ),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Closure]:
        coming = super().get_queryset(request).filter(until_date__gte=timezone.localdate())
        return coming.exclude(kind=Closure.Kind.HOLIDAY)


@admin.register(Branch)
class BranchOpeningsAdmin(BranchAdmin):
    """The branch with its openings. Its zone and whether it takes bookings matter to its times, too."""

    inlines = (OpeningRuleInline, ClosureInline)

    def get_inlines(self, request: HttpRequest, obj: Model | None) -> tuple[type[OfBranch], ...]:
        return self.inlines if obj else ()

    def save_formset(self, request: HttpRequest, form: ModelForm, formset: Any, change: bool) -> None:
        for row in formset.save(commit=False):
            if isinstance(row, Closure):
                row.agency_id = form.instance.agency_id
            row.save()
        for row in formset.deleted_objects:
            row.delete()
        formset.save_m2m()

    def save_related(self, request: HttpRequest, form: ModelForm, formsets: Any, change: bool) -> None:
        super().save_related(request, form, formsets, change)
        if change:
            publish_and_tell(request, [form.instance])
