"""What is owed where after a contact is corrected: by state, by way, and by what was told already."""

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from django.core import mail
from django.core.mail import get_connection
from pytest_django.fixtures import Settings

from agencies.models import Branch, Channel, Procedure
from appointments import booking
from appointments.booking import NewContact, verification
from appointments.booking.contacts.correcting import CORRECTIONS
from appointments.booking.contacts.owing import AGAIN
from appointments.booking.persons import person_key
from appointments.errors import BookingError, LimitReached, LinkUnsendable, TooLate, TooManyCorrections, WrongStatus
from appointments.history import Actor
from appointments.messages.delivery import claim, deliver_next
from appointments.models import Appointment, Event, Notification, Status
from tests.builders import (
    GUEST,
    NOW,
    STAFF,
    WORKER,
    a_contact,
    an_appointment,
    at,
    booked_at,
    minutes,
    slot_at,
)

pytestmark = pytest.mark.django_db

Kind, Medium, State = Notification.Kind, Notification.Medium, Notification.State
MAIL, SMS = Medium.EMAIL, Medium.SMS
MOBILE, OTHER_MOBILE, LANDLINE = "+306900000000", "+306911111111", "+302821012345"
WRONG, RIGHT = "wrong@example.org", "right@example.org"
LATER = NOW + minutes(1)


@pytest.fixture(autouse=True)
def gateway(settings: Settings) -> None:
    settings.SMS_URL = "json://127.0.0.1:9/?:to={phone}"


def a_booking(branch: Branch, email: str, phone: str, by: Actor = STAFF) -> Appointment:
    """Next Wednesday at noon, so that three reminders are ahead."""
    procedure = Procedure.objects.select_related("agency").get()
    slot = slot_at(at(12, day=NOW.date() + timedelta(days=9)))
    contact = a_contact(1, email=email, phone=phone)
    return booking.book(slot.pk, procedure, Channel.IN_PERSON, contact, by=by, now=NOW)


def coming(appointment: Appointment) -> list[tuple[str, str]]:
    """The kind and way of each message that is to be sent, one for each."""
    rows = appointment.notifications.filter(state=State.PENDING)
    return sorted(rows.values_list("kind", "medium"))


def as_sent(appointment: Appointment, *, but: tuple[str, ...] = ()) -> None:
    """Has all messages sent that are due, as a worker does."""
    due = appointment.notifications.filter(state=State.PENDING, due_at__lte=NOW).exclude(kind__in=but)
    for row in due.select_related("appointment"):
        Notification.objects.filter(pk=row.pk).update(state=State.SENT, sent_at=NOW, sent_to=row.address)


def correct(appointment: Appointment, email: str, phone: str, by: Actor = STAFF, now: datetime = LATER) -> Appointment:
    return booking.correct(appointment, NewContact(email, phone), by=by, now=now)


REMINDERS_BY_MAIL, REMINDERS_BY_SMS = 3 * [(Kind.REMINDER, MAIL)], 3 * [(Kind.REMINDER, SMS)]
CONFIRMED, NOTICE = (Kind.CONFIRMATION, MAIL), (Kind.CORRECTED, MAIL)


