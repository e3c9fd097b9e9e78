"""All data about me: complete, to take along, and gone when I want it. For accounts, and for guests by their link."""

import json
from datetime import timedelta
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from django.contrib.sessions.models import Session
from django.test import Client
from django.urls import reverse

from accounts.models import AccountMail, User
from agencies.models import Branch, Declaration
from appointments import booking, counter
from appointments.booking import retention
from appointments.models import Acceptance, Appointment, IdentityCheck, Notification, Party, Reading, Status, Ticket
from appointments.mydata import collecting, erasing
from tests.builders import GUEST, NOW, a_desk, a_user, an_officer, an_open_branch, booked_at, by, minutes, slot_at
from tests.codes import follow
from tests.pages import signed_in, text_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]
TAX = "090000045"
SURE = {"sure": "on"}
TOMORROW = timedelta(days=1)


@pytest.fixture
def branch() -> Branch:
    return an_open_branch(desks=5)


@pytest.fixture
def citizen() -> User:
    user = a_user("froso@example.org", name="Ευφροσύνη Κρητικού", phone="6998877665")
    EmailAddress.objects.create(user=user, email=user.email, primary=True, verified=True)
    return user


def own(branch: Branch, citizen: User, hour: int = 10, **more: Any) -> Appointment:
    return booked_at(branch, hour, citizen=citizen, **more)


def opened(client: Client, appointment: Appointment) -> Client:
    follow(client, appointment, link=appointment.shown_link())
    return client


def served(branch: Branch, appointment: Appointment) -> Ticket:
    """The appointment was served, and all was written down that can be."""
    officer = an_officer(branch)
    ticket = counter.check_in(appointment, by=GUEST, now=NOW)
    counter.serve(counter.call(ticket, a_desk(branch, officer), by=by(officer), now=NOW), by=by(officer), now=NOW)
    counter.complete(ticket, by=by(officer), now=NOW + minutes(9))
    IdentityCheck.objects.create(
        appointment=appointment, is_shown=True, valid_until=NOW.date(), officer=officer, at=NOW
    )
    return ticket


def values(part: Any) -> set[str]:
    """All that stands in the file."""
    if isinstance(part, dict | list):
        return set().union(*map(values, part.values() if isinstance(part, dict) else part))
    return {part} if isinstance(part, str) else set()


# What is known


def test_file_has_every_field_that_tells_of_somebody(client: Client, branch: Branch, citizen: User) -> None:
    """Whatever retention has to erase, the citizen can read before."""
    appointment = own(branch, citizen, tax_number=TAX)
    served(branch, appointment)
    texts = {"timezone": "Europe/Athens", "phone": "6900000001", "email": "of.the.field@example.org"}
    untold = {
        "citizen",
        "tax_number_encrypted",
        "person_key",
        "limit_place",
        "idempotency_key",
        "request_digest",
        "search",
    }
    names = [name for name in retention.NOBODY if name not in untold]
    Appointment.objects.update(**{name: texts.get(name, f"of the field {name}") for name in names})
    Ticket.objects.update(**{name: f"on the ticket {name}" for name in retention.UNSAID})
    found = values(json.loads(signed_in(client, citizen).get("/appointments/data.json").content))
    expected = {texts.get(name, f"of the field {name}") for name in names} | {
        TAX,
        citizen.email,
        citizen.name,
        citizen.phone,
    }
    assert expected | {f"on the ticket {name}" for name in retention.UNSAID} <= found
    page = text_of(client.get("/en/appointments/data/"))
    assert [one for one in expected if one not in page] == []


def test_file_tells_for_whom_it_is_and_what_was_declared(client: Client, branch: Branch, citizen: User) -> None:
    appointment = own(branch, citizen)
    declaration = Declaration.objects.create(
        procedure=appointment.procedure, version=1, text_el="Μένω εδώ.", text_en="I live here.", written_at=NOW
    )
    Acceptance.objects.create(appointment=appointment, declaration=declaration, accepted_at=NOW)
    told = {"name": "Μαρία Μητέρα", "email": "mother@example.org", "phone": "+306987654321"}
    Party.objects.create(appointment=appointment, kind="other", standing="child", consent=1, consented_at=NOW, **told)
    found = values(json.loads(signed_in(client, citizen).get("/en/appointments/data.json").content))
    assert {*told.values(), "I live here."} <= found


