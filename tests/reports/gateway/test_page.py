"""Tests of the page about page views."""

from datetime import date

import pytest
from django.test import Client

from agencies.models import Branch, Procedure, Role
from reports.models import PageViews
from tests.builders import a_branch, a_procedure, a_user, an_agency, an_officer, an_open_branch
from tests.pages import signed_in

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]
QUERY = "?from=2026-03&until=2026-03"


@pytest.fixture
def branch() -> Branch:
    found = an_open_branch()
    a_procedure(an_agency("dypa"), "dypa-one")
    for code, month, country, device, views in (
        ("kep-dilosi", 3, "GR", "phone", 60),
        ("kep-dilosi", 3, "DE", "phone", 20),
        ("kep-dilosi", 3, "", "computer", 20),
        ("dypa-one", 3, "GR", "tablet", 7),
    ):
        PageViews.objects.create(
            month=date(2026, month, 1),
            procedure=Procedure.objects.get(code=code),
            language="el",
            country=country,
            device=device,
            views=views,
        )
    return found


def told(client: Client, query: str = QUERY) -> dict:
    return client.get(f"/reports/page-views.json{query}").json()


def rows(report: dict, name: str) -> list[dict]:
    return report["tables"][name]


def test_official_sees_all_of_them(client: Client, branch: Branch) -> None:
    report = told(signed_in(client, a_user("official@example.org", is_official=True)))
    assert {one["country"]: one["views"] for one in rows(report, "by-country")} == {"GR": 67, "DE": 20, "unknown": 20}
    assert [[one["phone"], one["tablet"], one["computer"]] for one in rows(report, "by-device")] == [[80, 7, 20]]
    assert [one["views"] for one in rows(report, "by-service")] == [100, 7]
    page = client.get(f"/en/reports/page-views/{QUERY}").content.decode()
    assert "Germany" in page
    assert report["headlines"]["views"] == 107
    assert round(report["headlines"]["abroad_percent"]) == 23
    assert round(report["headlines"]["known_percent"]) == 81


def test_agency_sees_its_own(client: Client, branch: Branch) -> None:
    admin = an_officer(branch.agency, Role.AGENCY_ADMIN, "admin@example.org")
    assert sum(one["views"] for one in rows(told(signed_in(client, admin)), "by-country")) == 100


def test_supervisor_of_a_branch_sees_none_and_is_told_why(client: Client, branch: Branch) -> None:
    a_branch(branch.agency, "kep-other")
    supervisor = an_officer(branch, Role.SUPERVISOR, "supervisor@example.org")
    page = signed_in(client, supervisor).get(f"/en/reports/page-views/{QUERY}")
    assert page.status_code == 200
    assert "Pages belong to no branch" in page.content.decode()
    assert rows(told(client), "by-country") == []


def test_stranger_has_to_sign_in(client: Client) -> None:
    assert client.get("/reports/page-views/").status_code == 302
