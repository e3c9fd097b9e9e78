from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from tests.builders import a_branch, a_procedure, an_agency

pytestmark = pytest.mark.django_db


def read(address: str, language: str = "el") -> Any:
    response = Client(headers={"Accept-Language": language}).get(f"/api/v1/{address}")
    assert response.status_code == 200, response.content
    return response.json()


def refusal(address: str) -> dict[str, list[str]]:
    response = Client(headers={"Accept-Language": "en"}).get(f"/api/v1/{address}")
    assert response.status_code == 400
    return response.json()


def test_agencies_speak_the_language_asked_for():
    an_agency(name_el="Κέντρα Εξυπηρέτησης", name_en="Service Centres", live_since="2020-07-27")
    (greek,), (english,) = read("agencies/"), read("agencies/", "en-GB,en;q=0.9")
    assert (greek["name"], english["name"]) == ("Κέντρα Εξυπηρέτησης", "Service Centres")
    assert (greek["url"], english["url"]) == (
        "http://localhost:8000/mykeplive/",
        "http://localhost:8000/en/mykeplive/",
    )
    assert (greek["slug"], greek["platform"], greek["live_since"]) == ("kep", "myKEPlive", "2020-07-27")
    assert (greek["horizon_days"], greek["lead_minutes"], greek["change_minutes"]) == (14, 60, 60)


def test_agencies_are_the_ones_that_the_portal_shows():
    an_agency("joins", stage="joining")
    an_agency("asks", stage="request")
    assert [(agency["slug"], agency["is_live"]) for agency in read("agencies/")] == [("joins", False)]
    assert read("agencies/joins/")["slug"] == "joins"
    assert Client().get("/api/v1/agencies/asks/").status_code == 404


def test_branches_are_found_in_any_spelling():
    kep = an_agency()
    a_branch(kep, region_el="Κρήτη", region_en="Crete")
    a_branch(kep, "kep-xanthi", name_el="ΚΕΠ Ξάνθης", name_en="KEP Xanthi", city_el="Ξάνθη", city_en="Xanthi")
    a_branch(
        an_agency("consul"),
        "consul-vienna",
        name_el="Βιέννη",
        name_en="Vienna",
        city_el="Βιέννη",
        city_en="Vienna",
        country="AT",
    )
    for query in ("q=χανια", "q=hania", "q=CHANIÁ", "region=κρήτη", "region=crete"):
        assert [branch["code"] for branch in read(f"branches/?{query}")] == ["kep-chania"], query
    assert [branch["code"] for branch in read("branches/?country=at")] == ["consul-vienna"]
    assert {branch["code"] for branch in read("branches/?agency=kep")} == {"kep-chania", "kep-xanthi"}


def test_branch_gives_place_and_clock():
    a_branch(an_agency(), timezone="Europe/Athens", latitude="35.5112", longitude="24.0292", phone="+302821012345")
    branch = read("branches/kep-chania/", "en")
    assert (branch["name"], branch["city"], branch["agency"]) == ("KEP Chania", "Chania", "kep")
    assert (branch["timezone"], branch["latitude"], branch["longitude"]) == ("Europe/Athens", 35.5112, 24.0292)


def test_branches_leave_out_what_cannot_be_booked():
    a_branch(an_agency(), is_open=False)
    a_branch(an_agency("joins", stage="joining"), "joins-athens")
    assert read("branches/") == []
    assert Client().get("/api/v1/branches/kep-chania/").status_code == 404


def test_procedures_tell_what_to_bring():
    kep = an_agency()
    a_procedure(kep, duration_minutes=15, open_limit=2)
    a_procedure(kep, "kep-hidden", is_offered=False)
    (procedure,) = read("procedures/")
    assert procedure["documents"] == ["Δελτίο ταυτότητας", "ΑΦΜ"]
    assert (procedure["duration_minutes"], procedure["open_limit"]) == (15, 2)
    assert procedure["channels"] == ["in_person", "video"]
    assert procedure["url"] == "http://localhost:8000/mykeplive/kep-dilosi/"
    assert read("procedures/kep-dilosi/") == procedure
    assert Client().get("/api/v1/procedures/kep-hidden/").status_code == 404


def test_procedures_are_filtered():
    kep = an_agency()
    a_procedure(kep)
    a_procedure(kep, "kep-phone", name_el="Πληροφορίες", name_en="Information", channels=["phone"])
    a_procedure(an_agency("dimos"), "dimos-phone", name_el="Δημοτολόγιο", name_en="Register", channels=["phone"])
    assert [procedure["code"] for procedure in read("procedures/?agency=kep&channel=phone")] == ["kep-phone"]
    assert [procedure["code"] for procedure in read("procedures/?q=plirofories")] == ["kep-phone"]


@pytest.mark.parametrize("query", ["agency=nobody", "agency=%00", "agency=κεπ", "agency=" + "x" * 200])
def test_unknown_agency_is_said_at_its_field(query: str):
    assert set(refusal(f"branches/?{query}")) == set(refusal(f"procedures/?{query}")) == {"agency"}


@pytest.mark.parametrize(
    ("address", "field"),
    [
        ("branches/?country=greece", "country"),
        ("branches/?q=" + "x" * 101, "q"),
        ("branches/?region=%00", "region"),
        ("procedures/?channel=fax", "channel"),
    ],
)
def test_wrong_filter_is_said_at_its_field(address: str, field: str):
    assert list(refusal(address)) == [field]


@pytest.mark.parametrize("number", [1, 3])
def test_lists_take_one_query(number: int, django_assert_num_queries: DjangoAssertNumQueries):
    agencies = [an_agency(f"agency-{n}") for n in range(number)]
    for n, agency in enumerate(agencies):
        a_branch(agency, f"branch-{n}")
        a_procedure(agency, f"procedure-{n}")
    for address in ("agencies/", "branches/", "procedures/"):
        with django_assert_num_queries(1):
            assert len(read(address)) == number


def test_lists_need_no_session():
    client = Client()
    client.cookies["sessionid"] = "of somebody who left"
    response = client.get("/api/v1/agencies/", headers={"Authorization": "Bearer nobody"})
    assert response.status_code == 200
    assert "Cookie" not in response["Vary"]


def test_writing_to_lists_is_refused(client: Client):
    send: Callable[..., Any] = client.post
    assert send("/api/v1/agencies/", {}, content_type="application/json").status_code == 405


@pytest.mark.parametrize("address", ["nothing/", "agencies/a/b/", "branches/%00/", "procedures/é/"])
def test_unknown_address_is_answered_for_programs(client: Client, address: str):
    response = client.get(f"/api/v1/{address}", headers={"Accept-Language": "en"})
    assert (response.status_code, list(response.json())) == (404, ["detail"])


@pytest.mark.parametrize(
    ("query", "accept", "status", "content"),
    [
        ("", None, 200, "application/json"),
        ("", "*/*", 200, "application/json"),
        ("", "text/html, */*;q=0.1", 200, "application/json"),
        ("", "text/html", 406, "application/json"),
        ("?format=json", "*/*", 200, "application/json"),
        ("?format=xml", "*/*", 404, "application/json"),
    ],
)
def test_answers_are_json_or_refused(client: Client, query: str, accept: str | None, status: int, content: str):
    answer = client.get(f"/api/v1/agencies/{query}", headers={"Accept": accept} if accept else {})
    assert (answer.status_code, answer["Content-Type"]) == (status, content)
