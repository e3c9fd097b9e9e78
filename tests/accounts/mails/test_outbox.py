"""Mails about accounts are rows: no page waits for the mail server, and none is answered by an error of it."""

import re
from collections.abc import Iterator
from datetime import timedelta

import pytest
import time_machine
from allauth.account.models import EmailAddress
from django.core import mail
from django.core.mail import EmailMultiAlternatives
from django.http import HttpResponse
from django.test import Client
from pytest_django.fixtures import Settings

from accounts.limits import tries
from accounts.mails import marks, outbox
from accounts.mails.outbox import KEPT, LEASE, RETRIES
from accounts.models import AccountMail
from accounts.tasks import KILLED, forget_mails, send_codes
from tests import codes
from tests.builders import NOW, a_user
from tests.pages import text_of
from tests.servers import mailserver
from tests.servers.mailserver import MailServer

State = AccountMail.State
KNOWN, UNKNOWN = "known@example.org", "unknown@example.org"
CODE_PAGES = {"login/code": "login/code/confirm", "signup": "confirm-email"}
LATE, REFUSED = "Τα μηνύματα καθυστερούν", "δεν παραδόθηκε"

pytestmark = pytest.mark.django_db


@pytest.fixture(params=["refuses", "hangs", *mailserver.MOODS])
def ill_server(request: pytest.FixtureRequest, settings: Settings) -> Iterator[str]:
    with mailserver.ill(request.param) as port:
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT, settings.EMAIL_TIMEOUT = "127.0.0.1", port, 0.2
        yield request.param


def an_account(address: str = KNOWN) -> None:
    EmailAddress.objects.create(user=a_user(address), email=address, primary=True, verified=True)


def ask(client: Client, address: str = KNOWN, page: str = "login/code") -> HttpResponse:
    return client.post(f"/accounts/{page}/", {"email": address})


def ask_again(client: Client, page: str = "login/code") -> None:
    client.post(f"/accounts/{CODE_PAGES[page]}/", {"action": "resend"})


def seen(client: Client, page: str = "login/code") -> str:
    return text_of(client.get(f"/accounts/{CODE_PAGES[page]}/"))


def only() -> AccountMail:
    return AccountMail.objects.get()


def test_pages_ask_no_mail_server_so_it_can_do_what_it_likes(ill_server: str) -> None:
    an_account()
    for page in CODE_PAGES:
        for address in (KNOWN, UNKNOWN):
            answer = Client().post(f"/accounts/{page}/", {"email": address}, follow=True)
            assert answer.status_code == 200
    assert set(AccountMail.objects.values_list("attempts", flat=True)) == {0}
    send_codes()
    assert set(AccountMail.objects.values_list("state", flat=True)) == {State.PENDING}
    assert AccountMail.objects.exclude(last_error="").exists()


def test_code_arrives_when_the_server_is_back(
    client: Client, clock: time_machine.Traveller, server: MailServer, settings: Settings
) -> None:
    an_account()
    own = settings.EMAIL_PORT
    with mailserver.ill("refuses") as port:
        settings.EMAIL_PORT = port
        ask(client)
        send_codes()
    settings.EMAIL_PORT = own
    send_codes()
    assert (server.recipients, only().due_at) == ([], NOW + timedelta(seconds=5))
    clock.shift(5)
    send_codes()
    assert (server.recipients, only().state, only().attempts) == ([KNOWN], State.SENT, 2)
    assert server.mails[0]["Auto-Submitted"] == "auto-generated"
    (mark,) = marks.found_in([server.mails[0]["Message-ID"]])
    assert (mark.kind, mark.key) == ("account", only().pk)


def test_code_is_tried_often_while_it_is_valid() -> None:
    tries = [sum(RETRIES[: number + 1]) * 60 for number in range(len(RETRIES))]
    assert [second for second in tries if second < 15 * 60] == pytest.approx([5, 20, 50, 110, 230, 470])
    assert timedelta(seconds=KILLED) < LEASE


def test_code_that_is_no_longer_valid_is_not_sent(client: Client, clock: time_machine.Traveller) -> None:
    an_account()
    ask(client)
    clock.shift(15 * 60)
    assert codes.sent() == []
    assert (only().state, only().content) == (State.DROPPED, None)


@pytest.mark.parametrize("page", CODE_PAGES)
def test_only_the_newest_code_of_a_browser_is_sent(clock: time_machine.Traveller, client: Client, page: str) -> None:
    if page == "login/code":
        an_account()
    stranger = Client(REMOTE_ADDR="192.0.2.1")
    ask(client, page=page)
    ask(stranger, UNKNOWN)
    clock.shift(61)
    ask_again(client, page)
    assert [letter.to for letter in codes.sent()] == [[UNKNOWN], [KNOWN]]
    client.post(f"/accounts/{CODE_PAGES[page]}/", {"code": codes.latest()})
    assert "_auth_user_id" in client.session
    assert sorted(AccountMail.objects.values_list("state", flat=True)) == [State.DROPPED, State.SENT, State.SENT]