@pytest.mark.parametrize(
    ("before", "after", "owed"),
    [
        # by mail alone, and a mobile number is added
        ((WRONG, ""), (WRONG, MOBILE), [*REMINDERS_BY_MAIL, *REMINDERS_BY_SMS]),
        # a number that takes no SMS owes nothing new
        ((WRONG, ""), (WRONG, LANDLINE), REMINDERS_BY_MAIL),
        # by SMS alone, and an address is added: the confirmation has the calendar file
        (("", MOBILE), (RIGHT, MOBILE), [CONFIRMED, *REMINDERS_BY_MAIL, *REMINDERS_BY_SMS]),
        # by both, and one goes
        ((WRONG, MOBILE), (WRONG, ""), REMINDERS_BY_MAIL),
        ((WRONG, MOBILE), ("", MOBILE), [NOTICE, *REMINDERS_BY_SMS]),
        # one takes over from the other
        ((WRONG, ""), ("", MOBILE), [NOTICE, *REMINDERS_BY_SMS]),
        (("", MOBILE), (RIGHT, LANDLINE), [CONFIRMED, *REMINDERS_BY_MAIL]),
        # another address, another number
        ((WRONG, ""), (RIGHT, ""), [CONFIRMED, NOTICE, *REMINDERS_BY_MAIL]),
        (("", MOBILE), ("", OTHER_MOBILE), [(Kind.CONFIRMATION, SMS), *REMINDERS_BY_SMS]),
        # nobody was reached before
        (("", LANDLINE), ("", MOBILE), [(Kind.CONFIRMATION, SMS), *REMINDERS_BY_SMS]),
        (("", ""), (RIGHT, ""), [CONFIRMED, *REMINDERS_BY_MAIL]),
        # nobody is reached any more
        ((WRONG, MOBILE), ("", ""), [NOTICE]),
        # the same in other letters
        ((WRONG, "6900000000"), (WRONG.upper(), MOBILE), [*REMINDERS_BY_MAIL, *REMINDERS_BY_SMS]),
    ],
)
def test_what_is_owed_follows_the_contact(
    branch: Branch, before: tuple[str, str], after: tuple[str, str], owed: list[tuple[str, str]]
) -> None:
    appointment = a_booking(branch, *before)
    as_sent(appointment)
    corrected = correct(appointment, *after)
    assert coming(appointment) == sorted(owed)
    corrected.refresh_from_db()
    assert (corrected.email, corrected.phone) == after
    assert all(Appointment.objects.matching(typed).exists() for typed in after if typed)


def test_confirmation_that_was_not_sent_yet_goes_to_the_right_address_once(branch: Branch) -> None:
    appointment = a_booking(branch, WRONG, "")
    correct(appointment, RIGHT, "")
    assert coming(appointment) == sorted([CONFIRMED, NOTICE, *REMINDERS_BY_MAIL])
    send_all(NOW + minutes(2))
    assert sorted((letter.to[0], letter.subject.split(":")[0]) for letter in mail.outbox) == [
        (RIGHT, "Ραντεβού"),
        (WRONG, "Άλλαξε η διεύθυνση e-mail"),
    ]


def send_all(now: datetime) -> None:
    mailer = get_connection()
    while deliver_next(mailer, now=now, among=Notification.objects.by_mail()):
        pass


def test_what_a_worker_is_sending_to_the_wrong_address_is_sent_to_the_right_one_too(branch: Branch) -> None:
    appointment = a_booking(branch, WRONG, "")
    as_sent(appointment)
    due = appointment.notifications.filter(kind=Kind.REMINDER).earliest("due_at").due_at
    in_flight = claim(now=due)
    assert in_flight
    assert in_flight.state == State.SENDING
    correct(appointment, RIGHT, "", now=due)
    assert coming(appointment) == sorted([CONFIRMED, NOTICE, *REMINDERS_BY_MAIL])
    # The worker fails, and the old row is never sent again.
    Notification.objects.filter(pk=in_flight.pk).update(state=State.PENDING, leased_until=None)
    send_all(due + minutes(1))
    assert sorted(letter.to[0] for letter in mail.outbox) == [RIGHT, RIGHT, WRONG]
    in_flight.refresh_from_db()
    assert in_flight.state == State.DROPPED


def test_what_a_worker_is_sending_by_mail_goes_on_while_the_number_changes(branch: Branch) -> None:
    appointment = a_booking(branch, WRONG, "")
    in_flight = claim(now=NOW)
    assert in_flight
    correct(appointment, WRONG, MOBILE)
    in_flight.refresh_from_db()
    appointment.refresh_from_db()
    assert (in_flight.state, in_flight.revision) == (State.SENDING, appointment.revision)


def test_failed_mail_of_the_wrong_address_is_done_with(branch: Branch) -> None:
    appointment = a_booking(branch, WRONG, "")
    appointment.notifications.filter(kind=Kind.CONFIRMATION).update(state=State.FAILED)
    correct(appointment, RIGHT, "")
    assert not appointment.notifications.undelivered().exists()
    assert CONFIRMED in coming(appointment)


