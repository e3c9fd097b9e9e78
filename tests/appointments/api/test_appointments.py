import json
import re
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries
from rest_framework import serializers
from rest_framework.exceptions import APIException
from time_machine import TimeMachineFixture

from accounts.limits import Limit
from accounts.models import User
from agencies.api.callers import WriteThrottle
from agencies.api.viewsets import AgencyFilter, BranchFilter, ProcedureFilter
from agencies.models import Agency, Branch, Procedure, SystemToken
from appointments.api.serializers import BOOKING, BookingSerializer, MoveSerializer, SlotFilter
from appointments.booking.persons import decrypted, digest_of, person_key
from appointments.forms import DetailsForm
from appointments.models import Appointment, Status, TimeSlot
from appointments.times.publishing import publish
from tests.builders import (
    EVERY_DAY,
    NOW,
    a_branch,
    a_procedure,
    a_rule,
    a_user,
    an_agency,
    an_appointment,
    an_officer,
    an_open_branch,
    at,
    minutes,
    slots_of,
)

pytestmark = pytest.mark.django_db
TAX_NUMBER = "090000045"


@pytest.fixture(autouse=True)
def _monday_morning(time_machine: TimeMachineFixture) -> None:
    time_machine.move_to(NOW, tick=False)


@pytest.fixture
def branch() -> Branch:
    return an_open_branch(desks=2)


def a_system(agency: Agency, key: str = "secret of kep") -> Client:
    """The agency's own system, with a token."""
    SystemToken.objects.create(agency=agency, label="Register", digest=SystemToken.digest_of(key))
    return Client(headers={"Authorization": f"Bearer {key}", "Accept-Language": "en"})


def a_citizen(email: str = "citizen@example.org", **options: Any) -> Client:
    client = Client(headers={"Accept-Language": "en"}, **options)
    client.force_login(User.objects.filter(email=email).first() or a_user(email))
    return client


def a_request(first: TimeSlot, **fields: Any) -> dict[str, Any]:
    wanted = {"slot": first.pk, "procedure": "kep-dilosi", "channel": "in_person", "name": "Ελένη Παπαδάκη"}
    return wanted | {"email": "eleni@example.org", "phone": "6912345678", "language": "el"} | fields


def book(client: Client, first: TimeSlot, key: str = "", **fields: Any) -> Any:
    headers = {"Idempotency-Key": key} if key else {}
    return client.post(
        "/api/v1/appointments/", a_request(first, **fields), content_type="application/json", headers=headers
    )


def times(query: str, language: str = "en") -> Any:
    response = Client(headers={"Accept-Language": language}).get(f"/api/v1/slots/?{query}")
    assert response.status_code == 200, response.content
    return response.json()


# Free times


def test_slots_give_id_branch_times_with_offset_and_free(branch: Branch):
    first = slots_of(branch)[0]
    an_appointment(first)
    found = times("procedure=kep-dilosi&branch=kep-chania&channel=in_person&from=2026-03-02&to=2026-03-02")
    assert found[0] == {
        "id": first.pk,
        "branch": "kep-chania",
        "starts_at": "2026-03-02T08:00:00+02:00",
        "ends_at": "2026-03-02T08:10:00+02:00",
        "free": 1,
    }
    assert len(found) == 36
    assert found[-1]["starts_at"] == "2026-03-02T13:50:00+02:00"


def test_slots_within_the_lead_or_taken_are_not_free(branch: Branch, time_machine: TimeMachineFixture):
    slots = slots_of(branch)
    an_appointment(slots[12], 1)
    an_appointment(slots[12], 2)
    time_machine.move_to(at(8, 35, day=date(2026, 3, 2)), tick=False)
    found = times("procedure=kep-dilosi&branch=kep-chania&to=2026-03-02")
    assert [time["id"] for time in found[:3]] == [slots[10].pk, slots[11].pk, slots[13].pk]


def test_slots_end_when_the_procedure_does(branch: Branch):
    a_procedure(branch.agency, "kep-long", duration_minutes=25)
    found = times("procedure=kep-long&branch=kep-chania&to=2026-03-02")
    assert found[0]["ends_at"] == "2026-03-02T08:25:00+02:00"
    assert found[-1]["starts_at"] == "2026-03-02T13:30:00+02:00"


