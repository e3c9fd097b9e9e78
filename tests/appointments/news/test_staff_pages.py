"""Whoever changes a branch or a service sees who would be told, and decides. What is saved is what was seen."""

import re
from typing import Any

import pytest
from django.forms.models import model_to_dict
from django.test import Client
from django.urls import reverse

from agencies.models import Branch, Channel, Procedure, Role
from appointments.models import Appointment, Notification
from tests.builders import WEDNESDAY, an_officer, booked_at
from tests.pages import text_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("noon")]
Kind = Notification.Kind
TELL, QUIET = {"_told": "tell"}, {"_told": "quiet"}


@pytest.fixture
def administrator(client: Client, branch: Branch) -> Client:
    client.force_login(an_officer(branch.agency, Role.AGENCY_ADMIN))
    return client


@pytest.fixture
def appointment(branch: Branch) -> Appointment:
    Branch.objects.update(address_el="Παλιά Οδός 7")
    return booked_at(branch, 10, day=WEDNESDAY)


def page_of(row: Branch | Procedure) -> str:
    return reverse(f"admin:agencies_{type(row)._meta.model_name}_change", args=[row.pk])


def filled(row: Branch | Procedure, **changed: Any) -> dict[str, Any]:
    values = {name: value for name, value in model_to_dict(row).items() if value is not None}
    values |= {name: ",".join(value) for name, value in values.items() if name in ("areas", "postcodes")}
    given = {name: value for name, value in values.items() if value is not False}
    return given | changed


def asked(answer: Any) -> dict[str, Any]:
    """The hidden fields of the page that asks."""
    found = hidden(answer)
    assert "_seen" in found
    return found


def hidden(answer: Any) -> dict[str, Any]:
    """The hidden fields with all their values, as a click would send them."""
    form = text_of(answer).partition('class="choices"')[2].partition("</form>")[0]
    found: dict[str, Any] = {}
    for name, value in re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)">', form):
        found.setdefault(name, []).append(value)
    return found


def is_told() -> bool:
    return Notification.objects.filter(kind=Kind.CHANGED).exists()


def test_address_is_saved_only_after_it_was_seen_who_is_told(
    administrator: Client, branch: Branch, appointment: Appointment
) -> None:
    branch.refresh_from_db()
    page = page_of(branch)
    answer = administrator.post(page, filled(branch, address_el="Νέα Οδός 1"))
    for text in ("Παλιά Οδός 7", "Νέα Οδός 1", "Αφορά 1 πολίτη", "1 ραντεβού"):
        assert text in answer.text
    branch.refresh_from_db()
    assert branch.address_el == "Παλιά Οδός 7"
    done = administrator.post(page, asked(answer) | TELL, follow=True)
    branch.refresh_from_db()
    assert branch.address_el == "Νέα Οδός 1"
    assert is_told()
    assert "Ενημερώνεται ο πολίτης σε 1 ραντεβού" in done.text
    appointment.refresh_from_db()
    assert appointment.revision == 1


def test_correction_of_spelling_tells_nobody(administrator: Client, branch: Branch, appointment: Appointment) -> None:
    branch.refresh_from_db()
    answer = administrator.post(page_of(branch), filled(branch, address_el="Παλαιά Οδός 7"))
    administrator.post(page_of(branch), asked(answer) | QUIET)
    branch.refresh_from_db()
    assert (branch.address_el, is_told()) == ("Παλαιά Οδός 7", False)


def test_back_shows_what_was_typed_and_saves_nothing(
    administrator: Client, branch: Branch, appointment: Appointment
) -> None:
    branch.refresh_from_db()
    answer = administrator.post(page_of(branch), filled(branch, address_el="Νέα Οδός 1"))
    again = administrator.post(page_of(branch), asked(answer) | {"_back": "1"})
    assert 'value="Νέα Οδός 1"' in again.text
    branch.refresh_from_db()
    assert (branch.address_el, is_told()) == ("Παλιά Οδός 7", False)


