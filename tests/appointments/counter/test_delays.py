from collections.abc import Callable
from datetime import datetime

import pytest
from django.core import mail
from django.core.mail import get_connection
from pytest_django import DjangoAssertNumQueries
from pytest_django.fixtures import Settings

from agencies.models import Branch, Channel
from appointments import booking, counter
from appointments.counter import delays, desks
from appointments.counter.line import TOLD_AFTER, kept_until
from appointments.messages import mails
from appointments.messages.delivery import deliver_next
from appointments.models import Appointment, Desk, Notification, Status, Ticket, TimeSlot
from tests.builders import GUEST, STAFF, a_walk_in, booked_at, today_at

pytestmark = pytest.mark.django_db
Kind, Medium = Notification.Kind, Notification.Medium


def crowd(branch: Branch, count: int) -> list[Ticket]:
    """So many who go first, ten minutes each."""
    return [a_walk_in(branch, today_at(8), priority=True) for _ in range(count)]


def told() -> set[Appointment]:
    return {message.appointment for message in Notification.objects.filter(kind=Kind.DELAYED)}


def deliver(now: datetime) -> None:
    mailer = get_connection()
    while deliver_next(mailer, now=now):
        pass


def test_who_is_more_than_twenty_minutes_behind_is_told_once(branch: Branch, desk: Desk):
    in_time, late = booked_at(branch, 10, 30), booked_at(branch, 9, number=2)
    crowd(branch, 3)
    assert delays.tell(now=today_at(9)) == 1
    assert told() == {late}
    assert in_time not in told()
    assert delays.tell(now=today_at(9, 1)) == 0


def test_twenty_minutes_are_not_told(branch: Branch, desk: Desk):
    booked_at(branch, 9)
    crowd(branch, 2)
    assert delays.tell(now=today_at(9)) == 0
    crowd(branch, 1)
    assert delays.tell(now=today_at(9)) == 1


def test_who_waits_is_told_too(branch: Branch, desk: Desk):
    appointment = booked_at(branch, 9)
    counter.check_in(appointment, by=GUEST, now=today_at(8, 50))
    crowd(branch, 3)
    delays.tell(now=today_at(9))
    assert told() == {appointment}


def test_walk_ins_and_times_far_ahead_are_not_told(branch: Branch, desk: Desk):
    crowd(branch, 20)
    booked_at(branch, 11, 10)
    assert delays.tell(now=today_at(9)) == 0
    assert delays.tell(now=today_at(9, 10)) == 1


@pytest.mark.parametrize(
    "step",
    [
        lambda desk: desks.pause(desk, by=STAFF, now=today_at(8)),
        lambda desk: desks.leave(desk, by=STAFF, now=today_at(8)),
    ],
    ids=["paused", "left"],
)
def test_where_nobody_serves_nothing_is_told(branch: Branch, desk: Desk, step: Callable[[Desk], None]):
    booked_at(branch, 9)
    crowd(branch, 5)
    step(desk)
    assert delays.tell(now=today_at(9)) == 0


def test_nothing_is_told_while_officers_are_still_sitting_down(branch: Branch, desk: Desk):
    booked_at(branch, 9)
    crowd(branch, 5)
    Desk.objects.update(seated_at=today_at(8, 45))
    assert delays.tell(now=today_at(9)) == 0
    assert delays.tell(now=today_at(9, 5)) == 1


def test_who_moved_after_being_told_may_be_told_of_the_new_time(branch: Branch, desk: Desk):
    late = booked_at(branch, 9)
    crowd(branch, 20)
    delays.tell(now=today_at(8, 30))
    at_ten = TimeSlot.objects.get(branch=branch, starts_at=today_at(10))
    booking.reschedule(late, at_ten.pk, by=STAFF, now=today_at(8, 31))
    assert delays.tell(now=today_at(8, 32)) == 1
    assert Notification.objects.filter(kind=Kind.DELAYED, appointment=late).count() == 2