def test_slots_follow_the_clock_change():
    kep = an_agency(horizon_days=30)
    branch = a_branch(kep)
    a_procedure(kep)
    a_rule(branch, weekdays=EVERY_DAY, opens_at=time(0), closes_at=time(5), slot_minutes=60)
    publish([branch.pk], now=NOW)
    found = times("procedure=kep-dilosi&branch=kep-chania&from=2026-03-28&to=2026-03-30")
    starts = [slot["starts_at"] for slot in found]
    assert starts[4:9] == [
        "2026-03-28T04:00:00+02:00",
        "2026-03-29T00:00:00+02:00",
        "2026-03-29T01:00:00+02:00",
        "2026-03-29T02:00:00+02:00",
        "2026-03-29T04:00:00+03:00",
    ]
    stored = [datetime.fromisoformat(start) for start in starts]
    assert stored == [*TimeSlot.objects.filter(starts_at__in=stored).values_list("starts_at", flat=True)]


def test_slots_that_span_the_clock_change_end_on_the_new_clock():
    kep = an_agency(horizon_days=30)
    branch = a_branch(kep)
    a_procedure(kep, duration_minutes=90)
    a_rule(branch, weekdays=[7], opens_at=time(2), closes_at=time(5), slot_minutes=30)
    publish([branch.pk], now=NOW)
    found = times("procedure=kep-dilosi&branch=kep-chania&from=2026-03-29&to=2026-03-29")
    for slot in found:
        length = datetime.fromisoformat(slot["ends_at"]) - datetime.fromisoformat(slot["starts_at"])
        assert length == minutes(90)
        assert slot["ends_at"].endswith("+03:00")


def test_slots_are_on_the_clock_of_a_far_branch():
    consul = an_agency("consul")
    melbourne = a_branch(consul, "consul-melbourne", timezone="Australia/Melbourne")
    a_procedure(consul, "consul-passport")
    a_rule(melbourne)
    publish([melbourne.pk], now=NOW)
    found = times("procedure=consul-passport&branch=consul-melbourne&from=2026-03-03&to=2026-03-03")
    assert found[0]["starts_at"] == "2026-03-03T08:00:00+11:00"
    assert len(found) == 36
    (first,) = times("procedure=consul-passport&from=2026-03-04")
    assert first["starts_at"] == "2026-03-04T08:00:00+11:00"


def test_slots_without_branch_are_the_earliest_of_each():
    kep = an_agency()
    a_procedure(kep)
    branches = [a_branch(kep, f"kep-{n}") for n in range(3)]
    for branch in branches[:2]:
        a_rule(branch)
    publish([branch.pk for branch in branches], now=NOW)
    TimeSlot.objects.filter(branch=branches[1]).order_by("starts_at").first().delete()
    found = times("procedure=kep-dilosi&channel=in_person")
    assert {slot["branch"]: slot["starts_at"] for slot in found} == {
        "kep-0": "2026-03-02T08:00:00+02:00",
        "kep-1": "2026-03-02T08:10:00+02:00",
    }
    assert times("procedure=kep-dilosi&from=2026-03-02&to=2026-03-02") == found
    assert [slot["starts_at"] for slot in times("procedure=kep-dilosi&from=2026-03-07")] == [
        "2026-03-09T08:00:00+02:00"
    ] * 2


def test_slots_by_default_are_those_of_a_month(branch: Branch):
    Agency.objects.update(horizon_days=60)
    publish([branch.pk], now=NOW)
    found = times("procedure=kep-dilosi&branch=kep-chania")
    assert found[-1]["starts_at"].startswith("2026-04-01")
    found = times("procedure=kep-dilosi&branch=kep-chania&from=2026-03-16&to=2026-04-30")
    assert (found[0]["starts_at"][:10], found[-1]["starts_at"][:10]) == ("2026-03-16", "2026-04-30")


def test_slots_of_a_channel_without_openings_are_none(branch: Branch):
    branch.opening_rules.update(channels=["in_person"])
    assert times("procedure=kep-dilosi&branch=kep-chania&channel=video") == []


@pytest.mark.parametrize(
    ("query", "field", "message"),
    [
        ("", "procedure", "This field is required."),
        ("procedure=nothing", "procedure", "There is no “nothing” here."),
        ("procedure=%00", "procedure", "There is no “\0” here."),
        ("procedure=kep-dilosi&branch=nowhere", "branch", "There is no “nowhere” here."),
        ("procedure=kep-dilosi&branch=dimos-athens", "branch", "This branch belongs to another agency."),
        ("procedure=kep-dilosi&channel=fax", "channel", "“fax” is not a valid choice."),
        ("procedure=kep-dilosi&channel=phone", "channel", "This service is not given in this way at this time."),
        ("procedure=kep-dilosi&from=x", "from", "Date has wrong format. Use one of these formats instead: YYYY-MM-DD."),
        ("procedure=kep-dilosi&from=2026-03-02&to=2026-03-01", "to", "The last day is before the first."),
        ("procedure=kep-dilosi&from=2026-03-02&to=2026-06-01", "to", "At most 62 days can be asked for."),
    ],
)  # fmt: skip
def test_slots_refuse_what_they_do_not_know(branch: Branch, query: str, field: str, message: str):
    a_branch(an_agency("dimos"), "dimos-athens")
    response = Client(headers={"Accept-Language": "en"}).get(f"/api/v1/slots/?{query}")
    assert (response.status_code, response.json()) == (400, {field: [message.replace("“fax”", '"fax"')]})