@pytest.mark.parametrize("page", CODE_PAGES)
def test_code_that_is_sent_again_is_valid_as_long_as_its_mail_says(
    clock: time_machine.Traveller, client: Client, page: str
) -> None:
    if page == "login/code":
        an_account()
    ask(client, page=page)
    clock.shift(14 * 60)
    ask_again(client, page)
    clock.shift(14 * 60)
    client.post(f"/accounts/{CODE_PAGES[page]}/", {"code": codes.latest()})
    assert "_auth_user_id" in client.session


def test_who_asks_again_too_soon_is_told_so_and_the_first_code_stays_valid(client: Client) -> None:
    ask(client, UNKNOWN, "signup")
    answer = client.post("/accounts/confirm-email/", {"action": "resend"}, follow=True)
    assert answer.status_code == 200
    assert "Περιμένετε ένα λεπτό πριν ζητήσετε άλλον." in text_of(answer)
    client.post("/accounts/confirm-email/", {"code": codes.latest()})
    assert "_auth_user_id" in client.session


@pytest.mark.parametrize(
    ("language", "soon"),
    [("", "Περιμένετε ένα λεπτό πριν ζητήσετε άλλον."), ("/en", "Please wait a minute before you ask again.")],
)
def test_a_minute_after_a_code_to_an_unproven_address_another_is_sent(
    clock: time_machine.Traveller, client: Client, language: str, soon: str
) -> None:
    client.post(f"{language}/accounts/signup/", {"email": UNKNOWN})
    told, rows = [], []
    for seconds in (0, 59, 1):
        clock.shift(seconds)
        answer = client.post(f"{language}/accounts/confirm-email/", {"action": "resend"}, follow=True)
        told.append(soon in text_of(answer))
        rows.append(AccountMail.objects.count())
    assert (told, rows) == ([True, True, False], [1, 1, 2])


@pytest.mark.parametrize("address", [KNOWN, UNKNOWN])
@pytest.mark.parametrize(("page", "rounds"), [("login/code", 2), ("signup", 3)])
def test_code_that_is_sent_again_is_counted_whether_there_is_an_account_or_not(
    clock: time_machine.Traveller, client: Client, page: str, rounds: int, address: str
) -> None:
    """Five an hour, with the first codes for signing in. Signing up for the first code has limits of its own."""
    an_account()
    code_page, told = f"/accounts/{CODE_PAGES[page]}/", []
    for _begun in range(rounds):
        client.post(code_page, {"action": "begin"})
        ask(client, address, page)
        for _again in range(2):
            clock.shift(90)
            told.append("έως μία ώρα" in text_of(client.post(code_page, {"action": "resend"}, follow=True)))
    assert told == [False] * (2 * rounds - 1) + [True]
    assert "up to an hour" in text_of(client.post(f"/en{code_page}", {"action": "resend"}, follow=True))


@pytest.mark.parametrize("page", CODE_PAGES)
def test_page_is_the_same_for_a_code_that_is_one_too_many_but_owes_no_mail(
    clock: time_machine.Traveller, page: str
) -> None:
    """Otherwise whoever has used up the mails of an address would learn whether it has an account."""
    an_account()
    fresh = "fresh@example.org"
    for number in range(tries.CODE_MAILS.number):
        for address in (KNOWN, UNKNOWN):
            ask(Client(REMOTE_ADDR=f"198.51.100.{number}"), address)
    rows = AccountMail.objects.count()
    codes.sent()
    looks = [look(page, address) for address in (KNOWN, UNKNOWN)]
    assert AccountMail.objects.count() == rows
    assert looks == [look(page, fresh)] * 2
    assert AccountMail.objects.filter(recipient=fresh).exists()


def look(page: str, address: str) -> list[str]:
    """Returns what the page says at first, after asking again, and after each guess."""
    client, code_page = Client(REMOTE_ADDR="192.0.2.9"), f"/accounts/{CODE_PAGES[page]}/"
    posts = [(f"/accounts/{page}/", {"email": address}), (code_page, {"action": "resend"})]
    posts += [(code_page, {"code": "000000"})] * 3
    answers = [client.post(where, typed, follow=True) for where, typed in posts]
    texts = [re.sub(r'name="csrfmiddlewaretoken" value="[^"]*"', "", text_of(answer)) for answer in answers]
    return [text.replace(address, "") for text in texts]


def test_what_a_mail_says_is_sealed_and_erased_when_it_is_sent(client: Client) -> None:
    an_account()
    ask(client)
    stored = bytes(only().content)
    code = codes.latest()
    assert code.encode() not in stored
    assert "κωδικός".encode() not in stored
    assert only().content is None


