"""Tests of the demo's invented addresses: only where there are none, and marked wherever they appear."""

import pytest
from django.test import Client
from django.utils import translation

from agencies.finding import search
from agencies.models import Branch, Channel
from appointments import wording
from appointments.messages import invitations
from mydesklive.demo import premises
from tests.builders import NOW, a_branch, an_appointment, an_open_branch, slots_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def branch() -> Branch:
    branch = an_open_branch()
    Branch.objects.update(latitude="35.5112", longitude="24.0292")
    premises.fill()
    branch.refresh_from_db()
    return branch


def test_only_bare_branches_in_greece_are_filled_and_once():
    bare = an_open_branch()
    a_branch(bare.agency, "own", address_el="Κυδωνίας 29")
    a_branch(bare.agency, "abroad", country="AU")
    assert premises.fill() == 1
    assert premises.fill() == 0
    assert set(Branch.objects.filter(is_illustrative=True)) == {bare}


def test_page_of_the_branch_shows_where_when_and_how_and_marks_it(client: Client, branch: Branch, clock: object):
    text = client.get("/mykeplive/?branch=kep-chania").content.decode()
    assert branch.address_el in text
    assert 'href="tel:2100000000"' in text
    assert 'href="geo:35.5112,24.0292"' in text
    assert "https://www.openstreetmap.org/?mlat=35.5112&amp;mlon=24.0292" in text
    assert "Δευτέρα–Παρασκευή 08:00–14:00" in text
    assert "Ράμπα στην είσοδο" in text
    assert "Ενδεικτικά στοιχεία" in text
    Branch.objects.update(is_illustrative=False)
    assert "Ενδεικτικά στοιχεία" not in client.get("/mykeplive/?branch=kep-chania").content.decode()


@pytest.mark.parametrize(("language", "mark"), [("el", "(ενδεικτικά στοιχεία)"), ("en", "(illustrative details)")])
def test_messages_and_calendar_mark_the_address(branch: Branch, language: str, mark: str):
    appointment = an_appointment(slots_of(branch)[0], channel=Channel.IN_PERSON)
    appointment.language = language
    with translation.override(language):
        assert wording.place(appointment).endswith(mark)
    file = invitations.download(appointment, now=NOW).decode().replace("\r\n ", "")
    (location,) = [line for line in file.splitlines() if line.startswith("LOCATION")]
    assert location.endswith(mark)


def test_api_marks_the_address(client: Client, branch: Branch):
    told = client.get(f"/api/v1/branches/{branch.code}/").json()
    assert (told["address"], told["is_illustrative"]) == (branch.address_el, True)
    Branch.objects.update(is_illustrative=False)
    assert client.get(f"/api/v1/branches/{branch.code}/").json()["is_illustrative"] is False


def test_invented_street_is_not_found_by_the_search(branch: Branch):
    assert search.find(branch.address_el.split()[0], []).branches == []
