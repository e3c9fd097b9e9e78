"""Administrators write texts, supervisors read them, and nobody else knows of them. Every version is kept."""

import pytest
from django.test import Client

from accounts.models import User
from agencies.models import Branch, Role
from appointments.messages.texts.kinds import EVERY_KEY, Key, Kind, Medium
from appointments.messages.texts.starting import draft
from appointments.models import Appointment, OwnText
from tests.builders import a_user, an_agency, an_officer, booked_at
from tests.pages import signed_in, text_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]

LIST = "/admin/appointments/appointment/texts/"
MAIL, SMS = f"{LIST}kep/confirmation/email/el/", f"{LIST}kep/confirmation/sms/el/"
GOOD = "Γεια σας {name}!\n\nΣτις **{when}** στο {place}.\n\n{documents}\n\nΚωδικός {reference}\n{link}"


@pytest.fixture
def writer(administrator: User) -> Client:
    return signed_in(Client(), administrator)


def saved(client: Client, body: str, since: int, subject: str = "Ραντεβού {when}", url: str = MAIL) -> str:
    sent = {"do": "save", "subject": subject, "body": body, "since": since}
    return text_of(client.post(url, sent, follow=True))


def versions() -> list[tuple[int, str]]:
    return list(OwnText.objects.order_by("version").values_list("version", "body"))


# Who may


def everybody(branch: Branch) -> dict[str, tuple[User, int, int]]:
    """Each person, with the answers to looking at a text and to saving one."""
    abroad = an_agency("egdix")
    return {
        "administrator": (an_officer(branch.agency, Role.AGENCY_ADMIN, "one@example.org"), 200, 302),
        "operator": (a_user("two@example.org", is_operator=True), 200, 302),
        "supervisor": (an_officer(branch, Role.SUPERVISOR, "three@example.org"), 200, 403),
        "agent": (an_officer(branch, Role.AGENT, "five@example.org"), 403, 403),
        "administrator elsewhere": (an_officer(abroad, Role.AGENCY_ADMIN, "six@example.org"), 404, 404),
        "supervisor elsewhere": (an_officer(abroad, Role.SUPERVISOR, "seven@example.org"), 404, 404),
    }


def test_each_role_may_what_it_may(branch: Branch) -> None:
    for who, (user, looks, saves) in everybody(branch).items():
        client = signed_in(Client(), user)
        sent = {"do": "save", "subject": "Θέμα", "body": GOOD, "since": OwnText.objects.count()}
        assert client.get(MAIL).status_code == looks, who
        assert client.get(LIST, {"agency": "kep"}).status_code == looks, who
        assert client.post(MAIL, sent).status_code == saves, who
        assert client.post(MAIL, {"do": "reset", "since": 1}).status_code in (saves, 403, 404), who
        assert client.post(f"{MAIL}preview/", sent).status_code == looks, who
    assert {one.written_by.email for one in OwnText.objects.all() if one.written_by} <= {
        "one@example.org",
        "two@example.org",
    }


@pytest.mark.parametrize("path", ["kep/verify/sms/el/", "kep/nothing/email/el/", "kep/confirmation/email/de/"])
def test_there_is_no_other_text(writer: Client, path: str) -> None:
    assert writer.get(LIST + path).status_code == 404


# Writing


def test_text_is_saved_told_and_listed(writer: Client, branch: Branch) -> None:
    assert "έτοιμο κείμενο" in text_of(writer.get(MAIL))
    page = saved(writer, GOOD, 0)
    assert "Αποθηκεύτηκε" in page
    assert versions() == [(1, GOOD)]
    assert "δικό σας κείμενο" in text_of(writer.get(LIST))


def test_page_begins_with_a_draft_and_then_with_what_is_saved(writer: Client) -> None:
    assert draft(Key(Kind.CONFIRMATION, Medium.EMAIL, "el"))[1] in text_of(writer.get(MAIL)).replace("\r\n", "\n")
    saved(writer, GOOD, 0)
    assert GOOD in text_of(writer.get(MAIL)).replace("\r\n", "\n")


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (GOOD + " {nonsense}", "Εδώ δεν υπάρχει {nonsense}."),
        (GOOD.replace("{link}", ""), "Το κείμενο χρειάζεται το {link}."),
        (GOOD + " https://evil.example", "«https://evil.example» οδηγεί αλλού."),
        ("", "Γράψτε το κείμενο."),
    ],
)
def test_wrong_text_is_told_and_kept_in_the_form(writer: Client, body: str, told: str) -> None:
    page = saved(writer, body, 0)
    assert told in page
    assert body in page.replace("\r\n", "\n")
    assert versions() == []


def test_sms_that_takes_three_parts_at_the_longest_name_is_refused(writer: Client, branch: Branch) -> None:
    body = "Στις {when}, {branch}. {reference} " + "α" * 60
    assert "Αποθηκεύτηκε" in saved(writer, body, 0, url=SMS)
    Branch.objects.create(agency=branch.agency, code="long", name_el="Ω" * 60, name_en="O", city_el="Α", city_en="A")
    page = saved(writer, body, 1, url=SMS)
    assert "Θα χρειάζονταν 3 SMS, ενώ επιτρέπονται το πολύ 2" in page
    assert len(versions()) == 1


