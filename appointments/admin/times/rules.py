"""The pages of opening rules: editing with a preview, the week, copying a rule, and giving desks another purpose."""

from datetime import date, datetime, timedelta
from typing import Any, cast

from django.contrib import admin, messages
from django.contrib.admin import SimpleListFilter
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import Model, QuerySet
from django.forms import ModelForm, model_to_dict
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from accounts.models import User
from accounts.people import signed_in
from agencies import access
from agencies.admin.places import AgencyFilter, unbroken
from agencies.finding import search
from agencies.models import Branch, Channel, OpeningRule, Procedure, Role
from agencies.openings import walk_ins
from agencies.openings.forms import OpeningRuleForm, SingleOpeningForm, SplitForm
from appointments.admin.times.previewed import (
    DECIDED,
    GLANCE,
    LOOK,
    SHOWN,
    PreviewedAdmin,
    Query,
    difference,
    spelled,
    told,
)
from appointments.admin.times.published import publish_and_tell
from appointments.models import Appointment
from appointments.times.previews import FOUR_WEEKS, Preview, preview
from appointments.times.timetable import asked_week, week_of

Purpose = OpeningRule.Purpose
# Up to this many branches are offered as a filter. With more, the supervisor searches for a branch by its name.
FEW = 30
# With this in the query, the page that splits a rule only answers the preview that the script asks for.
PREVIEW = "preview"


def only(rows: QuerySet) -> list[Any]:
    """Returns a list with the row if there is exactly one, otherwise an empty list."""
    found = list(rows[:2])
    return found if len(found) == 1 else []


def short(day: date) -> str:
    return date_format(day, "SHORT_DATE_FORMAT")


class SupervisedAgencyFilter(AgencyFilter):
    role = Role.SUPERVISOR

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        return queryset.filter(branch__agency__slug=self.value()) if self.value() else queryset


class BranchFilter(SimpleListFilter):
    title = gettext_lazy("branch")
    parameter_name = "branch"

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin) -> list[tuple[str, str]]:
        branches = access.branches(signed_in(request), Role.SUPERVISOR)
        found = list(branches[: FEW + 1])
        if len(found) > FEW:
            found = list(branches.filter(code=request.GET.get("branch", "")))
        return [(branch.code, branch.name) for branch in found]

    def has_output(self) -> bool:
        return bool(self.value()) or len(self.lookup_choices) > 1

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        return queryset.filter(branch__code=self.value()) if self.value() else queryset


HOURS = (("opens_at", "closes_at"), ("desks", "slot_minutes"), "channels")
WEEKLY = (
    (None, {"fields": ("branch", "purpose", "weekdays", *HOURS)}),
    (gettext_lazy("From when to when"), {"fields": (("valid_from", "valid_until"), "every_n_weeks")}),
    (
        gettext_lazy("When its times become bookable"),
        {"fields": (("release_days", "release_at"),)},
    ),
    (gettext_lazy("Only for some services"), {"classes": ("collapse",), "fields": ("procedures",)}),
)
ONCE = ((None, {"fields": ("branch", "purpose", "only_on", *HOURS)}), *WEEKLY[2:])


