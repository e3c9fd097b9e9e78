"""What follows from a mail that came back: for the message, the address, the reminders, and the pages."""

from datetime import timedelta

import pytest
import time_machine
from django.core import mail
from django.core.mail import EmailMessage, get_connection
from django.test import Client
from django.utils import translation
from pytest_django.fixtures import Settings

from accounts.mails import marks, outbox
from accounts.mails.handing import hand_over
from accounts.models import AccountMail, User
from appointments import booking, tasks
from appointments.booking import retention
from appointments.history import timeline
from appointments.messages import mails
from appointments.messages.notices import words
from appointments.messages.returned.following import follow_notice
from appointments.messages.returned.notices import notice_in
from appointments.messages.returned.parts import parsed
from appointments.models import Appointment, Notice, Notification, ReturnedMail
from appointments.watch import alerts
from reports.mailing import letters
from tests.builders import (
    GUEST,
    NOON,
    NOW,
    STAFF,
    a_user,
    a_walk_in,
    an_appointment,
    an_officer,
    an_open_branch,
    minutes,
    slots_of,
)
from tests.calls import a_video_appointment, call_of, of_link, path_of
from tests.codes import open_for
from tests.pages import signed_in, text_of
from tests.servers.mailserver import MailServer
from tests.servers.returned import mark_of, notice, notice_of
from videocalls import presence

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]
Kind, Medium, State, Outcome = Notification.Kind, Notification.Medium, Notification.State, ReturnedMail.Outcome
SMS_URL = "json://127.0.0.1:9/?:to={phone}"


def booked(**contact: str) -> Appointment:
    """An appointment on Wednesday whose confirmation has been sent."""
    appointment = an_appointment(slots_of(an_open_branch())[80], **contact)
    appointment.notifications.filter(kind=Kind.CONFIRMATION).update(state=State.SENT, sent_at=NOW, attempts=1)
    return appointment


def comes_back(raw: bytes) -> Outcome:
    found = notice_in(parsed(raw))
    assert found is not None
    return follow_notice(found, now=NOW)


def the(appointment: Appointment, kind: str = Kind.CONFIRMATION, medium: str = Medium.EMAIL) -> Notification:
    return Notification.objects.select_related("appointment").filter(kind=kind, medium=medium).earliest("due_at")


def test_message_and_address_are_marked_once():
    appointment = booked()
    raw = notice_of(the(appointment))
    assert [comes_back(raw), comes_back(raw)] == [Outcome.BOUNCED, Outcome.NOTHING]
    message = the(appointment)
    assert (message.state, message.last_error) == (State.BOUNCED, "5.1.1")
    assert message.appointment.is_mail_returned
    (event,) = appointment.events.filter(verb="fail")
    assert (event.by, event.details["kind"]) == ("worker", "confirmation")
    assert [one.text for one in timeline.of(appointment)][-1] == "Δεν έφτασε μήνυμα: Επιβεβαίωση (E-mail)"


def test_reminders_by_mail_stop(clock: time_machine.Traveller):
    appointment = booked()
    comes_back(notice_of(the(appointment)))
    Notification.objects.filter(kind=Kind.REMINDER).update(due_at=NOON)
    clock.move_to(NOON)
    tasks.deliver_due()
    assert mail.outbox == []
    assert set(appointment.notifications.filter(kind=Kind.REMINDER).values_list("state", flat=True)) == {State.DROPPED}


def test_news_by_mail_is_still_tried():
    appointment = booked()
    comes_back(notice_of(the(appointment)))
    booking.cancel(appointment, by=STAFF, now=NOW)
    tasks.deliver_due()
    assert [letter.to for letter in mail.outbox] == [["citizen1@example.org"]]


def test_corrected_address_is_clean(clock: time_machine.Traveller):
    appointment = booked()
    comes_back(notice_of(the(appointment)))
    Appointment.objects.update(email="right@example.org")
    Notification.objects.filter(kind=Kind.REMINDER).update(due_at=NOON)
    clock.move_to(NOON)
    tasks.deliver_due()
    assert {letter.to[0] for letter in mail.outbox} == {"right@example.org"}
    assert not the(appointment).appointment.is_mail_returned


