"""Notices of mail systems: which mail they are about, and whether it is lost."""

import pytest
from django.core.mail import EmailMessage
from pytest_django.fixtures import Settings

from accounts.mails import marks
from accounts.mails.marks import Notice
from appointments.messages.returned.notices import notice_in
from appointments.messages.returned.parts import parsed
from tests.servers.returned import mark_of, notice

TO = "somebody@example.org"


def read(raw: bytes) -> Notice | None:
    return notice_in(parsed(raw))


@pytest.fixture
def mark() -> str:
    return mark_of("message", 12, TO)


@pytest.mark.parametrize(
    ("form", "status"),
    [
        ("postfix", "5.1.1"),
        ("exim", "5.0.0"),
        ("exim-old", "5.1.1"),
        ("exchange", "5.1.10"),
        ("gmail", "5.1.1"),
        ("qmail", "5.1.1"),
        ("sendmail", "5.1.1"),
    ],
)
def test_mail_that_is_lost(form: str, status: str, mark: str):
    found = read(notice(form, mark))
    assert found is not None
    assert (found.mark.kind, found.mark.key) == ("message", 12)
    assert (found.is_final, found.status) == (True, status)
    assert found.mark.is_for("Somebody@Example.org")
    assert not found.mark.is_for("somebody.else@example.org")


@pytest.mark.parametrize(("form", "status"), [("postfix-delayed", "4.4.1"), ("full", "4.2.2"), ("delivered", "5.1.1")])
def test_mail_that_may_still_arrive(form: str, status: str, mark: str):
    found = read(notice(form, mark))
    assert found is not None
    assert (found.is_final, found.status) == (False, status)


@pytest.mark.parametrize(
    ("status", "is_final", "is_of_address"),
    [
        *(("5.1.1", True, True), ("5.2.1", True, True), ("5.4.4", True, True), ("5.0.0", True, True)),
        *(("5.7.1", True, False), ("5.3.4", True, False), ("5.6.0", True, False), ("5.5.2", True, False)),
        *(("4.7.1", False, False), ("2.0.0", False, False)),
    ],
)
def test_whose_fault_it_is(status: str, is_final: bool, is_of_address: bool, mark: str):
    raw = notice("postfix", mark).replace(b"Status: 5.1.1", f"Status: {status}".encode())
    found = read(raw.replace(b"Action: failed", b"Action: Failed (for good)"))
    assert found is not None
    assert (found.is_final, found.is_of_address) == (is_final, is_of_address)


@pytest.mark.parametrize("form", ["holiday", "read-receipt"])
def test_what_only_looks_like_a_notice(form: str, mark: str):
    assert read(notice(form, mark)) is None


FORMS = ("postfix", "exim", "exim-old", "exchange", "gmail", "qmail", "sendmail")


@pytest.mark.parametrize("form", FORMS)
def test_an_address_alone_proves_nothing(form: str, mark: str):
    """Whoever has not received the mail cannot make its mark, and must not have an address taken for dead."""
    other = mark_of("message", 13, TO)
    changed = {
        "no mark": "message-12",
        "the old form": "20260302.12",
        "another row": mark.replace("message-12.", "message-13."),
        "another kind": mark.replace("message-", "account-"),
        "another seal": f"message-12.{other.split('.')[1]}.{mark.split('.')[2]}",
    }
    for why, forged in changed.items():
        assert read(notice(form, forged)) is None, why


@pytest.mark.parametrize("form", FORMS)
def test_mark_in_capitals(form: str, mark: str):
    assert read(notice(form, mark.upper())) == read(notice(form, mark))


def test_notice_that_repeats_nothing_is_known_by_the_envelope(settings: Settings):
    settings.BOUNCE_ADDRESS = "bounces@rantevou.example.org"
    letter = EmailMessage(to=[TO])
    marks.stamp(letter, "message", 12)
    assert letter.extra_headers["From"] == settings.DEFAULT_FROM_EMAIL
    assert letter.from_email.startswith("bounces+message-12.")
    raw = notice("qmail", "gone").split(b"--- Below")[0]
    assert read(raw) is None
    found = read(raw.replace(b"To: no-reply@rantevou.example.org", f"To: {letter.from_email}".encode()))
    assert found is not None
    assert found.mark.key == 12


def test_longest_envelope_fits(settings: Settings):
    """RFC 5321: 64 octets before the @."""
    settings.BOUNCE_ADDRESS = "b" * marks.LONGEST_NAME + "@example.org"
    letter = EmailMessage(to=[TO])
    marks.stamp(letter, "message", 10**12 - 1)
    assert len(letter.from_email.partition("@")[0]) <= 64


def test_notice_about_two_mails_is_about_none(mark: str):
    other = f"References: <{mark_of('message', 13, TO)}@localhost>\n"
    assert read(other.encode() + notice("postfix", mark)) is None


@pytest.mark.parametrize("form", FORMS)
def test_notice_that_is_cut_off(form: str, mark: str):
    raw = notice(form, mark)
    for end in range(0, len(raw), 50):
        found = read(raw[:end])
        assert found is None or found.mark.key == 12


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\0" * 1000,
        b"\xff\xfe" * 1000,
        b"Content-Type: multipart/report; boundary=a\n\n" + b"--a\n" * 5000,
        b"".join(b"Content-Type: multipart/mixed; boundary=%d\n\n--%d\n" % (number, number) for number in range(90)),
        b"From: <MAILER-DAEMON@x>\nContent-Type: message/delivery-status\nContent-Transfer-Encoding: base64\n\n????",
        b"From: =?utf-8?b?////?= <postmaster@x>\nContent-Type: text/plain; charset=nowhere\n\n550 unknown user",
    ],
    ids=["nothing", "zeros", "no text", "many parts", "deep", "no base64", "no charset"],
)
def test_nonsense_is_no_notice(raw: bytes):
    assert read(raw) is None