@pytest.mark.parametrize(
    "query", ["from=9999-12-31&to=9999-12-31", "from=0001-01-01", "to=9999-12-31", "from=9999-12-31"]
)
def test_slots_in_odd_years_are_none_or_the_present_ones(branch: Branch, query: str):
    for place in ("", "&branch=kep-chania"):
        assert len(times(f"procedure=kep-dilosi{place}&{query}")) in {0, 1, 11 * 36}


@pytest.mark.parametrize("place", ["", "&branch=kep-chania"])
@pytest.mark.parametrize("days", ["to=0001-01-01", "to=2026-03-01", "from=2026-02-01&to=2026-03-01"])
def test_last_day_in_the_past_is_refused(branch: Branch, days: str, place: str):
    response = Client(headers={"Accept-Language": "el"}).get(f"/api/v1/slots/?procedure=kep-dilosi&{days}{place}")
    assert (response.status_code, response.json()) == (400, {"to": ["Η τελευταία ημέρα έχει περάσει."]})
    assert len(times(f"procedure=kep-dilosi&to=2026-03-02{place}")) >= 1


@pytest.mark.parametrize("number", [1, 3])
def test_slots_take_a_constant_number_of_queries(number: int, django_assert_num_queries: DjangoAssertNumQueries):
    kep = an_agency()
    a_procedure(kep)
    branches = [a_branch(kep, f"kep-{n}") for n in range(number)]
    for branch in branches:
        a_rule(branch, closes_at=time(8, 10 * number))
    publish([branch.pk for branch in branches], now=NOW)
    with django_assert_num_queries(3):
        assert len(times("procedure=kep-dilosi&branch=kep-0&to=2026-03-02")) == number
    with django_assert_num_queries(3):
        assert len(times("procedure=kep-dilosi")) == number


# Booking


def test_system_books_for_its_agency(branch: Branch):
    slot = slots_of(branch)[0]
    response = book(a_system(branch.agency), slot, key="one")
    assert response.status_code == 201, response.content
    appointment = Appointment.objects.get()
    assert response.json() == {
        "reference": appointment.reference,
        "status": "booked",
        "agency": "kep",
        "branch": "kep-chania",
        "procedure": "kep-dilosi",
        "channel": "in_person",
        "starts_at": "2026-03-02T08:00:00+02:00",
        "ends_at": "2026-03-02T08:10:00+02:00",
        "manage_url": appointment.shown_link(),
    }
    assert (appointment.source, appointment.citizen, appointment.status) == ("system", None, Status.BOOKED)
    assert (appointment.name, appointment.email, appointment.phone) == (
        "Ελένη Παπαδάκη",
        "eleni@example.org",
        "+306912345678",
    )
    assert [*appointment.notifications.values_list("kind", flat=True)] == ["confirmation"]


def test_manage_url_opens_the_appointment(branch: Branch):
    answer = book(a_system(branch.agency), slots_of(branch)[0]).json()
    address = urlsplit(answer["manage_url"])
    page = Client().get(f"{address.path}?{address.query}", follow=True)
    assert page.status_code == 200
    assert answer["reference"][:5] in page.content.decode()


def test_citizen_books_with_session_and_csrf_token(branch: Branch):
    slot = slots_of(branch)[0]
    citizen = a_citizen(enforce_csrf_checks=True)
    assert book(citizen, slot).status_code == 403
    citizen.cookies["csrftoken"] = "c" * 32
    citizen.defaults["HTTP_X_CSRFTOKEN"] = "c" * 32
    assert book(citizen, slot).status_code == 201
    appointment = Appointment.objects.get()
    assert (appointment.source, appointment.citizen.email) == ("web", "citizen@example.org")


@pytest.mark.parametrize("header", [{}, {"Authorization": "Bearer wrong"}, {"Authorization": "Bearer"}])
def test_stranger_is_asked_who_it_is(branch: Branch, header: dict[str, str]):
    response = book(Client(headers=header), slots_of(branch)[0])
    assert response.status_code == 401
    assert response["WWW-Authenticate"].startswith("Bearer")
    assert not Appointment.objects.exists()


def test_inactive_token_is_refused(branch: Branch):
    system = a_system(branch.agency)
    SystemToken.objects.update(is_active=False)
    assert book(system, slots_of(branch)[0]).status_code == 401