def test_notice_of_an_earlier_address_says_nothing_of_the_new_one():
    appointment = booked()
    raw = notice_of(the(appointment))
    Appointment.objects.update(email="right@example.org")
    assert comes_back(raw) == Outcome.NOTHING
    assert the(appointment).state == State.SENT
    assert not the(appointment).appointment.is_mail_returned


def test_delay_changes_nothing_and_is_noted():
    appointment = booked()
    assert comes_back(notice_of(the(appointment), "postfix-delayed")) == Outcome.DELAYED
    message = the(appointment)
    assert (message.state, message.last_error) == (State.SENT, "4.4.1 delayed")
    assert not message.appointment.is_mail_returned
    assert not appointment.events.filter(verb="fail").exists()


@pytest.mark.parametrize("state", [State.SENDING, State.PENDING])
def test_notice_that_is_quicker_than_the_worker(state: str):
    """The mail server's answer was lost, or the worker has not noted it yet. The mail is not sent again."""
    appointment = booked()
    sent = the(appointment)
    changed = {"state": state, "leased_until": NOW + minutes(2) if state == State.SENDING else None}
    Notification.objects.filter(pk=sent.pk).update(**changed)
    assert comes_back(notice_of(sent)) == Outcome.BOUNCED
    tasks.deliver_due()
    assert (the(appointment).state, mail.outbox) == (State.BOUNCED, [])


@pytest.mark.parametrize("state", [State.DROPPED, State.FAILED])
def test_message_that_was_never_sent_stays_as_it_is(state: str):
    appointment = booked()
    Notification.objects.filter(kind=Kind.CONFIRMATION).update(state=state)
    assert comes_back(notice_of(the(appointment))) == Outcome.NOTHING
    assert the(appointment).state == state


def test_erased_appointment_and_deleted_message():
    appointment = booked()
    raw = notice_of(the(appointment))
    comes_back(raw)
    retention.erase_old(now=NOW + timedelta(days=4000))
    appointment.refresh_from_db()
    assert (appointment.email, appointment.returned_from) == ("", "")
    assert comes_back(raw) == Outcome.NOTHING
    assert comes_back(notice("gmail", mark_of("message", 10**9, "a@example.org"))) == Outcome.NOTHING


# By SMS


def by_sms(appointment: Appointment) -> list[tuple[str, int]]:
    return list(appointment.notifications.by_sms().order_by("due_at").values_list("kind", "minutes_before"))


def test_sms_takes_over_what_mail_does_not_bring(settings: Settings):
    appointment = booked(phone="6912345678")
    assert by_sms(appointment) == []
    settings.SMS_URL = SMS_URL
    comes_back(notice_of(the(appointment)))
    reminders = appointment.notifications.by_mail().filter(kind=Kind.REMINDER).order_by("due_at")
    assert by_sms(appointment) == [("confirmation", 0), *reminders.values_list("kind", "minutes_before")]
    assert [one.due_at for one in appointment.notifications.by_sms().order_by("due_at")] == [
        NOW,
        *reminders.values_list("due_at", flat=True),
    ]


def test_what_an_sms_tells_anyway_is_not_told_twice(settings: Settings):
    settings.SMS_URL = SMS_URL
    appointment = booked(phone="6912345678")
    owed = by_sms(appointment)
    # The link was sent again, and that mail came back, too.
    again = {"kind": Kind.CONFIRMATION, "language": "el", "due_at": NOW, "minutes_before": 2000, "state": State.SENT}
    comes_back(notice_of(Notification.objects.create(appointment=appointment, **again)))
    comes_back(notice_of(the(appointment)))
    assert by_sms(appointment) == owed
    assert {kind for kind, _minutes in owed} == {"confirmation", "reminder"}


def test_mail_that_is_refused_by_rules_says_nothing_of_the_address(settings: Settings):
    appointment = booked(phone="6912345678")
    settings.SMS_URL = SMS_URL
    raw = notice_of(the(appointment)).replace(b"Status: 5.1.1", b"Status: 5.7.1")
    assert comes_back(raw) == Outcome.BOUNCED
    assert not the(appointment).appointment.is_mail_returned
    assert by_sms(appointment) == [("confirmation", 0)]  # reminders are still mailed