def test_failed_mail_stays_to_be_sent_again_while_the_number_changes(branch: Branch) -> None:
    appointment = a_booking(branch, WRONG, "")
    appointment.notifications.filter(kind=Kind.CONFIRMATION).update(state=State.FAILED)
    revision = correct(appointment, WRONG, MOBILE).revision
    assert appointment.notifications.undelivered().get().revision == revision


def test_greylisted_mail_is_tried_at_the_right_address_at_once(branch: Branch) -> None:
    appointment = a_booking(branch, WRONG, "")
    first = appointment.notifications.filter(kind=Kind.CONFIRMATION)
    first.update(attempts=5, due_at=NOW + timedelta(hours=2), last_error="451 later")
    correct(appointment, RIGHT, "")
    anew = first.get(state=State.PENDING)
    assert (anew.attempts, anew.due_at, anew.last_error) == (0, LATER, "")


# By state


@pytest.mark.parametrize(
    ("step", "owed"),
    [
        (lambda one: booking.arrive(one, by=STAFF, now=one.starts_at), [NOTICE]),
        (lambda one: booking.cancel(one, by=STAFF, now=NOW), [(Kind.CANCELLED, MAIL), NOTICE]),
        (lambda one: booking.miss(one, by=STAFF, now=one.starts_at), [NOTICE]),
    ],
    ids=["arrived", "cancelled", "missed"],
)
def test_officer_corrects_whatever_became_of_it(
    branch: Branch, step: Callable[[Appointment], Appointment], owed: list[tuple[str, str]]
) -> None:
    appointment = a_booking(branch, WRONG, "")
    as_sent(appointment)
    step(appointment)
    as_sent(appointment)
    corrected = correct(appointment, RIGHT, "", now=appointment.starts_at)
    assert coming(appointment) == sorted(owed)
    assert corrected.email == RIGHT


def test_summary_of_a_visit_is_sent_to_the_right_address_again(branch: Branch) -> None:
    appointment = a_booking(branch, WRONG, "")
    Appointment.objects.filter(pk=appointment.pk).update(status=Status.COMPLETED)
    appointment.notifications.all().delete()
    for kind, state in ((Kind.SUMMARY, State.SENT), (Kind.RATING, State.PENDING)):
        appointment.notifications.create(kind=kind, medium=MAIL, language="el", due_at=NOW, state=state)
    correct(appointment, RIGHT, "")
    assert coming(appointment) == sorted([(Kind.SUMMARY, MAIL), (Kind.RATING, MAIL), NOTICE])


def test_every_kind_that_can_be_told_again_is_known() -> None:
    """A new kind is either told again to a new address, or is none of those that the earlier one still knows of."""
    again = {kind for kinds in AGAIN.values() for kind in kinds}
    covered = {Kind.CONFIRMATION, Kind.MOVED, Kind.KEPT}
    not_again = {Kind.REMINDER, Kind.RATING, Kind.CORRECTED}
    assert again | covered | not_again <= set(Kind)
    assert not again & (covered | not_again)


@pytest.mark.parametrize(("by", "error"), [(GUEST, TooLate), (STAFF, WrongStatus)], ids=["citizen", "officer"])
def test_time_that_expired_has_no_contact_to_correct(branch: Branch, by: Actor, error: type[BookingError]) -> None:
    waiting = an_unverified(branch)
    booking.expire(by=WORKER, now=NOW + timedelta(hours=1))
    with pytest.raises(error):
        correct(waiting, RIGHT, "", by=by)


def test_citizen_corrects_until_it_is_over_and_the_officer_for_a_month(branch: Branch) -> None:
    appointment = a_booking(branch, WRONG, "", by=GUEST)
    over = appointment.ends_at + timedelta(days=1)
    correct(appointment, RIGHT, "", by=GUEST, now=appointment.ends_at - minutes(1))
    with pytest.raises(TooLate):
        correct(appointment, WRONG, "", by=GUEST, now=over)
    correct(appointment, WRONG, "", now=over)
    with pytest.raises(WrongStatus):
        correct(appointment, RIGHT, "", now=over + timedelta(days=31))


