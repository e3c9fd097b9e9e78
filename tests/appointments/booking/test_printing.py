"""What officers print for somebody without e-mail. That it fits its sheet is in the browser's tests."""

import pytest
import time_machine
from django.test import Client

from accounts.models import User
from agencies.models import Branch, Channel
from appointments import booking
from appointments.models import Appointment, Reading
from tests.builders import NOW, STAFF, a_branch, an_officer, booked_at
from tests.pages import signed_in, text_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]
PAPERS = ("letter", "slip")


@pytest.fixture
def staff(officer: User) -> Client:
    return signed_in(Client(), officer)


def url(appointment: Appointment, paper: str) -> str:
    return f"/admin/appointments/appointment/{appointment.reference}/{paper}/"


def one(branch: Branch, **more: str) -> Appointment:
    return booked_at(branch, 10, email="", name="Μαρία <b>", **more)


@pytest.mark.parametrize("paper", PAPERS)
@pytest.mark.parametrize(("language", "words"), [("el", "Δευτέρα 2 Μαρτίου 2026"), ("en", "Monday 2 March 2026")])
def test_paper_is_in_the_citizens_language_and_its_buttons_in_the_officers(
    staff: Client, branch: Branch, paper: str, language: str, words: str
) -> None:
    appointment = one(branch, language=language)
    page = staff.get(url(appointment, paper)).content.decode()
    assert f'<html lang="{language}">' in page
    assert f"{words}, 10:00" in page
    assert appointment.spoken_reference in page
    assert ("Δελτίο ταυτότητας" if language == "el" else "Identity card") in page
    assert 'lang="el"' in page
    assert "Πίσω στο ραντεβού" in page
    assert "Μαρία <b>" not in page


def test_letter_tells_the_way_and_both_clocks(staff: Client, branch: Branch) -> None:
    Branch.objects.update(directions_el="Λεωφορείο 11", access_el="Ράμπα", address_el="Κυδωνίας 29", phone="2821000000")
    page = text_of(staff.get(url(one(branch, timezone="America/New_York"), "letter")))
    for fact in ("Λεωφορείο 11", "Ράμπα", "ΚΕΠ Χανίων, Κυδωνίας 29, Χανιά", "2821000000", "03:00 (ώρα Νέας Υόρκης)"):
        assert fact in page


def test_letter_asks_until_when_only_while_there_is_time(
    staff: Client, branch: Branch, clock: time_machine.Traveller
) -> None:
    appointment = one(branch)
    assert "Πείτε μας το έως: Δευτέρα 2 Μαρτίου 2026, 09:00." in text_of(staff.get(url(appointment, "letter")))
    clock.move_to(appointment.starts_at)
    page = text_of(staff.get(url(appointment, "letter")))
    assert "έως:" not in page
    assert "Πείτε μας το: κάποιος άλλος περιμένει μια ώρα." in page


@pytest.mark.parametrize("paper", PAPERS)
@pytest.mark.parametrize("channel", Channel)
def test_paper_has_no_key(staff: Client, branch: Branch, paper: str, channel: str) -> None:
    """Whoever opens a link with the key proves an e-mail address, and paper is read by others."""
    appointment = one(branch)
    Appointment.objects.update(channel=channel)
    page = staff.get(url(appointment, paper)).content.decode()
    assert "key=" not in page
    assert appointment.link_key not in page
    assert (appointment.page_url("join") in page) == (channel == Channel.VIDEO)


def test_postal_address_is_printed_and_not_kept(staff: Client, branch: Branch) -> None:
    appointment = one(branch)
    before = Appointment.objects.values().get(pk=appointment.pk)
    page = text_of(staff.post(url(appointment, "letter"), {"address": "Οδός <i> 1\r\n731 00 Χανιά"}))
    assert (
        "<br>Οδός &lt;i&gt; 1<br>731 00 Χανιά</address>"
        in staff.post(url(appointment, "letter"), {"address": "Οδός <i> 1\r\n731 00 Χανιά"}).content.decode()
    )
    assert "731 00 Χανιά" in page
    assert Appointment.objects.values().get(pk=appointment.pk) == before
    assert "731 00" not in staff.get(url(appointment, "letter")).content.decode()


@pytest.mark.parametrize("paper", PAPERS)
def test_of_what_is_over_nothing_is_printed(staff: Client, branch: Branch, paper: str) -> None:
    appointment = one(branch)
    detail = f"/admin/appointments/appointment/{appointment.reference}/change/"
    assert url(appointment, paper) in staff.get(detail).content.decode()
    booking.cancel(appointment, by=STAFF, reason="Απεργία", now=NOW)
    answer = staff.get(url(appointment, paper), follow=True)
    assert answer.redirect_chain == [(detail, 302)]
    assert "δεν τυπώνεται τίποτα" in text_of(answer)
    assert url(appointment, paper) not in staff.get(detail).content.decode()


@pytest.mark.parametrize("paper", PAPERS)
def test_only_the_branch_prints_and_reading_is_recorded(
    staff: Client, branch: Branch, officer: User, paper: str
) -> None:
    appointment = one(branch)
    other = an_officer(a_branch(branch.agency, "kep-rethymno"), email="other@example.org")
    assert signed_in(Client(), other).get(url(appointment, paper)).status_code == 404
    assert Client().get(url(appointment, paper)).status_code == 302
    assert not Reading.objects.exists()
    staff.get(url(appointment, paper))
    assert Reading.objects.get().officer == officer