@admin.register(OpeningRule)
class OpeningRuleAdmin(PreviewedAdmin):
    form = OpeningRuleForm
    change_form_template = "admin/appointments/times/rule.html"
    list_before_template = "admin/appointments/times/rule_list.html"
    list_display = ("spoken", "branch", "purpose_name", "desks", "channel_names", "validity")
    list_filter = (SupervisedAgencyFilter, BranchFilter)
    list_select_related = ("branch",)
    search_fields = ("branch__name_el",)  # so that there is a search: `get_search_results` is what it finds
    search_help_text = gettext_lazy("Branch")
    autocomplete_fields = ("branch",)
    radio_fields = {"purpose": admin.VERTICAL}

    @admin.display(description=gettext_lazy("channels"))
    def channel_names(self, rule: OpeningRule) -> str:
        return ", ".join(str(Channel(channel).label) for channel in rule.channels)

    @admin.display(description=gettext_lazy("opening rule"))
    def spoken(self, rule: OpeningRule) -> str:
        return unbroken(str(rule))

    @admin.display(description=gettext_lazy("what for"))
    def purpose_name(self, rule: OpeningRule) -> str:
        return str(rule.get_purpose_display())

    @admin.display(description=gettext_lazy("valid"))
    def validity(self, rule: OpeningRule) -> str:
        if rule.is_once:
            return unbroken(short(rule.valid_from))
        if rule.valid_until is None:
            return unbroken(_("from %s") % short(rule.valid_from))
        return unbroken(f"{short(rule.valid_from)}–{short(rule.valid_until)}")

    # Permissions

    def rows(self, user: User, found: QuerySet) -> QuerySet:
        return found.filter(branch__in=access.branches(user, Role.SUPERVISOR).values("pk"))

    def may_see(self, user: User) -> bool:
        return access.supervises(user)

    def may_delete(self, user: User, row: Model | None = None) -> bool:
        return self.may_change(user, row)

    def choices(self, user: User) -> dict[str, QuerySet]:
        agencies = access.agencies(user, Role.SUPERVISOR)
        procedures = Procedure.objects.filter(agency__in=agencies.values("pk")).select_related("agency")
        return {"branch": access.branches(user, Role.SUPERVISOR), "procedures": procedures}

    def get_search_results(self, request: HttpRequest, queryset: QuerySet, search_term: str) -> tuple[QuerySet, bool]:
        if not search_term:
            return queryset, False
        own = access.branches(signed_in(request), Role.SUPERVISOR)
        return queryset.filter(branch__in=search.within(own, search_term)), False

    # The form

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        if _is_once(request, obj):
            kwargs["form"] = SingleOpeningForm
        form = super().get_form(request, obj, change, **kwargs)
        if obj and "procedures" in form.base_fields:
            field = form.base_fields["procedures"]
            field.queryset = field.queryset.filter(agency=obj.branch.agency_id)
        return form

    def get_fieldsets(self, request: HttpRequest, obj: OpeningRule | None = None) -> Any:
        return ONCE if _is_once(request, obj) else WEEKLY

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> tuple[str, ...]:
        return ("branch",) if obj else ()

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        """Returns the first values of the form.

        They come from the rule to copy. Without one, they are today and the branch in the address or the user's only
        branch.
        """
        branches = access.branches(signed_in(request), Role.SUPERVISOR)
        code = request.GET.get("branch")
        chosen = branches.filter(code=code) if code else branches
        found = only(chosen)
        own = {"branch": found[0].pk} if found else {}
        today = found[0].today(timezone.now()) if found else timezone.localdate()
        return {"valid_from": today, "purpose": Purpose.PUBLIC} | own | self._copied(request)

    def _copied(self, request: HttpRequest) -> dict[str, Any]:
        asked = request.GET.get("copy", "")
        rule = self.get_queryset(request).filter(pk=asked).first() if asked.isdecimal() else None
        return model_to_dict(rule) | {"only_on": rule.valid_from} if rule else {}

    def save_related(self, request: HttpRequest, form: ModelForm, formsets: Any, change: bool) -> None:
        super().save_related(request, form, formsets, change)
        publish_and_tell(request, [form.instance.branch])

    def delete_model(self, request: HttpRequest, obj: OpeningRule) -> None:
        branch = obj.branch
        super().delete_model(request, obj)
        publish_and_tell(request, [branch])

    # Previews

    def look(self, form: ModelForm, now: datetime) -> Preview:
        return _look(form.instance.branch, lambda: [form.save()], now)

    def look_without(self, row: Model, now: datetime) -> Preview:
        rule = self._apart(row)
        return _look(rule.branch, lambda: _deleted(rule), now)

    def _apart(self, row: Model) -> OpeningRule:
        """Returns the rule read once more.

        Deleting a row removes its key from the object, and the caller still needs the key.
        """
        return OpeningRule.objects.select_related("branch__agency").get(pk=row.pk)

    def words(self, preview: Preview) -> list[str]:
        return words(preview)

    def affected(self, row: Model, now: datetime) -> Query:
        branch = self._apart(row).branch
        return _days_of_unplaced(branch, now)

    # Lists and weeks

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        given = request.GET.copy()
        asked = given.pop("week", [""])[0]
        cast("Any", request).GET = given  # the list would take it for an unknown filter
        branches = access.branches(signed_in(request), Role.SUPERVISOR)
        code = given.get("branch")
        chosen = only(branches.filter(code=code) if code else branches)
        context: dict[str, Any] = {"week": None}
        if chosen:
            context["week"] = week_of(chosen[0], asked_week(chosen[0], asked, now=timezone.now()))
        return super().changelist_view(request, context | (extra_context or {}))

    # Splitting

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.split_view)
        return [path("<int:pk>/split/", view, name="agencies_openingrule_split"), *super().get_urls()]

    def split_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        rule: Any = self.get_object(request, str(pk))
        if not self.has_change_permission(request, rule):
            raise PermissionDenied
        form = SplitForm(rule, request.POST or None)
        found = None
        if request.method == "POST" and form.is_valid():
            now = timezone.now()
            shown = GLANCE if PREVIEW in request.GET else SHOWN
            found = told(request, lambda: _look_split(rule, form, now), words, shown)
            if PREVIEW in request.GET:
                return TemplateResponse(request, "admin/appointments/times/_preview.html", {"told": found})
            if LOOK not in request.POST and (not found.count or DECIDED in request.POST):
                return self._split(request, rule, form)
        elif PREVIEW in request.GET:
            return HttpResponse(status=204)
        return self._split_page(request, rule, form, found)

    def _split(self, request: HttpRequest, rule: OpeningRule, form: SplitForm) -> HttpResponse:
        with transaction.atomic():
            sibling = walk_ins.split(rule, **form.shared_out)
            self.log_change(request, rule, f"{rule.desks} → {rule.desks - sibling.desks}")
            self.log_addition(request, sibling, str(sibling))
            publish_and_tell(request, [rule.branch])
        messages.success(request, _("The desks have a rule of their own now."))
        return redirect(f"{reverse('admin:agencies_openingrule_changelist')}?branch={rule.branch.code}")

    def _split_page(self, request: HttpRequest, rule: OpeningRule, form: SplitForm, found: Any) -> HttpResponse:
        context = {
            **self.admin_site.each_context(request),
            "title": _("Split off desks"),
            "rule": rule,
            "form": form,
            "told": found,
            "names": {"look": LOOK, "decided": DECIDED},
            "asks": bool(found and found.count and LOOK not in request.POST),
            "opts": self.opts,
        }
        return TemplateResponse(request, "admin/appointments/times/split.html", context)