def test_system_does_not_book_for_another_agency(branch: Branch):
    response = book(a_system(an_agency("dimos")), slots_of(branch)[0])
    assert response.status_code == 403
    assert response.json() == {"detail": "This token books for its own agency only."}
    assert not Appointment.objects.exists()


def test_same_key_again_answers_the_same_appointment(branch: Branch):
    slots = slots_of(branch)
    system = a_system(branch.agency)
    first, again = book(system, slots[0], key="k"), book(system, slots[0], key="k")
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.json() == again.json()
    assert Appointment.objects.count() == 1
    assert TimeSlot.objects.get(pk=slots[0].pk).taken == 1


def test_same_key_of_another_caller_is_another_booking(branch: Branch):
    slots = slots_of(branch)
    mine = book(a_system(branch.agency), slots[0], key="k").json()
    other = book(a_system(branch.agency, "another"), slots[1], key="k", email="other@example.org").json()
    citizens = book(a_citizen(), slots[2], key="k").json()
    assert len({mine["reference"], other["reference"], citizens["reference"]}) == 3


@pytest.mark.parametrize(
    "other",
    [
        {"name": "Νίκος Παπαδάκης"},
        {"email": "nikos@example.org"},
        {"phone": "6987654321"},
        {"language": "en"},
        {"channel": "video"},
        {"procedure": "kep-other"},
        {"notes": "με διερμηνέα"},
        {"timezone": "Australia/Melbourne"},
        {"tax_number": TAX_NUMBER},
        {"slot": 1},
    ],
    ids=lambda other: next(iter(other)),
)
def test_same_key_with_another_request_is_refused(branch: Branch, other: dict[str, Any]):
    client, slots = a_system(branch.agency), slots_of(branch)
    a_procedure(branch.agency, "kep-other")
    first = book(client, slots[0], key="one")
    if "slot" in other:
        other = {"slot": slots[1].pk}
    for again in (other, other | {"notes": "νέα σημείωση"}):
        response = book(client, slots[0], key="one", **again)
        message = "This key has already booked another appointment. Use a new key for each booking."
        assert (response.status_code, response.json()) == (422, {"Idempotency-Key": [message]})
    assert Appointment.objects.count() == 1
    assert book(client, slots[0], key="one").json() == first.json()


def test_same_request_in_other_json_answers_the_same(branch: Branch):
    client, slots = a_system(branch.agency), slots_of(branch)
    first = book(client, slots[0], key="one")
    asked = a_request(slots[0])
    spaced = json.dumps(dict(reversed(asked.items())), ensure_ascii=False, indent=4)
    defaults = json.dumps(asked | {"slot": str(slots[0].pk), "notes": "", "tax_number": "", "unknown": 1})
    for body in (spaced, defaults):
        again = client.post(
            "/api/v1/appointments/", body, content_type="application/json", headers={"Idempotency-Key": "one"}
        )
        assert (again.status_code, again.json()) == (201, first.json())


def test_repeated_request_answers_the_same_when_language_header_or_slot_are_gone(branch: Branch):
    """Only what the body says counts. The slot of an appointment that has moved may be withdrawn meanwhile."""
    client, slots = a_system(branch.agency), slots_of(branch)
    asked = a_request(slots[0])
    del asked["language"]
    options: dict[str, Any] = {"content_type": "application/json"}
    key = {"Idempotency-Key": "one"}
    first = client.post("/api/v1/appointments/", asked, headers=key, **options).json()
    client.patch(f"/api/v1/appointments/{first['reference']}/", {"slot": slots[1].pk}, **options)
    slots[0].delete()
    again = client.post("/api/v1/appointments/", asked, headers=key | {"Accept-Language": "el"}, **options)
    assert (again.status_code, again.json()["reference"]) == (201, first["reference"])


def test_digest_of_a_request_tells_nothing_about_the_citizen(branch: Branch):
    book(a_system(branch.agency), slots_of(branch)[0], key="one")
    digest = Appointment.objects.get().request_digest
    assert re.fullmatch("[0-9a-f]{64}", digest)
    assert digest == digest_of(a_request(slots_of(branch)[0]) | {"tax_number": "", "notes": "", "timezone": ""}), (
        "keyed by DATA_KEY, so nobody else can try names"
    )


def test_key_after_a_refusal_can_be_used_again(branch: Branch):
    slots = slots_of(branch)
    system = a_system(branch.agency)
    assert book(system, slots[0], key="k", email="wrong").status_code == 400
    assert book(system, slots[0], key="k").status_code == 201


def test_gone_time_is_a_conflict(branch: Branch):
    slot = slots_of(branch)[0]
    an_appointment(slot, 1)
    an_appointment(slot, 2)
    response = book(a_system(branch.agency), slot)
    assert response.status_code == 409
    assert response.json() == {"slot": ["This time has just been taken. Please choose another one."]}


