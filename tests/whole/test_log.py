"""No line of the log has anything by which somebody could be found, whatever happens and whoever writes the line."""

import json
import logging
import smtplib
from collections.abc import Callable
from contextlib import nullcontext
from types import SimpleNamespace
from typing import Any
from urllib.parse import quote

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django.fixtures import Settings

from agencies.models import SystemToken
from appointments.models import Appointment, Mailbox, Notification, ReturnedMail
from appointments.tasks import deliver_due, read_mailbox
from mydesklive.logs.lines import Json, Line
from tests import leaks
from tests.builders import a_user, an_officer, an_open_branch, slots_of
from tests.codes import follow
from tests.pages import signed_in
from tests.servers.returned import notice_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]
NAME, EMAIL, PHONE, TAX, TOKEN = "Ευφροσύνη Κρητικού", "froso@example.org", "6998877665", "094259216", "secret-of-kep-9"
Logged = Callable[[], str]


@pytest.fixture
def logged(caplog: pytest.LogCaptureFixture) -> Logged:
    """All lines so far, of all loggers, in both forms."""
    caplog.set_level(logging.DEBUG)
    for name in ("mydesklive.security", "mydesklive.request", "mydesklive.task", "django.request", "django.server"):
        caplog.set_level(logging.DEBUG, name)
    return lambda: "\n".join(form.format(record) for record in caplog.records for form in (Json(), Line()))


def assert_nobody_is_named(text: str, *keys: str) -> None:
    readable = text + "".join(
        json.dumps(json.loads(line), ensure_ascii=False) for line in text.splitlines() if line[:1] == "{"
    )
    for personal in (NAME, *NAME.split(), EMAIL, "froso", PHONE, TAX, TOKEN, *keys):
        assert personal not in readable, personal


@pytest.fixture
def booked() -> Appointment:
    branch = an_open_branch()
    SystemToken.objects.create(agency=branch.agency, label="Test", digest=SystemToken.digest_of(TOKEN))
    asked = {"slot": slots_of(branch)[0].pk, "procedure": "kep-dilosi", "channel": "in_person", "name": NAME}
    answer = Client(headers={"Authorization": f"Bearer {TOKEN}"}).post(
        "/api/v1/appointments/",
        asked | {"email": EMAIL, "phone": PHONE, "tax_number": TAX},
        content_type="application/json",
        headers={"Idempotency-Key": f"of {EMAIL}"},
    )
    assert answer.status_code == 201, answer.content
    return Appointment.objects.select_related("branch").get()


def test_requests_of_a_citizen_and_an_officer(logged: Logged, booked: Appointment, client: Client) -> None:
    path = f"/appointments/{booked.reference}/"
    follow(client, booked)
    client.get(f"/appointments/find/?reference={booked.reference}&email={EMAIL}")
    client.post("/en/accounts/login/code/", {"email": EMAIL})
    client.get(f"/nowhere/{booked.reference}/?name={NAME}")
    client.get(f"/{EMAIL}/")
    client.get("/", HTTP_HOST=EMAIL)
    client.get(path, HTTP_X_REQUEST_ID=EMAIL, HTTP_USER_AGENT=NAME.encode().decode("latin1"), HTTP_REFERER=f"/{EMAIL}")
    signed_in(client, an_officer(booked.branch))
    client.get(f"/admin/appointments/appointment/{booked.reference}/change/")
    client.get(f"/admin/appointments/appointment/?q={EMAIL}")
    text = logged()
    assert "appointments/<slug:reference>/" in text
    assert_nobody_is_named(text, booked.reference, booked.link_key)


def test_errors_with_data_in_them(
    logged: Logged, booked: Appointment, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_args: Any, **_more: Any) -> None:
        error = ValueError(f"{EMAIL} and {PHONE} of '{NAME}' at /appointments/{booked.reference}/")
        raise error from KeyError(NAME)

    client.raise_request_exception = False
    monkeypatch.setattr("mydesklive.pages.probes._database_state", fail)
    assert client.get(f"/health/ready?{EMAIL}").status_code == 500
    text = logged()
    assert "ValueError" in text
    assert "KeyError" in text
    assert_nobody_is_named(text, booked.reference)


def test_messages_that_are_refused(logged: Logged, booked: Appointment, monkeypatch: pytest.MonkeyPatch) -> None:
    refusal = smtplib.SMTPRecipientsRefused({EMAIL: (550, f"no {EMAIL}".encode())})

    def refuse(*_args: Any, **_more: Any) -> None:
        raise refusal

    monkeypatch.setattr("appointments.messages.delivery.hand_over", refuse)
    deliver_due()
    assert Notification.objects.exclude(last_error="").exists()
    text = logged()
    assert "SMTPRecipientsRefused" in text
    assert_nobody_is_named(text, booked.reference)


def test_mails_that_come_back(
    logged: Logged, booked: Appointment, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One notice is read, one mail is not readable, and then the server is away."""
    settings.BOUNCE_URL = f"imap://{quote(EMAIL, safe='')}:{TOKEN}@127.0.0.1:1/INBOX"
    deliver_due()
    message = Notification.objects.select_related("appointment").get(kind="confirmation")
    mails = {1: f"From: {EMAIL}\n\n{NAME}".encode(), 2: notice_of(message, "exim-old")}

    def fail(*_args: Any) -> None:
        raise ValueError(f"{EMAIL} of {NAME}")

    with monkeypatch.context() as patch:
        box = SimpleNamespace(validity=1, after=lambda _uid: [*mails], read=mails.get, drop=mails.pop)
        patch.setattr("accounts.mails.imap.opened", lambda *_args, **_more: nullcontext(box))
        patch.setattr("appointments.messages.returned.reading.answer_in", fail)
        read_mailbox()
    Mailbox.objects.update(retry_at=timezone.now())
    read_mailbox()
    assert [*mails] == [1]
    text = logged()
    assert "is not readable" in text
    assert "The mailbox was not read: connecting: ConnectionRefusedError" in text
    assert_nobody_is_named(text, booked.reference)
    assert EMAIL not in json.dumps(
        [*Mailbox.objects.values("key", "last_error"), *ReturnedMail.objects.values("outcome")]
    )


def test_people_who_get_roles(logged: Logged) -> None:
    user = a_user(EMAIL, name=NAME, is_operator=True)
    user.is_official = True
    user.save()
    assert_nobody_is_named(logged())


@pytest.mark.parametrize("level", [logging.INFO, logging.WARNING])
@pytest.mark.parametrize("said", ["froso@mail.example.org", "Κρητικού", "6998877665", "+306998877665", "094259216"])
@pytest.mark.parametrize("name", ["appointments.booking.anything", "mydesklive.request"])
def test_every_test_would_fail_that_logs_a_person(level: int, said: str, name: str) -> None:
    """Also at a level that this run does not show."""
    logging.getLogger(name).log(level, "somebody: %s", said)
    [found] = leaks.taken()
    assert said in found


@pytest.mark.parametrize(
    "said", ["1772000000", "127.0.0.1:6900000000", "2026-03-02", "a-6912345678-b", "no-reply@localhost"]
)
def test_what_names_nobody_may_be_logged(said: str) -> None:
    logging.getLogger("appointments.booking").warning("something: %s", said)
    assert leaks.taken() == []


def test_listening_shows_no_more_than_before(caplog: pytest.LogCaptureFixture) -> None:
    logging.getLogger("appointments.booking.anything").info("a small thing")
    assert caplog.messages == []
    with caplog.at_level(logging.INFO):
        logging.getLogger("appointments.booking.anything").info("a small thing")
    assert caplog.messages == ["a small thing"]
