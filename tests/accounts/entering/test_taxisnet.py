"""Signing in at TAXISnet, against a stand-in that answers as the real one does, and in every bad way."""

import json
import logging
import time
from datetime import timedelta

import pytest
import time_machine
from allauth.account.models import EmailAddress, Login
from allauth.socialaccount.models import SocialAccount, SocialLogin
from django.contrib.sessions.models import Session
from django.db import connection
from django.http import HttpRequest
from django.test import Client
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings

from accounts import identities
from accounts.identities import joining
from accounts.identities.people import Person, tax_number_of
from accounts.models import Identity, User
from accounts.providers import configured, talking
from appointments.watch.sending import away
from tests import codes
from tests.builders import NOW, a_user
from tests.pages import text_of
from tests.races import at_once
from tests.servers.identity import Provider, back, left

pytestmark = pytest.mark.django_db
NUMBER, ADDRESS = "065278322", "maria@example.org"


def user_xml(**told: str) -> str:
    attributes = " ".join(f'{name}="{text}"' for name, text in told.items())
    return f"<root><userinfo {attributes}/></root>"


def joined(client: Client, address: str = ADDRESS, phone: str = "6912345678", **form: str) -> User:
    """Signs in for the first time: at TAXISnet, with an address, and with its code."""
    assert back(client, **form)["Location"] == "/accounts/contact/"
    client.post("/accounts/contact/", {"email": address, "phone": phone})
    client.post("/accounts/contact/code/", {"code": codes.latest()})
    return User.objects.get(email=address)


def nothing_made() -> bool:
    return not (User.objects.exists() or SocialAccount.objects.exists() or Identity.objects.exists())


def is_signed_in(client: Client) -> bool:
    return "_auth_user_id" in client.session


def test_browser_leaves_with_everything_that_taxisnet_asks_for(client: Client, provider: Provider):
    sent = left(client)
    assert sent.pop("to") == f"{provider.url}/oauth2serverotp/oauth/authorize"
    assert len(sent.pop("state")) >= 16
    assert sent == {
        "client_id": "mydesk",
        "redirect_uri": "http://testserver/accounts/taxisnet/login/callback/",
        "response_type": "code",
        "scope": "read",
    }


def test_way_back_is_the_same_in_each_language(client: Client, provider: Provider):
    sent = left(client, prefix="/en")
    assert sent["redirect_uri"] == "http://testserver/accounts/taxisnet/login/callback/"
    answer = client.get("/accounts/taxisnet/login/callback/", {"code": "c0de", "state": sent["state"]})
    assert answer["Location"] == "/en/accounts/contact/"


def test_address_of_a_page_chooses_nothing_that_is_asked_for(client: Client, provider: Provider):
    answer = client.post("/accounts/taxisnet/login/?scope=write&auth_params=redirect_uri%3Dhttps%3A%2F%2Fevil.example")
    assert "evil" not in answer["Location"]
    assert "write" not in answer["Location"]


def test_first_sign_in_asks_once_and_makes_the_account_with_the_code(client: Client, provider: Provider):
    page = client.get(back(client)["Location"])
    assert "ΜΑΡΙΑ ΠΑΠΑΔΑΚΗ" in text_of(page)
    assert nothing_made()
    client.post("/accounts/contact/", {"email": ADDRESS, "phone": "6912345678"})
    assert nothing_made()
    answer = client.post("/accounts/contact/code/", {"code": codes.latest()})
    assert answer["Location"] == "/appointments/"
    user = User.objects.get()
    assert (user.name, user.email, user.phone) == ("ΜΑΡΙΑ ΠΑΠΑΔΑΚΗ", ADDRESS, "+306912345678")
    assert EmailAddress.objects.get().verified
    identity = identities.of(user)
    assert identity is not None
    assert (tax_number_of(identity), identity.level, identity.kind) == (NUMBER, "substantial", "person")
    assert client.session["proof"] == {"user": user.pk, "source": "taxisnet", "level": "substantial"}


