"""Suggestions under the portal's search line, by keyboard, pointer and screen reader."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.builders import a_branch, a_procedure, an_agency
from tests.conftest import PHONE, NewPage
from tests.pages import fits

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture(autouse=True)
def _offer() -> None:
    kep = an_agency()
    a_procedure(kep)
    a_branch(kep)


def typed(page: Page, text: str) -> None:
    page.goto("/")
    page.get_by_role("combobox").press_sequentially(text)
    expect(page.get_by_role("listbox")).to_be_visible()


@pytest.mark.parametrize("size", [(320, 640), PHONE, (1280, 900)], ids=["320", "390", "1280"])
def test_suggestions_are_accessible_and_fit(
    new_page: NewPage, assert_accessible: Callable[[Page], None], size: tuple[int, int]
):
    page = new_page(size=size)
    typed(page, "δηλωσ")
    page.keyboard.press("ArrowDown")
    expect(page.get_by_role("status")).to_have_text("1 πρόταση")
    assert_accessible(page)
    assert fits(page)


def test_suggestion_is_chosen_by_keyboard(new_page: NewPage):
    page = new_page()
    typed(page, "ΚΕΠ")
    field = page.get_by_role("combobox")
    page.keyboard.press("ArrowUp")
    expect(page.get_by_role("option").last).to_have_attribute("aria-selected", "true")
    for _again in range(2):
        page.keyboard.press("ArrowDown")
    expect(page.get_by_role("option").first).to_have_attribute("aria-selected", "true")
    assert field.get_attribute("aria-activedescendant") == page.get_by_role("option").first.get_attribute("id")
    page.keyboard.press("Escape")
    expect(field).to_have_attribute("aria-expanded", "false")
    expect(field).to_have_value("ΚΕΠ")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    page.wait_for_url("**/mykeplive/")


def test_suggestion_is_chosen_by_a_click_and_enter_without_a_choice_searches(new_page: NewPage):
    page = new_page()
    typed(page, "dilosis")
    page.get_by_role("option", name="Υπεύθυνη δήλωση").click()
    page.wait_for_url("**/mykeplive/kep-dilosi/")
    typed(page, "dilosis")
    page.keyboard.press("Enter")
    page.wait_for_url("**/?q=dilosis")


def test_nothing_is_suggested_while_the_server_is_away(new_page: NewPage):
    page = new_page()
    page.route("**/suggestions/**", lambda route: route.abort())
    page.goto("/")
    with page.expect_event("requestfailed"):
        page.get_by_role("combobox").press_sequentially("δηλωσ")
    expect(page.get_by_role("listbox")).to_be_hidden()
    page.keyboard.press("Enter")
    expect(page.get_by_role("link", name="Υπεύθυνη δήλωση")).to_be_visible()
