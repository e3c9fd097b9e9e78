"""Tests of the portal, the platforms and the pages of text."""

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries, Settings

from agencies.models import Agency, Channel, Synonym
from tests.builders import a_branch, a_procedure, an_agency

pytestmark = pytest.mark.django_db


def page(client: Client, address: str, status: int = 200) -> str:
    answer = client.get(address)
    assert answer.status_code == status
    return answer.content.decode()


def agencies(number: int) -> None:
    for each in range(number):
        agency = an_agency(f"agency{each}")
        a_branch(agency, f"branch{each}")
        a_procedure(agency, f"procedure{each}")


@pytest.mark.parametrize("number", [1, 3])
def test_portal_takes_two_queries(client: Client, django_assert_num_queries: DjangoAssertNumQueries, number: int):
    agencies(number)
    with django_assert_num_queries(2):
        text = page(client, "/")
    assert text.count('class="card accent-') == number


@pytest.mark.parametrize("number", [1, 3])
def test_search_takes_six_queries(client: Client, django_assert_num_queries: DjangoAssertNumQueries, number: int):
    agencies(number)
    with django_assert_num_queries(6):
        text = page(client, "/?q=chania")
    assert text.count("?branch=branch") == number


@pytest.mark.parametrize("number", [1, 3])
def test_platform_takes_two_queries(client: Client, django_assert_num_queries: DjangoAssertNumQueries, number: int):
    agency = an_agency()
    for each in range(number):
        a_branch(agency, f"branch{each}")
        a_procedure(agency, f"procedure{each}")
    with django_assert_num_queries(2):
        text = page(client, "/mykeplive/")
    assert text.count('class="row__title"') == number


def test_portal_shows_joining_agency_without_its_services(client: Client):
    a_procedure(an_agency("egdix", stage=Agency.Stage.JOINING))
    an_agency("secret", stage=Agency.Stage.REQUEST)
    text = page(client, "/")
    assert "Σε ένταξη" in text
    assert "/myegdixlive/" in text
    assert "Υπεύθυνη δήλωση" not in text
    assert "mysecretlive" not in text


@pytest.mark.parametrize("query", ["υπευθυνη δηλωση", "ΥΠΕΎΘΥΝΗ", "ypefthini dilosi", "declaration"])
def test_search_finds_service_in_any_spelling(client: Client, query: str):
    a_procedure(an_agency())
    assert "/mykeplive/kep-dilosi/" in page(client, f"/?q={query}")


def test_search_for_service_and_town_finds_both(client: Client):
    agency = an_agency()
    a_procedure(agency)
    a_procedure(agency, "kep-karta", name_el="Κάρτα", name_en="Card")
    a_branch(agency)
    a_branch(agency, "kep-patra", name_el="ΚΕΠ Πατρέων", name_en="KEP Patras", city_el="Πάτρα", city_en="Patras")
    text = page(client, "/?q=δήλωση στα χανια")
    assert "/mykeplive/kep-dilosi/" in text
    assert "?branch=kep-chania" in text
    assert "kep-karta" not in text
    assert "kep-patra" not in text


def test_search_for_service_and_town_keeps_the_town_in_the_address(client: Client):
    agency = an_agency()
    a_procedure(agency)
    a_branch(agency)
    assert "/mykeplive/kep-dilosi/?branch=kep-chania" in page(client, "/?q=δήλωση χανια")


def test_search_says_how_many_branches_there_are_and_shows_all(client: Client):
    agency = an_agency()
    for number in range(25):
        a_branch(agency, f"kep-{number}")
    text = page(client, "/?q=χανια")
    assert text.count("?branch=") == 20
    assert "Τα πρώτα 20 από τα 25 σημεία εξυπηρέτησης." in text
    assert "25 αποτελέσματα" in text
    assert "all=yes" in text
    assert page(client, "/?q=χανια&all=yes").count("?branch=") == 25


