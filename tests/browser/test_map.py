"""The map of the branches abroad in Chromium: it is drawn from its table, and stays readable on every screen."""

import gzip
from collections.abc import Callable
from itertools import combinations
from typing import TypedDict

import pytest
from playwright.sync_api import Page, Response, expect
from pytest_django.live_server_helper import LiveServer

from reports.models import DailyFact
from tests.builders import NOW, a_branch, a_procedure, a_user, an_agency
from tests.conftest import NewPage
from tests.pages import fits, sign_in

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("clock")]

MOST = 200_000  # bytes of scripts and coasts, compressed
ADDRESS = "/en/reports/compare/?by=country"
CITIES = {
    "Berlin": (52.52, 13.4),
    "Munich": (48.14, 11.58),
    "Paris": (48.86, 2.35),
    "Brussels": (50.85, 4.35),
    "Sydney": (-33.87, 151.21),
    "New York": (40.71, -74.0),
    "Nicosia": (35.17, 33.36),
}
BOXES = """() => [...document.querySelectorAll(".chart__drawing svg")].map((svg) => ({
    drawn: svg.querySelectorAll("circle").length,
    names: [...svg.querySelectorAll("text")].map((text) => { const box = text.getBoundingClientRect();
        return { text: text.textContent, left: box.left, right: box.right, top: box.top, bottom: box.bottom }; }),
}))"""


class Box(TypedDict):
    text: str
    left: float
    right: float
    top: float
    bottom: float


@pytest.fixture
def consulates() -> None:
    agency = an_agency("mfa")
    procedure = a_procedure(agency, "mfa-service")
    for number, (city, (north, east)) in enumerate(CITIES.items(), 1):
        place = {"city_en": city, "name_en": f"Consulate in {city}", "latitude": north, "longitude": east}
        branch = a_branch(agency, f"mfa-{number}", country="DE" if number % 2 else "FR", **place)
        DailyFact.objects.create(
            agency=agency,
            branch=branch,
            procedure=procedure,
            day=NOW.date(),
            channel="in_person",
            source="online",
            outcome="open",
            requested=100 * number,
        )


def meet(one: Box, other: Box) -> bool:
    across = one["left"] < other["right"] and other["left"] < one["right"]
    return across and one["top"] < other["bottom"] and other["top"] < one["bottom"]


@pytest.mark.usefixtures("consulates")
def test_map_is_drawn_on_every_screen_and_its_names_do_not_overlap(
    new_page: NewPage, live_server: LiveServer, assert_accessible: Callable[[Page], None]
) -> None:
    page = new_page()
    sign_in(page, a_user("official@example.org", is_official=True), live_server)
    for width in (1280, 320):
        page.set_viewport_size({"width": width, "height": 800})
        page.goto(ADDRESS)
        expect(page.locator(".chart__drawing svg")).to_have_count(2)  # the world, and Europe once more
        world, near = page.evaluate(BOXES)
        assert (world["drawn"], near["drawn"]) == (len(CITIES), 5)
        assert {"Sydney", "New York"} <= {name["text"] for name in world["names"]}
        assert near["names"]
        for drawing in (world, near):
            for one, other in combinations(drawing["names"], 2):
                assert not meet(one, other), (one, other)
        assert fits(page)
    assert_accessible(page)


@pytest.mark.usefixtures("consulates")
def test_map_weighs_little_and_the_table_needs_no_script(new_page: NewPage, live_server: LiveServer) -> None:
    official = a_user("official@example.org", is_official=True)
    page, answers = new_page(), list[Response]()
    sign_in(page, official, live_server)

    def note(answer: Response) -> None:
        answers.append(answer)

    page.on("response", note)
    page.goto(ADDRESS)
    expect(page.locator(".chart__drawing svg")).to_have_count(2)
    drawing = [one for one in answers if "/vendor/" in one.url and one.url.endswith((".js", ".json"))]
    assert sum(len(gzip.compress(one.body())) for one in drawing) < MOST
    assert any(one.url.endswith("land-110m.json") for one in drawing)
    plain = new_page(javascript=False)
    sign_in(plain, official, live_server)
    plain.goto(ADDRESS)
    expect(plain.locator("#abroad tbody tr")).to_have_count(len(CITIES))
    expect(plain.locator("#abroad .chart")).to_be_hidden()
