import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import pytest
from django.conf import settings
from django.core.mail import get_connection
from django.db import connection
from django.db.models import F, QuerySet
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django.fixtures import Settings

from accounts.mails import marks
from accounts.mails.handing import ServerAway
from accounts.peers import Dealt
from appointments import booking
from appointments.messages import delivery
from appointments.messages.delivery import BATCH, LEASE, RETRIES, claim, claim_some, deliver_next, deliver_some
from appointments.models import Appointment, Notification
from mydesklive.celery import app
from tests.builders import GUEST, NOW, an_appointment, an_open_branch, at, minutes, slots_of
from tests.servers import gateways, mailserver
from tests.servers.mailserver import MailServer

Kind, Medium, State = Notification.Kind, Notification.Medium, Notification.State

MORNING = at(9, day=NOW.date())
# The clocks of workers run: their appointments lie ahead of the real now.


def booked(count: int = 1) -> list[Appointment]:
    slots = slots_of(an_open_branch(desks=1))
    return [an_appointment(slots[20 + number], number) for number in range(count)]


def sweep(now: datetime = NOW) -> int:
    """How many messages one sweep dealt with."""
    mailer = get_connection()
    done = 0
    while deliver_next(mailer, now=now):
        done += 1
    mailer.close()
    return done


def subjects(server: MailServer) -> list[str]:
    """What each mail begins with; a long subject starts on a line of its own."""
    return [str(mail["Subject"]).strip().split(":")[0] for mail in server.mails]


def confirmation() -> Notification:
    return Notification.objects.get(kind=Kind.CONFIRMATION)


@pytest.mark.django_db
def test_confirmation_arrives_over_smtp(server: MailServer) -> None:
    (appointment,) = booked()
    assert sweep() == 1
    (mail,) = server.mails
    message = confirmation()
    assert (message.state, message.sent_at, message.attempts) == (State.SENT, NOW, 1)
    assert server.recipients == ["citizen0@example.org"]
    assert mail["Subject"].strip() == "Ραντεβού: Δευτέρα 2 Μαρτίου 2026, 11:20, ΚΕΠ Χανίων"
    assert mail["Auto-Submitted"] == "auto-generated"
    (mark,) = marks.found_in([mail["Message-ID"]])
    assert (mark.kind, mark.key) == ("message", message.pk)
    assert mail["Message-ID"].endswith("@localhost>")
    types = [part.get_content_type() for part in mail.walk() if not part.is_multipart()]
    assert types == ["text/plain", "text/html", "text/calendar", "application/ics"]
    assert mail.get_body(("plain",)).get_content().startswith("Δευτέρα 2 Μαρτίου 2026, 11:20")
    assert next(mail.iter_attachments()).get_filename() == f"{appointment.reference}.ics"


@pytest.mark.django_db
def test_calendar_part_names_its_method(server: MailServer) -> None:
    (appointment,) = booked()
    sweep()
    booking.cancel(appointment, by=GUEST, now=NOW)
    sweep()
    parts = [part for mail in server.mails for part in mail.walk() if part.get_content_type() == "text/calendar"]
    assert [part.get_param("method") for part in parts] == ["REQUEST", "CANCEL"]
    assert [f"METHOD:{part.get_param('method')}" in part.get_content() for part in parts] == [True, True]


@pytest.mark.django_db
def test_second_sweep_sends_nothing_again(server: MailServer) -> None:
    booked()
    assert (sweep(), sweep(), sweep(NOW + LEASE * 2)) == (1, 0, 0)
    assert len(server.mails) == 1


@pytest.mark.django_db
def test_reminders_leave_when_they_are_due(server: MailServer) -> None:
    (appointment,) = booked()
    sweep()
    sweep(appointment.starts_at - timedelta(hours=2))
    assert subjects(server) == ["Ραντεβού", "Υπενθύμιση"]