def test_second_open_appointment_is_refused_at_the_procedure(branch: Branch):
    slots = slots_of(branch)
    citizen = a_citizen()
    book(citizen, slots[0])
    response = book(citizen, slots[1], email="another@example.org")
    assert response.status_code == 400
    own = "You already have an open appointment for this service. You can move it or cancel it."
    assert response.json() == {"procedure": [own]}


def test_citizen_does_not_learn_of_another_citizens_appointment(branch: Branch):
    slots, system = slots_of(branch), a_system(branch.agency)
    book(system, slots[0], tax_number=TAX_NUMBER)
    (refused,) = book(a_citizen(), slots[1], tax_number=TAX_NUMBER).json()["procedure"]
    assert refused.startswith("We could not book with these details.")
    (plain,) = book(system, slots[1], tax_number=TAX_NUMBER).json()["procedure"]
    assert plain.startswith("You already have an open appointment")


@pytest.mark.parametrize(
    ("fields", "field", "message"),
    [
        ({"slot": 2**63 - 1}, "slot", "This time does not exist. Please choose one from the list."),
        ({"slot": 2**63}, "slot", "Ensure this value is less than or equal to 9223372036854775807."),
        ({"slot": "soon"}, "slot", "A valid integer is required."),
        ({"slot": True}, "slot", "A valid integer is required."),
        ({"slot": None}, "slot", "This field may not be null."),
        ({"procedure": "nothing"}, "procedure", "There is no “nothing” here."),
        ({"procedure": {"a": 1}}, "procedure", "There is no “{'a': 1}” here."),
        ({"procedure": "\0"}, "procedure", None),
        ({"channel": "phone"}, "channel", "This service is not given in this way at this time."),
        ({"channel": "fax"}, "channel", '"fax" is not a valid choice.'),
        ({"name": ""}, "name", "This field may not be blank."),
        ({"name": "a\0b"}, "name", "Null characters are not allowed."),
        ({"name": "\ud800"}, "name", None),
        ({"name": "x" * 121}, "name", "Ensure this field has no more than 120 characters."),
        ({"email": "eleni"}, "email", "Enter a valid email address."),
        ({"phone": "call me"}, "phone", None),
        ({"phone": "69123"}, "phone", None),
        ({"channel": "video", "phone": ""}, "phone", "This field is required."),
        ({"language": "fr"}, "language", '"fr" is not a valid choice.'),
        ({"tax_number": "123456789"}, "tax_number", "This is not a valid tax number. Check its nine digits."),
        ({"timezone": "Mars/Base"}, "timezone", "“Mars/Base” is not a time zone, for example Europe/Athens."),
        ({"notes": "x" * 501}, "notes", "Ensure this field has no more than 500 characters."),
    ],
)  # fmt: skip
def test_wrong_field_gets_one_message(branch: Branch, fields: dict[str, Any], field: str, message: str | None):
    response = book(a_system(branch.agency), slots_of(branch)[0], **fields)
    assert response.status_code == 400, response.content
    assert list(response.json()) == [field]
    assert response.json()[field] == [message or response.json()[field][0]]
    assert not Appointment.objects.exists()


def test_all_wrong_fields_are_told_at_once(branch: Branch):
    response = book(a_system(branch.agency), slots_of(branch)[0], name="", phone="call me", email="eleni")
    assert sorted(response.json()) == ["email", "name", "phone"]


def test_phone_is_one_of_the_branchs_country(branch: Branch):
    Branch.objects.update(country="CA")
    assert book(a_system(branch.agency), slots_of(branch)[0], phone="647 555 0123").status_code == 201
    assert Appointment.objects.get().phone == "+16475550123"


def test_missing_fields_are_all_named_in_greek(branch: Branch):
    system = a_system(branch.agency)
    response = system.post("/api/v1/appointments/", {}, "application/json", headers={"Accept-Language": "el"})
    assert response.json() == {
        field: ["Αυτό το πεδίο είναι απαραίτητο."] for field in ("slot", "procedure", "channel", "name", "email")
    }


def test_past_time_and_foreign_branch_are_refused_at_the_slot(branch: Branch, time_machine: TimeMachineFixture):
    slot = slots_of(branch)[0]
    dimos = an_agency("dimos")
    a_procedure(dimos, "dimos-mitroo")
    foreign = book(a_system(dimos, "secret of dimos"), slot, procedure="dimos-mitroo")
    assert (foreign.status_code, list(foreign.json())) == (400, ["procedure"])
    time_machine.move_to(slot.starts_at)
    past = book(a_system(branch.agency), slot)
    assert (past.status_code, list(past.json())) == (400, ["slot"])


