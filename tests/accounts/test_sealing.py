"""Changing the data key while everything runs: what older keys have sealed and hashed stays readable, and is sealed anew."""

from collections.abc import Callable
from dataclasses import replace
from io import StringIO
from typing import Any

import pytest
from cryptography.fernet import Fernet, InvalidToken
from django.apps import apps
from django.core.management import CommandError, call_command
from django.db import models
from django.utils import timezone

from accounts import sealing
from accounts.identities.joining import Reached, join
from accounts.identities.people import Person
from accounts.mails import marks
from accounts.models import SUBJECT, TAX_NUMBER, AccountMail, Identity
from accounts.sealing.fields import SealedField
from accounts.sealing.rotation import sealed_columns
from agencies.models import Procedure
from appointments import booking
from appointments.booking.persons import Contact, completed_before, decrypted, person_key
from appointments.errors import KeyReused, LimitReached
from appointments.messages.returned import reading
from appointments.models import Appointment, Mailbox
from tests.builders import NOW, STAFF, a_contact, a_user, an_appointment, an_open_branch, minutes, slots_of
from videocalls.models import Meeting, VideoCall

FIRST, SECOND, THIRD = (
    "the first key of these tests, 1",
    "the second key of these tests, 2",
    "the third key, which is newest",
)
TAX = "090000045"
TIMES = ("awaited_since", "created_at", "due_at", "useless_at")
Keys = Callable[..., None]


@pytest.fixture
def keys(settings: Any) -> Keys:
    """Sets the data key, and the older ones."""

    def change(newest: str, *older: str) -> None:
        settings.DATA_KEY, settings.DATA_KEY_FALLBACKS = newest, list(older)

    change(FIRST)
    return change


def test_each_value_says_which_key_has_sealed_it(keys: Keys) -> None:
    first = sealing.sealed(TAX, "one")
    keys(SECOND, FIRST)
    second = sealing.sealed(TAX, "one")
    assert first[:12] == sealing.label(FIRST) != sealing.label(SECOND) == second[:12]
    assert [sealing.opened(token, "one") for token in (first, memoryview(second))] == [TAX, TAX]
    keys(SECOND)
    assert sealing.opened(second, "one") == TAX
    with pytest.raises(InvalidToken):
        sealing.opened(first, "one")
    with pytest.raises(InvalidToken):
        sealing.opened(second, "another")


def test_values_from_before_there_were_labels_are_opened_and_new_ones_by_the_release_before(keys: Keys) -> None:
    before = Fernet(sealing.base64.urlsafe_b64encode(sealing.key_for("one")))
    old, new = before.encrypt(TAX.encode()), sealing.sealed(TAX, "one")
    keys(SECOND, FIRST)
    assert sealing.opened(old, "one") == TAX
    assert before.decrypt(new).decode() == TAX


def test_no_value_tells_when_it_was_sealed_or_what(keys: Keys) -> None:
    assert len({sealing.sealed(TAX, "one") for _each in range(5)}) == 5


def test_every_column_of_bytes_is_sealed_and_known() -> None:
    ours = ("accounts", "agencies", "appointments", "reports", "videocalls")
    of_bytes = {
        field
        for model in apps.get_models()
        if model._meta.app_label in ours
        for field in model._meta.local_fields
        if isinstance(field, models.BinaryField)
    }
    assert of_bytes == {field for _model, field in sealed_columns()}
    assert all(isinstance(field, SealedField) and field.purpose for field in of_bytes)


def a_row_of(model: type[models.Model], token: bytes, field: str = "") -> models.Model:
    """A row with this value in its sealed column."""
    if model is Appointment:
        made = an_appointment(slots_of(an_open_branch())[0])
        Appointment.objects.update(tax_number_encrypted=token)
        return made
    if model is AccountMail:
        return AccountMail.objects.create(
            kind="code", recipient="a@example.org", content=token, **dict.fromkeys(TIMES, NOW)
        )
    if model is Meeting:
        call = VideoCall.objects.create(provider="room", opens_at=NOW, closes_at=NOW + minutes(60))
        return Meeting.objects.create(call=call, provider="webex", sealed=token)
    if model is Identity:
        key, number = sealing.sealed(f"User{TAX}", SUBJECT), sealing.sealed(TAX, TAX_NUMBER)
        told = {"subject_encrypted": key, "tax_number_encrypted": number} | {field: token}
        return Identity.objects.create(user=a_user(), source="taxisnet", confirmed_at=NOW, **told)
    raise AssertionError(f"Tell {__name__} how a row of {model._meta.label} is made.")


@pytest.mark.django_db
@pytest.mark.parametrize(("model", "field"), sealed_columns(), ids=lambda one: getattr(one, "name", "") or one.__name__)
def test_sealed_column_is_sealed_anew(keys: Keys, model: type[models.Model], field: SealedField) -> None:
    row = a_row_of(model, sealing.sealed(TAX, field.purpose), field.name)
    keys(SECOND, FIRST)
    told = StringIO()
    call_command("reseal", stdout=told)
    assert f"{model._meta.label}.{field.name}: 1 sealed anew, 0 not readable" in told.getvalue()
    keys(SECOND)
    value = bytes(model._default_manager.values_list(field.name, flat=True).get(pk=row.pk))
    assert (value[:12], sealing.opened(value, field.purpose)) == (sealing.label(SECOND), TAX)
    call_command("reseal", stdout=(again := StringIO()))
    assert "1 sealed" not in again.getvalue()


