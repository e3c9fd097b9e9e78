"""Whoever changes the language while typing goes on with what was typed, on every page with a form."""

import re
from collections.abc import Callable
from html import unescape
from pathlib import Path

import pytest
from django.test import Client

from accounts.models import User
from appointments.models import Appointment, Status
from tests.builders import a_user, an_open_branch, booked_at, slots_of
from tests.pages import text_of

TEMPLATES = Path(__file__).parent.parent.parent / "templates"
# Pages of machines and of staff have no language button, or their own.
OTHERS = ("admin", "emails", "unfold", "appointments/counter", "allauth")
FORM = re.compile(r'<form(?P<attributes>[^>]*method="post"[^>]*)>(?P<inside>.*?)</form>', re.DOTALL)
FIELDS = re.compile(r"\{\{ (?!change_)\w*form(\.\w+\.as_field_group)? \}\}")  # change_form is a second one, folded away
BOOK = "/mykeplive/kep-dilosi/book/"


def typed_forms() -> list[tuple[str, str]]:
    """Each template that has a form with fields, and the form's id."""
    found = []
    for path in sorted(TEMPLATES.rglob("*.html")):
        name = str(path.relative_to(TEMPLATES))
        if not name.startswith(OTHERS):
            for form in FORM.finditer(path.read_text()):
                if FIELDS.search(form["inside"]):
                    known = re.search(r' id="([\w-]+)"', form["attributes"])
                    found.append((name, known[1] if known else ""))
    return found


def pages_of(name: str) -> list[str]:
    """The sources of the pages that show the template: itself, or who include it."""
    text = (TEMPLATES / name).read_text()
    if "{% extends" in text:
        return [text]
    includes = [path for path in TEMPLATES.rglob("*.html") if f'"{name}"' in path.read_text()]
    return [page for path in includes for page in pages_of(str(path.relative_to(TEMPLATES)))]


@pytest.mark.parametrize(("name", "form"), typed_forms())
def test_language_button_takes_every_form_along(name: str, form: str) -> None:
    pages = pages_of(name)
    assert pages
    assert all(f'switch="{form}"' in page for page in pages if form), name
    assert form


def guest(client: Client) -> None:
    client.get("/")


def booked(client: Client) -> str:
    """An appointment of the client's own account."""
    branch, user = an_open_branch(), a_user()
    client.force_login(user)
    return booked_at(branch, 9, citizen=user).reference


def cancel(client: Client) -> str:
    return f"/appointments/{booked(client)}/cancel/"


def contact(client: Client) -> str:
    return f"/appointments/{booked(client)}/contact/"


def rate(client: Client) -> str:
    reference = booked(client)
    Appointment.objects.update(status=Status.COMPLETED)
    return f"/appointments/{reference}/rate/"


def details(client: Client) -> str:
    branch = an_open_branch()
    client.post(f"{BOOK}time/?channel=in_person&branch=kep-chania", {"slot": slots_of(branch)[10].pk})
    return f"{BOOK}details/"


def address(client: Client) -> str:
    booked(client)
    return "/accounts/email/"


PLACES: dict[str, tuple[Callable[[Client], str], dict[str, str]]] = {
    "details": (details, {"name": "Μαρία", "email": "maria@", "notes": "<Με> διερμηνέα", "language": "en"}),
    "cancel": (cancel, {"reason": "Δεν <προλαβαίνω>"}),
    "contact": (contact, {"email": "maria@", "phone": "69"}),
    "rate": (rate, {"score": "2", "comment": "Μεγάλη αναμονή"}),
    "find": (lambda _client: "/appointments/find/", {"reference": "K7M4Q 2", "email": "maria@"}),
    "sign up": (lambda _client: "/accounts/signup/?next=/help/", {"email": "maria@"}),
    "sign in": (lambda _client: "/accounts/login/code/?next=/help/", {"email": "maria@"}),
    "address": (address, {"email": "maria@"}),
}


@pytest.mark.django_db
@pytest.mark.usefixtures("clock")
@pytest.mark.parametrize("place", PLACES)
def test_form_is_the_same_in_the_other_language(client: Client, place: str) -> None:
    open_page, typed = PLACES[place]
    button = re.search(r'<button[^>]*formaction="([^"]+)" name="switch"', text_of(client.get(open_page(client))))
    assert button
    before = [*Appointment.objects.values(), *User.objects.values()]
    page = client.post(unescape(button[1]), typed | {"switch": "en"})
    assert page.status_code == 200
    assert '<html lang="en">' in text_of(page)
    form = page.context["form"]
    assert not form.is_bound
    assert {name: form[name].value() for name in typed} == typed
    assert [*Appointment.objects.values(), *User.objects.values()] == before
    assert client.post(unescape(button[1]), typed | {"switch": "en"}).wsgi_request.path.startswith("/en/")