@pytest.mark.parametrize(
    ("reply", "is_returned"),
    [
        ("550 5.1.1 no such user", True),
        ("550 5.2.1 mailbox disabled", True),
        ("550 no such user", False),
        ("550 5.7.1 relaying denied", False),
        ("450 4.1.1 try again", False),
    ],
)
def test_address_that_is_refused_at_once(reply: str, is_returned: bool, server: MailServer, settings: Settings):
    """Our own mail server may know at once what others tell later."""
    appointment = booked(phone="6912345678")
    Notification.objects.filter(kind=Kind.CONFIRMATION).update(state=State.PENDING, sent_at=None, attempts=0)
    settings.SMS_URL = SMS_URL
    server.answer = lambda _recipient: reply
    tasks.deliver_due()
    assert the(appointment).appointment.is_mail_returned == is_returned
    assert by_sms(appointment)[:1] == ([("confirmation", 0)] if is_returned else [])


def test_landline_gets_no_sms(settings: Settings):
    appointment = booked(phone="2821012345")
    settings.SMS_URL = SMS_URL
    comes_back(notice_of(the(appointment)))
    assert by_sms(appointment) == []


# What people see


def test_officers_see_it(client: Client):
    appointment = booked()
    signed_in(client, an_officer(appointment.branch))
    detail = f"/en/admin/appointments/appointment/{appointment.reference}/change/"
    assert "do not arrive" not in text_of(client.get(detail))
    comes_back(notice_of(the(appointment)))
    page = text_of(client.get(detail))
    assert "Mails to this address do not arrive" in page
    assert "Came back" in page
    assert "There is no such address. (5.1.1)" in page
    assert appointment.reference in text_of(client.get("/en/admin/appointments/appointment/?undelivered=yes"))


@pytest.mark.parametrize(
    ("told", "problem"),
    [
        ("5.1.1", "There is no such address. (5.1.1)"),
        ("5.1.10", "There is no such address. (5.1.10)"),
        ("5.1.8", "5.1.8"),  # it is our own address that is not liked
        ("5.2.2", "The mailbox is full. (5.2.2)"),
        ("5.7.26", "The mail system of this address does not take our mails. (5.7.26)"),
        ("4.4.1 delayed", "The mail systems are still trying. (4.4.1)"),
        ("550 5.1.1 no such user", "550 5.1.1 no such user"),
        ("", ""),
    ],
)
def test_officers_read_words_instead_of_codes(told: str, problem: str):
    with translation.override("en"):
        assert Notification(last_error=told).problem == problem


def test_citizens_see_it(client: Client):
    appointment = booked()
    open_for(client, appointment)
    for page in ("", "done/"):
        assert "do not arrive" not in text_of(client.get(f"/en/appointments/{appointment.reference}/{page}"))
    comes_back(notice_of(the(appointment)))
    for page in ("", "done/"):
        text = text_of(client.get(f"/en/appointments/{appointment.reference}/{page}"))
        assert "Mails to <strong>citizen1@example.org</strong> do not arrive" in text
    assert "We have sent the confirmation" not in text


def test_citizen_who_still_has_to_confirm_sees_it(client: Client):
    appointment = booked()
    Appointment.objects.update(status="unverified", expires_at=NOW + minutes(10))
    verify = Notification.objects.create(
        appointment=appointment, kind=Kind.VERIFY, language="el", due_at=NOW, state=State.SENT
    )
    open_for(client, appointment, by_mail=False)
    done = f"/en/appointments/{appointment.reference}/done/"
    page = text_of(client.get(done))
    assert "do not arrive" not in page
    assert client.get(f"{done}?seen=unverified-0").status_code == 204
    comes_back(notice_of(verify))
    page = text_of(client.get(f"{done}?seen=unverified-0"))
    assert "Mails to <strong>citizen1@example.org</strong> do not arrive" in page
    assert "Cancel this appointment" in page
    assert "Send the mail again" not in page


