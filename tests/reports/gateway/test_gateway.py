"""Tests of what officials hand to the Single Digital Gateway."""

import csv
import io
import json
from datetime import UTC, date, datetime

import pytest
import time_machine
from django.test import Client

from agencies.models import Procedure
from appointments.models import Rating
from reports import counting
from reports.models import PageViews
from tests.builders import NOW, a_user, an_officer, an_open_branch
from tests.pages import signed_in

pytestmark = pytest.mark.django_db
FILES = [f"/reports/gateway/{name}.{kind}" for name in ("statistics", "feedback") for kind in ("csv", "json")]
PAGE = "http://localhost:8000{}/mykeplive/kep-dilosi/"


@pytest.fixture
def official(client: Client) -> Client:
    branch = an_open_branch()
    service = Procedure.objects.get(code="kep-dilosi")
    february = date(2026, 2, 1)
    for language, country, device, views in (
        ("el", "GR", "phone", 5),
        ("el", "", "computer", 2),
        ("en", "DE", "tablet", 1),
    ):
        PageViews.objects.create(
            month=february, procedure=service, language=language, country=country, device=device, views=views
        )
    PageViews.objects.create(month=date(2026, 3, 1), procedure=service, language="el", device="phone", views=99)
    for day, score in ((date(2026, 2, 1), 5), (date(2026, 2, 28), 5), (date(2026, 2, 9), 1), (date(2026, 3, 1), 4)):
        Rating.objects.create(
            agency=branch.agency,
            procedure=service,
            channel="video",
            served_on=day,
            score=score,
            comment="Ευχαριστώ την Άννα",
        )
    counting.count_all(now=NOW)
    return signed_in(client, a_user("official@example.org", is_official=True))


def test_statistics_are_in_the_form_of_the_commission(official: Client) -> None:
    with time_machine.travel(datetime(2026, 3, 15, 8, 30, tzinfo=UTC), tick=False):
        told = official.get("/reports/gateway/statistics.json").json()
    assert told == {
        "referencePeriod": {"startDate": "2026-02-01 00:00:00", "endDate": "2026-02-28 00:00:00"},
        "transferDate": "2026-03-15 10:30:00",
        "transferType": "API",
        "nbEntries": 2,
        "sources": [
            {
                "source": {
                    "sourceUrl": PAGE.format(""),
                    "statistics": [
                        {"deviceType": "PC", "nbVisits": 2, "originatingCountry": "unknown"},
                        {"deviceType": "Mobile", "nbVisits": 5, "originatingCountry": "GR"},
                    ],
                }
            },
            {
                "source": {
                    "sourceUrl": PAGE.format("/en"),
                    "statistics": [{"deviceType": "Tablet", "nbVisits": 1, "originatingCountry": "DE"}],
                }
            },
        ],
    }


def test_feedback_has_ratings_and_no_words(official: Client) -> None:
    response = official.get("/reports/gateway/feedback.json?month=2026-02")
    assert response.json()["feedbacks"] == [
        {"category": "Procedure", "rating": 1, "source": PAGE.format(""), "nbFeedbacks": 1},
        {"category": "Procedure", "rating": 5, "source": PAGE.format(""), "nbFeedbacks": 2},
    ]
    assert "Άννα" not in json.dumps(response.json(), ensure_ascii=False)


@pytest.mark.parametrize(("name", "sums"), [("statistics", 8), ("feedback", 3)])
def test_csv_says_the_same(official: Client, name: str, sums: int) -> None:
    text = official.get(f"/reports/gateway/{name}.csv?month=2026-02").getvalue().decode()
    rows = list(csv.DictReader(io.StringIO(text)))
    assert sum(int(row["views" if name == "statistics" else "number"]) for row in rows) == sums
    assert {row["month"] for row in rows} == {"2026-02"}


@pytest.mark.parametrize("address", FILES)
def test_only_officials_get_them_and_nothing_keeps_them(official: Client, address: str) -> None:
    response = official.get(address)
    assert response.status_code == 200
    assert "no-store" in response["Cache-Control"]
    assert Client().get(address).status_code == 302
    agent = an_officer(Procedure.objects.get(code="kep-dilosi").agency.branches.get())
    assert signed_in(Client(), agent).get(address).status_code == 403
    assert signed_in(Client(), a_user("citizen@example.org")).get(address).status_code == 404


@pytest.mark.parametrize("month", ["2026-13", "now", "2026-02-01"])
def test_what_is_no_month_is_refused(official: Client, month: str) -> None:
    assert official.get(f"/reports/gateway/statistics.json?month={month}").status_code == 400