def test_erased_person_gets_no_new_contact(branch: Branch) -> None:
    appointment = a_booking(branch, WRONG, "")
    Appointment.objects.filter(pk=appointment.pk).update(name="", email="")
    with pytest.raises(WrongStatus):
        correct(appointment, RIGHT, "")


def test_video_call_keeps_a_way_to_send_its_link(branch: Branch) -> None:
    appointment = booked_at(branch, 9, channel=Channel.VIDEO)
    with pytest.raises(LinkUnsendable):
        correct(appointment, "", LANDLINE)
    assert correct(appointment, "", MOBILE).phone == MOBILE


# A new address has proved nothing


def an_unverified(branch: Branch, number: int = 1, hour: int = 9) -> Appointment:
    branch.agency.verify_minutes = 30
    branch.agency.save()
    procedure = Procedure.objects.select_related("agency").get()
    held = booking.hold(slot_at(at(hour)).pk, procedure, Channel.IN_PERSON, by=GUEST, now=NOW)
    return booking.confirm(held, a_contact(number, email=WRONG), by=GUEST, now=NOW)


def test_unverified_booking_is_asked_at_the_right_address_with_the_whole_time_once(branch: Branch) -> None:
    waiting = an_unverified(branch)
    as_sent(waiting)
    deadline = waiting.expires_at
    assert deadline
    first = correct(waiting, RIGHT, "", by=GUEST, now=NOW + minutes(20))
    assert first.expires_at == deadline + minutes(20)
    assert coming(waiting) == [(Kind.VERIFY, MAIL)]  # the wrong address has nothing to guard
    second = correct(waiting, "third@example.org", "", by=GUEST, now=NOW + minutes(40))
    assert second.expires_at == first.expires_at
    assert coming(waiting) == [(Kind.VERIFY, MAIL)]


def test_mails_to_the_wrong_address_do_not_count_for_the_right_one(branch: Branch) -> None:
    waiting = an_unverified(branch)
    for minute in range(1, verification.MOST):
        assert verification.send_again(waiting, now=NOW + minutes(minute))
    as_sent(waiting)
    waiting.notifications.filter(state=State.PENDING).update(state=State.SENT, sent_to=WRONG)
    assert not verification.send_again(waiting, now=NOW + minutes(5))
    correct(waiting, RIGHT, "", by=GUEST, now=NOW + minutes(6))
    assert verification.send_again(waiting, now=NOW + minutes(7))


def test_link_of_the_wrong_address_confirms_nothing(branch: Branch) -> None:
    waiting = an_unverified(branch)
    old = Appointment.objects.get(pk=waiting.pk)
    corrected = correct(waiting, RIGHT, "", by=GUEST)
    with pytest.raises(WrongStatus):
        booking.verify(old, by=GUEST, now=LATER)
    assert not corrected.is_link_key(old.link_key)
    assert booking.verify(corrected, by=GUEST, now=LATER).is_address_proven


def test_proof_of_the_earlier_address_is_none_of_the_new_one(branch: Branch) -> None:
    appointment = a_booking(branch, WRONG, "", by=GUEST)
    verification.note_proof(appointment, now=NOW)
    old = Appointment.objects.get(pk=appointment.pk)
    assert old.is_address_proven
    assert not correct(appointment, RIGHT, "", by=GUEST).is_address_proven
    # A page of the earlier link that was opened in the same moment.
    old.address_proven_at = None
    verification.note_proof(old, now=LATER)
    assert not Appointment.objects.get(pk=appointment.pk).is_address_proven


def test_address_that_somebody_gives_to_a_booking_of_the_agency_is_unproven(branch: Branch) -> None:
    appointment = a_booking(branch, WRONG, "")
    assert appointment.is_address_proven
    assert not correct(appointment, RIGHT, "", by=GUEST).is_address_proven


