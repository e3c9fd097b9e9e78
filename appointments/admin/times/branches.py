"""The page of a branch shows its week, its opening rules and its closures. They are edited on pages of their own."""

from datetime import date
from typing import Any, cast

from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.db.models import QuerySet
from django.forms import ModelForm
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.translation import ngettext

from accounts.people import signed_in
from agencies import access
from agencies.admin.branches import BranchAdmin
from agencies.models import Branch, Closure, Role
from agencies.openings.holidays import coming_years, load_holidays
from appointments import disruptions
from appointments.admin.disruptions import promises
from appointments.admin.news.announced import BACK, AnnouncedAdmin
from appointments.admin.pages import acting, page
from appointments.admin.times.previewed import BUSY, DECIDED
from appointments.admin.times.published import publish_and_tell
from appointments.times.previews import BusyError
from appointments.times.timetable import asked_week, week_of

SHOWN = 12


@admin.register(Branch)
class BranchOpeningsAdmin(AnnouncedAdmin, BranchAdmin):
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

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Asks first if another time zone would change what was promised to citizens."""
        if request.method == "POST" and object_id and not {DECIDED, BACK} & {*request.POST}:
            try:
                found = self._off_clock(request, object_id)
            except BusyError:
                messages.warning(request, BUSY)
                return redirect(request.get_full_path())
            if found:
                return self._ask(request, found)
        return super().changeform_view(request, object_id, form_url, extra_context)

    def _off_clock(self, request: HttpRequest, object_id: str) -> promises.Place | None:
        """Returns the appointments that another time zone in the form affects, or None if there are none."""
        branch = cast(Branch, self.get_object(request, unquote(object_id)))
        form = self.get_form(request, branch, change=True)(request.POST, request.FILES, instance=branch)
        if not form.is_valid() or "timezone" not in form.changed_data:
            return None
        zone, stored = branch.timezone, Branch.objects.filter(pk=branch.pk)
        found = disruptions.foresee(
            branch, by=acting(request), now=timezone.now(), change=lambda: stored.update(timezone=zone)
        )
        place = promises.place_of(request, branch, found)
        return place if place.total else None

    def _ask(self, request: HttpRequest, place: promises.Place) -> HttpResponse:
        """Shows who is affected. The page keeps what was typed in hidden fields."""
        given = [(name, value) for name, values in request.POST.lists() for value in values]
        context = {
            "title": ngettext("%d appointment is affected", "%d appointments are affected", place.total) % place.total,
            "place": place,
            "given": [(name, value) for name, value in given if name != "csrfmiddlewaretoken"],
            "decided": DECIDED,
            "back": request.get_full_path(),
            "opts": self.opts,
        }
        return page(request, "times/clock.html", context)

    def save_related(self, request: HttpRequest, form: ModelForm, formsets: Any, change: bool) -> None:
        super().save_related(request, form, formsets, change)
        branch, now = form.instance, timezone.now()
        if not change:
            load_holidays(Branch.objects.filter(pk=branch.pk), coming_years(branch.today(now)))
            return
        if "timezone" in form.changed_data:
            promises.tell(request, disruptions.keep_promises(branch, by=acting(request), now=now))
        publish_and_tell(request, [branch])


def _number(text: str) -> int:
    return int(text) if text.isdecimal() else 0


def _coming(branch: Branch, today: date) -> QuerySet[Closure]:
    return branch.closures.filter(until_date__gte=today).select_related("officer").order_by("from_date", "from_time")