def test_row_goes_after_a_day(client: Client, clock: time_machine.Traveller) -> None:
    ask(client)
    send_codes()
    clock.shift(KEPT)
    forget_mails()
    assert AccountMail.objects.exists()
    clock.shift(1)
    forget_mails()
    assert not AccountMail.objects.exists()


def test_a_worker_that_sends_what_is_dropped_meanwhile_changes_nothing(
    client: Client, clock: time_machine.Traveller, monkeypatch: pytest.MonkeyPatch
) -> None:
    an_account()
    ask(client)
    monkeypatch.setattr(outbox, "hand_over", lambda _letter, _mailer: ask_again(client))
    assert outbox.send_next(mail.get_connection(), now=NOW)
    assert list(AccountMail.objects.order_by("pk").values_list("state", flat=True)) == [State.DROPPED, State.PENDING]


def test_mail_that_cannot_be_read_stops_no_other(client: Client) -> None:
    ask(client)
    AccountMail.objects.update(content=b"sealed with another key")
    ask(Client(), UNKNOWN)
    assert [letter.to for letter in codes.sent()] == [[UNKNOWN]]


# What the page says


@pytest.mark.parametrize("address", [KNOWN, UNKNOWN])
@pytest.mark.parametrize("page", CODE_PAGES)
def test_page_says_that_mail_is_late(clock: time_machine.Traveller, client: Client, page: str, address: str) -> None:
    an_account()
    ask(Client(), "somebody@example.org")
    clock.shift(29)
    ask(client, address, page)
    assert LATE not in seen(client, page)
    clock.shift(1)
    assert LATE in seen(client, page)
    codes.sent()
    assert LATE not in seen(client, page)


@pytest.mark.parametrize("address", [KNOWN, UNKNOWN])
def test_asking_again_does_not_hide_that_mail_is_late(
    clock: time_machine.Traveller, client: Client, address: str
) -> None:
    an_account()
    ask(client, address)
    clock.shift(40)
    ask_again(client)
    assert LATE in seen(client)


def test_address_that_is_put_off_makes_no_other_late(
    clock: time_machine.Traveller, client: Client, server: MailServer
) -> None:
    server.answer = lambda recipient: "450 Later" if recipient == KNOWN else mailserver.ACCEPTED
    an_account()
    ask(client)
    other = Client()
    ask(other, UNKNOWN)
    send_codes()
    clock.shift(40)
    assert (LATE in seen(client), LATE in seen(other)) == (True, False)


@pytest.mark.parametrize("page", CODE_PAGES)
def test_refused_address_is_told_alike_whether_it_has_an_account_or_not(
    clock: time_machine.Traveller, server: MailServer, page: str
) -> None:
    server.answer = lambda _recipient: "550 No such mailbox"
    an_account()
    for before in (True, False):
        pages = []
        for address in (KNOWN, UNKNOWN):
            client = Client()
            ask(client, address, page)
            send_codes()
            clock.shift(61)
            if not before:
                ask_again(client, page)
            shown = re.sub(r'name="csrfmiddlewaretoken" value="[^"]*"', "", seen(client, page))
            assert REFUSED in shown
            pages.append(shown.replace(address, ""))
        assert pages[0] == pages[1]


def test_page_says_what_to_do_without_a_code(client: Client) -> None:
    ask(client, UNKNOWN)
    shown = seen(client)
    assert UNKNOWN in shown
    for address in ("/", "/appointments/find/"):
        assert f'href="{address}"' in shown


@pytest.mark.parametrize("address", [KNOWN, UNKNOWN])
@pytest.mark.parametrize("page", CODE_PAGES)
def test_address_can_be_corrected_and_what_was_typed_stays(client: Client, page: str, address: str) -> None:
    an_account()
    session = client.session
    session["typed"] = {"name": "Μαρία"}
    session.save()
    ask(client, address, page)
    code_page = f"/accounts/{CODE_PAGES[page]}/"
    answer = client.post(f"{code_page}?next=/help/", {"action": "begin", "next": "/help/"})
    assert (answer["Location"], client.session["typed"]) == (f"/accounts/{page}/?next=%2Fhelp%2F", {"name": "Μαρία"})
    assert client.get(answer["Location"]).status_code == 200
    assert client.get(code_page).status_code == 302
    ask(client, "correct@example.org", "signup")
    client.post("/accounts/confirm-email/", {"code": codes.latest()})
    assert "_auth_user_id" in client.session


def test_news_for_the_owner_replaces_no_code(clock: time_machine.Traveller) -> None:
    letter = EmailMultiAlternatives("Θέμα", "Κείμενο", to=[KNOWN])
    for _each in range(2):
        outbox.owe(letter, "email_changed", now=NOW)
    assert len(codes.sent()) == 2