def test_notice_names_neither_the_new_address_nor_a_link(branch: Branch) -> None:
    appointment = a_booking(branch, WRONG, "")
    as_sent(appointment)
    corrected = correct(appointment, RIGHT, "")
    send_all(LATER)
    (notice,) = (letter for letter in mail.outbox if letter.to == [WRONG])
    for part in (notice.body, str(notice.alternatives[0].content)):  # type: ignore[attr-defined]
        assert RIGHT not in part
        assert corrected.name not in part
        assert corrected.link_key not in part
        assert corrected.spoken_reference in part


@pytest.mark.parametrize("step", ["cancel", "move", "correct again"])
def test_nothing_that_follows_keeps_the_notice_from_the_earlier_address(branch: Branch, step: str) -> None:
    appointment = a_booking(branch, WRONG, "", by=GUEST)
    correct(appointment, RIGHT, "", by=GUEST)
    if step == "cancel":
        booking.cancel(appointment, by=GUEST, now=LATER)
    elif step == "move":
        booking.reschedule(appointment, slot_at(at(9)).pk, by=GUEST, now=LATER)
    else:
        correct(appointment, "third@example.org", "", by=GUEST)
    send_all(LATER)
    assert [letter.to[0] for letter in mail.outbox].count(WRONG) == 1


# Whose it is


def test_limit_of_the_person_follows_the_address(branch: Branch) -> None:
    first = booked_at(branch, 9, number=1, email=RIGHT)
    second = booked_at(branch, 10, number=2, email=WRONG)
    with pytest.raises(LimitReached):
        correct(second, RIGHT, "", by=GUEST)
    booking.cancel(first, by=GUEST, now=NOW)
    corrected = correct(second, RIGHT, "", by=GUEST)
    assert (corrected.person_key, corrected.limit_place) == (person_key(email=RIGHT), 0)
    assert an_appointment(slot_at(at(11)), 3, email=WRONG).limit_place == 0  # whose place is free again


def test_booking_without_an_address_counts_once_it_has_one(branch: Branch) -> None:
    appointment = a_booking(branch, "", MOBILE)
    assert appointment.limit_place is None
    assert correct(appointment, RIGHT, MOBILE).limit_place == 0
    with pytest.raises(LimitReached):
        an_appointment(slot_at(at(11)), 3, email=RIGHT)


def test_removed_address_no_longer_counts(branch: Branch) -> None:
    appointment = a_booking(branch, RIGHT, MOBILE)
    assert correct(appointment, "", MOBILE).limit_place is None
    assert an_appointment(slot_at(at(11)), 3, email=RIGHT).limit_place == 0


# How often, and by whom


def test_citizen_corrects_a_few_times_a_day_and_the_officer_as_often_as_needed(branch: Branch) -> None:
    appointment = a_booking(branch, WRONG, "", by=GUEST)
    for number in range(CORRECTIONS.number):
        correct(appointment, f"n{number}@example.org", "", by=GUEST)
    appointment.refresh_from_db()
    with pytest.raises(TooManyCorrections):
        correct(appointment, RIGHT, "", by=GUEST)
    assert correct(appointment, RIGHT, "").email == RIGHT


def test_same_contact_changes_nothing(branch: Branch) -> None:
    appointment = a_booking(branch, WRONG, "", by=GUEST)
    before = list(appointment.notifications.values())
    assert correct(appointment, WRONG, "", by=GUEST).revision == appointment.revision
    assert list(appointment.notifications.values()) == before
    assert not appointment.events.filter(verb=Event.Verb.CORRECT).exists()


def test_page_that_shows_an_earlier_contact_corrects_nothing(branch: Branch) -> None:
    appointment = a_booking(branch, WRONG, "")
    correct(appointment, RIGHT, "")
    with pytest.raises(WrongStatus):
        booking.correct(appointment, NewContact("third@example.org", ""), by=STAFF, now=LATER, revision=0)


def test_history_says_what_was_changed_and_no_address(branch: Branch) -> None:
    appointment = a_booking(branch, WRONG, MOBILE)
    correct(appointment, RIGHT, "")
    event = appointment.events.get(verb=Event.Verb.CORRECT)
    assert event.details == {"email": "changed", "phone": "removed"}
    assert "@" not in str(event.before) + str(event.details)
