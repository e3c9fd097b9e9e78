import pytest
from django.utils import translation

from accounts.typed import phones
from agencies.models import Channel, Procedure
from appointments.admin.forms import CallerForm
from appointments.forms import DetailsForm

TYPED = {"name": "Μαρία Παπαδάκη", "email": "maria@example.org", "phone": "6912345678", "language": "el"}


def a_form(
    identification: str = "none", channel: str = Channel.IN_PERSON, country: str = "GR", **typed: str
) -> DetailsForm:
    return DetailsForm(Procedure(identification=identification), channel, country, TYPED | typed)


@pytest.mark.parametrize(
    ("typed", "stored"),
    [
        ("6912345678", "+306912345678"),
        ("691 234 5678", "+306912345678"),
        ("28210-12345", "+302821012345"),
        ("306912345678", "+306912345678"),
        ("+30 (691) 234.5678", "+306912345678"),
        ("0044 20 7946 0000", "+442079460000"),
        ("+49 (0)30 901820", "+4930901820"),
    ],
)
def test_phone_is_brought_to_one_form(typed: str, stored: str) -> None:
    assert phones.normalized(typed, "GR") == stored


def test_phone_is_one_of_the_branchs_country() -> None:
    form = a_form(country="CA", phone="647 555 0123")
    assert form.is_valid()
    assert form.contact("").phone == "+16475550123"
    assert "phone" in a_form(country="GR", phone="647 555 0123").errors


@pytest.mark.parametrize("typed", ["123", "69123456789", "call me", "+3069", "020 7946 0000", "+", "++306912345678"])
def test_phone_that_is_none_is_refused(typed: str) -> None:
    assert "phone" in a_form(phone=typed).errors


@pytest.mark.parametrize(("channel", "errors"), [("in_person", []), ("video", ["phone"]), ("phone", ["phone"])])
def test_phone_is_needed_where_an_officer_calls(channel: str, errors: list[str]) -> None:
    assert list(a_form(channel=channel, phone="").errors) == errors


@pytest.mark.parametrize("typed", ["090000045", " 090 000 045 ", "EL090000045", "el 090000045", "ΕΛ 090000045"])
def test_tax_number_is_accepted_as_people_type_it(typed: str) -> None:
    form = a_form("tax_number", tax_number=typed)
    assert form.is_valid(), form.errors
    assert form.contact("").tax_number == "090000045"


@pytest.mark.parametrize("typed", ["090000046", "000000000", "12345", "EL", "abcdefghi", ""])
def test_tax_number_that_is_wrong_is_refused(typed: str) -> None:
    assert list(a_form("tax_number", tax_number=typed).errors) == ["tax_number"]


def test_tax_number_is_not_asked_where_the_procedure_does_not_need_it() -> None:
    assert "tax_number" not in a_form().fields


@pytest.mark.parametrize(
    ("field", "typed"),
    [
        ("name", "  "),
        ("name", "123"),
        ("name", "α" * 121),
        ("email", "maria@"),
        ("email", "α" * 250 + "@example.org"),
        ("phone", "6" * 31),
        ("notes", "α" * 501),
        ("language", "fr"),
    ],
)
def test_wrong_answer_is_told_at_its_field(field: str, typed: str) -> None:
    assert list(a_form(**{field: typed}).errors) == [field]


def test_contact_has_tidy_values() -> None:
    form = a_form(name="  Μαρία   Παπαδάκη ")
    assert form.is_valid()
    contact = form.contact("Europe/Berlin")
    assert (contact.name, contact.timezone, contact.language) == ("Μαρία Παπαδάκη", "Europe/Berlin", "el")


def test_form_for_a_caller_does_not_speak_of_the_officers_own_data() -> None:
    with translation.override("en"):
        form = CallerForm(Procedure(identification="tax_number"), Channel.VIDEO, "GR", {})
        said = f"{form.errors} {[field.help_text for field in form.fields.values()]}"
    assert "your" not in said
    assert "Write the caller&#x27;s tax number." in said