def test_second_sign_in_asks_nothing_and_takes_the_new_name(client: Client, provider: Provider):
    user = joined(client)
    provider.xml = user_xml(taxid=NUMBER, lastname="ΓΕΩΡΓΙΟΥ", firstname="ΜΑΡΙΑ")
    other = Client()
    assert back(other, code="another", next="/help/")["Location"] == "/help/"
    assert other.session["_auth_user_id"] == str(user.pk)
    assert User.objects.get().name == "ΜΑΡΙΑ ΓΕΩΡΓΙΟΥ"


def test_business_has_no_first_name(client: Client, provider: Provider):
    provider.xml = user_xml(taxid="094014201  ", lastname="ΕΤΑΙΡΕΙΑ Α.Ε.", firstname="   ")
    user = joined(client)
    assert (user.name, user.identity.kind) == ("ΕΤΑΙΡΕΙΑ Α.Ε.", "business")


def test_long_name_of_a_business_is_cut(client: Client, provider: Provider):
    provider.xml = user_xml(taxid="094014201", lastname="Ω" * 400)
    assert len(joined(client).name) == 120


@pytest.mark.parametrize(
    ("xml", "why"),
    [
        (user_xml(lastname="ΠΑΠΑΔΑΚΗ", firstname="ΜΑΡΙΑ"), "number"),
        (user_xml(taxid="", lastname="ΠΑΠΑΔΑΚΗ"), "number"),
        (user_xml(taxid="null", lastname="ΠΑΠΑΔΑΚΗ"), "number"),
        (user_xml(taxid="000000000", lastname="ΠΑΠΑΔΑΚΗ"), "number"),
        (user_xml(taxid="065278323", lastname="ΠΑΠΑΔΑΚΗ"), "number"),
        (user_xml(taxid="65278322", lastname="ΠΑΠΑΔΑΚΗ"), "number"),
        (user_xml(taxid=NUMBER), "name"),
        (user_xml(taxid=NUMBER, lastname=" - ", firstname="."), "name"),
        ("", "broken"),
        ("<root/>", "broken"),
        ("<root><userinfo taxid=", "broken"),
        ("<html><body>Σφάλμα</body></html>", "broken"),
        ('{"error": "server_error"}', "broken"),
        ('<?xml version="1.0" encoding="klingon"?><root/>', "broken"),
        (b"\xff\xfe\x00", "broken"),
        ('<!DOCTYPE r [<!ENTITY a "b">]><root><userinfo taxid="&a;" lastname="A"/></root>', "broken"),
        ('<!DOCTYPE r SYSTEM "file:///etc/passwd"><root><userinfo taxid="065278322" lastname="A"/></root>', "broken"),
        ("<a>" * 60000, "away"),
    ],
)
def test_answer_that_names_nobody_makes_nothing(client: Client, provider: Provider, xml: str, why: str):
    provider.xml = xml
    answer = back(client)
    assert answer["Location"].startswith(f"/accounts/not-signed-in/{why}/")
    page = client.get(answer["Location"])
    assert page.status_code == 200
    assert nothing_made()
    assert not is_signed_in(client)


@pytest.mark.parametrize(
    "token",
    ["", "not json", "[]", "{}", '{"error": "server_error"}', '{"access_token": "a", "expires_in": "soon"}'],
)
def test_token_that_is_none_makes_nothing(client: Client, provider: Provider, token: str):
    provider.token = token
    assert "/not-signed-in/broken/" in back(client)["Location"]
    assert nothing_made()


@pytest.mark.parametrize("status", [302, 401, 500, 503])
@pytest.mark.parametrize("which", ["token_status", "status"])
def test_error_of_the_server_makes_nothing(client: Client, provider: Provider, which: str, status: int):
    setattr(provider, which, status)
    assert "/not-signed-in/" in back(client)["Location"]
    assert nothing_made()