# Mails to somebody without an appointment


def test_notice_that_came_back_is_followed_by_none_to_the_same_address():
    ticket = a_walk_in(an_open_branch(), NOW, channel="video")
    Notice.objects.promise(ticket, {Medium.EMAIL: "gone@example.org", Medium.SMS: "+306912345678"})
    told = ticket.notices.get(kind="next", medium=Medium.EMAIL)
    Notice.objects.filter(pk=told.pk).update(state=State.SENT, address="")
    raw = notice("postfix", mark_of("notice", told.pk, "gone@example.org"), "gone@example.org")
    assert [comes_back(raw), comes_back(raw)] == [Outcome.BOUNCED, Outcome.NOTHING]
    states = ticket.notices.order_by("medium", "kind").values_list("medium", "kind", "state")
    assert list(states) == [
        ("email", "called", State.DROPPED),
        ("email", "next", State.BOUNCED),
        ("sms", "called", State.PENDING),
        ("sms", "next", State.PENDING),
    ]


def test_link_of_a_guest_that_came_back_is_told():
    appointment = a_video_appointment("room")
    guest = presence.invite(call_of(appointment))
    link = Notice.objects.create(guest=guest, kind="guest", medium=Medium.EMAIL, language="el", state=State.SENT)
    raw = notice("postfix", mark_of("notice", link.pk, "gone@example.org"), "gone@example.org")
    assert comes_back(raw) == Outcome.BOUNCED
    assert [one.text for one in timeline.of(appointment)][-1] == "Δεν έφτασε μήνυμα: Σύνδεσμος προσκεκλημένου (E-mail)"
    page = text_of(of_link(appointment).get(path_of(appointment.page_url("join"))))
    assert "Το e-mail με τον σύνδεσμο δεν έφτασε." in page


# Mails about accounts


def test_code_that_comes_back_is_told_to_who_waits_for_it():
    row = {
        "kind": "login_code",
        "recipient": "somebody@example.org",
        "language": "el",
        "created_at": NOW,
        "due_at": NOW,
    }
    row |= {"awaited_since": NOW, "useless_at": NOW + minutes(15), "state": AccountMail.State.SENT, "asked_by": "one"}
    sent, user = AccountMail.objects.create(**row), a_user(row["recipient"])
    raw = notice("exchange", mark_of("account", sent.pk, sent.recipient), sent.recipient)
    assert [comes_back(raw), comes_back(raw)] == [Outcome.BOUNCED, Outcome.NOTHING]
    told = outbox.progress({outbox.ASKER: "one"}, sent.recipient, now=NOW)
    assert told.is_refused
    assert [*User.objects.unreachable()] == [user]


def test_mail_that_nobody_would_follow_is_not_sent():
    letter = EmailMessage("News", "Text", to=["somebody@example.org"])
    with pytest.raises(ValueError, match="Nobody would note"):
        hand_over(letter, get_connection())
    marks.stamp(letter, "news", 1)
    with pytest.raises(ValueError, match="Nobody would note"):
        hand_over(letter, get_connection())
    assert mail.outbox == []


def test_each_kind_of_mail_has_somebody_who_notes_that_it_came_back(settings: Settings):
    kinds = {outbox.MARKED_AS, mails.MARKED_AS, words.MARKED_AS, alerts.MARKED_AS, letters.MARKED_AS}
    assert kinds == {*settings.RETURNED_MAILS}
    for kind in settings.RETURNED_MAILS:
        found = notice_in(parsed(notice("postfix", mark_of(kind, 10**9, "somebody@example.org"))))
        assert found is not None
        assert marks.followed(found, now=NOW) is False  # there is no such row


def test_cancellation_is_told_by_sms_and_the_confirmation_no_more(settings: Settings):
    appointment = booked(phone="6912345678")
    booking.cancel(appointment, by=GUEST, now=NOW)
    settings.SMS_URL = SMS_URL
    comes_back(notice_of(the(appointment)))
    assert by_sms(appointment) == [("cancelled", 0)]
