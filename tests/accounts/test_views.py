"""Tests of signing in and of the demo's mailbox."""

import pytest
from allauth.account.models import EmailAddress
from django.core.mail import EmailMultiAlternatives
from django.test import Client
from pytest_django import DjangoAssertNumQueries, Settings

from accounts.mails.mailbox import DemoBackend
from accounts.models import DemoMail, User
from tests import codes
from tests.builders import a_user

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def demo(settings: Settings) -> None:
    settings.MYDESK_DEMO = settings.PASSWORD_SIGN_IN = True


def a_mail(number: int = 1) -> DemoMail:
    message = EmailMultiAlternatives(f"Ραντεβού {number}", "Σας περιμένουμε.", to=[f"citizen{number}@example.org"])
    message.attach_alternative("<p>Σας περιμένουμε <b>εδώ</b>.</p>", "text/html")
    message.attach("rantevou.ics", "BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n", "text/calendar")
    DemoBackend().send_messages([message])
    return DemoMail.objects.order_by("pk").last()


def a_verified_user() -> User:
    user = a_user(password="demo")
    EmailAddress.objects.create(user=user, email=user.email, primary=True, verified=True)
    return user


def test_password_of_the_demo_signs_in(client: Client):
    user = a_verified_user()
    answer = client.post("/accounts/login/", {"login": user.email, "password": "demo"})
    assert answer.status_code == 302
    assert client.session["_auth_user_id"] == str(user.pk)


@pytest.mark.parametrize(
    ("role", "begin"),
    [({}, "/appointments/"), ({"is_operator": True}, "/admin/"), ({"is_official": True}, "/reports/")],
    ids=["citizen", "operator", "official"],
)
@pytest.mark.parametrize("wanted", ["", "/help/"])
def test_each_role_begins_on_its_own_pages(client: Client, role: dict[str, bool], begin: str, wanted: str):
    user = a_verified_user()
    User.objects.update(**role)
    answer = client.post("/accounts/login/", {"login": user.email, "password": "demo", "next": wanted})
    assert answer["Location"] == (wanted or begin)


def test_wrong_password_is_said_on_top_and_signs_nobody_in(client: Client):
    user = a_verified_user()
    text = client.post("/accounts/login/", {"login": user.email, "password": "wrong"}).content.decode()
    assert "govgr-error-summary" in text
    assert "_auth_user_id" not in client.session


def test_password_page_is_not_there_outside_the_demo(client: Client, settings: Settings):
    settings.PASSWORD_SIGN_IN = False
    answer = client.get("/en/accounts/login/?next=/appointments/")
    assert (answer.status_code, answer["Location"]) == (302, "/en/accounts/login/code/?next=/appointments/")


def test_code_from_the_mail_signs_in(client: Client):
    user = a_verified_user()
    answer = client.post("/accounts/login/code/", {"email": user.email}, follow=True)
    assert "Γράψτε τον κωδικό" in answer.content.decode()
    code = codes.latest()
    assert codes.sent()[0].subject == f"{code} είναι ο κωδικός σας για το myDESKlive"
    client.post("/accounts/login/code/confirm/", {"code": code})
    assert client.session["_auth_user_id"] == str(user.pk)


@pytest.mark.parametrize(("prefix", "told"), [("", "Ισχύει για 15 λεπτά."), ("/en", "It is valid for 15 minutes.")])
def test_page_and_mail_say_how_long_the_code_is_valid(client: Client, settings: Settings, prefix: str, told: str):
    user = a_verified_user()
    page = client.post(f"{prefix}/accounts/login/code/", {"email": user.email}, follow=True).content.decode()
    (letter,) = codes.sent()
    assert [told in text for text in (page, letter.body, letter.alternatives[0][0])] == [True] * 3
    valid = {settings.ACCOUNT_LOGIN_BY_CODE_TIMEOUT, settings.ACCOUNT_EMAIL_VERIFICATION_BY_CODE_TIMEOUT}
    assert valid == {15 * 60}


def test_wrong_code_is_said_at_its_field(client: Client):
    client.post("/accounts/login/code/", {"email": a_verified_user().email})
    text = client.post("/accounts/login/code/confirm/", {"code": "x"}).content.decode()
    assert 'aria-invalid="true"' in text
    assert 'aria-describedby="id_code_error"' in text
    assert 'href="#id_code"' in text


def test_new_account_is_asked_for_the_code_of_its_mail(client: Client):
    answer = client.post("/accounts/signup/", {"email": "new@example.org"}, follow=True)
    assert "new@example.org" in answer.content.decode()
    assert codes.sent()[0].to == ["new@example.org"]


def test_signing_out_takes_a_post(client: Client):
    client.force_login(a_user())
    assert "Θέλετε να αποσυνδεθείτε;" in client.get("/accounts/logout/").content.decode()
    client.post("/accounts/logout/")
    assert "_auth_user_id" not in client.session


@pytest.mark.parametrize("number", [1, 3])
def test_mailbox_takes_two_queries(client: Client, django_assert_num_queries: DjangoAssertNumQueries, number: int):
    for each in range(number):
        a_mail(each)
    with django_assert_num_queries(2):
        text = client.get("/demo/mail/").content.decode()
    assert text.count("@example.org") == number


def test_mailbox_shows_mail_of_one_recipient(client: Client):
    a_mail(1)
    a_mail(2)
    text = client.get("/demo/mail/?q=Citizen2@").content.decode()
    assert "Ραντεβού 2" in text
    assert "Ραντεβού 1" not in text


def test_mail_shows_text_and_offers_its_calendar_file(client: Client):
    kept = a_mail()
    text = client.get(f"/demo/mail/{kept.pk}/").content.decode()
    assert "Σας περιμένουμε." in text
    answer = client.get(f"/demo/mail/{kept.pk}/0/")
    assert answer.content.startswith(b"BEGIN:VCALENDAR")
    assert answer["Content-Disposition"] == 'attachment; filename="rantevou.ics"'
    assert client.get(f"/demo/mail/{kept.pk}/1/").status_code == 404


def test_html_of_a_mail_runs_and_loads_nothing(client: Client):
    answer = client.get(f"/demo/mail/{a_mail().pk}/html/")
    assert "Σας περιμένουμε <b>εδώ</b>." in answer.content.decode()
    policy = answer["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "script-src" not in policy
    assert "allow-scripts" not in policy
    assert "unsafe-inline" not in policy
    assert answer["X-Frame-Options"] == "SAMEORIGIN"


@pytest.mark.parametrize("address", ["/demo/mail/", "/demo/mail/1/", "/demo/mail/1/html/", "/demo/mail/1/0/"])
def test_mailbox_is_not_there_outside_the_demo(client: Client, settings: Settings, address: str):
    a_mail()
    DemoMail.objects.update(id=1)
    settings.MYDESK_DEMO = False
    assert client.get(address).status_code == 404


def test_sign_in_and_out_keep_the_language(client: Client):
    user = a_verified_user()
    answer = client.post("/en/accounts/login/", {"login": user.email, "password": "demo"}, follow=True)
    assert answer.redirect_chain[-1][0] == "/en/appointments/"
    assert "You are signed in." in answer.content.decode()
    answer = client.post("/en/accounts/logout/", follow=True)
    assert answer.redirect_chain[-1][0] == "/en/"
