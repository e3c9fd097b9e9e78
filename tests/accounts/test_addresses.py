"""Every form that takes an e-mail address asks once about one that looks mistyped."""

from collections.abc import Iterator

import pytest
from django import forms
from django.conf import settings
from django.contrib import admin
from django.test import Client, RequestFactory
from django.urls import get_resolver
from django.utils.module_loading import import_string

from accounts.typed.addresses import AddressField, AskedInput, StaffAskedInput
from agencies.models import Branch, Invitation, Role
from tests import codes
from tests.builders import a_branch, a_user, an_agency, an_officer
from tests.pages import signed_in, text_of

APPS = ("accounts.", "agencies.", "appointments.", "mydesklive.", "reports.")
MEANT, TYPED = "maria@gmail.com", "maria@gmail.con"


def kinds(parent: type) -> Iterator[type]:
    for child in parent.__subclasses__():
        yield child
        yield from kinds(child)


def our_forms() -> list[type]:
    assert get_resolver().url_patterns  # the whole product is loaded
    return sorted({one for one in kinds(forms.BaseForm) if one.__module__.startswith(APPS)}, key=str)


def wrong(fields: dict[str, forms.Field]) -> list[str]:
    """The fields for an address that do not ask."""
    addresses = {name: field for name, field in fields.items() if isinstance(field, forms.EmailField)}
    return [
        name
        for name, field in addresses.items()
        if not (isinstance(field, AddressField) and isinstance(field.widget, AskedInput))
    ]


def test_every_form_asks_about_a_mistyped_address() -> None:
    found = [one for one in our_forms() if not one.__module__.startswith("accounts.forms")]  # see below
    assert sum(any(isinstance(field, AddressField) for field in one.base_fields.values()) for one in found) >= 4
    assert {str(one): bad for one in found if (bad := wrong(one.base_fields))} == {}


@pytest.mark.parametrize("name", ["login", "signup", "add_email", "change_email", "request_login_code"])
def test_every_form_of_accounts_asks_about_a_mistyped_address(name: str) -> None:
    """These are the forms of the library that take an address; they get their fields when they are made."""
    form = import_string(settings.ACCOUNT_FORMS[name])()
    assert [type(field) for field in form.fields.values() if isinstance(field, forms.EmailField)] == [AddressField]
    assert wrong(form.fields) == []


def test_address_of_a_branch_is_asked_about_in_the_admin() -> None:
    options = admin.site._registry[Branch]
    field = options.formfield_for_dbfield(Branch._meta.get_field("email"), RequestFactory().get("/"))
    assert isinstance(field, AddressField)
    assert isinstance(field.widget, StaffAskedInput)


@pytest.mark.django_db
@pytest.mark.parametrize("address", ["/accounts/signup/", "/accounts/login/code/"])
def test_visitor_is_asked_before_a_code_is_sent(client: Client, address: str) -> None:
    page = text_of(client.post(address, {"email": TYPED}))
    assert MEANT in page
    assert f'<input type="hidden" name="asked_about" value="{TYPED}">' in page
    assert codes.sent() == []
    assert client.post(address, {"email": TYPED, "asked_about": TYPED}).status_code == 302
    assert [message.to for message in codes.sent()] == [[TYPED]]


@pytest.mark.django_db
def test_new_address_of_an_account_is_asked_about(client: Client) -> None:
    page = text_of(signed_in(client, a_user()).post("/accounts/email/", {"email": TYPED, "action_add": ""}))
    assert MEANT in page
    assert codes.sent() == []


@pytest.mark.django_db
def test_officer_is_invited_at_a_mistyped_address_after_a_question(client: Client) -> None:
    agency = an_agency()
    a_branch(agency)
    signed_in(client, an_officer(agency, Role.AGENCY_ADMIN, "administrator@example.org"))
    typed = {"email": TYPED, "name": "Μαρία", "agency": agency.pk, "everywhere": "on", "role": Role.AGENT}
    page = text_of(client.post("/admin/agencies/invitation/add/", typed))
    assert MEANT in page
    assert f'<input type="hidden" name="asked_about" value="{TYPED}">' in page
    assert not Invitation.objects.exists()
    client.post("/admin/agencies/invitation/add/", typed | {"asked_about": TYPED})
    assert Invitation.objects.filter(email=TYPED).exists()