@pytest.mark.parametrize("number", [1, 3])
def test_suggestions_take_five_queries(client: Client, django_assert_num_queries: DjangoAssertNumQueries, number: int):
    agencies(number)
    with django_assert_num_queries(5):
        answer = client.get("/suggestions/?q=χανι")
    assert answer.json()["suggestions"] == [
        {"text": "ΚΕΠ Χανίων", "kind": "Χανιά", "url": f"/myagency{each}live/?branch=branch{each}"}
        for each in range(number)
    ]


def test_suggestions_are_few_in_the_page_language_and_kept_for_a_minute(client: Client):
    agency = an_agency()
    a_procedure(agency)
    for number in range(12):
        a_branch(agency, f"kep-{number}")
    answer = client.get("/en/suggestions/?q=kep")
    given = answer.json()
    assert [one["text"] for one in given["suggestions"][:2]] == ["Agency kep", "Solemn declaration"]
    assert (len(given["suggestions"]), given["count"]) == (8, "8 suggestions")
    assert "max-age=60" in answer["Cache-Control"]


@pytest.mark.parametrize("query", ["", "!", "ζζζζζ"])
def test_suggestions_for_nothing_are_none(client: Client, query: str):
    agencies(1)
    assert client.get(f"/suggestions/?q={query}").json() == {"suggestions": [], "count": "0 προτάσεις"}


def test_search_says_what_is_not_booked_here(client: Client):
    note = "Την ταυτότητα την εκδίδει η Αστυνομία."
    Synonym.objects.create(code="identity", words="ταυτότητα\nidentity card", note_el=note)
    a_procedure(an_agency(), description_el="Στοιχεία ταυτότητας")
    for query in ("ταυτοτητα", "ταυτότητας", "Identity cards"):
        text = page(client, f"/?q={query}")
        assert note in text
        assert "kep-dilosi" not in text


def test_search_follows_the_words_that_staff_edit(client: Client):
    service = a_procedure(an_agency())
    assert "kep-dilosi" not in page(client, "/?q=χαρτόσημο")
    Synonym.objects.create(code="stamp", agency=service.agency, procedure=service, words="σφραγίδα\nχαρτόσημο")
    assert "kep-dilosi" in page(client, "/?q=χαρτόσημα")


def test_search_puts_service_with_the_word_in_its_name_first(client: Client):
    agency = an_agency()
    a_procedure(agency, "other", name_el="Άλλο", description_el="Μετά τη σύνταξη")
    a_procedure(agency, "pension", name_el="Σύνταξη")
    text = page(client, "/?q=syntaxi")
    assert 0 < text.index("/mykeplive/pension/") < text.index("/mykeplive/other/")


def test_pilot_is_marked_on_portal_and_platform_and_offers_its_services(client: Client):
    a_procedure(an_agency(stage=Agency.Stage.PILOT))
    for address in ("/", "/?q=kep"):
        text = page(client, address)
        assert "Πιλοτικά" in text
        assert "Σε ένταξη" not in text
    assert "Υπεύθυνη δήλωση" in page(client, "/")
    text = page(client, "/mykeplive/")
    assert "λειτουργεί πιλοτικά" in text
    assert "/mykeplive/kep-dilosi/" in text


def test_search_leaves_out_what_cannot_be_booked(client: Client):
    joining = an_agency("egdix", stage=Agency.Stage.JOINING)
    a_procedure(joining)
    a_branch(joining)
    live = an_agency()
    a_procedure(live, "closed", is_offered=False)
    a_branch(live, "closed", is_open=False)
    assert "Δεν βρέθηκε τίποτα" in page(client, "/?q=dilosi")
    assert "Δεν βρέθηκε τίποτα" in page(client, "/?q=hania")


def test_search_for_markup_shows_it_as_text(client: Client):
    assert "«&lt;b&gt;x»" in page(client, "/?q=<b>x")


def test_search_for_signs_only_finds_nothing(client: Client):
    agencies(1)
    assert "Δεν βρέθηκε τίποτα" in page(client, "/?q=!")


def test_platform_in_capitals_leads_to_lower_case(client: Client):
    an_agency()
    answer = client.get("/myKEPlive/")
    assert (answer.status_code, answer["Location"]) == (301, "/mykeplive/")


