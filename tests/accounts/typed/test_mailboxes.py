"""One mailbox is counted once, however its address is written, and throw-away addresses stand for nobody."""

import pytest
from django.core.exceptions import ValidationError
from django.test import Client

from accounts.limits import MAILS_AN_HOUR, is_flooded
from accounts.typed.addresses import AddressField, StaffAddressField
from accounts.typed.mailboxes import counted, is_disposable
from appointments import forms
from appointments.booking.persons import person_key
from tests import codes
from tests.builders import NOW
from tests.pages import text_of

THROW_AWAY = "maria@mailinator.com"


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        (" Maria.P@Gmail.com ", "mariap@gmail.com"),
        ("m.a.r.i.a.p+kep@googlemail.com", "mariap@gmail.com"),
        ("maria.p+kep@outlook.com", "maria.p@outlook.com"),
        ("maria+kep@hotmail.gr", "maria@hotmail.gr"),
        ("maria+kep@hotmail.co.uk", "maria@hotmail.co.uk"),
        ("maria+kep@me.com", "maria@icloud.com"),
        ("maria_p+1@pm.me", "mariap@proton.me"),
        # Nobody knows what these do with a dot or a plus.
        ("maria.p+kep@example.org", "maria.p+kep@example.org"),
        ("maria+kep@otenet.gr", "maria+kep@otenet.gr"),
        ("maria@outlook.example.com", "maria@outlook.example.com"),
        ("maria@παράδειγμα.ελ", "maria@xn--hxajbheg2az3al.xn--qxam"),
        ("maria@gmail.com.", "maria@gmail.com"),
        # Nothing is left of these, so they stay.
        ("+@gmail.com", "+@gmail.com"),
        ("...@gmail.com", "...@gmail.com"),
        ("", ""),
        ("Maria", "maria"),
    ],
)
def test_address_as_it_is_counted(typed: str, meant: str) -> None:
    assert counted(typed) == meant
    assert counted(meant) == meant
    assert person_key(email=typed) == person_key(email=meant)


@pytest.mark.parametrize(
    ("address", "throw_away"),
    [
        (THROW_AWAY, True),
        (" MARIA@Mailinator.COM.", True),
        ("maria@anything.mailinator.com", True),
        ("maria@yopmail.com", True),
        ("maria@mailinator.example.org", False),
        ("maria@example.org", False),
        ("maria@gmail.com", False),
        ("maria@duck.com", False),
        ("maria", False),
    ],
)
def test_which_addresses_are_thrown_away(address: str, throw_away: bool) -> None:
    assert is_disposable(address) is throw_away


@pytest.mark.django_db
def test_spellings_of_one_mailbox_share_its_limit() -> None:
    flooded = [is_flooded(f"ma.ria+{number}@gmail.com", now=NOW) for number in range(MAILS_AN_HOUR.number + 1)]
    assert flooded == [False] * MAILS_AN_HOUR.number + [True]


@pytest.mark.parametrize("form", [forms.DetailsForm, forms.ContactForm])
def test_forms_for_a_lasting_address_refuse_a_throw_away_one(form: type) -> None:
    field = form.base_fields["email"]
    with pytest.raises(ValidationError, match="μιας χρήσης"):
        field.clean(THROW_AWAY)


@pytest.mark.parametrize("form", [forms.FindForm, forms.LineForm, forms.GuestMailForm])
def test_forms_that_use_an_address_once_take_it(form: type) -> None:
    field = form.base_fields["email"]
    assert isinstance(field, AddressField)
    assert field.clean(THROW_AWAY) == StaffAddressField().clean(THROW_AWAY) == THROW_AWAY


@pytest.mark.django_db
def test_nobody_signs_up_with_a_throw_away_address_and_the_field_says_why(client: Client) -> None:
    page = client.post("/accounts/signup/", {"email": THROW_AWAY})
    assert "διεύθυνση μιας χρήσης" in text_of(page)
    assert "email" in page.context["form"].errors
    assert codes.sent() == []
