"""The screen in the hall: who is called to which desk, and nothing more."""

from collections.abc import Iterator

import pytest
import time_machine
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from accounts.models import User
from accounts.sealing import random_key
from agencies.models import Branch, Channel
from appointments import counter
from appointments.models import Desk, Queue
from tests.builders import GUEST, NOW, a_desk, a_walk_in, an_officer, booked_at, by, today_at

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _clock() -> Iterator[None]:
    with time_machine.travel(today_at(9), tick=False):
        yield


@pytest.fixture
def desk(branch: Branch, officer: User) -> Desk:
    return a_desk(branch, officer, "3")


@pytest.fixture
def screen(branch: Branch, desk: Desk) -> str:
    return f"/display/{Queue.objects.get(branch=branch).display_key}/"


def seen(client: Client, screen: str) -> str:
    page = client.get(screen).content.decode()
    return page.split('data-seen="')[1].split('"')[0]


def test_shows_number_and_desk_in_both_languages_and_names_nobody(
    client: Client, branch: Branch, desk: Desk, officer: User, screen: str
):
    a_walk_in(branch, today_at(8), name="Γιώργος Κρυφός")
    counter.call_next(desk, by=by(officer), now=today_at(8, 30))
    page = client.get(screen).content.decode()
    assert '<p class="latest__number" translate="no">B001</p>' in page
    assert '<p class="latest__desk" translate="no">3</p>' in page
    for word in ("Αριθμός", "Number", "Θυρίδα", "Desk", "ΚΕΠ Χανίων", "KEP Chania"):
        assert word in page
    for secret in ("Κρυφός", officer.name, officer.email):
        assert secret not in page


def test_empty_hall_says_so(client: Client, screen: str):
    page = client.get(screen).content.decode()
    assert "Εδώ θα εμφανιστεί ο αριθμός σας" in page
    assert "Your number will appear here" in page


def test_latest_call_is_first_and_called_again_leads_again(client: Client, branch: Branch, officer: User, screen: str):
    first, second = a_walk_in(branch, today_at(8)), a_walk_in(branch, today_at(8, 1))
    other = an_officer(branch, email="other@example.org")
    counter.call_next(Desk.objects.get(), by=by(officer), now=today_at(8, 30))
    counter.call_next(a_desk(branch, other, "4"), by=by(other), now=today_at(8, 31))
    page = client.get(screen).content.decode()
    assert page.index("B002") < page.index("B001")
    counter.call_again(first, by=by(officer), now=today_at(8, 32))
    page = client.get(screen).content.decode()
    assert page.index("B001") < page.index("B002")
    assert 'data-call="B001/2"' in page
    assert second.spoken_number in page


def test_who_is_done_or_served_from_afar_is_not_shown(
    client: Client, branch: Branch, desk: Desk, officer: User, screen: str
):
    ticket = a_walk_in(branch, today_at(8))
    counter.call_next(desk, by=by(officer), now=today_at(8, 30))
    counter.complete(ticket, by=by(officer), now=today_at(8, 40))
    video = booked_at(branch, 8, 40, channel=Channel.VIDEO, now=NOW)
    counter.check_in(video, by=GUEST, now=today_at(8, 41))
    assert counter.call_next(desk, by=by(officer), now=today_at(8, 42)).appointment == video
    page = client.get(screen).content.decode()
    assert "B001" not in page
    assert "A002" not in page


def test_poll_is_one_query_while_nothing_changes(
    client: Client, branch: Branch, screen: str, django_assert_num_queries: DjangoAssertNumQueries
):
    state = seen(client, screen)
    a_walk_in(branch, today_at(8))  # who only waits is not on the screen
    with django_assert_num_queries(1):
        answer = client.get(screen, {"seen": state})
    assert answer.status_code == 204


def test_poll_answers_the_calls_alone_once_somebody_is_called(
    client: Client, branch: Branch, desk: Desk, officer: User, screen: str
):
    state = seen(client, screen)
    a_walk_in(branch, today_at(8))
    counter.call_next(desk, by=by(officer), now=today_at(8, 30))
    answer = client.get(screen, {"seen": state})
    assert answer.status_code == 200
    assert answer.content.decode().strip().startswith('<div id="calls"')
    assert "B001" in answer.content.decode()


def test_screen_begins_anew_each_day(client: Client, branch: Branch, desk: Desk, officer: User, screen: str):
    a_walk_in(branch, today_at(8))
    counter.call_next(desk, by=by(officer), now=today_at(8, 30))
    state = seen(client, screen)
    with time_machine.travel(today_at(23, 59), tick=False):
        assert client.get(screen, {"seen": state}).status_code == 204
    with time_machine.travel(today_at(23, 59).timestamp() + 120, tick=False):
        assert "B001" not in client.get(screen, {"seen": state}).content.decode()


def test_old_key_shows_nothing(client: Client, screen: str):
    Queue.objects.update(display_key=random_key())
    assert client.get(screen).status_code == 404
    assert client.get(screen, {"seen": "0"}).status_code == 404