def test_tax_number_is_asked_of_citizens_where_it_is_needed(branch: Branch):
    a_procedure(branch.agency, "kep-afm", identification="tax_number")
    citizen, slot = a_citizen(), slots_of(branch)[0]
    assert list(book(citizen, slot, procedure="kep-afm").json()) == ["tax_number"]
    assert book(citizen, slot, procedure="kep-afm", tax_number=TAX_NUMBER).status_code == 201
    assert TAX_NUMBER.encode() not in bytes(Appointment.objects.get().tax_number_encrypted)


@pytest.mark.parametrize("written", ["EL 090000045", "gr090000045", "ΕΛ 090.000.045", " 090-000-045 "])
def test_tax_number_is_accepted_as_the_website_accepts_it(branch: Branch, written: str):
    """Nine digits are stored, and counted by, however the number is written."""
    a_procedure(branch.agency, "kep-afm", identification="tax_number")
    assert book(a_citizen(), slots_of(branch)[0], procedure="kep-afm", tax_number=written).status_code == 201
    stored = Appointment.objects.get()
    assert decrypted(stored.tax_number_encrypted) == "090000045"
    assert stored.person_key == person_key(tax_number="090000045")


def test_systems_know_whom_they_book_for_without_a_tax_number(branch: Branch):
    a_procedure(branch.agency, "kep-afm", identification="tax_number")
    assert book(a_system(branch.agency), slots_of(branch)[0], procedure="kep-afm").status_code == 201


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"7",
        b'"text"',
        b'{"slot": NaN}',
        b"\xff\xfe",
        b'{"name": "\xc3"}',
        b"[" * 60_000,
        b'{"slot": ' + b"9" * 5000 + b"}",
        b" " * 70_000 + b"{}",
    ],
)
def test_malformed_body_is_refused(branch: Branch, body: bytes):
    response = a_system(branch.agency).post("/api/v1/appointments/", body, content_type="application/json")
    assert response.status_code == 400, response.content
    assert all(isinstance(message, str) for messages in response.json().values() for message in messages)


@pytest.mark.parametrize("size", [70_000, 5_000_000])
@pytest.mark.parametrize("path", ["appointments/", "appointments/K7M4Q2XDBN/", "slots/", "agencies/", "nowhere/"])
def test_long_body_gets_an_answer_in_json(branch: Branch, path: str, size: int):
    """Nothing of a body is read where none is expected, so there the answer is the usual one."""
    a_system(branch.agency)
    made = book(a_system(branch.agency, "another"), slots_of(branch)[0]).json()["reference"]
    body = b'{"slot": "' + b"1" * size + b'"}'
    address = f"/api/v1/{path.replace('K7M4Q2XDBN', made)}"
    for client in (Client(headers={"Authorization": "Bearer secret of kep"}), a_citizen(), Client()):
        for method in ("POST", "PATCH", "DELETE", "GET"):
            response = client.generic(method, address, body, "application/json", headers={"Accept-Language": "el"})
            assert response.headers.get("Content-Type", "application/json") == "application/json"
            assert response.status_code in {200, 204, 400, 401, 403, 404, 405, 413}
    response = a_citizen().post("/api/v1/appointments/", body, content_type="application/json")
    assert response.status_code in {400, 413}
    assert response.json() == {"non_field_errors": ["The request is too long."]}


@pytest.mark.parametrize(("language", "text"), [("el", "Δεν βρέθηκε."), ("en", "Not found.")])
@pytest.mark.parametrize(
    "path", ["agencies/x/", "branches/x/", "procedures/x/", "appointments/x/", "nowhere/", "agencies/%20/"]
)
def test_nothing_there_is_said_in_the_language_asked_for(branch: Branch, path: str, language: str, text: str):
    response = a_system(branch.agency).get(f"/api/v1/{path}", headers={"Accept-Language": language})
    assert (response.status_code, response.json()) == (404, {"detail": text})


def messages_of(serializer: serializers.Serializer) -> Iterator[str]:
    """Every text with which the serializer, its fields and their validators can refuse."""
    for field in (serializer, *serializer.fields.values()):
        yield from (str(text) for text in field.error_messages.values())
        yield from (str(one.message) for one in field.validators if hasattr(one, "message"))


@pytest.mark.parametrize(
    "serializer", [BookingSerializer, MoveSerializer, SlotFilter, AgencyFilter, BranchFilter, ProcedureFilter]
)
def test_every_message_of_a_field_is_plain_greek(serializer: type[serializers.Serializer]):
    for text in messages_of(serializer()):
        said = re.sub(r"\{[^}]*\}|null|JSON|e-mail|(name|onoma)@example.com|U\+", "", text)
        assert not re.search(r"[A-Za-z]|Επιβεβαιώσατε|\bδε\b|λεξικό", said), text


