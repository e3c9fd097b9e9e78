"""Where an agency's administrators put messages in their own words. Supervisors of the agency read them."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import wraps
from typing import Any

from csp.decorators import csp_update
from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods, require_POST

from accounts.mails.styling import style_sources
from accounts.people import signed_in
from agencies import access
from agencies.models import Agency, Role
from appointments.admin.pages import address, page
from appointments.errors import TextChanged
from appointments.forms import refuse
from appointments.messages import previews
from appointments.messages.texts import checking, kinds, starting, writing
from appointments.messages.texts.kinds import Key, Kind, Medium
from appointments.models import OwnText

# So many versions are shown. All are kept.
SHOWN = 50
FRAGMENT = "admin/appointments/messages/_preview.html"

Texts = list[tuple[str, str | Promise, OwnText | None]]  # the address, the language, the own text if there is one


class TextForm(forms.Form):
    """One text. `since` is the version that the writer has seen."""

    subject = forms.CharField(label=_("Subject"), max_length=200, error_messages={"required": _("Write a subject.")})
    body = forms.CharField(
        label=_("Text"),
        max_length=checking.LONGEST,
        error_messages={"required": _("Write the text.")},
        widget=forms.Textarea({"rows": 18}),
        help_text=_(
            "An empty line begins a paragraph. Lines that begin with “- ” are a list. **Two stars** make bold."
        ),
    )
    since = forms.IntegerField(min_value=0, max_value=2**31 - 2, widget=forms.HiddenInput)

    def __init__(self, agency: Agency, key: Key, now: datetime, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.agency, self.key, self.now = agency, key, now
        self.preview: previews.Preview | None = None
        if key.medium == Medium.SMS:
            del self.fields["subject"]
            self.fields["body"].widget.attrs["rows"] = 5
            self.fields["body"].help_text = _("It is sent on one line.")

    def clean(self) -> None:
        super().clean()
        given = self.cleaned_data
        if "body" in given:
            self.preview = previews.checked(
                self.agency, self.key, given.get("subject", ""), given["body"], now=self.now
            )


@dataclass(frozen=True)
class Row:
    """A kind of message and how it is sent, with the texts in each language."""

    kind: str
    medium: str
    texts: Texts


def readers_page(view: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
    """Makes the view a page for those who supervise a whole agency or a branch of it. For others the agency does not exist."""

    @wraps(view)
    def guarded(request: HttpRequest, slug: str = "", **key: str) -> HttpResponseBase:
        user = signed_in(request)
        if not access.supervises(user):
            raise PermissionDenied
        found = access.agencies(user, Role.SUPERVISOR)
        if not slug:
            return view(request, list(found))
        return view(request, get_object_or_404(found, slug=slug), _key(**key))

    return admin.site.admin_view(guarded)


def _key(**key: str) -> Key:
    found = Key(**key)
    if found not in kinds.EVERY_KEY:
        raise Http404
    return found


def may_write(request: HttpRequest, agency: Agency) -> bool:
    return access.whole_agencies(signed_in(request), Role.AGENCY_ADMIN).filter(pk=agency.pk).exists()


@readers_page
def texts(request: HttpRequest, agencies: list[Agency]) -> HttpResponse:
    """Lists all texts of an agency, and says which are its own."""
    asked = request.GET.get("agency", "")
    if not agencies or (asked and asked not in {one.slug for one in agencies}):
        raise Http404
    agency = next((one for one in agencies if one.slug == asked), agencies[0])
    context = {
        "title": gettext("Texts of messages"),
        "agency": agency,
        "agencies": agencies,
        "rows": list(_rows(agency)),
        "may_write": may_write(request, agency),
    }
    return page(request, "messages/texts.html", context)


def _rows(agency: Agency) -> Iterator[Row]:
    written = OwnText.objects.filter(agency=agency).current().select_related("written_by")
    own = {Key(one.kind, one.medium, one.language): one for one in written if one.body}
    names = dict(settings.LANGUAGES)
    for kind in Kind:
        for medium in Medium:
            keys = [key for key in kinds.EVERY_KEY if key[:2] == (kind, medium)]
            if keys:
                found: Texts = [(_address(agency, key), names[key.language], own.get(key)) for key in keys]
                yield Row(str(kind.label), str(medium.label), found)


def _address(agency: Agency, key: Key, page: str = "text") -> str:
    return address(page, agency.slug, *key)


@require_http_methods(["GET", "HEAD", "POST"])
@readers_page
def text(request: HttpRequest, agency: Agency, key: Key) -> HttpResponse:
    """Shows one text with its preview and its versions, and saves what an administrator writes."""
    now, versions = timezone.now(), list(OwnText.objects.of(agency, *key).select_related("written_by")[:SHOWN])
    if request.method == "POST" and not may_write(request, agency):
        raise PermissionDenied
    do = request.POST.get("do", "")
    if request.method == "POST" and do not in {"save", "preview"}:
        return _go_back(request, agency, key, now)
    form = _form(request, agency, key, versions, now)
    if request.method == "POST" and form.is_valid() and do == "save" and _save(request, form):
        return redirect(_address(agency, key))
    return _styled(request, page(request, "messages/text.html", _context(request, form, versions)), form)


def _styled(request: HttpRequest, answer: HttpResponse, form: TextForm) -> HttpResponse:
    """Lets the page show the styles of its mails. What somebody types later has none that are not in one of these."""
    agency, key, now = form.agency, form.key, form.now
    shown = (previews.preview(agency, key, "", "", now=now), previews.with_everything(agency, key, now=now))
    sources = style_sources(*(one.html for one in shown if one))
    csp_update({"style-src": sources})(lambda _request: answer)(
        request
    )  # it notes on the answer what the policy allows
    return answer


def _form(request: HttpRequest, agency: Agency, key: Key, versions: list[OwnText], now: datetime) -> TextForm:
    """Returns the form with what was sent, or with the own text, or with a draft if there is none."""
    if request.method == "POST":
        return TextForm(agency, key, now, request.POST)
    latest = versions[0] if versions else None
    subject, body = (latest.subject, latest.body) if latest and latest.body else starting.draft(key)
    return TextForm(agency, key, now, initial={"subject": subject, "body": body, "since": _since(versions)})


def _since(versions: list[OwnText]) -> int:
    return versions[0].version if versions else 0


def _context(request: HttpRequest, form: TextForm, versions: list[OwnText]) -> dict[str, Any]:
    agency, key = form.agency, form.key
    is_own, writes = bool(versions and versions[0].body), may_write(request, agency)
    ours = previews.preview(agency, key, "", "", now=form.now)
    return {
        "title": f"{Kind(key.kind).label}: {Medium(key.medium).label}",
        "agency": agency,
        "language": dict(settings.LANGUAGES)[key.language],
        "key": key,
        "form": form,
        "ours": ours,
        "shown": _shown(form) if writes or is_own else ours,
        "is_own": is_own,
        "placeholders": [(name, kinds.MEANING[name], name in kinds.needed(key)) for name in kinds.allowed(key)],
        "in_subject": kinds.in_subject(key),
        "versions": versions,
        "since": _since(versions),
        "may_write": writes,
        "preview_url": _address(agency, key, "text_preview"),
        "back": address("texts", agency=agency.slug),
    }


def _shown(form: TextForm) -> previews.Preview | None:
    """Returns the preview of what is in the form. A form that was not sent is not checked: it holds what is saved."""
    if form.is_bound:
        return form.preview
    return previews.preview(form.agency, form.key, form.initial["subject"], form.initial["body"], now=form.now)


def _save(request: HttpRequest, form: TextForm) -> bool:
    given = form.cleaned_data
    try:
        writing.write(
            form.agency,
            form.key,
            given.get("subject", ""),
            given["body"],
            since=given["since"],
            by=signed_in(request),
            now=form.now,
        )
    except TextChanged as error:
        refuse(form, error)
        return False
    messages.success(request, gettext("Saved. Messages from now on say this."))
    return True


def _go_back(request: HttpRequest, agency: Agency, key: Key, now: datetime) -> HttpResponse:
    """Goes back to an earlier version, or with `reset` to our text. Each is a new version."""
    do, since = request.POST.get("do", ""), request.POST.get("since", "")
    if not since.isdecimal() or not (do == "reset" or do.isdecimal()):
        raise Http404
    told: dict[str, Any] = {"since": int(since), "by": signed_in(request), "now": now}
    try:
        if do == "reset":
            writing.reset(agency, key, **told)
        else:
            old = get_object_or_404(OwnText.objects.of(agency, *key).exclude(body=""), version=int(do))
            writing.write(agency, key, old.subject, old.body, **told)
    except (TextChanged, ValidationError) as error:
        messages.error(request, " ".join(error.messages) if isinstance(error, ValidationError) else str(error))
    else:
        messages.success(request, gettext("Saved. Messages from now on say this."))
    return redirect(_address(agency, key))


@require_POST
@readers_page
def preview(request: HttpRequest, agency: Agency, key: Key) -> HttpResponse:
    """Returns what the text in the form would say, while it is typed."""
    form = TextForm(agency, key, timezone.now(), request.POST)
    form.is_valid()
    return render(request, FRAGMENT, {"form": form, "preview": form.preview, "key": key})


_ONE = "texts/<slug:slug>/<slug:kind>/<slug:medium>/<slug:language>/"
urls: list[URLPattern] = [
    path("texts/", texts, name="appointments_appointment_texts"),
    path(_ONE, text, name="appointments_appointment_text"),
    path(f"{_ONE}preview/", preview, name="appointments_appointment_text_preview"),
]
