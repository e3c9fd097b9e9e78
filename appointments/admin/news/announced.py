"""Forms of what citizens were told. Whoever changes it sees first who would be told, and says whether they are."""

from hashlib import sha256
from typing import Any, cast

from django.contrib import messages
from django.contrib.admin.utils import unquote
from django.db import transaction
from django.db.models import Model
from django.forms import ModelForm
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import ngettext

from agencies.admin.places import PlacedAdmin
from appointments import facts, news
from appointments.admin.pages import acting, page
from appointments.facts import Changed, Row
from appointments.news import People
from appointments.news.announcing import LANGUAGES

# Our own fields in the form: what was decided, which change was seen, and that the form is wanted again.
DECIDED, SEEN, BACK = "_told", "_seen", "_back"
TELL, KEEP_QUIET = "tell", "quiet"


class AnnouncedAdmin(PlacedAdmin):
    """A form whose row citizens were told about."""

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Asks first if somebody is booked who was told otherwise. What is saved is what was seen, or it asks again."""
        if request.method != "POST" or not object_id or BACK in request.POST:
            return super().changeform_view(request, object_id, form_url, extra_context)
        with transaction.atomic():
            stored = cast(Row, self.get_object(request, unquote(object_id)))
            type(stored)._default_manager.select_for_update(no_key=True).only("pk").get(pk=stored.pk)
            stored.refresh_from_db()
            was = facts.stored(stored)
            if question := self._question(request, stored, was):
                return question
            return super().changeform_view(request, object_id, form_url, extra_context)

    def _question(self, request: HttpRequest, stored: Row, was: dict[str, str]) -> HttpResponse | None:
        """Returns the page that asks, or None if there is nothing to ask about (any more)."""
        form = self.get_form(request, stored, change=True)(request.POST, request.FILES, instance=stored)
        if not self.has_change_permission(request, stored) or not form.is_valid():
            return None
        row = cast(Row, form.instance)
        was = {name: value for name, value in was.items() if value != facts.stored(row)[name]}
        found = news.people(news.concerned(row, was, now=timezone.now())) if was else People(0, 0, 0)
        if not found.appointments:
            return None
        seen = _digest(row, was)
        if request.POST.get(DECIDED) in (TELL, KEEP_QUIET) and request.POST.get(SEEN) == seen:
            return None
        return self._changed_page(request, row, was, found, seen)

    def _changed_page(
        self, request: HttpRequest, row: Row, was: dict[str, str], found: People, seen: str
    ) -> HttpResponse:
        """Shows who would be told what. The page keeps what was typed in hidden fields."""
        given = [(name, value) for name, values in request.POST.lists() for value in values]
        ours = {"csrfmiddlewaretoken", DECIDED, SEEN}
        context = {
            "title": ngettext("%d appointment is affected", "%d appointments are affected", found.appointments)
            % found.appointments,
            "found": found,
            "changes": _told(row, was),
            "given": [(name, value) for name, value in given if name not in ours],
            "names": {"decided": DECIDED, "seen": SEEN, "back": BACK, "tell": TELL, "quiet": KEEP_QUIET},
            "seen": seen,
            "was_asked": SEEN in request.POST,
            "opts": self.opts,
        }
        return page(request, "news/changed.html", context)

    def get_form(self, request: HttpRequest, obj: Model | None = None, change: bool = False, **kwargs: Any) -> Any:
        form = super().get_form(request, obj, change, **kwargs)
        return type(form.__name__, (form,), {"is_valid": lambda _form: False}) if BACK in request.POST else form

    def save_model(self, request: HttpRequest, obj: Model, form: ModelForm, change: bool) -> None:
        """Saves, and owes the messages in the same transaction."""
        row = cast(Row, obj)
        was = facts.stored(type(row)._default_manager.get(pk=row.pk)) if change else {}
        super().save_model(request, obj, form, change)
        if change and request.POST.get(DECIDED) == TELL:
            changed = {name: value for name, value in was.items() if value != facts.stored(row)[name]}
            _tell(request, news.announce(row, changed, by=acting(request), now=timezone.now()))


def _told(row: Row, was: dict[str, str]) -> list[Changed]:
    """Returns what readers of each language are told, each text once."""
    found = (one for language in LANGUAGES for one in facts.changes(was, row, language))
    return list(dict.fromkeys(found))


def _digest(row: Row, was: dict[str, str]) -> str:
    """Returns what stands for the change, from which values to which. Browsers write new lines in their own way."""
    now = facts.stored(row)
    changed = sorted((name, value.split(), now[name].split()) for name, value in was.items())
    return sha256(repr(changed).encode()).hexdigest()


def _tell(request: HttpRequest, found: People) -> None:
    told = found.appointments - found.unreachable
    if told:
        text = ngettext("%d citizen is told what has changed.", "The citizens of %d appointments are told.", told)
        messages.success(request, text % told)
    if found.unreachable:
        messages.warning(request, _unreachable(found.unreachable))


def _unreachable(count: int) -> str:
    text = ngettext(
        "%d appointment has no address that a message can reach. Please call.",
        "%d appointments have no address that a message can reach. Please call.",
        count,
    )
    return text % count