def test_every_refusal_of_the_framework_is_plain_greek():
    for refusal in APIException.__subclasses__():
        said = re.sub(r"\{[^}]*\}|Accept", "", str(getattr(refusal, "default_detail", "")))
        assert not re.search(r"[A-Za-z]|\bδε\b", said), said


def test_form_is_not_read(branch: Branch):
    assert a_system(branch.agency).post("/api/v1/appointments/", {"slot": 1}).status_code == 415


def test_overlong_key_is_refused(branch: Branch):
    response = book(a_system(branch.agency), slots_of(branch)[0], key="k" * 256)
    assert (response.status_code, response.json()) == (400, {"Idempotency-Key": ["At most 255 characters."]})


def test_language_by_default_is_the_one_of_the_request(branch: Branch):
    fields = a_request(slots_of(branch)[0])
    del fields["language"]
    a_system(branch.agency).post("/api/v1/appointments/", json.dumps(fields), content_type="application/json")
    assert Appointment.objects.get().language == "en"


BAD_BODIES = [
    (b"{", "application/json"),
    (b"[]", "application/json"),
    (b"{}", "application/json"),
    (b"slot=1", "text/plain"),
]


@pytest.mark.parametrize("body", [*BAD_BODIES, (b'{"slot": ' + b"1" * 70_000 + b"}", "application/json"), None])
def test_who_asks_is_answered_before_what_is_wrong(branch: Branch, monkeypatch: pytest.MonkeyPatch, body: Any):
    """The fields are read before the token, but only somebody who may book learns what is wrong with them."""
    foreign = json.dumps(a_request(slots_of(branch)[0], procedure="nothing")).encode()
    data, kind = body or (foreign, "application/json")
    address = "/api/v1/appointments/"
    for stranger in (Client(), Client(headers={"Authorization": "Bearer wrong"})):
        assert stranger.post(address, data, content_type=kind).status_code == 401
    forged = Client(enforce_csrf_checks=True)
    forged.force_login(a_user())
    assert forged.post(address, data, content_type=kind).status_code == 403
    system = a_system(branch.agency)
    assert system.post(address, data, content_type=kind).status_code in (400, 415)
    monkeypatch.setattr(WriteThrottle, "SYSTEMS", Limit("writes", 0, 60))
    assert system.post(address, data, content_type=kind).status_code == 429


def test_wrong_field_reads_the_token_alone(branch: Branch, django_assert_num_queries: DjangoAssertNumQueries):
    system = a_system(branch.agency)
    with django_assert_num_queries(1):
        assert book(system, TimeSlot(pk=1), email="no address").status_code == 400


@pytest.mark.parametrize("number", [1, 3])
def test_booking_takes_a_constant_number_of_queries(
    branch: Branch, number: int, django_assert_num_queries: DjangoAssertNumQueries
):
    slots = slots_of(branch)
    system = a_system(branch.agency)
    for n in range(number):
        an_appointment(slots[n], n)
    with django_assert_num_queries(4):  # token, service and slot; a savepoint; all that is written
        book(system, slots[10], key="k")


# The caller's own appointments


def test_citizen_reads_moves_and_cancels_an_own_appointment(branch: Branch):
    first, *_, other = slots_of(branch)
    citizen = a_citizen()
    address = f"/api/v1/appointments/{book(citizen, first).json()['reference']}/"
    assert citizen.get(address).json()["starts_at"] == "2026-03-02T08:00:00+02:00"

    moved = citizen.patch(address, {"slot": other.pk}, content_type="application/json")
    assert (moved.status_code, moved.json()["starts_at"]) == (200, "2026-03-16T13:50:00+02:00")
    assert (TimeSlot.objects.get(pk=first.pk).taken, TimeSlot.objects.get(pk=other.pk).taken) == (0, 1)

    assert citizen.delete(address).status_code == 204
    assert citizen.delete(address).status_code == 204
    assert citizen.get(address).json()["status"] == "cancelled"
    assert Appointment.objects.get().cancelled_by == "citizen"


def test_move_to_a_gone_time_is_a_conflict_and_changes_nothing(branch: Branch):
    slots = slots_of(branch)
    an_appointment(slots[1], 1)
    an_appointment(slots[1], 2)
    citizen = a_citizen()
    address = f"/api/v1/appointments/{book(citizen, slots[40]).json()['reference']}/"
    refused = citizen.patch(address, {"slot": slots[1].pk}, content_type="application/json")
    assert (refused.status_code, list(refused.json())) == (409, ["slot"])
    wrong = citizen.patch(address, {"slot": "x"}, content_type="application/json")
    assert (wrong.status_code, list(wrong.json())) == (400, ["slot"])
    assert citizen.get(address).json()["starts_at"] == "2026-03-03T08:40:00+02:00"


