"""A visit without an appointment is rated once, anonymously, from the page of its ticket."""

from collections.abc import Callable
from datetime import UTC, time, timedelta

import pytest
from django.db import models
from django.test import Client

from accounts.models import User
from agencies.models import Branch, Channel
from appointments import counter
from appointments.booking.ratings import rate_visit
from appointments.counter.steps import PATIENCE
from appointments.errors import WrongStatus
from appointments.models import Desk, Rating, Ticket
from appointments.models.appointment import LINK_TELLS
from appointments.views.acting import IN_LINE
from reports.models import DailyRating
from reports.tasks import count_changed
from tests.builders import GUEST, NOW, a_walk_in, booked_at, by
from tests.pages import text_of
from tests.races import at_once

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]


def served(ticket: Ticket, desk: Desk) -> Ticket:
    officer = by(desk.officer)
    return counter.complete(counter.call(ticket, desk, by=officer, now=NOW), by=officer, now=NOW)


@pytest.fixture
def visit(branch: Branch, desk: Desk) -> Ticket:
    return served(a_walk_in(branch, NOW, channel=Channel.VIDEO, name="Μαρία", phone="+306912345678"), desk)


def page_of_rating(ticket: Ticket) -> str:
    return f"{ticket.get_absolute_url()}rate/"


@pytest.mark.parametrize("channel", Channel)
def test_visit_is_rated_once(client: Client, branch: Branch, desk: Desk, channel: str) -> None:
    ticket = served(a_walk_in(branch, NOW, channel=channel), desk)
    page = page_of_rating(ticket)
    assert page in text_of(client.get(ticket.get_absolute_url()))
    assert ticket.branch.name in text_of(client.get(page))
    assert client.post(page, {"score": "5", "comment": "Γρήγορα"}).headers["Location"] == ticket.get_absolute_url()
    client.post(page, {"score": "1"})
    rating = Rating.objects.get()
    assert (rating.score, rating.comment, rating.channel, rating.served_on) == (5, "Γρήγορα", channel, ticket.day)
    ticket.refresh_from_db()
    assert ticket.rated_at
    assert ticket.rated_at.astimezone(UTC).time() == time()  # the day alone
    assert page not in text_of(client.get(ticket.get_absolute_url()))


def test_rating_leads_back_to_nobody(visit: Ticket) -> None:
    rate_visit(visit, 5, now=NOW)
    related = {field.related_model for field in Rating._meta.get_fields() if isinstance(field, models.ForeignKey)}
    assert not related & {Ticket, User}


def test_rating_without_a_score_is_told(client: Client, visit: Ticket) -> None:
    page = text_of(client.post(page_of_rating(visit), {"comment": "Γρήγορα"}))
    assert "Επιλέξτε πόσο ικανοποιημένοι είστε." in page
    assert "Γρήγορα" in page


NOT_YET: dict[str, Callable[[Ticket, Desk], object]] = {
    "waits": lambda _ticket, _desk: None,
    "is called": lambda ticket, desk: counter.call(ticket, desk, by=by(desk.officer), now=NOW),
    "is served": lambda ticket, desk: counter.serve(ticket, by=by(desk.officer), now=NOW),
    "was not there": lambda ticket, desk: counter.miss(ticket, by=by(desk.officer), now=NOW),
    "has left": lambda ticket, _desk: counter.give_up(ticket, by=GUEST, now=NOW),
    "is taken back": lambda ticket, desk: counter.undo(served(ticket, desk), by=by(desk.officer), now=NOW + PATIENCE),
}


@pytest.mark.parametrize("step", NOT_YET)
def test_who_was_not_served_rates_nothing(client: Client, branch: Branch, desk: Desk, step: str) -> None:
    ticket = a_walk_in(branch, NOW)
    NOT_YET[step](ticket, desk)
    assert client.post(page_of_rating(ticket), {"score": "5"}).headers["Location"] == ticket.get_absolute_url()
    with pytest.raises(WrongStatus):
        rate_visit(ticket, 5, now=NOW)
    assert not Rating.objects.exists()


def test_visit_with_an_appointment_is_rated_from_there(client: Client, branch: Branch, desk: Desk) -> None:
    ticket = served(counter.check_in(booked_at(branch, 9), by=GUEST, now=NOW), desk)
    assert page_of_rating(ticket) not in text_of(client.get(ticket.get_absolute_url()))
    with pytest.raises(WrongStatus):
        rate_visit(ticket, 5, now=NOW)


def test_visit_is_rated_as_long_as_an_appointment_is(visit: Ticket) -> None:
    assert visit.may_be_rated(NOW + LINK_TELLS - timedelta(seconds=1))
    assert not visit.may_be_rated(NOW + LINK_TELLS)


def test_who_comes_from_the_call_is_led_to_the_rating_once(client: Client, visit: Ticket) -> None:
    remembered = client.session
    remembered[IN_LINE] = visit.code
    remembered.save()
    place, page = visit.get_absolute_url(), page_of_rating(visit)
    assert client.get(place).headers["Location"] == page
    assert client.get(page).status_code == 200
    assert client.get(place).status_code == 200
    assert Client().get(place).status_code == 200  # somebody else who knows the code


def test_page_that_is_open_goes_to_the_rating(client: Client, visit: Ticket) -> None:
    part = text_of(client.get(visit.get_absolute_url(), {"seen": "earlier"}))
    assert f'data-go="{page_of_rating(visit)}"' in part


@pytest.mark.django_db(transaction=True)
def test_many_presses_give_one_rating(visit: Ticket) -> None:
    at_once([lambda: rate_visit(visit, 5, now=NOW)] * 8)
    assert Rating.objects.count() == 1


def test_ratings_of_visits_are_counted(visit: Ticket) -> None:
    rate_visit(visit, 4, now=NOW)
    count_changed()
    counted = DailyRating.objects.values_list("agency", "day", "channel", "score", "ratings")
    assert list(counted) == [(visit.branch.agency_id, visit.day, "video", 4, 1)]