@pytest.mark.django_db
def test_value_whose_key_is_missing_is_told_and_left(keys: Keys) -> None:
    token = sealing.sealed(TAX, "meeting of a video call")
    a_row_of(Meeting, token)
    keys(SECOND, THIRD)
    with pytest.raises(CommandError, match="none of the keys"):
        call_command("reseal", stdout=StringIO())
    assert bytes(Meeting.objects.get().sealed) == token


# Keyed hashes


def test_keyed_hashes_are_looked_up_by_all_keys(keys: Keys) -> None:
    first = sealing.fingerprint(TAX, "one")
    keys(SECOND, FIRST)
    assert sealing.fingerprints(TAX, "one") == [sealing.fingerprint(TAX, "one"), first]
    assert sealing.fingerprint(TAX, "one") != first


@pytest.mark.django_db
@pytest.mark.parametrize("resealed", [False, True])
@pytest.mark.parametrize("contact", [{"tax_number": TAX}, {"email": "froso@example.org"}])
def test_person_is_counted_over_a_change_of_the_key(keys: Keys, contact: dict[str, str], resealed: bool) -> None:
    branch = an_open_branch(desks=9)
    slots, who = slots_of(branch), {"email": ""} | contact
    booked = an_appointment(slots[0], **who)
    keys(SECOND, FIRST)
    if resealed:
        call_command("reseal", stdout=StringIO())
    with pytest.raises(LimitReached):
        an_appointment(slots[5], **who)
    booked.refresh_from_db()
    assert booked.person_key == person_key(**contact)


@pytest.mark.django_db
def test_person_whom_a_process_with_the_old_key_books_meanwhile(keys: Keys) -> None:
    """Both have the first place then. Neither the next booking nor the command fails, and nothing is lost."""
    slots = slots_of(an_open_branch(desks=9))
    old = an_appointment(slots[0], tax_number=TAX)
    keys(SECOND)  # as if that process did not know of the other key
    an_appointment(slots[5], tax_number=TAX)
    keys(SECOND, FIRST)
    with pytest.raises(LimitReached):
        an_appointment(slots[9], tax_number=TAX)
    call_command("reseal", stdout=StringIO())
    old.refresh_from_db()
    assert old.status == "booked"


@pytest.mark.django_db
def test_signed_in_person_is_counted_anew_by_the_address_of_the_account(keys: Keys) -> None:
    booked = an_appointment(slots_of(an_open_branch())[0], citizen=a_user("froso@example.org"))
    keys(SECOND, FIRST)
    call_command("reseal", stdout=StringIO())
    booked.refresh_from_db()
    assert booked.person_key == person_key(email="froso@example.org")


@pytest.mark.django_db
def test_repeated_request_is_recognised_over_a_change_of_the_key(keys: Keys) -> None:
    slot = slots_of(an_open_branch(desks=3))[0].pk
    procedure = Procedure.objects.select_related("agency").get()

    def book(contact: Contact) -> Appointment:
        return booking.book(slot, procedure, "in_person", contact, by=STAFF, now=NOW, idempotency_key="once")

    first = book(a_contact())
    keys(SECOND, FIRST)
    assert book(a_contact()).pk == first.pk
    with pytest.raises(KeyReused):
        book(a_contact(2))


@pytest.mark.django_db
def test_visits_of_a_person_are_found_after_a_change_of_the_key(keys: Keys) -> None:
    slots = slots_of(an_open_branch(desks=3))
    before = an_appointment(slots[0], tax_number=TAX)
    Appointment.objects.update(status="completed", limit_place=None)
    keys(SECOND, FIRST)
    call_command("reseal", stdout=StringIO())
    now = an_appointment(slots[9], tax_number=TAX)
    assert completed_before(now) == [before]
    assert decrypted(now.tax_number_encrypted) == TAX


def test_marks_of_mails_that_were_sent_before_are_ours(keys: Keys, settings: Any) -> None:
    letter = marks.EmailMessage("Θέμα", "Κείμενο", to=["froso@example.org"])
    marks.stamp(letter, "message", 12)
    keys(SECOND, FIRST)
    [mark] = marks.found_in([letter.extra_headers["Message-ID"]])
    assert mark.is_for("Froso@example.org")
    keys(SECOND)
    assert marks.found_in([letter.extra_headers["Message-ID"]]) == []


@pytest.mark.django_db
def test_mailbox_stays_the_same(keys: Keys, settings: Any) -> None:
    settings.BOUNCE_URL = "imaps://user:word@mail.example.org/INBOX"
    read = Mailbox.objects.create(key=reading.current(), last=41, due_at=NOW, retry_at=NOW)
    keys(SECOND, FIRST)
    assert reading._claim(reading.current(), timezone.now()) == read
    assert Mailbox.objects.get().key == reading.current()


@pytest.mark.django_db
@pytest.mark.parametrize("resealed", [False, True])
def test_identity_is_known_over_a_change_of_the_key(keys: Keys, resealed: bool) -> None:
    person = Person("taxisnet", f"User{TAX}", "low", "ΠΑΠΑΔΟΠΟΥΛΟΥ", "ΕΥΦΡΟΣΥΝΗ", tax_number=TAX)
    at = Reached("froso@example.org", "", "el")
    first = join(person, at, is_staff=False, now=NOW)
    keys(SECOND, FIRST)
    if resealed:
        call_command("reseal", stdout=StringIO())
    again = join(replace(person), at, is_staff=False, now=NOW)
    elsewhere = replace(person, source="taxisnet_otp")
    assert (again.user, again.account, elsewhere.is_same_as(again.user.identity)) == (first.user, first.account, True)
    if resealed:
        keys(SECOND)
        assert join(replace(person), at, is_staff=False, now=NOW).account == first.account
