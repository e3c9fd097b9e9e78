"""What a citizen sees and does about a time that fell out."""

import pytest
import time_machine
from django.test import Client

from agencies.models import Branch
from appointments import booking, offers
from appointments.models import Appointment, Disruption, Offer, Status
from appointments.offers.replacements import Replacements
from tests.builders import NOW, TUESDAY, WEDNESDAY, WORKER, a_strike, at, booked_at, offer_of
from tests.codes import open_for
from tests.pages import hidden_of, text_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]
State = Offer.State


@pytest.fixture
def booked(branch: Branch) -> Appointment:
    """A guest's, on Tuesday at nine, when there is a strike; Wednesday at eight is held instead."""
    booked = booked_at(branch, 9, day=TUESDAY)
    a_strike(branch)
    return booked


@pytest.fixture
def page(client: Client, booked: Appointment) -> str:
    """The address of the offer, which the client has opened by its link."""
    open_for(client, booked)
    return client.get(f"{booked.get_absolute_url()}offer/?key={booked.link_key}").headers["Location"]


def open_link(client: Client, booked: Appointment) -> None:
    """Again, after the session is over."""
    open_for(client, booked)


def test_offer_opens_by_its_link_and_shows_both_times(client: Client, booked: Appointment, page: str) -> None:
    assert page == f"{booked.get_absolute_url()}offer/"
    shown = text_of(client.get(page))
    for said in ("Απεργία", "Τρίτη 3 Μαρτίου, 09:00", "Τετάρτη 4 Μαρτίου, 08:00", "Τρίτη 3 Μαρτίου, 20:00"):
        assert said in shown
    assert Offer.objects.get().state == State.OPEN


def test_offer_is_shown_in_english(client: Client, page: str) -> None:
    shown = text_of(client.get(f"/en{page}"))
    for said in ("Strike", "Tuesday 3 March, 09:00", "Wednesday 4 March, 08:00", "Accept the new time"):
        assert said in shown


def test_stranger_finds_no_offer(booked: Appointment) -> None:
    assert Client().get(f"{booked.get_absolute_url()}offer/").status_code == 404
    assert Client().post(f"{booked.get_absolute_url()}offer/").status_code == 404
    assert Client().get(f"{booked.get_absolute_url()}offer/?key=wrong").status_code == 403
    assert Offer.objects.get().state == State.OPEN


def test_accepting_moves_and_says_so(client: Client, booked: Appointment, page: str) -> None:
    response = client.post(page, follow=True)
    assert response.redirect_chain == [(booked.get_absolute_url(), 302)]
    assert "Η νέα ώρα είναι δική σας" in text_of(response)
    assert "Τετάρτη 4 Μαρτίου 2026, 08:00" in text_of(response)
    booked.refresh_from_db()
    assert booked.starts_at == at(8, day=WEDNESDAY)


def test_second_click_says_the_same(client: Client, booked: Appointment, page: str) -> None:
    client.post(page)
    assert "Η νέα ώρα είναι δική σας" in text_of(client.post(page, follow=True))


def test_answered_offer_leads_to_the_appointment(client: Client, booked: Appointment, page: str) -> None:
    client.post(page)
    assert client.get(page).headers["Location"] == booked.get_absolute_url()


def test_appointment_without_offer_leads_to_itself(client: Client, branch: Branch) -> None:
    booked = booked_at(branch, 9, day=TUESDAY)
    open_for(client, booked)
    assert client.get(f"{booked.get_absolute_url()}offer/").headers["Location"] == booked.get_absolute_url()


def test_late_answer_is_told_that_the_time_is_gone(
    client: Client, booked: Appointment, page: str, clock: time_machine.Traveller
) -> None:
    clock.move_to(offer_of(booked).deadline)
    open_link(client, booked)
    shown = text_of(client.post(page))
    assert "Η ώρα δεν κρατιέται πια για εσάς" in shown
    assert "Δέχομαι τη νέα ώρα" not in shown
    booking.expire(by=WORKER, now=offer_of(booked).deadline)
    assert "Η ώρα που σας κρατούσαμε δεν κρατιέται πια" in text_of(client.get(page))
    assert Offer.objects.get().state == State.LAPSED


def test_time_that_another_page_showed_is_not_accepted(client: Client, booked: Appointment, page: str) -> None:
    open_link(client, booked)
    first = hidden_of(text_of(client.get(page)))
    offer = offer_of(booked)
    found = Replacements(["same"], now=NOW)
    later = offers.Source(lambda one: list(found.candidates(one))[3:], found.gave)
    renewed = offers.renew(offer, later, by=WORKER, now=NOW)
    assert renewed.hold
    shown = text_of(client.post(page, first, follow=True))
    assert "Το ραντεβού άλλαξε στο μεταξύ." in shown
    booked.refresh_from_db()
    assert booked.starts_at == offer.was_starts_at
    client.post(page, hidden_of(shown))
    booked.refresh_from_db()
    assert booked.starts_at == renewed.hold.starts_at


def test_none_found_says_so_and_offers_what_can_be_done(client: Client, branch: Branch) -> None:
    booked = booked_at(branch, 9, day=TUESDAY)
    a_strike(branch, ways=["near"])
    open_for(client, booked)
    shown = text_of(client.get(f"{booked.get_absolute_url()}offer/?key={booked.link_key}", follow=True))
    assert "Δεν βρήκαμε άλλη ελεύθερη ώρα" in shown
    assert f"{booked.get_absolute_url()}move/" in shown
    assert f"{booked.get_absolute_url()}cancel/" in shown


def test_appointments_page_leads_to_the_offer(client: Client, booked: Appointment, page: str) -> None:
    shown = text_of(client.get(booked.get_absolute_url()))
    assert page in shown
    assert "Το ραντεβού σας δεν μπορεί να γίνει" in shown
    assert "calendar.ics" not in shown
    client.post(page)
    shown = text_of(client.get(booked.get_absolute_url()))
    assert page not in shown
    assert "calendar.ics" in shown


def test_another_time_is_chosen_even_after_the_deadline_for_changes(
    client: Client, booked: Appointment, page: str, clock: time_machine.Traveller
) -> None:
    clock.move_to(at(8, 30))
    open_link(client, booked)
    shown = text_of(client.get(f"{booked.get_absolute_url()}move/"))
    assert "Αυτή η ώρα δεν ισχύει πλέον" in shown
    assert "Την κρατάτε" not in shown
    slot = booked.branch.slots.get(starts_at=at(12, day=WEDNESDAY))
    client.post(f"{booked.get_absolute_url()}move/check/", {"slot": slot.pk})
    booked.refresh_from_db()
    assert booked.starts_at == at(12, day=WEDNESDAY)
    assert Offer.objects.get().state == State.CHANGED
    assert Disruption.objects.count() == 1


def test_cancelling_answers_the_offer(client: Client, booked: Appointment, page: str) -> None:
    client.post(f"{booked.get_absolute_url()}cancel/", {"reason": ""})
    booked.refresh_from_db()
    assert booked.status == Status.CANCELLED
    assert Offer.objects.get().state == State.CANCELLED
    assert not Appointment.objects.filter(status=Status.HELD).exists()