@pytest.mark.django_db
def test_message_of_a_cancelled_appointment_is_dropped_even_if_it_was_being_sent(server: MailServer) -> None:
    (appointment,) = booked()
    claim(now=NOW)  # and the worker dies
    booking.cancel(appointment, by=GUEST, now=NOW)
    sweep(NOW + LEASE + minutes(1))
    assert confirmation().state == State.DROPPED
    assert subjects(server) == ["Ακυρώθηκε"]


@pytest.mark.django_db
def test_message_with_the_old_time_is_dropped(server: MailServer) -> None:
    (appointment,) = booked()
    claim(now=NOW)
    slot = slots_of(appointment.branch)[30]
    booking.reschedule(appointment, slot.pk, by=GUEST, now=NOW)
    sweep(NOW + LEASE + minutes(1))
    assert confirmation().state == State.DROPPED
    assert subjects(server) == ["Νέα ώρα"]


@pytest.mark.django_db
def test_refused_recipient_fails_at_once_and_the_others_go_on(server: MailServer) -> None:
    booked(3)
    server.answer = lambda who: "550 5.1.1 No such user" if who == "citizen1@example.org" else mailserver.ACCEPTED
    assert sweep() == 3
    failed = Notification.objects.undelivered().get()
    assert failed.appointment.email == "citizen1@example.org"
    assert "No such user" in failed.last_error
    assert sorted(server.recipients) == ["citizen0@example.org", "citizen2@example.org"]


@pytest.mark.django_db
def test_greylisted_recipient_is_tried_again_later(server: MailServer) -> None:
    booked()
    server.answer = lambda _who: "451 4.7.1 Try again later"
    assert sweep() == 1
    message = confirmation()
    assert (message.state, message.due_at, message.attempts) == (State.PENDING, NOW + minutes(1), 1)
    server.answer = lambda _who: mailserver.ACCEPTED
    assert sweep(NOW + timedelta(seconds=59)) == 0
    assert sweep(NOW + minutes(1)) == 1
    assert confirmation().state == State.SENT


@pytest.mark.django_db
def test_message_gives_up_after_the_last_retry_and_staff_see_it(server: MailServer) -> None:
    appointment = an_appointment(slots_of(an_open_branch())[-1])
    server.answer = lambda _who: "451 4.7.1 Try again later"
    now = NOW
    for wait in [*RETRIES, 0]:
        sweep(now)
        now += minutes(wait)
    message = confirmation()
    assert (message.state, message.attempts) == (State.FAILED, len(RETRIES) + 1)
    assert list(appointment.notifications.undelivered()) == [message]


@pytest.mark.django_db
def test_server_away_ends_the_sweep_and_costs_one_attempt(settings: Settings) -> None:
    booked(3)
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 9
    assert sweep() == 0
    confirmations = Notification.objects.filter(kind=Kind.CONFIRMATION)
    assert sorted(confirmations.values_list("attempts", flat=True)) == [0, 0, 1]
    assert set(confirmations.values_list("state", flat=True)) == {State.PENDING}


@pytest.mark.django_db
def test_reminder_delayed_into_the_night_waits_for_the_morning(server: MailServer) -> None:
    appointment = an_appointment(slots_of(an_open_branch())[100])
    sweep()
    night = NOW.replace(hour=0, minute=30)  # 02:30 in Athens
    appointment.notifications.filter(kind=Kind.REMINDER, minutes_before=24 * 60).update(due_at=night - minutes(300))
    sweep(night)
    assert len(server.mails) == 1
    sweep(NOW.replace(hour=6))
    assert len(server.mails) == 2


@pytest.mark.django_db
def test_message_that_kills_every_worker_is_given_up() -> None:
    booked()
    now = NOW
    while (message := claim(now=now)) and message.state == State.SENDING:
        now += LEASE + minutes(1)
    assert confirmation().state == State.FAILED
    assert confirmation().attempts == len(RETRIES) + 1


