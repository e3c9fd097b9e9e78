"""Booking by somebody whom a provider such as TAXISnet has signed in: what is known, and how sure it is."""

from typing import Any

import pytest
from django.test import Client

from agencies.models import Branch, Procedure, SystemToken
from appointments import booking
from appointments.booking.persons import decrypted, person_key
from appointments.errors import LevelTooLow
from appointments.history import Actor, By
from appointments.models import Appointment, Status
from tests.builders import GUEST, NOW, STAFF, a_contact, a_user, an_open_branch, slots_of
from tests.pages import text_of
from tests.servers.identity import signed_in_at

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]
BOOK = "/mykeplive/kep-dilosi/book/"
TIMES = f"{BOOK}time/?channel=in_person&branch=kep-chania"
FORGED = {"name": "Άλλος Κάποιος", "tax_number": "090000045"}
TYPED = {"email": "maria@example.org", "phone": "6912345678", "language": "el"}
NAME, NUMBER = "ΜΑΡΙΑ ΠΑΠΑΔΑΚΗ", "065278322"


@pytest.fixture
def branch() -> Branch:
    branch = an_open_branch(desks=2)
    Procedure.objects.update(identification=Procedure.Identification.TAX_NUMBER)
    return branch


def hold(client: Client, branch: Branch) -> None:
    client.post(TIMES, {"slot": slots_of(branch)[0].pk})


def booked(client: Client, **typed: str) -> Appointment:
    client.post(f"{BOOK}details/", TYPED | typed)
    held = Appointment.objects.get(status=Status.HELD)
    client.post(f"{BOOK}check/", {"hold": held.reference})
    return Appointment.objects.get()


@pytest.mark.parametrize("forged", [{}, FORGED], ids=["as the page sends it", "forged"])
def test_name_and_tax_number_are_those_of_the_provider(client: Client, branch: Branch, forged: dict[str, str]):
    signed_in_at(client, a_user())
    hold(client, branch)
    page = text_of(client.get(f"{BOOK}details/"))
    assert NAME in page
    assert NUMBER not in page
    assert "••••••322" in page
    appointment = booked(client, **forged)
    assert (appointment.name, decrypted(appointment.tax_number_encrypted)) == (NAME, NUMBER)
    assert appointment.person_key == person_key(tax_number=NUMBER)
    assert appointment.assurance == "substantial"


def test_check_page_offers_no_change_of_what_the_provider_told(client: Client, branch: Branch):
    signed_in_at(client, a_user())
    hold(client, branch)
    page = text_of(client.post(f"{BOOK}details/", TYPED, follow=True))
    assert NAME in page
    assert NUMBER not in page
    assert "#id_email" in page
    assert "#id_name" not in page


def test_what_a_guest_had_typed_does_not_hide_who_signs_in(client: Client, branch: Branch):
    hold(client, branch)
    client.post(f"{BOOK}details/", TYPED | FORGED)
    held = Appointment.objects.get()
    session = dict(client.session.items())
    signed_in_at(client, a_user())
    kept = client.session
    kept.update({name: session[name] for name in ("hold", "typed", "typed_until", "places")})
    kept.save()
    client.post(f"{BOOK}check/", {"hold": held.reference})
    assert Appointment.objects.get().name == NAME


def test_european_types_the_tax_number(client: Client, branch: Branch):
    signed_in_at(client, a_user(), tax_number="")
    hold(client, branch)
    appointment = booked(client, **FORGED)
    assert (appointment.name, decrypted(appointment.tax_number_encrypted)) == (NAME, FORGED["tax_number"])


# How sure it is who books

LOW, HIGH = Actor(By.CITIZEN, level="low"), Actor(By.CITIZEN, level="high")


@pytest.mark.parametrize(
    ("needed", "by", "may"),
    [
        ("", GUEST, True),
        ("low", GUEST, False),
        ("low", LOW, True),
        ("substantial", LOW, False),
        ("substantial", HIGH, True),
        ("high", STAFF, True),
        ("high", Actor(By.SYSTEM), False),
        ("high", Actor(By.SYSTEM, level="high"), True),
    ],
)
@pytest.mark.parametrize("way", ["at once", "after a hold"])
def test_service_says_how_sure_it_must_be(branch: Branch, needed: str, by: Actor, may: bool, way: str):
    Procedure.objects.update(assurance=needed)
    procedure, slot = Procedure.objects.get(), slots_of(branch)[0].pk

    def take() -> Appointment:
        if way == "at once":
            return booking.book(slot, procedure, "in_person", a_contact(), by=by, now=NOW)
        held = booking.hold(slot, procedure, "in_person", by=by, now=NOW)
        return booking.confirm(held, a_contact(), by=by, now=NOW)

    if may:
        assert take().assurance == by.level
    else:
        with pytest.raises(LevelTooLow):
            take()
        assert not Appointment.objects.filter(status=Status.BOOKED).exists()


