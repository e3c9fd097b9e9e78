"""Whoever waits in a line at home is told once when being next, and when called without looking; and then nothing is kept."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import datetime, timedelta

import pytest
from django.core import mail
from django.core.mail import get_connection
from django.db import IntegrityError, connection, transaction
from pytest_django import DjangoAssertNumQueries
from pytest_django.fixtures import Settings

from accounts import models
from accounts.limits import MAILS_AN_HOUR
from agencies.models import Branch, Channel
from appointments import counter, tasks
from appointments.counter import arrivals, desks
from appointments.counter.steps import PATIENCE
from appointments.messages import segments
from appointments.messages.notices import sending, turns, words
from appointments.models import Desk, Notice, Notification, Ticket
from tests.builders import GUEST, NOW, a_desk, a_procedure, a_walk_in, an_appointment, an_officer, by, minutes, slots_of
from tests.races import at_once
from tests.servers import gateways
from tests.servers.gateways import answers, hangs_after_the_body
from videocalls import presence
from videocalls.models import VideoCall
from videocalls.providers import Visitor

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("plugins", "clock", "desk")]
Kind, Medium, State = Notice.Kind, Notification.Medium, Notification.State
HERS, NUMBER = "maria@example.org", "+306912345678"


def waits(branch: Branch, *, after: int = 0, email: str = HERS, sms: str = "", **more: object) -> Ticket:
    """Somebody who waits at home since NOW or some minutes later, and wants to be told."""
    person = {"channel": Channel.VIDEO, "name": "Μαρία", "phone": NUMBER} | more
    ticket = a_walk_in(branch, NOW + minutes(after), **person)
    Notice.objects.promise(ticket, {Medium.EMAIL: email, Medium.SMS: sms})
    return ticket


def sweep(now: datetime = NOW) -> list[str]:
    """Tells whose turn it is, sends what is due by mail, and returns the subjects."""
    mail.outbox.clear()
    turns.tell(now=now)
    sent(now)
    return [letter.subject for letter in mail.outbox]


def sent(now: datetime) -> None:
    while sending.deal_with_next(get_connection(), Notice.objects.by_mail(), clock=lambda: now).rows:
        pass


def states(ticket: Ticket, medium: str = Medium.EMAIL) -> list[str]:
    """Of the notices that tell that one is next, and called."""
    return [ticket.notices.get(kind=kind, medium=medium).state for kind in (Kind.NEXT, Kind.CALLED)]


def officer_of(desk: Desk) -> dict[str, object]:
    return {"by": by(desk.officer), "now": NOW}


def subjects(*tickets: Ticket, told: str = "Η σειρά σας είναι η επόμενη") -> list[str]:
    return [f"{told} ({one.spoken_number}): ΚΕΠ Χανίων" for one in tickets]


def test_one_is_told_once_when_next(branch: Branch, desk: Desk) -> None:
    first, second = waits(branch), waits(branch, after=1, email="anna@example.org")
    assert sweep() == subjects(first)
    assert sweep() == []
    counter.call(first, desk, **officer_of(desk))
    Notice.objects.of_call().update(looked_at=NOW)
    assert sweep() == subjects(second)
    assert [letter.to for letter in mail.outbox] == [["anna@example.org"]]
    counter.put_back(first, **officer_of(desk))
    assert sweep() == []
    assert states(first) == [State.SENT, State.PENDING]


def test_nobody_is_next_while_no_officer_serves(branch: Branch, desk: Desk) -> None:
    ticket = waits(branch)
    desks.pause(desk, by=by(desk.officer), now=NOW)
    assert sweep() == []
    desks.resume(desk, by=by(desk.officer), now=NOW)
    assert sweep() == subjects(ticket)


def test_next_is_who_a_desk_would_call_next(branch: Branch, desk: Desk) -> None:
    """A desk of another service calls past those who wait for this one. The page and the message say the same."""
    other = a_procedure(branch.agency, "kep-other", channels=[*Channel])
    desk.procedures.add(branch.agency.procedures.get(code="kep-dilosi"))
    second = a_desk(branch, an_officer(branch, email="second@example.org"), "2")
    second.procedures.add(other)
    first = waits(branch)
    third = counter.take_ticket(branch, other, by=GUEST, now=NOW + minutes(2), channel=Channel.VIDEO)
    Notice.objects.promise(third, {Medium.EMAIL: "anna@example.org"})
    between = a_walk_in(branch, NOW + minutes(1))
    assert [arrivals.place_of(one, now=NOW + minutes(2)).ahead for one in (first, between, third)] == [0, 1, 0]
    assert sweep() == subjects(first, third)
    called = counter.call_next(second, by=by(second.officer), now=NOW + minutes(3))
    assert called == third


@pytest.mark.parametrize(("looked", "is_told"), [(None, True), (5, False), (15, True)])
def test_who_looks_at_the_page_is_not_told_of_the_call(
    branch: Branch, desk: Desk, looked: int | None, is_told: bool
) -> None:
    ticket = waits(branch)
    sweep()
    if looked is not None:
        ticket.notices.update(looked_at=NOW - timedelta(seconds=looked))
    counter.call(ticket, desk, **officer_of(desk))
    assert sweep() == (subjects(ticket, told="Ήρθε η σειρά σας") if is_told else [])
    assert sweep(NOW + minutes(1)) == ([] if is_told else subjects(ticket, told="Ήρθε η σειρά σας"))


def test_who_is_in_the_call_is_not_told_of_it(branch: Branch, desk: Desk) -> None:
    call = VideoCall.objects.create(provider="room", opens_at=NOW, closes_at=NOW + minutes(60))
    ticket = waits(branch)
    Ticket.objects.update(video_call=call)
    sweep()
    counter.call(ticket, desk, **officer_of(desk))
    presence.admit(presence.arrive(call, Visitor("citizen", "Μαρία"), now=NOW), now=NOW)
    assert sweep(NOW + minutes(5)) == []


ENDS: dict[str, Callable[[Ticket, Desk], object]] = {
    "is called": lambda ticket, desk: counter.call(ticket, desk, **officer_of(desk)),
    "is served": lambda ticket, desk: counter.serve(ticket, **officer_of(desk)),
    "is completed": lambda ticket, desk: counter.complete(
        counter.serve(ticket, **officer_of(desk)), **officer_of(desk)
    ),
    "is not there": lambda ticket, desk: counter.miss(ticket, **officer_of(desk)),
    "leaves": lambda ticket, _desk: counter.give_up(ticket, by=GUEST, now=NOW),
    "is parked": lambda ticket, desk: counter.park(ticket, **officer_of(desk)),
    "is closed with the day": lambda _ticket, _desk: counter.close_past(by=GUEST, now=NOW + timedelta(days=1)),
}


@pytest.mark.parametrize("step", ENDS)
def test_what_is_due_is_not_sent_if_it_is_past_meanwhile(branch: Branch, desk: Desk, step: str) -> None:
    ticket = waits(branch)
    turns.tell(now=NOW)
    assert ticket.notices.get(kind=Kind.NEXT).due_at == NOW
    ENDS[step](ticket, desk)
    sent(NOW)
    assert mail.outbox == []
    assert ticket.notices.get(kind=Kind.NEXT).due_at is None


def test_somebody_with_priority_comes_between_and_the_turn_is_told_later(branch: Branch, desk: Desk) -> None:
    ticket = waits(branch)
    turns.tell(now=NOW)
    urgent = a_walk_in(branch, NOW, priority=True)
    sent(NOW)
    assert mail.outbox == []
    counter.call(urgent, desk, **officer_of(desk))
    assert sweep() == subjects(ticket)


@pytest.mark.parametrize("step", ["is completed", "is not there", "leaves"])
def test_addresses_are_forgotten_with_the_end_of_the_ticket(branch: Branch, desk: Desk, step: str) -> None:
    ticket = waits(branch, sms=NUMBER)
    ENDS[step](ticket, desk)
    turns.tell(now=NOW + PATIENCE - timedelta(seconds=1))
    assert ticket.notices.exclude(address="").count() == 4  # the step can still be taken back
    turns.tell(now=NOW + PATIENCE)
    assert set(ticket.notices.values_list("state", "address")) == {(State.DROPPED, "")}


def test_end_that_is_taken_back_leaves_what_was_promised(branch: Branch, desk: Desk) -> None:
    ticket = waits(branch)
    counter.miss(ticket, **officer_of(desk))
    assert sweep() == []
    counter.undo(ticket, by=by(desk.officer), now=NOW)
    assert sweep(NOW + PATIENCE) == subjects(ticket)


def test_address_is_forgotten_as_soon_as_the_message_is_sent(branch: Branch) -> None:
    ticket = waits(branch)
    sweep()
    told, owed = ticket.notices.get(kind=Kind.NEXT), ticket.notices.get(kind=Kind.CALLED)
    assert (told.state, told.address, told.sent_at) == (State.SENT, "", NOW)
    assert (owed.state, owed.address) == (State.PENDING, HERS)


def test_database_keeps_no_address_of_what_is_over(branch: Branch) -> None:
    ticket = waits(branch)
    with pytest.raises(IntegrityError, match="notice_forgets_its_address"):
        ticket.notices.update(state=State.SENT)


# What is said


@pytest.mark.parametrize("language", ["el", "en"])
@pytest.mark.parametrize("kind", [Kind.NEXT, Kind.CALLED])
@pytest.mark.parametrize("channel", [Channel.VIDEO, Channel.PHONE])
def test_message_says_branch_number_and_link_and_nothing_that_was_typed(
    branch: Branch, language: str, kind: str, channel: str
) -> None:
    Branch.objects.update(
        name_el="Κέντρο Εξυπηρέτησης Πολιτών Δήμου Αγίου Νικολάου Λασιθίου, Β΄", name_en="Office " * 9
    )
    ticket = waits(branch, sms=NUMBER, language=language, channel=channel, name="Επιστροφή φόρου")
    notice = ticket.notices.select_related("ticket__branch__agency").get(kind=kind, medium=Medium.EMAIL)
    letter = words.mail(notice)
    page = ("/en" if language == "en" else "") + f"/queue/{ticket.code}/"
    html = str(letter.alternatives[0][0])
    for part in (letter.body, html):
        assert page in part
        assert ticket.spoken_number in part
    assert f'<html lang="{language}">' in html
    assert letter.extra_headers["Auto-Submitted"] == "auto-generated"
    short = words.text(notice)
    assert segments.count(short) <= segments.MOST
    assert page in short
    for text in (letter.subject, letter.body, html, short):
        assert "Επιστροφή" not in text
        assert NUMBER[-6:] not in text


# Sending


@pytest.fixture
def by_sms(branch: Branch, settings: Settings) -> Ticket:
    settings.SMS_URL = "json://127.0.0.1:9/?:to={phone}"
    return waits(branch, email="", sms=NUMBER)


def sms_sweep(now: datetime = NOW) -> None:
    turns.tell(now=now)
    tasks.deliver_urgent_sms()


def test_sms_is_sent_once_though_nobody_knows_whether_it_arrived(by_sms: Ticket, settings: Settings) -> None:
    with gateways.running(hangs_after_the_body) as gateway:
        settings.SMS_URL = gateway.url
        sms_sweep()
        models.Peer.objects.all().delete()
        sms_sweep()
    assert len(gateway.taken) == 1
    assert states(by_sms, Medium.SMS) == [State.UNSURE, State.PENDING]
    assert by_sms.notices.get(kind=Kind.NEXT).address == ""


def test_sms_goes_to_the_number_with_the_key_of_the_notice(by_sms: Ticket, settings: Settings) -> None:
    with gateways.running(answers("200 OK")) as gateway:
        settings.SMS_URL = gateway.url
        sms_sweep()
    [taken] = gateway.taken
    assert (taken["to"], taken["reference"]) == (NUMBER, f"notice-{by_sms.notices.get(kind=Kind.NEXT).pk}")
    assert by_sms.spoken_number in taken["message"]


def test_sms_in_the_hands_of_a_worker_that_died_is_not_sent_again(by_sms: Ticket) -> None:
    turns.tell(now=NOW)
    assert sending.claim(Notice.objects.by_sms(), now=NOW)
    later = NOW + sending.LEASE
    notice = sending.claim(Notice.objects.by_sms(), now=later)
    assert notice
    assert (notice.state, notice.address) == (State.UNSURE, "")


def test_mail_server_that_is_away_is_tried_again_and_only_while_it_is_true(
    branch: Branch, desk: Desk, settings: Settings
) -> None:
    ticket, working = waits(branch), settings.EMAIL_BACKEND
    settings.EMAIL_BACKEND, settings.EMAIL_PORT = "django.core.mail.backends.smtp.EmailBackend", 9
    turns.tell(now=NOW)
    tasks.deliver_urgent()
    notice = ticket.notices.get(kind=Kind.NEXT)
    assert (notice.state, notice.attempts, notice.address) == (State.PENDING, 1, HERS)
    settings.EMAIL_BACKEND = working
    counter.call(ticket, desk, **officer_of(desk))
    ticket.notices.filter(kind=Kind.CALLED).update(looked_at=NOW)
    sent(NOW + minutes(1))
    assert mail.outbox == []


def test_strangers_cause_few_mails_to_one_address(branch: Branch) -> None:
    subjects_sent = []
    for _ in range(MAILS_AN_HOUR.number + 3):
        ticket = waits(branch)
        subjects_sent += sweep()
        counter.give_up(ticket, by=GUEST, now=NOW)
    assert len(subjects_sent) == MAILS_AN_HOUR.number
    assert Notice.objects.filter(kind=Kind.NEXT, state=State.DROPPED, address="").count() == 3


def test_strangers_cause_few_sms_to_one_number(branch: Branch, settings: Settings) -> None:
    with gateways.running(answers("200 OK")) as gateway:
        settings.SMS_URL = gateway.url
        for _ in range(sending.SMS_A_DAY.number + 2):
            ticket = waits(branch, email="", sms=NUMBER)
            sms_sweep()
            counter.give_up(ticket, by=GUEST, now=NOW)
    assert len(gateway.taken) == sending.SMS_A_DAY.number


def test_notice_goes_before_all_messages(branch: Branch) -> None:
    an_appointment(slots_of(branch)[20])
    Notification.objects.update(due_at=NOW - minutes(5))
    ticket = waits(branch)
    turns.tell(now=NOW)
    tasks.deliver_urgent()
    assert mail.outbox[0].subject == subjects(ticket)[0]
    assert len(mail.outbox) == 2


@pytest.mark.django_db(transaction=True)
def test_claim_waits_for_a_call_that_is_under_way(branch: Branch, desk: Desk) -> None:
    ticket = waits(branch)
    turns.tell(now=NOW)

    def claimed() -> Notice | None:
        try:
            return sending.claim(Notice.objects.by_mail(), now=NOW)
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            counter.call(ticket, desk, **officer_of(desk))
            claim = pool.submit(claimed)
            wait_until_it_waits(claim)
        notice = claim.result(30)
    assert notice
    assert (notice.state, notice.due_at) == (State.PENDING, None)


def wait_until_it_waits(claim: "Future[Notice | None]") -> None:
    """Until the claim waits for a lock, or has not waited for any."""
    with connection.cursor() as cursor:
        while not claim.done():
            cursor.execute("SELECT FROM pg_locks WHERE NOT granted AND pid <> pg_backend_pid()")
            if cursor.rowcount:
                return


@pytest.mark.django_db(transaction=True)
def test_many_workers_send_it_once(branch: Branch) -> None:
    waits(branch)
    at_once([lambda: turns.tell(now=NOW) + 1] * 4)
    at_once([lambda: sent(NOW)] * 6)
    assert len(mail.outbox) == 1


@pytest.mark.usefixtures("no_redis")
def test_without_redis_the_sweeps_tell_all_the_same(branch: Branch) -> None:
    ticket = waits(branch)
    assert sweep() == subjects(ticket)
    assert [letter.to for letter in mail.outbox] == [[HERS]]


def test_failing_branch_leaves_the_others_alone(branch: Branch, monkeypatch: pytest.MonkeyPatch) -> None:
    waits(branch)
    real, failed = turns.line_of, []

    def poison(*args: object, **kwargs: object) -> object:
        if not failed:
            failed.append(1)
            raise ValueError
        return real(*args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(turns, "line_of", poison)
    assert sweep() == []
    assert sweep() != []


def test_a_sweep_asks_as_much_for_many_as_for_one(
    branch: Branch, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for number in (1, 3):
        for _ in range(number):
            waits(branch)
        with django_assert_num_queries(8):  # what is over, 2; branches, notices, the line, 3; and what is due
            assert turns.tell(now=NOW - minutes(1)) == 1
        Notice.objects.update(due_at=None)