def test_another_change_meanwhile_is_asked_about_again(
    administrator: Client, branch: Branch, appointment: Appointment
) -> None:
    branch.refresh_from_db()
    answer = administrator.post(page_of(branch), filled(branch, address_el="Νέα Οδός 1"))
    Branch.objects.update(address_el="Τρίτη Οδός 3")
    again = administrator.post(page_of(branch), asked(answer) | TELL)
    assert "Τρίτη Οδός 3" in again.text
    assert "Στο μεταξύ άλλαξε" in again.text
    assert not is_told()
    administrator.post(page_of(branch), asked(again) | TELL)
    branch.refresh_from_db()
    assert (branch.address_el, is_told()) == ("Νέα Οδός 1", True)


def test_decision_without_having_seen_counts_for_nothing(
    administrator: Client, branch: Branch, appointment: Appointment
) -> None:
    branch.refresh_from_db()
    asked(administrator.post(page_of(branch), filled(branch, address_el="Νέα Οδός 1") | TELL))
    assert not is_told()


def test_who_books_meanwhile_is_told_too(administrator: Client, branch: Branch, appointment: Appointment) -> None:
    branch.refresh_from_db()
    answer = administrator.post(page_of(branch), filled(branch, address_el="Νέα Οδός 1"))
    booked_at(branch, 12, day=WEDNESDAY)
    assert "σε 2 ραντεβού" in administrator.post(page_of(branch), asked(answer) | TELL, follow=True).text
    assert Notification.objects.filter(kind=Kind.CHANGED).count() == 2


def test_nothing_is_asked_where_nobody_reads_anything_new(
    administrator: Client, branch: Branch, appointment: Appointment
) -> None:
    branch.refresh_from_db()
    for fields in ({"areas": "Σούδα"}, {"address_en": "New Street"}, {}):
        assert administrator.post(page_of(branch), filled(branch, **fields)).status_code == 302
    assert not is_told()


def test_form_with_errors_is_shown_again(administrator: Client, branch: Branch, appointment: Appointment) -> None:
    branch.refresh_from_db()
    answer = administrator.post(page_of(branch), filled(branch, address_el="Νέα Οδός 1", timezone="Mars"))
    assert "_seen" not in answer.text
    assert "Mars" in answer.text


def test_service_asks_as_well(administrator: Client, branch: Branch, appointment: Appointment) -> None:
    service = Procedure.objects.get()
    given = filled(service, documents_el="Διαβατήριο")
    answer = administrator.post(page_of(service), given)
    assert "Δελτίο ταυτότητας, ΑΦΜ" in answer.text
    administrator.post(page_of(service), asked(answer) | TELL)
    service.refresh_from_db()
    assert (service.documents_el, service.channels) == ("Διαβατήριο", [Channel.IN_PERSON, Channel.VIDEO])
    assert is_told()


def test_corrected_zone_and_new_address_are_both_asked_about(
    administrator: Client, branch: Branch, appointment: Appointment
) -> None:
    branch.refresh_from_db()
    first = administrator.post(page_of(branch), filled(branch, address_el="Νέα Οδός 1", timezone="Europe/Rome"))
    second = administrator.post(page_of(branch), hidden(first) | {"_decided": "keep"})
    administrator.post(page_of(branch), asked(second) | TELL)
    branch.refresh_from_db()
    assert (branch.timezone, branch.address_el) == ("Europe/Rome", "Νέα Οδός 1")
    kinds = set(Notification.objects.filter(state="pending").values_list("kind", flat=True))
    assert {Kind.KEPT, Kind.CHANGED} <= kinds


def test_supervisors_change_nothing(supervisor: Client, branch: Branch, appointment: Appointment) -> None:
    branch.refresh_from_db()
    answer = supervisor.post(page_of(branch), filled(branch, address_el="Νέα Οδός 1") | TELL)
    branch.refresh_from_db()
    assert (branch.address_el, is_told()) == ("Παλιά Οδός 7", False)
    assert "_seen" not in answer.text