# Versions


def test_versions_are_kept_and_one_can_go_back(writer: Client, administrator: User) -> None:
    saved(writer, GOOD, 0)
    saved(writer, f"{GOOD} δύο", 1)
    writer.post(MAIL, {"do": "1", "since": 2})
    assert versions() == [(1, GOOD), (2, f"{GOOD} δύο"), (3, GOOD)]
    writer.post(MAIL, {"do": "reset", "since": 3})
    assert versions()[3] == (4, "")
    page = text_of(writer.get(MAIL))
    assert "Επιστροφή σε αυτή" in page
    assert str(administrator) in page
    writer.post(MAIL, {"do": "2", "since": 4})
    assert versions()[4] == (5, f"{GOOD} δύο")
    assert set(OwnText.objects.values_list("written_by", flat=True)) == {administrator.pk}


@pytest.mark.parametrize("sent", [{"do": "save", "subject": "Θέμα", "body": GOOD}, {"do": "reset"}, {"do": "1"}])
def test_who_has_not_seen_the_latest_version_is_told(writer: Client, sent: dict[str, str]) -> None:
    saved(writer, GOOD, 0)
    saved(writer, f"{GOOD} δύο", 1)
    assert "στο μεταξύ" in text_of(writer.post(MAIL, sent | {"since": 1}, follow=True))
    assert len(versions()) == 2


@pytest.mark.parametrize("since", [5, 2**31 - 2])
def test_version_that_is_still_to_come_has_been_seen_by_nobody(writer: Client, since: int) -> None:
    assert "στο μεταξύ" in saved(writer, GOOD, since)
    assert versions() == []


@pytest.mark.parametrize(
    "sent", [{}, {"do": "reset"}, {"do": "7", "since": 1}, {"do": "x", "since": 1}, {"do": "reset", "since": "x"}]
)
def test_nonsense_changes_nothing(writer: Client, sent: dict[str, str]) -> None:
    saved(writer, GOOD, 0)
    assert writer.post(MAIL, sent).status_code == 404
    assert len(versions()) == 1


# The preview


def test_preview_is_of_a_real_appointment_and_of_nobody(writer: Client, branch: Branch) -> None:
    Branch.objects.update(address_el="Κυδωνίας 29")
    real = booked_at(branch, 11, name="Ευφροσύνη Μυστική", email="secret@example.org", phone="6971112223")
    for url in (MAIL, f"{MAIL}preview/"):
        page = text_of(writer.post(url, {"do": "preview", "subject": "{when}", "body": GOOD, "since": 0}))
        assert "Γεια σας Μαρία Παπαδοπούλου!" in page
        assert "11:00" in page
        assert "Κυδωνίας 29" in page
        for secret in ("Ευφροσύνη", "secret@", "1112223", real.reference, real.spoken_reference, real.link_key):
            assert secret not in page
    assert versions() == []


def test_preview_needs_no_appointment(writer: Client) -> None:
    assert not Appointment.objects.exists()
    sent = {"subject": "{when}", "body": GOOD, "since": 0}
    assert "Μαρία Παπαδοπούλου" in text_of(writer.post(f"{MAIL}preview/", sent))


def test_every_text_has_a_page_with_a_preview(writer: Client, branch: Branch) -> None:
    for key in EVERY_KEY:
        if key.medium == Medium.EMAIL and key.language == "en":
            continue  # the Greek ones say the same of the page
        page = text_of(writer.get(f"{LIST}kep/{key.kind}/{key.medium}/{key.language}/"))
        assert "letter__text" in page, key


def test_agency_without_branches_writes_all_the_same(branch: Branch) -> None:
    abroad = an_agency("egdix")
    client = signed_in(Client(), an_officer(abroad, Role.AGENCY_ADMIN, "new@example.org"))
    url = MAIL.replace("kep", "egdix")
    assert "χρειάζονται ένα σημείο εξυπηρέτησης" in text_of(client.get(url))
    assert "Αποθηκεύτηκε" in saved(client, GOOD, 0, url=url)


def test_branch_on_an_unknown_clock_has_no_preview(writer: Client) -> None:
    Branch.objects.update(timezone="Europe/Atlantis")
    assert "χρειάζονται ένα σημείο εξυπηρέτησης" in text_of(writer.get(MAIL))
    assert "Αποθηκεύτηκε" in saved(writer, GOOD, 0)


@pytest.mark.parametrize("rows", [1, 3])
def test_list_and_page_cost_the_same_however_many_versions(
    writer: Client, branch: Branch, rows: int, django_assert_max_num_queries: object
) -> None:
    for since in range(rows):
        saved(writer, f"{GOOD} {since}", since)
    with django_assert_max_num_queries(14):  # type: ignore[operator]
        writer.get(LIST)
    with django_assert_max_num_queries(26):  # type: ignore[operator]
        writer.get(MAIL)