@pytest.mark.parametrize("how", ["wait", "drip"])
def test_slow_answer_ends_within_the_time(
    client: Client, provider: Provider, monkeypatch: pytest.MonkeyPatch, how: str
):
    monkeypatch.setattr(talking, "WHOLE", 0.3)
    setattr(provider, how, 30 if how == "wait" else 0.25)  # a quarter of a second for each letter
    begun = time.monotonic()
    assert "/not-signed-in/away/" in back(client)["Location"]
    assert time.monotonic() - begun < 10
    assert nothing_made()


def test_nobody_there_is_told(client: Client, provider: Provider, settings: Settings):
    settings.TAXISNET_URL = "http://127.0.0.1:1/oauth2server"
    answer = back(client, next="/help/")
    assert answer["Location"].startswith("/accounts/not-signed-in/away/?")
    page = text_of(client.get(answer["Location"]))
    assert 'href="/help/"' in page
    assert "Η υπηρεσία σύνδεσης δεν απαντά" in page


def test_only_the_first_one_waits_for_a_provider_that_hangs(
    client: Client, provider: Provider, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(talking, "WHOLE", 0.3)
    provider.wait = 5
    with time_machine.travel(NOW, tick=False) as clock:
        assert "/not-signed-in/away/" in back(client)["Location"]
        asked = len(provider.asked)
        assert "/not-signed-in/away/" in back(Client(), code="second")["Location"]
        assert len(provider.asked) == asked
        assert [(one.label, one.is_of_sign_in) for one in away()] == [("υπηρεσία σύνδεσης (127.0.0.1)", True)]
        provider.wait = 0
        clock.shift(timedelta(seconds=6))
        assert back(Client(), code="third")["Location"] == "/accounts/contact/"
        assert away() == []


def test_refusal_at_the_provider_is_no_error(client: Client, provider: Provider):
    state = left(client)["state"]
    answer = client.get("/accounts/taxisnet/login/callback/", {"error": "access_denied", "state": state})
    assert "/not-signed-in/refused/" in answer["Location"]
    assert provider.asked == []


def test_state_serves_once(client: Client, provider: Provider):
    state = left(client)["state"]
    way_back = ("/accounts/taxisnet/login/callback/", {"code": "c0de", "state": state})
    assert client.get(*way_back)["Location"] == "/accounts/contact/"
    assert "/not-signed-in/state/" in client.get(*way_back)["Location"]


@pytest.mark.parametrize("state", ["", "x" * 16, None])
def test_state_of_somebody_else_asks_nothing(client: Client, provider: Provider, state: str | None):
    foreign = left(Client())["state"] if state is None else state
    answer = client.get("/accounts/taxisnet/login/callback/", {"code": "c0de", "state": foreign})
    assert "/not-signed-in/state/" in answer["Location"]
    assert provider.asked == []


def test_state_of_citizens_does_not_open_the_door_of_employees(client: Client, provider: Provider):
    state = left(client)["state"]
    answer = client.get("/accounts/taxisnet-staff/login/callback/", {"code": "c0de", "state": state})
    assert "/not-signed-in/state/" in answer["Location"]
    assert provider.asked == []


def test_old_state_is_refused(client: Client, provider: Provider, monkeypatch: pytest.MonkeyPatch):
    state, later = left(client)["state"], time.time() + 700
    monkeypatch.setattr(time, "time", lambda: later)
    answer = client.get("/accounts/taxisnet/login/callback/", {"code": "c0de", "state": state})
    assert "/not-signed-in/state/" in answer["Location"]


def test_code_that_was_used_is_refused(client: Client, provider: Provider):
    back(client)
    assert "/not-signed-in/broken/" in back(Client())["Location"]


def test_provider_that_is_not_set_up_has_no_pages(client: Client):
    assert client.post("/accounts/taxisnet/login/").status_code == 404
    assert client.get("/accounts/taxisnet/login/callback/").status_code == 404
    assert "TAXISnet" not in text_of(client.get("/accounts/login/code/"))


@pytest.mark.parametrize("path", ["3rdparty/", "3rdparty/signup/", "3rdparty/login/error/", "social/signup/"])
def test_pages_of_the_library_are_closed(client: Client, path: str):
    client.force_login(a_user())
    assert client.get(f"/accounts/{path}").status_code == 404


def test_following_a_link_begins_nothing(client: Client, provider: Provider):
    answer = client.get("/accounts/taxisnet/login/")
    assert answer.status_code == 200
    assert provider.asked == []


def test_tax_number_is_nowhere_in_the_clear(client: Client, provider: Provider, caplog: pytest.LogCaptureFixture):
    caplog.set_level(logging.DEBUG)
    answers = [back(client, code="first")]
    waiting = str(Session.objects.get().get_decoded())
    user = joined(client)
    found = waiting + caplog.text + "".join(one["Location"] for one in answers)
    for model in (SocialAccount, Identity, User, Session):
        with CaptureQueriesContext(connection), connection.cursor() as cursor:
            cursor.execute(f"SELECT row_to_json(one)::text FROM {model._meta.db_table} one")
            found += str(cursor.fetchall())
    assert NUMBER not in found
    assert NUMBER.encode().hex() not in found
    assert SocialAccount.objects.get(user=user).extra_data == {}


# The first sign-in: an address, and its code


def test_address_with_an_account_is_joined_only_after_its_code(client: Client, provider: Provider):
    owner = a_user(ADDRESS, name="Κάποια άλλη γραφή")
    back(client)
    client.post("/accounts/contact/", {"email": ADDRESS})
    assert client.post("/accounts/contact/code/", {"code": "000000"}).status_code == 200
    assert not SocialAccount.objects.exists()
    client.post("/accounts/contact/code/", {"code": codes.latest()})
    assert client.session["_auth_user_id"] == str(owner.pk)
    assert User.objects.get().name == "ΜΑΡΙΑ ΠΑΠΑΔΑΚΗ"


def test_address_of_another_identity_is_refused_after_its_code(client: Client, provider: Provider):
    joined(client)
    other = Client()
    provider.xml = user_xml(taxid="061795149", lastname="ΓΕΩΡΓΙΟΥ", firstname="ΝΙΚΟΣ")
    back(other, code="another")
    other.post("/accounts/contact/", {"email": ADDRESS})
    answer = other.post("/accounts/contact/code/", {"code": codes.latest()})
    assert "/not-signed-in/other/" in answer["Location"]
    assert not is_signed_in(other)
    assert Identity.objects.get().user.name == "ΜΑΡΙΑ ΠΑΠΑΔΑΚΗ"
    assert other.get("/accounts/contact/").status_code == 200  # goes on with another address


def test_account_with_a_role_is_not_joined_by_a_citizen(client: Client, provider: Provider):
    a_user(ADDRESS, is_operator=True)
    back(client)
    client.post("/accounts/contact/", {"email": ADDRESS})
    answer = client.post("/accounts/contact/code/", {"code": codes.latest()})
    assert "/not-signed-in/has-role/" in answer["Location"]
    assert not SocialAccount.objects.exists()


def test_three_wrong_codes_end_the_sign_in(client: Client, provider: Provider):
    back(client)
    client.post("/accounts/contact/", {"email": ADDRESS})
    answers = [client.post("/accounts/contact/code/", {"code": "000000"}) for _try in range(3)]
    assert "/not-signed-in/code/" in answers[-1]["Location"]
    assert "/not-signed-in/state/" in client.get("/accounts/contact/")["Location"]
    assert nothing_made()


def test_two_browsers_make_one_account_of_one_person(client: Client, provider: Provider):
    other = Client()
    for browser, code in ((client, "one"), (other, "two")):
        back(browser, code=code)
    joined_codes = []
    for browser, address in ((client, "first@example.org"), (other, "second@example.org")):
        browser.post("/accounts/contact/", {"email": address})
        joined_codes.append(codes.latest())
    client.post("/accounts/contact/code/", {"code": joined_codes[0]})
    answer = other.post("/accounts/contact/code/", {"code": joined_codes[1]})
    assert "/not-signed-in/again/" in answer["Location"]
    assert [user.email for user in User.objects.all()] == ["first@example.org"]


def test_second_click_on_the_code_changes_nothing(client: Client, provider: Provider):
    back(client)
    client.post("/accounts/contact/", {"email": ADDRESS})
    kept, code = dict(client.session.items()), codes.latest()
    client.post("/accounts/contact/code/", {"code": code})
    session = client.session
    session.update(kept)  # as the second click had read it
    session.save()
    assert client.post("/accounts/contact/code/", {"code": code})["Location"] == "/appointments/"
    assert User.objects.count() == SocialAccount.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_two_clicks_of_one_moment_make_one_account(client: Client):
    person = Person("taxisnet", NUMBER, "low", "ΠΑΠΑΔΑΚΗ", "ΜΑΡΙΑ", tax_number=NUMBER)

    def join() -> joining.Joined:
        return joining.join(person, joining.Reached(ADDRESS, "", "el"), is_staff=False, now=NOW)

    assert at_once([join] * 4) == {"done": 4}
    assert User.objects.count() == SocialAccount.objects.count() == Identity.objects.count() == 1


def test_going_back_after_the_sign_in_leads_on(client: Client, provider: Provider):
    joined(client)
    for page in ("/accounts/contact/", "/accounts/contact/code/", "/accounts/not-signed-in/state/"):
        assert client.get(page)["Location"] == "/appointments/"


def test_page_about_contact_opens_only_for_who_waits(client: Client):
    for page in ("/accounts/contact/", "/accounts/contact/code/"):
        assert "/not-signed-in/state/" in client.get(page)["Location"]


def test_closed_account_is_not_opened(client: Client, provider: Provider):
    joined(client)
    User.objects.update(is_active=False)
    assert "/not-signed-in/closed/" in back(Client(), code="another")["Location"]


# Signing out, and signing in over somebody


def test_signing_out_leads_to_the_provider(client: Client, provider: Provider):
    joined(client)
    answer = client.post("/accounts/logout/")
    assert answer["Location"] == f"{provider.url}/oauth2serverotp/logout/mydesk/?url=http%3A%2F%2Ftestserver%2F"
    assert not is_signed_in(client)


def test_signing_out_after_a_code_leads_to_no_provider(client: Client, provider: Provider):
    user = joined(client)
    other = Client()
    other.force_login(user)
    assert other.post("/accounts/logout/")["Location"] == "/"


def test_signing_in_over_another_person_forgets_that_person(client: Client, provider: Provider):
    client.force_login(a_user("before@example.org"))
    session = client.session
    session["hold"] = {"reference": "of another"}
    session.save()
    user = joined(client)
    assert client.session["_auth_user_id"] == str(user.pk)
    assert "hold" not in client.session


def test_signing_in_keeps_what_a_guest_has_begun(client: Client, provider: Provider):
    client.get("/")
    session = client.session
    session["hold"] = {"reference": "kept"}
    session.save()
    joined(client)
    assert client.session["hold"] == {"reference": "kept"}


# Public employees


def test_employee_with_a_role_is_linked_by_a_code_to_the_address_of_the_role(client: Client, provider: Provider):
    officer = a_user("officer@example.org", is_operator=True)
    page = client.get(back(client, "taxisnet-staff")["Location"])
    assert 'name="phone"' not in text_of(page)
    client.post("/accounts/contact/", {"email": officer.email})
    answer = client.post("/accounts/contact/code/", {"code": codes.latest()})
    assert answer["Location"] == "/admin/"
    assert client.session["_auth_user_id"] == str(officer.pk)
    again = Client()
    assert back(again, "taxisnet-staff", code="another")["Location"] == "/admin/"


@pytest.mark.parametrize("address", ["nobody@example.org", "citizen@example.org"])
def test_employee_without_a_role_gets_no_code_and_no_account(client: Client, provider: Provider, address: str):
    a_user("citizen@example.org")
    back(client, "taxisnet-staff")
    page = client.post("/accounts/contact/", {"email": address}, follow=True)
    assert address in text_of(page)
    assert codes.sent() == []
    assert client.post("/accounts/contact/code/", {"code": ""}).status_code == 200
    assert not SocialAccount.objects.exists()


def test_employee_whose_role_has_ended_is_not_signed_in(client: Client, provider: Provider):
    officer = a_user("officer@example.org", is_operator=True)
    back(client, "taxisnet-staff")
    client.post("/accounts/contact/", {"email": officer.email})
    client.post("/accounts/contact/code/", {"code": codes.latest()})
    User.objects.update(is_operator=False)
    assert "/not-signed-in/no-role/" in back(Client(), "taxisnet-staff", code="another")["Location"]


def test_employee_signs_out_of_the_admin_at_the_provider_too(client: Client, provider: Provider):
    officer = a_user("officer@example.org", is_operator=True)
    back(client, "taxisnet-staff")
    client.post("/accounts/contact/", {"email": officer.email})
    client.post("/accounts/contact/code/", {"code": codes.latest()})
    answer = client.post("/admin/logout/")
    assert answer["Location"].startswith(f"{provider.url}/oauth2servergov/logout/mydesk/")
    assert not is_signed_in(client)


def test_operator_cannot_rename_whom_a_provider_has_named(client: Client, provider: Provider):
    officer = a_user("officer@example.org", is_operator=True, is_invited=True)
    back(client, "taxisnet-staff")
    client.post("/accounts/contact/", {"email": officer.email})
    client.post("/accounts/contact/code/", {"code": codes.latest()})
    other = Client()
    other.force_login(a_user("operator@example.org", is_operator=True))
    page = text_of(other.get(f"/admin/accounts/user/{officer.pk}/change/"))
    assert "ΜΑΡΙΑ ΠΑΠΑΔΑΚΗ" in page
    assert 'name="name"' not in page


def test_person_sealed_with_another_key_begins_again(client: Client, provider: Provider):
    back(client)
    session = client.session
    session["waiting person"] |= {"person": "sealed elsewhere"}
    session.save()
    assert "/not-signed-in/state/" in client.get("/accounts/contact/")["Location"]


def test_waiting_person_can_clear_the_computer(client: Client, provider: Provider):
    back(client)
    assert "/appointments/leave/" in text_of(client.get("/accounts/contact/"))
    client.post("/appointments/leave/")
    assert "/not-signed-in/state/" in client.get("/accounts/contact/")["Location"]


@pytest.mark.parametrize("again", [1, 3])
def test_code_sent_again_replaces_the_first(client: Client, provider: Provider, again: int):
    with time_machine.travel(NOW, tick=False) as clock:
        back(client)
        client.post("/accounts/contact/", {"email": ADDRESS})
        first = codes.latest()
        for number in range(again):
            clock.shift(61)
            client.post("/accounts/contact/code/", {"action": "resend"})
            assert (codes.latest() != first) or number > 1
        client.post("/accounts/contact/code/", {"code": first})
        assert not User.objects.exists()
        client.post("/accounts/contact/code/", {"code": codes.latest()})
        assert User.objects.exists()


def test_level_outlives_a_second_factor(client: Client, provider: Provider):
    """Between a password or a provider and a second factor, allauth keeps the sign-in in the session, as JSON."""
    user = joined(client)
    entry = SocialLogin(
        user=user, account=SocialAccount.objects.get(), provider=configured.provider(HttpRequest(), "taxisnet")
    )
    entry.state = {"next": "/help/", "level": "substantial"}
    kept = json.loads(json.dumps(Login(user=user, signal_kwargs={"sociallogin": entry}).serialize()))
    again = Login.deserialize(kept).signal_kwargs["sociallogin"]
    assert (again.account.provider, again.state["level"]) == ("taxisnet", "substantial")
    assert NUMBER not in str(kept)
