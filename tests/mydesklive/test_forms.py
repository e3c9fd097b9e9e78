"""The forms of the admin, all of them: what they say when somebody sends them empty, and their buttons."""

import re
from html.parser import HTMLParser

import pytest
from django.contrib import admin
from django.contrib.admin import ModelAdmin
from django.test import Client
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext

from agencies.models import Branch, Synonym
from tests.builders import MONDAY, a_branch, a_closure, a_user, an_agency
from tests.pages import signed_in, text_of

pytestmark = pytest.mark.django_db


class Sections(HTMLParser):
    """The ids of a page, those of them that stand in a closed section, and the links to places on the page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[bool] = []
        self.ids: set[str] = set()
        self.closed: set[str] = set()
        self.links: dict[str, str] = {}
        self._link = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "details":
            self.open.append("open" in given)
        if one := given.get("id"):
            self.ids.add(one)
            if not all(self.open):
                self.closed.add(one)
        if tag == "a":
            self._link = (given.get("href") or "").removeprefix("#")

    def handle_endtag(self, tag: str) -> None:
        if tag == "details":
            self.open.pop()
        if tag == "a":
            self._link = ""

    def handle_data(self, data: str) -> None:
        if self._link:
            self.links[self._link] = self.links.get(self._link, "") + data


@pytest.fixture
def operator(client: Client) -> Client:
    a_branch(an_agency())
    return signed_in(client, a_user("operator@example.org", is_operator=True))


@pytest.mark.parametrize("language", ["el", "en"])
@pytest.mark.parametrize("model_admin", admin.site._registry.values(), ids=str)
def test_form_that_is_sent_empty_names_what_is_missing(
    operator: Client, model_admin: ModelAdmin, language: str
) -> None:
    with translation.override(language):
        address = reverse(f"admin:{model_admin.opts.app_label}_{model_admin.opts.model_name}_add")
        answer = operator.post(address)
        if answer.status_code == 403 or "adminform" not in (answer.context or {}):
            return
        page, form = Sections(text_of(answer)), answer.context["adminform"].form
        assert form.errors
        assert gettext("There is a problem") in text_of(answer)
        for name, errors in form.errors.items():
            field = form[name]
            assert field.first_id in page.ids - page.closed, f"{name} is in a closed section."
            assert page.links[field.first_id] == f"{field.label[:1].upper()}{field.label[1:]}: {errors[0]}"


@pytest.mark.parametrize("model_admin", admin.site._registry.values(), ids=str)
def test_empty_form_shows_what_has_to_be_filled_in(operator: Client, model_admin: ModelAdmin) -> None:
    answer = operator.get(reverse(f"admin:{model_admin.opts.app_label}_{model_admin.opts.model_name}_add"))
    if answer.status_code == 200 and "adminform" in answer.context:
        form, closed = answer.context["adminform"].form, Sections(text_of(answer)).closed
        assert [field.name for field in form if field.field.required and field.first_id in closed] == []


def test_button_that_deletes_says_no_noun_in_the_wrong_case(operator: Client) -> None:
    branch = Branch.objects.get()
    for row in (a_closure(branch, MONDAY), Synonym.objects.create(code="one", agency=branch.agency, words="λέξη")):
        address = reverse(f"admin:agencies_{row._meta.model_name}_change", args=[row.pk])
        found = re.findall(r'href="[^"]*/delete/"[^>]*>\s*([^<]*?)\s*</a>', text_of(operator.get(address)))
        assert found == ["Διαγραφή"]