@pytest.mark.django_db
@pytest.mark.parametrize("count", [1, 3])
def test_delivery_of_one_costs_four_queries(server: MailServer, count: int) -> None:
    booked(count)
    with CaptureQueriesContext(connection) as queries:
        assert sweep() == count
    statements = [query["sql"] for query in queries if "SAVEPOINT" not in query["sql"]]
    assert len(statements) == 4 * count + 1  # one counts mails to an unproven address, one finds nothing more to do


@pytest.mark.django_db
@pytest.mark.parametrize("count", [2, 5])
def test_delivery_together_costs_two_queries_a_message(server: MailServer, count: int) -> None:
    booked(count)
    mailer = get_connection()
    Notification.objects.filter(kind=Kind.REMINDER).update(due_at=MORNING)
    with CaptureQueriesContext(connection) as queries:
        planned = Notification.objects.by_mail().planned()
        dealt = deliver_some(mailer, clock=lambda: MORNING, among=planned, limit=BATCH)
    mailer.close()
    statements = [query["sql"] for query in queries if "SAVEPOINT" not in query["sql"]]
    assert (dealt.rows, dealt.answered, len(server.mails)) == (count, count, count)
    assert len(statements) == 3 + 2 * count  # the messages, what else is owed to these people, the leases


@pytest.mark.django_db
def test_due_messages_are_found_by_index() -> None:
    booked()
    assert "message_due" in plan_of(Notification.objects.due(now=NOW).order_by("due_at", "pk"))


def plan_of(messages: QuerySet[Notification]) -> str:
    """How they are read from a long table. The planner may not choose what is as good for the few rows here.

    It depends on statistics what is: whether the table has been analysed by chance. What is off is still done if nothing
    else can be.
    """
    for way in ("seqscan", "bitmapscan", "sort", "incremental_sort"):
        with connection.cursor() as cursor:
            cursor.execute(f"SET LOCAL enable_{way} = off")
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE appointments_notification")
    return messages.explain()


@pytest.mark.django_db
@pytest.mark.parametrize("medium", Medium)
@pytest.mark.parametrize(("urgent", "index"), [(True, "message_due_urgent"), (False, "message_due_by_medium")])
def test_each_lane_reads_its_own_messages_in_their_order(medium: str, urgent: bool, index: str) -> None:
    """Many are due at one minute. A claim that sorts them all is ten times slower."""
    booked()
    found = Notification.objects.filter(medium=medium)
    lane = found.urgent() if urgent else found.planned()
    plan = plan_of(lane.due(now=NOW).order_by("due_at", "pk")[:BATCH])
    assert f"Index Scan using {index}" in plan
    assert "Sort" not in plan