def test_change_too_late_is_a_conflict_for_citizens_alone(branch: Branch, time_machine: TimeMachineFixture):
    slots = slots_of(branch)
    citizen, system = a_citizen(), a_system(branch.agency)
    own = f"/api/v1/appointments/{book(citizen, slots[0]).json()['reference']}/"
    systems = f"/api/v1/appointments/{book(system, slots[1]).json()['reference']}/"
    time_machine.move_to(slots[0].starts_at - minutes(10), tick=False)
    assert citizen.delete(own).status_code == 409
    assert system.delete(systems).status_code == 204


def test_foreign_appointments_do_not_exist(branch: Branch):
    slots = slots_of(branch)
    citizens = an_appointment(slots[0], citizen=a_user("other@example.org"))
    address = f"/api/v1/appointments/{citizens.reference}/"
    operator = a_citizen(a_user("operator@example.org", is_operator=True).email)
    officer = a_citizen(an_officer(branch).email)
    dimos = a_system(an_agency("dimos"), "secret of dimos")
    for stranger in (a_citizen(), operator, officer, a_system(branch.agency), dimos):
        assert stranger.get(address).status_code == 404
        assert stranger.delete(address).status_code == 404
        assert stranger.patch(address, {"slot": slots[1].pk}, content_type="application/json").status_code == 404
    assert Client().get(address).status_code == 401
    assert Appointment.objects.get().status == Status.BOOKED


@pytest.mark.parametrize("reference", ["%00", "K7M4Q2XDBN", "a.b", "%F0%9F%98%80", "x" * 300])
def test_unknown_reference_is_not_found(branch: Branch, reference: str):
    assert a_system(branch.agency).get(f"/api/v1/appointments/{reference}/").status_code == 404


def test_too_many_writes_have_to_wait(
    branch: Branch, monkeypatch: pytest.MonkeyPatch, time_machine: TimeMachineFixture
):
    monkeypatch.setattr(WriteThrottle, "CITIZENS", Limit("writes", 2, 60))
    slots = slots_of(branch)
    citizen = a_citizen()
    assert [book(citizen, slots[0], key="k").status_code for _ in range(3)] == [201, 201, 429]
    time_machine.move_to(NOW + timedelta(seconds=42), tick=False)
    assert book(citizen, slots[0]).headers["Retry-After"] == "18"
    assert book(a_citizen("other@example.org"), slots[1]).status_code == 201
    reference = Appointment.objects.order_by("pk")[0].reference
    assert citizen.get(f"/api/v1/appointments/{reference}/").status_code == 200
    time_machine.move_to(NOW + timedelta(seconds=60), tick=False)
    assert book(citizen, slots[0], key="k").status_code == 201


def test_lost_cache_refuses_nobody(branch: Branch, monkeypatch: pytest.MonkeyPatch, no_redis: None):
    monkeypatch.setattr(WriteThrottle, "CITIZENS", Limit("writes", 1, 60))
    citizen = a_citizen()
    assert {book(citizen, slots_of(branch)[0], key="k").status_code for _ in range(3)} == {201}


def test_docs_page_loads_nothing_from_elsewhere(client: Client):
    page = client.get("/api/v1/docs/").content.decode()
    assert "/static/drf_spectacular_sidecar/" in page
    assert "//cdn" not in page


def test_text_is_cleaned_and_counted_as_on_the_website(branch: Branch):
    system, first = a_system(branch.agency), slots_of(branch)[10]
    notes = "α" + "\r\n" * 10 + "β" * 489
    assert book(system, first, notes=notes + "γ").json() == {
        "notes": ["Ensure this field has no more than 500 characters."]
    }
    assert book(system, first, name="Ελένη\u202e\x0bΠαπαδάκη", notes=notes).status_code == 201
    made = Appointment.objects.get()
    assert (made.name, len(made.notes), "\r" in made.notes) == ("Ελένη Παπαδάκη", 500, False)


def test_a_link_as_a_name_is_refused(branch: Branch):
    answer = book(a_system(branch.agency), slots_of(branch)[10], name="http://evil.example/click me")
    assert answer.json() == {"name": ["Write only the name here, without an internet or e-mail address."]}


@pytest.mark.parametrize("name", ["name", "email", "notes"])
def test_texts_have_one_limit_everywhere(name: str):
    form = DetailsForm(Procedure(identification="tax_number"), "in_person", "GR").fields[name]
    longest = Appointment._meta.get_field(name).max_length
    assert form.max_length == BOOKING.fields[name].max_length == longest
    assert form.widget.attrs["maxlength"] == str(longest)


def test_systems_are_not_asked_about_an_address(branch: Branch):
    assert book(a_system(branch.agency), slots_of(branch)[10], email="eleni@gmail.con").status_code == 201