def test_file_is_for_programs_and_the_page_for_people(client: Client, branch: Branch, citizen: User) -> None:
    appointment = own(branch, citizen)
    answer = signed_in(client, citizen).get("/en/appointments/data.json")
    assert answer["Content-Type"] == "application/json"
    assert answer["Content-Disposition"] == 'attachment; filename="my-data.json"'
    assert "no-store" in answer["Cache-Control"]
    told = answer.json()
    [row] = told["appointments"]
    assert (told["email"], row["reference"], row["starts_at"]) == (
        citizen.email,
        appointment.reference,
        appointment.starts_at.isoformat(),
    )
    assert [step["text"] for step in row["history"]] == ["Booked"]
    assert "KEP Chania" in text_of(client.get("/en/appointments/data/"))


def test_who_has_looked_is_in_the_file(client: Client, branch: Branch) -> None:
    appointment = booked_at(branch, 10)
    signed_in(Client(), an_officer(branch)).get(f"/admin/appointments/appointment/{appointment.reference}/change/")
    told = opened(client, appointment).get(f"/en/appointments/{appointment.reference}/data.json").json()
    assert [one["text"] for one in told["looked_at"]] == ["An officer of KEP Chania looked at it"]


def test_data_of_others_is_nobodys(client: Client, branch: Branch, citizen: User) -> None:
    appointment = own(branch, citizen)
    signed_in(client, a_user("another@example.org"))
    for page in ("data/", "data.json", "erase/"):
        assert client.get(f"/appointments/{appointment.reference}/{page}").status_code == 404
    assert json.loads(client.get("/appointments/data.json").content)["appointments"] == []
    for page in ("data/", "data.json", "data/erase/", "data/close/"):
        assert Client().get(f"/appointments/{page}").status_code == 302


@pytest.mark.parametrize("page", ["data/", "data.json", "erase/"])
def test_link_alone_tells_and_erases_nothing(client: Client, branch: Branch, page: str) -> None:
    appointment = booked_at(branch, 10)
    url = f"/appointments/{appointment.reference}/{page}"
    client.get(appointment.link())
    for answer in (client.get(url), client.post(url, SURE | {"revision": "0"})):
        assert answer.status_code == 405 or "/open/" in answer["Location"]
    untouched = Appointment.objects.get()
    assert (untouched.status, untouched.name) == (Status.BOOKED, appointment.name)
    assert follow(client, appointment, link=f"{url}?key={appointment.link_key}").request["PATH_INFO"] == url


# Erasing one appointment


def test_guest_cancels_and_erases_by_the_link(client: Client, branch: Branch) -> None:
    appointment = booked_at(branch, 10)
    url = f"/en/appointments/{appointment.reference}/erase/"
    page = text_of(opened(client, appointment).get(url))
    assert "The appointment is cancelled first." in page
    assert "Tick the box" in text_of(client.post(url, {}))
    assert Appointment.objects.get().name
    answer = client.post(url, SURE | {"revision": "0"}, follow=True)
    assert "has been erased" in text_of(answer)
    erased = Appointment.objects.get()
    assert (erased.status, erased.name, erased.email, erased.slot_ids) == (Status.CANCELLED, "", "", [])
    assert slot_at(appointment.starts_at).taken == 0
    assert not Notification.objects.filter(state="pending").exists()
    assert [event.verb for event in erased.events.order_by("pk")][-2:] == ["cancel", "erase"]


def test_past_one_is_erased_with_all_that_was_written_down(client: Client, branch: Branch, citizen: User) -> None:
    appointment = own(branch, citizen, tax_number=TAX)
    served(branch, appointment)
    Ticket.objects.update(internal_note="Λείπει η υπογραφή", name="Ευφροσύνη")
    signed_in(Client(), an_officer(branch, email="other@example.org")).get(
        f"/admin/appointments/appointment/{appointment.reference}/change/"
    )
    assert Reading.objects.exists()
    url = f"/appointments/{appointment.reference}/erase/"
    assert "ακυρώνεται" not in text_of(signed_in(client, citizen).get(url))
    client.post(url, SURE)
    erased = Appointment.objects.get()
    assert (erased.citizen, erased.tax_number_encrypted, erased.status) == (None, None, Status.COMPLETED)
    assert Ticket.objects.values_list("internal_note", "name").get() == ("", "")
    assert not Reading.objects.exists()
    assert client.get(f"/appointments/{appointment.reference}/").status_code == 404


@pytest.mark.parametrize("happens", ["too late", "arrived", "another window"])
def test_what_goes_on_is_not_erased(client: Client, branch: Branch, clock: Any, happens: str) -> None:
    appointment = booked_at(branch, 10)
    opened(client, appointment)
    seen = {"revision": "0"}
    if happens == "too late":
        clock.move_to(appointment.starts_at - minutes(1))
    elif happens == "arrived":
        counter.check_in(appointment, by=GUEST, now=NOW)
    else:
        Appointment.objects.update(revision=3)
    page = client.post(f"/en/appointments/{appointment.reference}/erase/", SURE | seen)
    assert page.status_code == 200
    assert Appointment.objects.get().name == appointment.name
    assert Appointment.objects.get().status != Status.CANCELLED