@pytest.mark.django_db(transaction=True)
def test_workers_side_by_side_send_each_message_once(server: MailServer) -> None:
    booked(12)
    threads = [threading.Thread(target=_sweep_and_disconnect) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(server.recipients) == sorted(f"citizen{number}@example.org" for number in range(12))


def _sweep_and_disconnect() -> None:
    try:
        sweep()
    finally:
        connection.close()


# Several claimed together


def reminders(count: int) -> list[Notification]:
    """Reminders that are due in the morning, all by mail."""
    booked(count)
    Notification.objects.exclude(kind=Kind.REMINDER, medium=Medium.EMAIL).delete()
    Notification.objects.update(due_at=MORNING)
    return list(Notification.objects.order_by("pk").select_related("appointment"))


def deliver_together(then: Callable[[], object] = int, now: datetime = MORNING) -> Dealt:
    """Deliver all that is due, and do this between the claim and the first message."""
    mailer, steps = get_connection(), iter([int, then])

    def clock() -> datetime:
        next(steps, int)()  # the time is asked for once at the claim, and then for each message
        return now

    try:
        return deliver_some(mailer, clock=clock, among=Notification.objects.by_mail().planned(), limit=BATCH)
    finally:
        mailer.close()


def states(messages: list[Notification]) -> list[str]:
    return [Notification.objects.get(pk=message.pk).state for message in messages]


@pytest.mark.django_db
def test_step_after_the_claim_counts(server: MailServer) -> None:
    """Of four messages claimed together, the appointments of three are changed before their turn comes."""
    messages = reminders(4)
    cancelled, moved, erased, left = (message.appointment for message in messages)

    def change() -> None:
        booking.cancel(cancelled, by=GUEST, now=MORNING)
        booking.reschedule(moved, slots_of(moved.branch)[60].pk, by=GUEST, now=MORNING)
        Appointment.objects.filter(pk=erased.pk).update(email="new@example.org")

    deliver_together(change)
    assert server.recipients == [left.email]
    assert states(messages) == [State.DROPPED, State.DROPPED, State.PENDING, State.SENT]
    deliver_together()  # the row of the third is read anew
    assert server.recipients == [left.email, "new@example.org"]


@pytest.mark.django_db
def test_message_that_another_worker_has_taken_is_left_to_it(server: MailServer) -> None:
    messages = reminders(2)
    later = MORNING + LEASE + minutes(1)
    deliver_together(lambda: Notification.objects.update(leased_until=later))
    assert (server.mails, states(messages)) == ([], [State.PENDING] * 2)
    assert set(Notification.objects.values_list("leased_until", "attempts")) == {(later, 0)}


@pytest.mark.django_db
def test_worker_that_dies_leaves_what_it_had_not_begun_without_an_attempt(server: MailServer) -> None:
    messages = reminders(3)
    claim_some(now=MORNING, among=Notification.objects.by_mail(), limit=BATCH)  # and the worker dies
    assert set(Notification.objects.values_list("state", "attempts")) == {(State.PENDING, 0)}
    assert deliver_together().rows == 0
    assert deliver_together(now=MORNING + LEASE).rows == 3
    assert states(messages) == [State.SENT] * 3


@pytest.mark.django_db
def test_server_that_goes_away_in_between_costs_one_message_an_attempt(server: MailServer) -> None:
    messages = reminders(4)
    second = messages[1].appointment.email
    server.answer = lambda who: "421 4.3.2 Closing" if who == second else mailserver.ACCEPTED
    with pytest.raises(ServerAway):
        deliver_together()
    assert states(messages) == [State.SENT, State.PENDING, State.PENDING, State.PENDING]
    rows = list(Notification.objects.order_by("pk").values_list("attempts", "leased_until"))
    assert rows == [(1, None), (1, None), (0, None), (0, None)]


@pytest.mark.django_db
def test_message_of_a_revision_that_does_not_exist_keeps_nobody_waiting() -> None:
    booked(1)
    Notification.objects.update(revision=7)
    message = claim(now=NOW)
    assert message is not None
    assert message.state == State.DROPPED


@pytest.mark.django_db
def test_message_that_is_carried_over_while_it_is_read_stays_owed() -> None:
    booked(1)
    read = Notification.objects.select_related("appointment__branch").earliest("pk")
    Appointment.objects.update(revision=F("revision") + 1)
    Notification.objects.update(revision=F("revision") + 1)
    read.revision += 1  # the row was read again when it was locked, and its appointment was not
    assert not delivery._is_to_send(read, NOW)
    assert Notification.objects.get(pk=read.pk).state == State.PENDING


# A mail server in every mood

STAGES = ("EHLO", "MAIL", "RCPT", "DATA", "BODY")
# What becomes of a message: sent, tried again, or given up. It is the server's fault, or the message's.
AWAY, AGAIN, NEVER = "away", "again", "never"
OUTCOMES = {
    ("EHLO", "451 Later"): AWAY,
    ("EHLO", "554 No"): AWAY,
    ("MAIL", "451 Later"): AWAY,
    ("MAIL", "550 Who are you?"): AWAY,
    ("RCPT", "450 Greylisted"): AGAIN,
    ("RCPT", "550 Nobody here"): NEVER,
    ("DATA", "451 Later"): AGAIN,
    ("DATA", "554 No"): NEVER,
    ("BODY", "451 Later"): AGAIN,
    ("BODY", "554 Spam"): NEVER,
    **{(stage, "421 Closing"): AWAY for stage in STAGES},
    **{(stage, "closes"): AWAY for stage in STAGES},
    **{(stage, "hangs"): AWAY for stage in STAGES},
}


@pytest.mark.django_db
@pytest.mark.parametrize(("stage", "answer"), OUTCOMES)
def test_mail_server_in_any_mood_at_any_stage(settings: Settings, stage: str, answer: str) -> None:
    booked(2)
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_TIMEOUT = "127.0.0.1", 0.3
    with mailserver.moody(stage, answer) as (port, taken):
        settings.EMAIL_PORT = port
        mailer = get_connection()
        among = Notification.objects.filter(kind=Kind.CONFIRMATION, medium=Medium.EMAIL)
        goes_on = deliver_next(mailer, now=NOW, among=among)
        mailer.close()
    message, other = among.order_by("pk")
    outcome = OUTCOMES[stage, answer]
    assert goes_on == (outcome != AWAY)
    assert (message.state, other.attempts) == (State.FAILED if outcome == NEVER else State.PENDING, 0)
    assert (message.attempts, message.leased_until) == (1, None)
    assert all(mail["Message-ID"].startswith(f"<message-{message.pk}.") for mail in taken)
    assert bool(taken) == (stage == "BODY")


# SMS

# apprise loads all its gateways at once, and one of them an outdated module.
ignores_imghdr = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")


@contextmanager
def a_gateway(status: int = 200) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """A gateway that takes JSON over HTTP, and what it got."""
    taken: list[dict[str, Any]] = []

    class Gateway(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            taken.append({"path": self.path, **body})
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *args: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Gateway)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"json://127.0.0.1:{server.server_port}/sms?:to={{phone}}", taken
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@ignores_imghdr
@pytest.mark.django_db
def test_sms_says_time_place_and_reference_without_a_link(settings: Settings) -> None:
    with a_gateway() as (url, taken):
        settings.SMS_URL = url
        (appointment,) = booked()
        sweep()
    (sms,) = taken
    assert sms["to"] == "+306900000000"
    assert sms["message"] == f"Ραντεβού 02/03/2026 11:20, ΚΕΠ Χανίων. Κωδικός {appointment.spoken_reference}."
    assert "http" not in sms["message"]


@ignores_imghdr
@pytest.mark.django_db
def test_sms_that_the_gateway_refuses_is_tried_again(settings: Settings) -> None:
    with a_gateway(status=500) as (url, _taken):
        settings.SMS_URL = url
        booked()
        sweep()
    sms = Notification.objects.get(medium=Medium.SMS, kind=Kind.CONFIRMATION)
    assert (sms.state, sms.due_at) == (State.PENDING, NOW + minutes(1))
    assert sms.last_error == "the SMS gateway did not take the message"


# A worker of its own, killed


def _start_worker(server: MailServer, **more: str) -> subprocess.Popen[bytes]:
    """A Celery worker on this test's database and broker, in a process group of its own."""
    database = urlsplit(os.environ["DATABASE_URL"])
    environment = os.environ | {
        "DATABASE_URL": urlunsplit(database._replace(path=f"/{connection.settings_dict['NAME']}")),
        "EMAIL_URL": server.url,
        "REDIS_URL": settings.REDIS_URL,
        **more,
    }
    command = [sys.executable, "-m", "celery", "-A", "mydesklive", "worker", "--concurrency=1", "--loglevel=WARNING"]
    return subprocess.Popen(command, env=environment, start_new_session=True)


def _kill(worker: subprocess.Popen[bytes]) -> None:
    """Without a chance to clean up, children included."""
    os.killpg(worker.pid, signal.SIGKILL)
    worker.wait()


def _tick_until(condition: Callable[[], object], seconds: float = 60, task: str = "deliver_due") -> None:
    """Wakes the worker again and again, as the periodic sweep does."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited too long"
        app.send_task(f"appointments.tasks.{task}")
        time.sleep(0.2)


def _message_ids(server: MailServer) -> list[str]:
    return [str(mail["Message-ID"]) for mail in server.mails]


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("moment", ["RCPT", "ACCEPTED"])
@pytest.mark.parametrize("kind", [Kind.CONFIRMATION, Kind.KEPT], ids=["one by one", "together"])
def test_worker_killed_while_sending_loses_no_message(server: MailServer, moment: str, kind: str) -> None:
    """Killed after the claim and before the mail is taken, nothing is sent twice; killed in the moment between the
    server's acceptance and our note of it, that one mail comes again, under the same Message-ID."""
    now = timezone.now()  # the worker is a process of its own, on the real clock
    ahead = [slot for slot in slots_of(an_open_branch(), now=now) if slot.starts_at > now + timedelta(days=2)]
    for number, slot in enumerate(ahead[:8]):
        an_appointment(slot, number, now=now)
    Notification.objects.filter(kind=Kind.CONFIRMATION).update(kind=kind)
    server.answer = lambda _who: _stall_from(server, moment, number=4)
    worker = _start_worker(server)
    try:
        _tick_until(server.stalled.is_set)
    finally:
        _kill(worker)
    assert Notification.objects.filter(state=State.SENDING).count() == 1
    server.stalls_at = ""
    server.answer = lambda _who: mailserver.ACCEPTED
    Notification.objects.filter(leased_until__isnull=False).update(leased_until=timezone.now())  # minutes pass
    worker = _start_worker(server)
    try:
        owed = Notification.objects.filter(kind=kind)
        _tick_until(lambda: not owed.exclude(state=State.SENT).exists())
    finally:
        _kill(worker)
    ids = _message_ids(server)
    ledger = sorted(zip(server.recipients, ids, strict=True))
    assert set(server.recipients) == {f"citizen{number}@example.org" for number in range(8)}, ledger
    assert (len(set(ids)), len(ids)) == (8, 8 if moment == "RCPT" else 9), ledger


def _stall_from(server: MailServer, moment: str, number: int) -> str:
    """Accept, and let the server stall at this moment from this mail on."""
    if len(server.mails) >= number - 1:
        server.stalls_at = moment
    return mailserver.ACCEPTED


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_worker_killed_with_an_sms_at_the_gateway_never_sends_it_again(server: MailServer) -> None:
    now = timezone.now()
    ahead = [slot for slot in slots_of(an_open_branch(), now=now) if slot.starts_at > now + timedelta(days=2)]
    with gateways.running(gateways.hangs_after_the_body) as gateway:
        for number, slot in enumerate(ahead[:3]):
            an_appointment(slot, number, now=now)
        Notification.objects.update(medium=Medium.SMS)
        url = gateway.url.replace("rto=0.3", "rto=60")
        worker = _start_worker(server, SMS_URL=url)
        try:
            _tick_until(lambda: gateway.taken, task="deliver_sms")
        finally:
            _kill(worker)
        assert list(Notification.objects.filter(attempts__gt=0).values_list("state", flat=True)) == [State.SENDING]
        Notification.objects.filter(leased_until__isnull=False).update(leased_until=timezone.now())  # minutes pass
        worker = _start_worker(server, SMS_URL=url)
        try:
            _tick_until(lambda: Notification.objects.filter(state=State.UNSURE).exists(), task="deliver_sms")
        finally:
            _kill(worker)
    ids = [one["reference"] for one in gateway.taken]
    assert len(ids) == len(set(ids)), ids
