"""Reading the mailbox of a real IMAP server (Dovecot), and of servers in bad moods: each mail once, and none in the way."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from datetime import timedelta
from time import monotonic

import pytest
import time_machine
from django.core import mail as outgoing
from django.db import OperationalError
from pytest_django.fixtures import Settings

from accounts.mails import imap
from accounts.work.due import lanes, late
from appointments import tasks
from appointments.messages.returned import following, notices, reading
from appointments.models import Appointment, Mailbox, Notification, ReturnedMail
from tests.builders import NOW, an_appointment, an_open_branch, minutes, slots_of
from tests.servers import imapserver
from tests.servers.imapserver import ImapServer
from tests.servers.returned import answer, notice_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]
needs_dovecot = pytest.mark.skipif(
    not imapserver.HAS_DOVECOT, reason="There is no Dovecot here: install the package dovecot-imapd."
)
State, Outcome = Notification.State, ReturnedMail.Outcome
FOREIGN = b"From: Somebody <somebody@example.org>\r\nSubject: Question\r\n\r\nMay I bring my dog?\r\n"


@pytest.fixture(scope="module")
def dovecot() -> Iterator[ImapServer]:
    with imapserver.running() as server:
        yield server


@pytest.fixture
def mailbox(dovecot: ImapServer, settings: Settings) -> ImapServer:
    dovecot.empty()
    settings.BOUNCE_URL = dovecot.url
    return dovecot


@pytest.fixture
def appointment() -> Appointment:
    appointment = an_appointment(slots_of(an_open_branch())[80], name="Citizen One")
    appointment.notifications.filter(kind="confirmation").update(state=State.SENT, sent_at=NOW, attempts=1)
    return appointment


def confirmation() -> Notification:
    return Notification.objects.select_related("appointment").get(kind="confirmation")


def outcomes() -> list[str]:
    return list(ReturnedMail.objects.order_by("uid").values_list("outcome", flat=True))


@needs_dovecot
@pytest.mark.parametrize("scheme", ["imap", "imap+tls", "imaps"])
def test_mails_are_dealt_with_and_deleted(
    scheme: str,
    mailbox: ImapServer,
    appointment: Appointment,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setenv("SSL_CERT_FILE", str(mailbox.folder / "cert.pem"))
    settings.BOUNCE_URL = mailbox.address(scheme)
    mailbox.deliver(FOREIGN, b"\xff\0nonsense", notice_of(confirmation()), answer("google", appointment), FOREIGN)
    tasks.read_mailbox()
    assert outcomes() == ["foreign", "foreign", "bounced", "declined", "foreign"]
    assert confirmation().state == State.BOUNCED
    assert mailbox.flags() == [set(), set(), set()]  # what people have to read is left unread
    tasks.deliver_due()
    assert [letter.to for letter in outgoing.outbox] == [[appointment.email]]


@needs_dovecot
@pytest.mark.parametrize("scheme", ["imap+tls", "imaps"])
def test_server_that_cannot_prove_who_it_is_gets_no_password(scheme: str, mailbox: ImapServer, settings: Settings):
    settings.BOUNCE_URL = mailbox.address(scheme)
    assert reading.read(now=NOW) == 0
    assert Mailbox.objects.get().last_error == "connecting: SSLCertVerificationError"


@needs_dovecot
def test_mail_that_came_later_is_read_later(mailbox: ImapServer, appointment: Appointment):
    mailbox.deliver(FOREIGN)
    assert reading.read(now=NOW) == 1
    mailbox.deliver(notice_of(confirmation()))
    assert reading.read(now=NOW + timedelta(seconds=19)) == 0  # not due yet
    assert reading.read(now=NOW + timedelta(seconds=20)) == 1
    assert outcomes() == ["foreign", "bounced"]


@needs_dovecot
def test_worker_that_dies_before_the_mail_is_deleted(
    mailbox: ImapServer, appointment: Appointment, monkeypatch: pytest.MonkeyPatch
):
    mailbox.deliver(answer("outlook", appointment))
    with monkeypatch.context() as patch:
        patch.setattr(imap.Box, "drop", _die)
        with pytest.raises(KeyboardInterrupt):
            reading.read(now=NOW)
    assert outcomes() == ["declined"]
    Notification.objects.filter(kind="declined").delete()  # it would be seen if it were owed again
    assert reading.read(now=NOW + reading.LEASE) == 1
    assert not Notification.objects.filter(kind="declined").exists()
    assert mailbox.flags() == []


@needs_dovecot
def test_mail_that_ends_the_worker_again_and_again_is_left(mailbox: ImapServer, monkeypatch: pytest.MonkeyPatch):
    mailbox.deliver(FOREIGN, FOREIGN)
    now = NOW
    with monkeypatch.context() as patch:
        patch.setattr(reading, "notice_in", _die)
        for _ in range(reading.TRIES):
            with pytest.raises(KeyboardInterrupt):
                reading.read(now=now)
            now += reading.LEASE
    assert reading.read(now=now) == 2
    assert outcomes() == ["unreadable", "foreign"]


@needs_dovecot
def test_mail_that_fails_stops_no_other(
    mailbox: ImapServer, appointment: Appointment, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    real = reading.notice_in
    monkeypatch.setattr(reading, "notice_in", lambda mail: 1 / 0 if mail["Subject"] == "Question" else real(mail))
    mailbox.deliver(FOREIGN, notice_of(confirmation()))
    assert reading.read(now=NOW) == 2
    assert outcomes() == ["unreadable", "bounced"]


@needs_dovecot
def test_database_that_is_away_costs_no_mail(
    mailbox: ImapServer, appointment: Appointment, monkeypatch: pytest.MonkeyPatch
):
    mailbox.deliver(notice_of(confirmation()))
    with monkeypatch.context() as patch:
        patch.setattr(following.owed, "owe_by_sms", _lose_connection)
        assert reading.read(now=NOW) == 0
    assert (outcomes(), confirmation().state) == ([""], State.SENT)
    assert reading.read(now=NOW + minutes(1)) == 1
    assert (outcomes(), confirmation().state) == (["bounced"], State.BOUNCED)


@needs_dovecot
def test_only_the_beginning_of_a_huge_mail_is_read(mailbox: ImapServer, appointment: Appointment):
    mailbox.deliver(notice_of(confirmation()) + b"\r\n" + b"x" * 70 * 15000)
    assert reading.read(now=NOW) == 1
    assert outcomes() == ["bounced"]


@needs_dovecot
def test_mailbox_that_was_made_anew_is_read_from_its_beginning(mailbox: ImapServer, appointment: Appointment):
    mailbox.deliver(FOREIGN)
    reading.read(now=NOW)
    Mailbox.objects.update(validity=1, last=10**6)
    mailbox.deliver(notice_of(confirmation()))
    assert reading.read(now=NOW + minutes(1)) == 2
    assert outcomes() == ["foreign", "bounced"]


@needs_dovecot
def test_many_mails_are_read_in_several_runs(mailbox: ImapServer, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(reading, "MOST", 2)
    mailbox.deliver(*[FOREIGN] * 5)
    assert [reading.read(now=NOW) for _ in range(4)] == [2, 2, 1, 0]


@needs_dovecot
def test_very_many_mails_are_asked_for_piece_by_piece(
    mailbox: ImapServer, appointment: Appointment, monkeypatch: pytest.MonkeyPatch
):
    """Also over a stretch of numbers whose mails are gone."""
    monkeypatch.setattr(imap, "WINDOW", 2)
    mailbox.deliver(*[FOREIGN] * 9)
    mailbox.empty()
    mailbox.deliver(*[FOREIGN] * 4, notice_of(confirmation()))
    now, numbers = NOW, []
    while "bounced" not in outcomes():
        numbers.append(reading.read(now=now))
        now += reading.EVERY
    assert sum(numbers) == 5
    assert max(numbers) == 2
    assert reading.read(now=now) == 0


@needs_dovecot
@pytest.mark.parametrize("wrong", ["password", "folder"])
def test_wrong_address_is_told(wrong: str, mailbox: ImapServer, settings: Settings, caplog: pytest.LogCaptureFixture):
    settings.BOUNCE_URL = {
        "password": mailbox.url.replace("p%40ss", "pass"),
        "folder": mailbox.url.replace("INBOX", "Nowhere"),
    }[wrong]
    assert reading.read(now=NOW) == 0
    step = {"password": "signing in", "folder": "opening the folder"}[wrong]
    assert Mailbox.objects.get().last_error.startswith(step)
    assert "bounces" not in caplog.text


def test_no_mailbox_is_configured():
    tasks.read_mailbox()
    assert not Mailbox.objects.exists()


def test_rows_are_forgotten():
    box = Mailbox.objects.create(key="x", due_at=NOW, retry_at=NOW)
    for day in (0, 29, 31):
        ReturnedMail.objects.create(mailbox=box, validity=1, uid=day + 1, seen_at=NOW - timedelta(days=day))
    assert reading.forget(now=NOW) == 1


def _die(*_args: object) -> None:
    raise KeyboardInterrupt


def _lose_connection(*_args: object, **_more: object) -> None:
    raise OperationalError("the server closed the connection")


# Servers in bad moods. Each speaks with one client; `say` sends, `hear` waits for the next command and returns its tag.

Say, Hear = Callable[[bytes], None], Callable[[], bytes]


def greet(say: Say, hear: Hear, until: int = 4) -> None:
    """Be well-behaved for so many commands: CAPABILITY, AUTHENTICATE, CAPABILITY, SELECT."""
    say(b"* OK ready\r\n")
    for number in range(until):
        tag = hear()
        if number == 1:
            say(b"+ \r\n")
            hear()
        said = (b"* CAPABILITY IMAP4rev1 AUTH=PLAIN\r\n", b"", b"* CAPABILITY IMAP4rev1 UIDPLUS\r\n", SELECTED)
        say(said[number] + tag + b" OK done\r\n")


SELECTED = b"* 1 EXISTS\r\n* OK [UIDVALIDITY 7] ok\r\n"


def hangs_at_once(say: Say, hear: Hear) -> None:
    threading.Event().wait(20)


def drips(say: Say, hear: Hear) -> None:
    while True:
        say(b"*")
        threading.Event().wait(0.05)


def talks_without_end(say: Say, hear: Hear) -> None:
    greet(say, hear)
    hear()
    while True:
        say(b"* 1 EXISTS\r\n" * 5000)


def sends_one_endless_line(say: Say, hear: Hear) -> None:
    while True:
        say(b"x" * 2**16)


def drops(say: Say, hear: Hear) -> None:
    greet(say, hear, until=3)


def talks_garbage(say: Say, hear: Hear) -> None:
    say(b"\xff\xfe\0\r\n")


def promises_too_much(say: Say, hear: Hear) -> None:
    greet(say, hear)
    say(b"* SEARCH 1\r\n" + hear() + b" OK done\r\n")
    hear()
    say(b"* 1 FETCH (UID 1 BODY[] {99999999999}\r\n")
    while True:
        say(b"x" * 2**16)


def refuses_to_find(say: Say, hear: Hear) -> None:
    greet(say, hear)
    say(hear() + b" NO not now\r\n")


def has_no_validity(say: Say, hear: Hear) -> None:
    greet(say, hear, until=3)
    say(hear() + b" OK done\r\n")


MOODS = (
    *(hangs_at_once, drips, talks_without_end, sends_one_endless_line, drops, talks_garbage, promises_too_much),
    *(refuses_to_find, has_no_validity),
)


def speaking(mood: Callable[[Say, Hear], None], listening: socket.socket) -> None:
    with suppress(OSError), closing(listening.accept()[0]) as client, client.makefile("rb") as lines, suppress(OSError):
        mood(client.sendall, lambda: lines.readline().partition(b" ")[0])


@pytest.fixture
def ill(request: pytest.FixtureRequest, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A server in the mood that the test names. Nobody waits as long for it as in earnest."""
    monkeypatch.setattr(imap, "TIMEOUT", 0.5)
    monkeypatch.setattr(imap, "MOST", 2**22)
    monkeypatch.setattr(reading, "PATIENCE", 1.0)
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        settings.BOUNCE_URL = f"imap://bounces:word@127.0.0.1:{listening.getsockname()[1]}/INBOX"
        threading.Thread(target=speaking, args=(request.param, listening), daemon=True).start()
        yield
        with suppress(OSError):
            listening.shutdown(socket.SHUT_RDWR)