def test_page_says_which_sign_in_is_needed_and_keeps_the_time(client: Client, branch: Branch, settings: Any):
    settings.TAXISNET_URL, settings.TAXISNET_CLIENT_ID = "https://oauth2.gsis.gr/oauth2serverotp", "mydesk"
    Procedure.objects.update(assurance="substantial")
    hold(client, branch)
    page = text_of(client.get(f"{BOOK}details/"))
    assert "Συνδεθείτε για να συνεχίσετε" in page
    assert "/accounts/taxisnet/login/" in page
    assert f'name="next" value="{BOOK}details/"' in page
    assert Appointment.objects.get().status == Status.HELD


def test_way_that_cannot_reach_the_level_is_not_offered(client: Client, branch: Branch, settings: Any):
    settings.TAXISNET_URL, settings.TAXISNET_CLIENT_ID = "https://oauth2.gsis.gr/oauth2server", "mydesk"
    Procedure.objects.update(assurance="substantial")
    hold(client, branch)
    page = text_of(client.get(f"{BOOK}details/"))
    assert "/accounts/taxisnet/login/" not in page


@pytest.mark.parametrize(("level", "may"), [("low", False), ("substantial", True), ("high", True)])
def test_level_is_that_of_the_sign_in(client: Client, branch: Branch, level: str, may: bool):
    Procedure.objects.update(assurance="substantial")
    signed_in_at(client, a_user(), level)
    hold(client, branch)
    client.post(f"{BOOK}details/", TYPED)
    held = Appointment.objects.get()
    client.post(f"{BOOK}check/", {"hold": held.reference})
    assert (Appointment.objects.get().status == Status.BOOKED) == may


def test_account_that_is_opened_by_a_code_has_no_level(client: Client, branch: Branch):
    Procedure.objects.update(assurance="low")
    user = a_user()
    signed_in_at(Client(), user)
    client.force_login(user)
    hold(client, branch)
    assert "Συνδεθείτε για να συνεχίσετε" in text_of(client.get(f"{BOOK}details/"))


def test_need_that_comes_while_somebody_books_is_told(client: Client, branch: Branch):
    hold(client, branch)
    client.post(f"{BOOK}details/", TYPED | FORGED)
    Procedure.objects.update(assurance="high")
    page = text_of(client.post(f"{BOOK}check/", {"hold": Appointment.objects.get().reference}))
    assert "ισχυρότερη απόδειξη" in page
    assert Appointment.objects.get().status == Status.HELD


def test_page_of_the_service_says_what_it_needs(client: Client, branch: Branch):
    Procedure.objects.update(assurance="substantial")
    assert "«σημαντικό»" in text_of(client.get("/mykeplive/kep-dilosi/"))


# The REST interface


def asked(client: Client, branch: Branch, **fields: str) -> Any:
    request = {"slot": slots_of(branch)[0].pk, "procedure": "kep-dilosi", "channel": "in_person"}
    request |= {"name": "Άλλος Κάποιος", "email": "maria@example.org", "tax_number": "090000045"} | fields
    return client.post("/api/v1/appointments/", request, content_type="application/json")


def test_interface_takes_the_name_from_the_identity(client: Client, branch: Branch):
    Procedure.objects.update(assurance="substantial")
    assert asked(signed_in_at(client, a_user()), branch, assurance="").status_code == 201
    appointment = Appointment.objects.get()
    assert (appointment.name, decrypted(appointment.tax_number_encrypted)) == (NAME, NUMBER)
    assert appointment.assurance == "substantial"


def test_interface_does_not_believe_a_citizen(client: Client, branch: Branch):
    Procedure.objects.update(assurance="high")
    answer = asked(signed_in_at(client, a_user()), branch, assurance="high")
    assert (answer.status_code, list(answer.json())) == (400, ["procedure"])
    assert client.get("/api/v1/procedures/kep-dilosi/").json()["assurance"] == "high"


@pytest.mark.parametrize(("level", "status"), [("", 400), ("low", 400), ("high", 201), ("highest", 400)])
def test_system_says_how_sure_it_is(branch: Branch, level: str, status: int):
    Procedure.objects.update(assurance="high")
    SystemToken.objects.create(agency=branch.agency, label="Register", digest=SystemToken.digest_of("secret"))
    system = Client(headers={"Authorization": "Bearer secret"})
    assert asked(system, branch, assurance=level).status_code == status