def test_appointment_to_which_nobody_came_is_past_on_the_next_day(branch: Branch) -> None:
    appointment = booked_at(branch, 10)
    assert not erasing.is_past(appointment, appointment.ends_at + minutes(5))
    assert erasing.is_past(appointment, appointment.ends_at + TOMORROW)


# Erasing what is past, and the account


def test_past_ones_of_an_account_are_erased_and_the_others_stay(client: Client, branch: Branch, citizen: User) -> None:
    past, ahead = own(branch, citizen), own(branch, citizen, 11, number=2, tax_number=TAX)
    booking.cancel(past, by=GUEST, now=NOW)
    page = text_of(signed_in(client, citizen).get("/en/appointments/data/erase/"))
    assert page.count('<li class="govgr-list__item">') == 1
    assert "1 appointment has been erased" in text_of(client.post("/en/appointments/data/erase/", SURE, follow=True))
    assert [one.pk for one in erasing.own(citizen)] == [ahead.pk]


def test_account_is_deleted_with_everything(client: Client, branch: Branch, citizen: User) -> None:
    ahead = own(branch, citizen)
    times = dict.fromkeys(("awaited_since", "created_at", "due_at", "useless_at"), NOW)
    AccountMail.objects.create(kind="code", recipient=citizen.email, content=b"x", **times)
    elsewhere = signed_in(Client(), citizen)
    page = text_of(signed_in(client, citizen).get("/en/appointments/data/close/"))
    assert "These appointments are cancelled first" in page
    assert "have been deleted" in text_of(client.post("/en/appointments/data/close/", SURE, follow=True))
    ahead.refresh_from_db()
    citizen.refresh_from_db()
    assert (ahead.status, ahead.name, ahead.citizen) == (Status.CANCELLED, "", None)
    assert (citizen.name, citizen.phone, citizen.is_active, citizen.has_usable_password()) == ("", "", False, False)
    assert not User.objects.filter(email="froso@example.org").exists()
    assert not EmailAddress.objects.exists()
    assert not AccountMail.objects.exists()
    assert elsewhere.get("/appointments/").status_code == 302  # the other browser is signed out too
    a_user("froso@example.org")  # the address is free


def test_account_stays_if_an_appointment_goes_on(client: Client, branch: Branch, citizen: User, clock: Any) -> None:
    soon, later = own(branch, citizen), own(branch, citizen, 11, number=2, tax_number=TAX)
    clock.move_to(soon.starts_at - minutes(1))
    page = signed_in(client, citizen).post("/en/appointments/data/close/", SURE)
    assert "It is too late to cancel" in text_of(page)
    later.refresh_from_db()
    assert later.status == Status.BOOKED
    assert User.objects.get(pk=citizen.pk).is_active


def test_time_that_is_only_held_goes_with_the_account(client: Client, branch: Branch, citizen: User) -> None:
    slot = slot_at(booked_at(branch, 10).starts_at)
    Appointment.objects.all().update(status=Status.HELD, citizen=citizen, name="", expires_at=NOW + minutes(10))
    signed_in(client, citizen).post("/appointments/data/close/", SURE)
    slot.refresh_from_db()
    assert slot.taken == 0
    assert not User.objects.get(pk=citizen.pk).is_active


@pytest.mark.parametrize("role", ["officer", "operator", "official"])
def test_account_with_a_role_is_ended_by_who_gave_it(client: Client, branch: Branch, role: str) -> None:
    who = an_officer(branch) if role == "officer" else a_user(**{f"is_{role}": True})
    assert signed_in(client, who).post("/appointments/data/close/", SURE).status_code == 403
    assert "Delete my account" not in text_of(client.get("/en/appointments/data/"))
    who.refresh_from_db()
    assert who.is_active


def test_pages_are_found_from_the_appointments(client: Client, branch: Branch, citizen: User) -> None:
    appointment = own(branch, citizen)
    signed_in(client, citizen)
    assert reverse("appointments:data") in text_of(client.get("/appointments/"))
    data = f"/appointments/{appointment.reference}/data/"
    assert data in text_of(client.get(f"/appointments/{appointment.reference}/"))
    assert f"/appointments/{appointment.reference}/erase/" in text_of(client.get(data))
    assert Session.objects.exists()
    assert collecting.of_appointment(appointment).known
