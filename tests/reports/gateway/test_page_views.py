"""Tests of counting page views: who counts, that nothing else is kept, and that no page waits for it."""

from datetime import UTC, date, datetime

import pytest
import time_machine
from django.db import DatabaseError, connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext

from agencies.models import Procedure
from reports.gateway import counting
from reports.gateway.counting import Views
from reports.models import PageViews
from tests.builders import a_procedure, an_open_branch

pytestmark = pytest.mark.django_db
PHONE = (
    "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Mobile Safari/537.36"
)
PAGE = "/mykeplive/kep-dilosi/"


@pytest.fixture(autouse=True)
def _nothing_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(counting, "views", Views())
    monkeypatch.setattr(counting, "country_of", lambda _request: "GR")


def seen() -> list[tuple]:
    counting.views.write()
    return list(
        PageViews.objects.order_by("pk").values_list(
            "month", "procedure__code", "language", "country", "device", "views"
        )
    )


def read(client: Client, address: str = PAGE, times: int = 1, **headers: str) -> None:
    for _ in range(times):
        client.get(address, headers={"User-Agent": PHONE, **headers})


@time_machine.travel(datetime(2026, 3, 31, 21, 30, tzinfo=UTC), tick=False)
def test_view_is_counted_by_month_language_country_and_device(client: Client) -> None:
    an_open_branch()
    read(client, times=3)
    read(client, f"/en{PAGE}")
    april = date(2026, 4, 1)
    assert sorted(seen()) == [
        (april, "kep-dilosi", "el", "GR", "phone", 3),
        (april, "kep-dilosi", "en", "GR", "phone", 1),
    ]
    read(client)
    assert min(seen())[-1] == 4


@pytest.mark.parametrize(
    ("address", "headers"),
    [
        (PAGE, {"User-Agent": "curl/8.5.0"}),
        (PAGE, {"User-Agent": ""}),
        (PAGE, {"Sec-Purpose": "prefetch;prerender"}),
        ("/mykeplive/no-such-service/", {}),
        ("/MyKEPlive/kep-dilosi/", {}),
        ("/mykeplive/", {}),
        (f"{PAGE}book/", {}),
    ],
)
def test_what_is_no_view_of_a_persons_is_left_out(client: Client, address: str, headers: dict[str, str]) -> None:
    an_open_branch()
    read(client, address, **headers)
    assert seen() == []


def test_view_asks_the_database_nothing(client: Client) -> None:
    an_open_branch()
    read(client)
    with CaptureQueriesContext(connection) as by_a_person:
        read(client)
    with CaptureQueriesContext(connection) as by_a_program:
        client.get(PAGE)
    assert len(by_a_person) == len(by_a_program)


def test_page_is_shown_when_counting_fails(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    an_open_branch()

    def fail(_request: object) -> str:
        raise OSError

    monkeypatch.setattr(counting, "country_of", fail)
    assert client.get(PAGE, headers={"User-Agent": PHONE}).status_code == 200


def test_views_stay_until_the_database_takes_them(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    an_open_branch()
    read(client, times=2)
    right = counting.ADD
    monkeypatch.setattr(counting, "ADD", "SELECT 1 / 0, %s, %s, %s, %s, %s, %s")
    with pytest.raises(DatabaseError), transaction.atomic():
        counting.views.write()
    read(client)
    monkeypatch.setattr(counting, "ADD", right)
    assert [row[-1] for row in seen()] == [3]


def test_service_that_is_gone_takes_no_other_views_with_it(client: Client) -> None:
    branch = an_open_branch()
    a_procedure(branch.agency, "kep-other")
    read(client)
    read(client, "/mykeplive/kep-other/")
    Procedure.objects.filter(code="kep-other").delete()
    assert [row[1] for row in seen()] == ["kep-dilosi"]


def test_database_that_is_away_is_told_and_ends_nothing(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail() -> None:
        raise DatabaseError

    monkeypatch.setattr(counting.views, "write", fail)
    monkeypatch.setattr(counting.connection, "close", lambda: None)
    counting.write()
    assert "wait for the database" in caplog.text
