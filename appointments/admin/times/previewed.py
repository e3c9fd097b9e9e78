"""Pages of the admin with a preview: what a change would do, and who would be affected, before it is saved."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.db import models
from django.db.models import Model
from django.forms import ModelForm
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext, pgettext
from django.views.decorators.http import require_POST

from accounts.people import signed_in
from agencies.admin.places import PlacedAdmin
from agencies.openings.forms import NativeDate, NativeTime
from appointments.models import Appointment
from appointments.times.previews import BusyError, Preview

# Our own fields in the form: preview without saving, the supervisor has decided, and the value that asks for new times.
LOOK, DECIDED, REARRANGE = "_look", "_decided", "rearrange"
BUSY = gettext_lazy("Somebody else is changing the times of this branch right now. Try again in a moment.")
# How many affected appointments are listed: on a page of their own, and below a form that is still being filled in.
SHOWN, GLANCE = 100, 5
Query = list[tuple[str, Any]]


@dataclass(frozen=True)
class Told:
    """A preview in words.

    `count` appointments no longer fit. `rows` are those of them that the user may see, up to a limit; `unseen` counts
    the rest.
    """

    text: str
    count: int = 0
    rows: list[Appointment] = field(default_factory=list)
    unseen: int = 0


def told(
    request: HttpRequest, look: Callable[[], Preview], words: Callable[[Preview], list[str]], shown: int = SHOWN
) -> Told:
    try:
        found = look()
    except BusyError:
        return Told(str(BUSY))
    count = len(found.displaced)
    parts = words(found)
    if count:
        parts.append(ngettext("%d appointment no longer fits", "%d appointments no longer fit", count) % count)
    if found.placed_again:
        again = ngettext("%d appointment fits again", "%d appointments fit again", found.placed_again)
        parts.append(again % found.placed_again)
    seen = Appointment.objects.filter(pk__in=found.displaced).seen_by(signed_in(request))
    rows = list(seen.select_related("branch", "procedure").order_by("starts_at", "pk")[:shown])
    return Told(_sentence(parts), count, rows, count - len(rows))


def _sentence(parts: list[str]) -> str:
    text = pgettext("between parts of a sentence", "; ").join(parts)
    return f"{text[:1].upper()}{text[1:]}." if text else ""


def spelled(count: int) -> str:
    return number_format(count, force_grouping=True)


def difference(preview: Preview) -> str:
    if preview.more:
        return ngettext("%s more than now", "%s more than now", preview.more) % spelled(preview.more)
    if preview.fewer:
        return ngettext("%s fewer than now", "%s fewer than now", preview.fewer) % spelled(preview.fewer)
    return _("as many as now")


def rearranging(query: Query) -> str:
    """Returns the address of the page for a new disruption, filled in, where all affected citizens get new times."""
    return f"{reverse('admin:appointments_disruption_add')}?{urlencode(query)}"


class PreviewedAdmin(PlacedAdmin):
    """An admin page with a preview of the change before it is saved. Subclasses say what the preview is.

    `look` returns the preview of a valid form, `look_without` that of deleting the row, and `words` the parts of the
    sentence.
    """

    change_form_template = "admin/appointments/times/previewed.html"
    formfield_overrides = {models.DateField: {"widget": NativeDate}, models.TimeField: {"widget": NativeTime}}

    def look(self, form: ModelForm, now: datetime) -> Preview:
        raise NotImplementedError

    def look_without(self, row: Model, now: datetime) -> Preview:
        raise NotImplementedError

    def words(self, preview: Preview) -> list[str]:
        raise NotImplementedError

    def affected(self, row: Model, now: datetime) -> Query:
        """Returns the query that fills in the page for a new disruption after the row is saved."""
        raise NotImplementedError

    def get_urls(self) -> list[URLPattern]:
        name = f"{self.opts.app_label}_{self.opts.model_name}_preview"
        view = self.admin_site.admin_view(require_POST(self.preview_view))
        return [
            path("add/preview/", view, name=name),
            path("<path:object_id>/preview/", view, name=name),
            *super().get_urls(),
        ]

    def preview_view(self, request: HttpRequest, object_id: str | None = None) -> HttpResponse:
        """Returns the preview only, for the script that asks while the supervisor types.

        204 while the form has errors.
        """
        found = self._told(request, object_id, shown=GLANCE)
        if found is None:
            return HttpResponse(status=204)
        return TemplateResponse(request, "admin/appointments/times/_preview.html", {"told": found})

    def _told(self, request: HttpRequest, object_id: str | None, shown: int = SHOWN) -> Told | None:
        row = self.get_object(request, unquote(object_id)) if object_id else None
        if not (self.has_change_permission(request, row) if row else self.has_add_permission(request)):
            raise PermissionDenied
        given = self.get_form(request, row, change=row is not None)
        given.only_looks = False
        form = given(request.POST, instance=row)
        if not form.is_valid():
            return None
        now = timezone.now()
        return told(request, lambda: self.look(form, now), self.words, shown)

    def get_form(self, request: HttpRequest, obj: Model | None = None, change: bool = False, **kwargs: Any) -> Any:
        form = super().get_form(request, obj, change, **kwargs)
        form.only_looks = LOOK in request.POST
        return form

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        found = None
        if request.method == "POST" and DECIDED not in request.POST:
            found = self._told(request, object_id)
            if found and found.count and LOOK not in request.POST:
                return self._ask(request, found)
        args = [object_id] if object_id else []
        address = reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_preview", args=args)
        context = {"told": found, "preview_url": f"{address}?{request.GET.urlencode()}", "look": LOOK}
        return super().changeform_view(request, object_id, form_url, context | (extra_context or {}))

    def _ask(self, request: HttpRequest, found: Told) -> HttpResponse:
        """Asks what to do about the affected appointments. The page keeps what was typed in hidden fields."""
        given = [(name, value) for name, values in request.POST.lists() for value in values]
        context = {
            **self.admin_site.each_context(request),
            "title": ngettext("%d appointment is affected", "%d appointments are affected", found.count) % found.count,
            "told": found,
            "given": [(name, value) for name, value in given if name != "csrfmiddlewaretoken"],
            "rearranges": bool(found.rows),
            "names": {"look": LOOK, "decided": DECIDED, "rearrange": REARRANGE},
            "opts": self.opts,
        }
        return TemplateResponse(request, "admin/appointments/times/affected.html", context)

    def response_add(self, request: HttpRequest, obj: Model, post_url_continue: str | None = None) -> HttpResponse:
        return self._rearranged(request, obj) or super().response_add(request, obj, post_url_continue)

    def response_change(self, request: HttpRequest, obj: Model) -> HttpResponse:
        return self._rearranged(request, obj) or super().response_change(request, obj)

    def _rearranged(self, request: HttpRequest, obj: Model) -> HttpResponse | None:
        if request.POST.get(DECIDED) != REARRANGE:
            return None
        return redirect(rearranging(self.affected(obj, timezone.now())))

    def delete_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        context = dict(extra_context or {})
        if request.method == "GET":
            row = self.get_object(request, unquote(object_id))
            if not self.has_delete_permission(request, row):
                raise PermissionDenied
            now = timezone.now()
            context["told"] = told(request, lambda: self.look_without(row, now), self.words)
        return super().delete_view(request, object_id, context)