@pytest.mark.parametrize("ill", MOODS, ids=lambda mood: mood.__name__, indirect=True)
@pytest.mark.usefixtures("ill")
def test_server_in_a_bad_mood_costs_its_time_alone(clock: time_machine.Traveller):
    since = monotonic()
    assert reading.read(now=NOW) == 0
    assert monotonic() - since < 15
    box = Mailbox.objects.get()
    assert (box.leased_until, box.retry_at, box.due_at) == (None, NOW + minutes(1), NOW)
    assert ": " in box.last_error


def lies(say: Say, hear: Hear) -> None:
    """The numbers are impossible, or of mails that are not there, and what is sent belongs to another mail."""
    greet(say, hear)
    say(b"* SEARCH 0 -5 3 99999999999999999999 2 2 1\r\n" + hear() + b" OK done\r\n")
    say(hear() + b" OK done\r\n")
    say(b"* 9 FETCH (UID 9 BODY[]<0> {4}\r\nSpam)\r\n" + hear() + b" OK done\r\n")
    say(b"* 9 FETCH (BODY[]<0> {4}\r\nSpam UID 3)\r\n" + hear() + b" OK done\r\n")


@pytest.mark.parametrize("ill", [lies], indirect=True)
@pytest.mark.usefixtures("ill")
def test_server_that_lies(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(imap, "TIMEOUT", 20.0)
    monkeypatch.setattr(reading, "PATIENCE", 30.0)
    assert reading.read(now=NOW) == 3
    assert list(ReturnedMail.objects.values_list("uid", "outcome")) == [(3, "foreign")]
    assert Mailbox.objects.get().last == 3


def test_server_that_is_away_for_long_is_tried_for_ever_and_told(settings: Settings):
    settings.BOUNCE_URL = "imap://bounces:word@127.0.0.1:1/INBOX"
    now = NOW
    tried = []
    for _ in range(8):
        assert reading.read(now=now) == 0
        retry = Mailbox.objects.get().retry_at
        tried.append(int((retry - now).total_seconds() // 60))
        now = retry
    assert tried == [1, 2, 5, 10, 15, 15, 15, 15]
    assert [one.lane.name for one in late(lanes(), now=NOW + minutes(15))] == []
    assert [one.lane.name for one in late(lanes(), now=NOW + minutes(16))] == ["mailbox"]
    settings.BOUNCE_URL = ""
    assert late(lanes(), now=NOW + minutes(16)) == []


def test_nothing_of_a_notice_is_in_its_row():
    """Rows tell numbers and outcomes alone."""
    names = {field.name for field in ReturnedMail._meta.local_fields}
    assert names == {"id", "mailbox", "validity", "uid", "outcome", "attempts", "seen_at"}
    assert notices.Notice.__dataclass_fields__.keys() == {"mark", "is_final", "status"}