def test_mail_and_sms_say_how_late_and_until_when_the_place_is_kept(branch: Branch, desk: Desk, settings: Settings):
    settings.SMS_URL = "json://127.0.0.1:1/?:to={phone}"
    booked_at(branch, 9, phone="6912345678")
    crowd(branch, 3)
    delays.tell(now=today_at(9))
    letter, message = (Notification.objects.get(kind=Kind.DELAYED, medium=medium) for medium in Medium)
    by_mail = mails.mail(letter, now=today_at(9))
    assert by_mail.subject == "Καθυστέρηση σήμερα, περίπου 30 λεπτά: ΚΕΠ Χανίων"
    assert "η σειρά σας θα έρθει περίπου 30 λεπτά μετά την ώρα σας" in by_mail.body
    assert "Αν έρθετε στην ώρα σας, δεν χάνετε τίποτα." in by_mail.body
    assert "έως τις 09:20" in by_mail.body
    assert letter.appointment.link() in by_mail.body
    by_sms = mails.text(message, now=today_at(9))
    # In the letters of the GSM alphabet, because it would take three parts otherwise.
    assert "ΘA APXIΣEI ΠEPIΠOY 30 ΛEΠTA APΓOTEPA" in by_sms
    assert "EΩΣ TIΣ 09:20" in by_sms
    assert "key=" not in by_sms


def test_mail_is_in_the_citizens_language(branch: Branch, desk: Desk):
    booked_at(branch, 9, language="en")
    crowd(branch, 3)
    delays.tell(now=today_at(9))
    deliver(today_at(9))
    (letter,) = [one for one in mail.outbox if "Delay" in one.subject]
    assert letter.subject == "Delay today, about 30 minutes: KEP Chania"
    assert "Your turn will come about 30 minutes after your time, as things stand now." in letter.body
    assert "If you check in until 09:20, your place is kept too" in letter.body


def test_mail_of_a_video_appointment_tells_nobody_to_come(branch: Branch, desk: Desk):
    booked_at(branch, 9, channel=Channel.VIDEO)
    crowd(branch, 3)
    delays.tell(now=today_at(9))
    body = str(mails.mail(Notification.objects.get(kind=Kind.DELAYED), now=today_at(9)).body)
    assert "ο υπάλληλος θα σας δεχτεί περίπου 30 λεπτά μετά την ώρα σας" in body
    assert "δηλώσετε άφιξη" not in body
    assert "/join/" in body


def test_delay_that_is_over_before_the_mail_leaves_is_not_told(branch: Branch, desk: Desk):
    booked_at(branch, 9)
    tickets = crowd(branch, 3)
    delays.tell(now=today_at(9))
    for ticket in tickets:
        counter.give_up(ticket, by=GUEST, now=today_at(9))
    deliver(today_at(9, 1))
    assert Notification.objects.get(kind=Kind.DELAYED).state == Notification.State.DROPPED
    assert not [one for one in mail.outbox if "Καθυστέρηση" in one.subject]


@pytest.mark.parametrize("status", [Status.SERVING, Status.COMPLETED, Status.CANCELLED, Status.NO_SHOW])
def test_who_is_no_longer_waiting_is_not_told(branch: Branch, desk: Desk, status: Status):
    appointment = booked_at(branch, 9)
    crowd(branch, 3)
    delays.tell(now=today_at(9))
    released = {"slot_ids": []} if status == Status.CANCELLED else {}
    Appointment.objects.filter(pk=appointment.pk).update(status=status, **released)
    deliver(today_at(9, 1))
    assert Notification.objects.get(kind=Kind.DELAYED).state == Notification.State.DROPPED


@pytest.mark.parametrize("count", [1, 3])
def test_queries_do_not_grow_with_the_line(
    branch: Branch, desk: Desk, count: int, django_assert_num_queries: DjangoAssertNumQueries
):
    for number in range(count):
        booked_at(branch, 10, 10 * number, number)
    with django_assert_num_queries(4):  # branches; desks, tickets, appointments
        delays.tell(now=today_at(9))


@pytest.mark.parametrize("state", ["sent", "unsure"])
def test_who_was_told_or_perhaps_told_may_come_later(branch: Branch, desk: Desk, state: str):
    late = booked_at(branch, 9)
    before = kept_until(late)
    crowd(branch, 20)
    delays.tell(now=today_at(8, 30))
    assert kept_until(late) == before
    late.notifications.filter(kind=Kind.DELAYED).update(state=state)
    assert kept_until(late) == late.starts_at + TOLD_AFTER > before