def _is_once(request: HttpRequest, rule: OpeningRule | None) -> bool:
    """Whether the page is about an opening on a single day. The address decides, or else the rule."""
    asked = request.GET.get("once")
    return asked == "1" if asked else bool(rule and rule.is_once)


def _look(branch: Branch, change: Any, now: datetime) -> Preview:
    days = min(FOUR_WEEKS, timedelta(days=branch.agency.horizon_days))
    return preview([branch], change, now=now, within=days)


def _look_split(rule: OpeningRule, form: SplitForm, now: datetime) -> Preview:
    return _look(rule.branch, lambda: [walk_ins.split(rule, **form.shared_out)], now)


def _deleted(rule: OpeningRule) -> list[OpeningRule]:
    rule.delete()
    return []


def words(preview: Preview) -> list[str]:
    """Returns the parts of the sentence: "this gives 214 times in the next four weeks", "6 fewer than now"."""
    return [*(_given(rule, preview) for rule in preview.rules), difference(preview)]


def _given(rule: OpeningRule, preview: Preview) -> str:
    if rule.purpose == Purpose.WALK_IN:
        return _("this gives no times to book: visits without an appointment are taken then")
    count = preview.rule_times
    given = ngettext("this gives %s time", "this gives %s times", count) % spelled(count)
    if rule.purpose == Purpose.ASSISTED:
        given = ngettext("this gives %s time that officers book", "this gives %s times that officers book", count)
        given %= spelled(count)
    if preview.within == FOUR_WEEKS:
        return _("%s in the next four weeks") % given
    days = preview.within.days
    return ngettext("%(given)s in the next day", "%(given)s in the next %(days)d days", days) % {
        "given": given,
        "days": days,
    }


def _days_of_unplaced(branch: Branch, now: datetime) -> Query:
    times = (
        Appointment.objects.unplaced(now=now, branches=[branch.pk])
        .order_by("starts_at")
        .values_list("starts_at", flat=True)
    )
    days = [branch.local(moment).date().isoformat() for moment in times]
    return [("branch", branch.code), *([("from_date", days[0]), ("until_date", days[-1])] if days else [])]