@pytest.mark.parametrize("stage", [Agency.Stage.REQUEST, None])
def test_platform_that_is_not_public_is_not_found(client: Client, stage: str | None):
    if stage:
        an_agency(stage=stage)
    assert "Η σελίδα δεν βρέθηκε" in page(client, "/mykeplive/", 404)


def test_joining_platform_names_its_services_but_books_none(client: Client):
    a_procedure(an_agency(stage=Agency.Stage.JOINING))
    text = page(client, "/mykeplive/")
    assert "Δεν δέχεται ακόμη ραντεβού" in text
    assert "Υπεύθυνη δήλωση" in text
    assert "kep-dilosi" not in text


def test_platform_sets_services_at_a_branch_only_apart(client: Client):
    agency = an_agency()
    a_procedure(agency, "passport", channels=[Channel.IN_PERSON])
    a_procedure(agency, "declaration")
    text = page(client, "/mykeplive/")
    assert text.index("/declaration/") < text.index("Μόνο σε σημείο εξυπηρέτησης") < text.index("/passport/")


def test_platform_takes_the_branch_along(client: Client):
    agency = an_agency()
    a_branch(agency)
    a_procedure(agency)
    text = page(client, "/mykeplive/?branch=kep-chania")
    assert "Κλείνετε ραντεβού στο σημείο: ΚΕΠ Χανίων." in text
    assert "/mykeplive/kep-dilosi/?branch=kep-chania" in text


def test_platform_ignores_a_branch_of_another_agency(client: Client):
    an_agency()
    a_branch(an_agency("efka"), "efka-chania")
    assert "Κλείνετε ραντεβού" not in page(client, "/mykeplive/?branch=efka-chania")


def test_english_page_shows_english_content_and_leads_back(client: Client):
    a_procedure(an_agency())
    text = page(client, "/en/mykeplive/?branch=x")
    assert "Solemn declaration" in text
    assert 'href="/mykeplive/?branch=x" lang="el"' in text


def test_unknown_address_leads_to_the_other_language_s_portal(client: Client):
    assert 'href="/en/" lang="en"' in page(client, "/nothing/here/at/all/", 404)


def test_page_wears_the_agency_s_colour(client: Client):
    an_agency(accent="#7a4a12")
    text = page(client, "/mykeplive/")
    assert '<body class="accent-7a4a12">' in text
    assert 'href="/accents/7a4a12.css"' in text


def test_accents_set_readable_text_and_are_kept_for_a_year(client: Client):
    answer = client.get("/accents/003375-ffdd00.css")
    assert answer.content.decode() == (
        ".accent-003375{--accent:#003375;--on-accent:#fff}\n.accent-ffdd00{--accent:#ffdd00;--on-accent:#14161b}\n"
    )
    assert answer["Content-Type"].startswith("text/css")
    assert "max-age=31536000" in answer["Cache-Control"]
    assert "immutable" in answer["Cache-Control"]


@pytest.mark.parametrize("colours", ["red", "003375;}body{", "00337", "-".join(["003375"] * 201)])
def test_accents_refuse_what_is_no_colour(client: Client, colours: str):
    assert client.get(f"/accents/{colours}.css").status_code == 404


@pytest.mark.parametrize(
    ("name", "title"),
    [("help", "Βοήθεια"), ("privacy", "Προστασία δεδομένων"), ("accessibility", "Δήλωση προσβασιμότητας")],
)
def test_pages_of_text_are_there_in_both_languages(client: Client, name: str, title: str):
    assert f"<title>{title} – myDESKlive</title>" in page(client, f"/{name}/")
    assert title not in page(client, f"/en/{name}/")


def test_pages_have_no_inline_style_or_script(client: Client):
    agencies(1)
    for address in ("/", "/?q=a", "/myagency0live/", "/help/"):
        text = page(client, address)
        assert " style=" not in text
        assert text.count("<script") == text.count('<script type="module" src=')


def test_demo_note_is_shown_in_the_demo_only(client: Client, settings: Settings):
    settings.MYDESK_DEMO = True
    assert "Επίδειξη με ενδεικτικά" in page(client, "/")
    settings.MYDESK_DEMO = False
    assert "Επίδειξη με ενδεικτικά" not in page(client, "/")
