"""Alerts: raised once, cleared, raised again; and mailed once to each supervisor, whatever happens to the mail server."""

from contextlib import closing
from datetime import date, datetime, timedelta
from email.message import EmailMessage
from typing import cast

import pytest
from allauth.account.models import EmailAddress
from django.core import mail
from django.core.mail import get_connection
from django.db import connection
from django.test import Client
from pytest_django import DjangoAssertNumQueries
from pytest_django.fixtures import Settings

from accounts.mails import marks
from accounts.models import User
from agencies.models import Agency, Branch, Channel, Membership, OpeningRule, Role
from appointments import booking, tasks
from appointments.messages.delivery import LEASE
from appointments.messages.returned.following import follow_notice
from appointments.messages.returned.notices import notice_in
from appointments.messages.returned.parts import parsed
from appointments.models import Alert, AlertMail, ReturnedMail, TimeSlot
from appointments.times.publishing import publish
from appointments.watch import alerts
from tests import codes
from tests.builders import (
    NOW,
    STAFF,
    a_branch,
    a_closure,
    a_procedure,
    a_rule,
    a_user,
    an_agency,
    an_appointment,
    an_officer,
    an_open_branch,
    at,
    minutes,
    slots_of,
)
from tests.pages import text_of
from tests.servers import mailserver
from tests.servers.mailserver import MailServer
from tests.servers.returned import mark_of, notice

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)
NO_TIME, UNPLACED = Alert.Kind.NO_FREE_TIME, Alert.Kind.UNPLACED


@pytest.fixture
def branch() -> Branch:
    """ΚΕΠ Χανίων, with every time of the next two weeks taken."""
    branch = an_open_branch()
    take_all(branch)
    return branch


def take_all(branch: Branch) -> None:
    for slot in slots_of(branch):
        TimeSlot.objects.filter(pk=slot.pk).update(taken=slot.capacity)


def free(branch: Branch, when: datetime) -> None:
    assert TimeSlot.objects.filter(branch=branch, starts_at=when).update(taken=0) == 1


def a_supervisor(place: Branch | Agency, email: str = "supervisor@example.org", language: str = "en") -> User:
    officer = an_officer(place, Role.SUPERVISOR, email)
    officer.language = language
    officer.save()
    return officer


def open_alerts() -> list[tuple[str, str, int]]:
    return [(one.kind, one.branch.code, one.number) for one in Alert.objects.open().order_by("pk")]


def run(now: datetime = NOW) -> None:
    """As the task does."""
    alerts.check(now=now)
    with closing(get_connection()) as mailer:
        while alerts.mail_next(mailer, now=now):
            pass


# Raised and cleared


def test_alert_is_raised_once_cleared_and_raised_again(branch: Branch) -> None:
    alerts.check(now=NOW)
    alerts.check(now=NOW + minutes(60))
    assert open_alerts() == [(NO_TIME, branch.code, 21)]
    free(branch, at(9))
    alerts.check(now=NOW + minutes(120))
    assert open_alerts() == []
    assert Alert.objects.get().cleared_at == NOW + minutes(120)
    take_all(branch)
    alerts.check(now=NOW + minutes(180))
    assert [one.raised_at for one in Alert.objects.open()] == [NOW + minutes(180)]


def test_alert_is_not_raised_while_there_are_times(branch: Branch) -> None:
    free(branch, at(13, 50, day=date(2026, 3, 13)))
    alerts.check(now=NOW)
    assert open_alerts() == []


def test_alert_looks_as_many_days_ahead_as_the_agency_wants(branch: Branch) -> None:
    free(branch, at(9, day=date(2026, 3, 10)))
    Agency.objects.update(alert_days=7)
    alerts.check(now=NOW)
    assert open_alerts() == [(NO_TIME, branch.code, 7)]
    Agency.objects.update(alert_days=9)
    alerts.check(now=NOW)
    assert open_alerts() == []
    Agency.objects.update(alert_days=0)
    alerts.check(now=NOW)
    assert open_alerts() == []


def test_alert_is_of_each_service_by_the_time_that_it_takes(branch: Branch) -> None:
    long = a_procedure(branch.agency, "long", duration_minutes=20)
    free(branch, at(9))
    free(branch, at(10))
    alerts.check(now=NOW)
    assert [one.procedure for one in Alert.objects.open()] == [long]
    free(branch, at(9, 10))
    alerts.check(now=NOW)
    assert open_alerts() == []


def test_alert_knows_that_another_rule_or_channel_of_the_branch_has_times(branch: Branch) -> None:
    a_rule(branch, channels=[Channel.VIDEO], opens_at="15:00", closes_at="16:00")
    publish([branch.pk], now=NOW)
    alerts.check(now=NOW)
    assert open_alerts() == []


def test_alert_counts_a_time_that_is_released_later(branch: Branch) -> None:
    free(branch, at(9))
    TimeSlot.objects.filter(starts_at=at(9)).update(bookable_from=at(7))
    alerts.check(now=NOW)
    assert open_alerts() == []


@pytest.mark.parametrize(
    "change",
    [
        {"purpose": OpeningRule.Purpose.WALK_IN},
        {"purpose": OpeningRule.Purpose.ASSISTED},
        {"valid_until": date(2026, 3, 1)},
        {"valid_from": date(2026, 6, 1)},
        {"channels": [Channel.PHONE]},
    ],
)
def test_alert_is_not_of_a_service_that_the_public_is_not_given_there(
    branch: Branch, change: dict[str, object]
) -> None:
    alerts.check(now=NOW)
    OpeningRule.objects.update(**change)
    alerts.check(now=NOW + minutes(1))
    assert open_alerts() == []


def test_alert_is_cleared_with_the_service_the_branch_or_the_platform(branch: Branch) -> None:
    procedure = branch.agency.procedures.get()
    for off, on in (
        (lambda: alter(procedure, is_offered=False), lambda: alter(procedure, is_offered=True)),
        (lambda: alter(procedure, by_referral=True), lambda: alter(procedure, by_referral=False)),
        (lambda: alter(branch, is_open=False), lambda: alter(branch, is_open=True)),
        (lambda: alter(branch.agency, stage="joining"), lambda: alter(branch.agency, stage="production")),
    ):
        alerts.check(now=NOW)
        assert len(open_alerts()) == 1
        off()
        alerts.check(now=NOW)
        assert open_alerts() == []
        on()


def alter(row: Branch | Agency | object, **fields: object) -> None:
    type(row).objects.filter(pk=row.pk).update(**fields)  # type: ignore[attr-defined]


def test_alert_tells_how_many_appointments_no_longer_fit() -> None:
    branch = an_open_branch(desks=3)
    tuesday = next(slot for slot in slots_of(branch) if slot.starts_at == at(9))
    booked = [an_appointment(tuesday, number) for number in range(3)]
    a_closure(branch, date(2026, 3, 3), desks=2)
    publish([branch.pk], now=NOW)
    alerts.check(now=NOW)
    assert open_alerts() == [(UNPLACED, branch.code, 2)]
    booking.cancel(booked[2], by=STAFF, now=NOW)
    alerts.check(now=NOW + minutes(60))
    assert open_alerts() == [(UNPLACED, branch.code, 1)]
    assert Alert.objects.get().raised_at == NOW
    booking.cancel(booked[1], by=STAFF, now=NOW)
    alerts.check(now=NOW)
    assert open_alerts() == []


@pytest.mark.parametrize("count", [1, 3])
def test_check_takes_few_queries(count: int, django_assert_num_queries: DjangoAssertNumQueries) -> None:
    branch = an_open_branch()
    for number in range(1, count):
        other = a_branch(branch.agency, f"kep-{number}")
        a_rule(other)
        a_procedure(branch.agency, f"service-{number}")
    a_supervisor(branch.agency)
    # two for the savepoint, one statement each for times, places, clocks and mails, one that finds what no longer fits,
    # and two that find promised times on changed clocks
    with django_assert_num_queries(9):
        alerts.check(now=NOW)
    assert AlertMail.objects.count() == (count - 1) * count


# Mailed


def test_mail_goes_once_to_each_supervisor_of_the_branch(branch: Branch) -> None:
    elsewhere = a_branch(branch.agency, "kep-sitia")
    a_supervisor(branch)
    an_officer(branch.agency, Role.AGENCY_ADMIN, "agencyadmin@example.org")
    an_officer(branch, Role.AGENT, "agent@example.org")
    a_supervisor(elsewhere, "sitia@example.org")
    a_supervisor(a_branch(an_agency("aade"), "aade-chania"), "aade@example.org")
    User.objects.filter(pk=a_supervisor(branch, "gone@example.org").pk).update(is_active=False)
    run()
    run(NOW + minutes(60))
    assert sorted(letter.to[0] for letter in mail.outbox) == ["agencyadmin@example.org", "supervisor@example.org"]
    assert Alert.objects.get().mailed_at == NOW


def test_mail_tells_all_new_alerts_in_english(branch: Branch) -> None:
    a_procedure(branch.agency, "passport", name_en="Passport", name_el="Διαβατήριο")
    other = a_branch(branch.agency, "kep-sitia", name_en="KEP Sitia", name_el="ΚΕΠ Σητείας")
    without_place(other, 3)
    a_supervisor(branch.agency)
    letter = the_mail()
    assert letter.subject == "To look at: 2 branches"
    assert "KEP Sitia\n- 3 appointments no longer fit the opening." in letter.body
    assert "/en/admin/appointments/appointment/unplaced/?branch=kep-sitia" in letter.body
    assert "KEP Chania\n- No free time in the next 21 days: Solemn declaration, Passport." in letter.body
    assert "/en/admin/appointments/appointment/calendar/?branch=kep-chania" in letter.body
    html = cast(str, letter.alternatives[0][0])  # type: ignore[attr-defined]
    assert "No free time in the next 21 days: Solemn declaration, Passport." in html
    assert "myKEPlive" in html.replace("<b>", "").replace("</b>", "")


def test_mail_is_greek_to_who_reads_greek(branch: Branch) -> None:
    a_supervisor(branch, language="el")
    free(branch, at(9))
    without_place(branch, 1)
    letter = the_mail()
    assert letter.subject == "Χρειάζεται έλεγχος: ΚΕΠ Χανίων"
    assert "- 1 ραντεβού βρίσκεται πια εκτός ωραρίου." in letter.body
    assert "http://localhost:8000/admin/appointments/appointment/watch/" in letter.body
    assert "- Καμία ελεύθερη ώρα τις επόμενες 21 ημέρες: Υπεύθυνη δήλωση." in letter.body
    assert 'lang="el"' in cast(str, letter.alternatives[0][0])  # type: ignore[attr-defined]


def without_place(branch: Branch, count: int) -> None:
    """So many appointments at the branch's first free time, whose desks are then gone."""
    if not branch.opening_rules.exists():
        a_rule(branch, desks=count)
    slot = next(slot for slot in slots_of(branch) if slot.taken < slot.capacity)
    for number in range(count):
        an_appointment(slot, number)
    TimeSlot.objects.filter(pk=slot.pk).update(desks=0)


def the_mail() -> EmailMessage:
    run()
    (letter,) = mail.outbox
    return letter  # type: ignore[return-value]


def test_mail_about_many_branches_names_some_and_counts_the_rest(branch: Branch) -> None:
    a_supervisor(branch.agency)
    for number in range(12):
        a_procedure(branch.agency, f"service-{number}", name_en=f"Service {number}")
    for number in range(22):
        a_rule(a_branch(branch.agency, f"kep-{number}", name_el=f"Α{number:02}"))
    letter = the_mail()
    assert letter.subject == "To look at: 23 branches"
    assert "And 3 more branches." in letter.body
    assert "and 5 more services." in letter.body
    assert letter.body.count("?branch=") == 20


def test_mail_is_not_repeated_when_the_alert_comes_again_within_a_day(branch: Branch) -> None:
    a_supervisor(branch)
    run()
    free(branch, at(9))
    run(NOW + minutes(60))
    take_all(branch)
    run(NOW + minutes(120))
    assert len(mail.outbox) == 1
    run(NOW + DAY + minutes(60))
    assert len(mail.outbox) == 2


def test_mail_is_not_owed_any_more_when_the_alert_is_cleared_before_it_leaves(branch: Branch) -> None:
    a_supervisor(branch)
    alerts.check(now=NOW)
    free(branch, at(9))
    run(NOW + minutes(1))
    assert mail.outbox == []


def test_mail_that_the_server_refuses_for_now_is_sent_by_the_next_run(branch: Branch, server: MailServer) -> None:
    a_supervisor(branch)
    server.answer = lambda _recipient: "451 later"
    run()
    assert AlertMail.objects.get().settled_at is None
    server.answer = lambda _recipient: mailserver.ACCEPTED
    run(NOW + minutes(60))
    assert server.recipients == ["supervisor@example.org"]
    assert Alert.objects.get().mailed_at == NOW + minutes(60)


def test_mail_waits_while_the_server_is_away(branch: Branch, settings: Settings) -> None:
    a_supervisor(branch)
    a_supervisor(branch, "other@example.org")
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 9
    run()
    assert AlertMail.objects.filter(settled_at=None).count() == 2
    assert Alert.objects.get().mailed_at is None
    with mailserver.running() as server:
        settings.EMAIL_PORT = server.port
        run(NOW + minutes(60))
        assert sorted(server.recipients) == ["other@example.org", "supervisor@example.org"]


def test_mail_to_an_address_that_does_not_exist_is_given_up_and_holds_up_nobody(
    branch: Branch, server: MailServer
) -> None:
    a_supervisor(branch, "bad@example.org")
    a_supervisor(branch, "good@example.org")
    server.answer = lambda recipient: "550 no such user" if recipient.startswith("bad") else mailserver.ACCEPTED
    run()
    run(NOW + minutes(60))
    assert server.recipients == ["good@example.org"]
    assert "550" in AlertMail.objects.get(user__email="bad@example.org").last_error


def test_mail_of_a_worker_that_died_is_sent_when_its_lease_is_over(branch: Branch) -> None:
    a_supervisor(branch)
    alerts.check(now=NOW)
    assert alerts.claim(now=NOW)
    run(NOW + minutes(1))
    assert mail.outbox == []
    run(NOW + LEASE + minutes(1))
    assert len(mail.outbox) == 1


def test_mail_that_kills_every_worker_is_given_up(branch: Branch) -> None:
    a_supervisor(branch)
    alerts.check(now=NOW)
    now = NOW
    while alerts.claim(now=now):
        now += LEASE
    owed = AlertMail.objects.get()
    assert (owed.attempts, owed.settled_at, owed.last_error) == (7, now, "the worker died at every attempt")
    run(now)
    assert mail.outbox == []


def test_mail_that_the_server_never_takes_is_given_up(branch: Branch, server: MailServer) -> None:
    a_supervisor(branch)
    server.answer = lambda _recipient: "451 try again later"
    now = NOW
    for wait in [*alerts.RETRIES, 0]:
        run(now)
        now += minutes(wait)
    owed = AlertMail.objects.get()
    assert (owed.attempts, owed.settled_at) == (len(alerts.RETRIES) + 1, now)
    assert "451" in owed.last_error


@pytest.mark.django_db(transaction=True)
def test_mail_is_claimed_by_one_worker_only(branch: Branch) -> None:
    """A supervisor whose row another worker has locked is passed over, not waited for."""
    a_supervisor(branch)
    alerts.check(now=NOW)
    other = connection.copy()
    with closing(other), other.cursor() as cursor:
        other.set_autocommit(False)
        cursor.execute("SELECT id FROM accounts_user WHERE email = 'supervisor@example.org' FOR NO KEY UPDATE")
        assert alerts.claim(now=NOW) == []
        other.rollback()
    assert len(alerts.claim(now=NOW)) == 1


# Mails that come back


def comes_back(form: str = "postfix", *, key: int = 0, to: str = "supervisor@example.org", **other: bytes) -> bool:
    """Whether anything followed from a notice of a mail system about the latest mail of alerts to this address."""
    raw = notice(form, mark_of("alert", key or AlertMail.objects.filter(user__email=to).latest("pk").pk, to), to)
    if status := other.get("status"):
        raw = raw.replace(b"Status: 5.1.1", b"Status: " + status)
    found = notice_in(parsed(raw))
    assert found is not None
    return follow_notice(found, now=NOW + minutes(5)) == ReturnedMail.Outcome.BOUNCED


def its_mark(letter: EmailMessage) -> marks.Mark:
    (mark,) = marks.found_in([letter.extra_headers["Message-ID"]])  # type: ignore[attr-defined]
    return mark


def test_mail_has_a_mark_that_names_its_last_alert(branch: Branch) -> None:
    a_supervisor(branch)
    without_place(a_branch(branch.agency, "kep-sitia"), 1)
    letter = the_mail()
    assert its_mark(letter) == marks.Mark("alert", AlertMail.objects.latest("pk").pk, its_mark(letter).address)
    assert its_mark(letter).is_for("supervisor@example.org")
    assert letter.extra_headers["Auto-Submitted"] == "auto-generated"  # type: ignore[attr-defined]


@pytest.mark.parametrize("form", ["postfix", "exchange", "exim", "gmail", "sendmail", "qmail"])
def test_address_whose_mail_comes_back_gets_no_more_alerts(branch: Branch, form: str) -> None:
    user = a_supervisor(branch)
    run()
    key = AlertMail.objects.get().pk
    assert [comes_back(form, key=key), comes_back(form, key=key)] == [True, False]
    user.refresh_from_db()
    assert (user.returned_from, user.returned_at) == (user.email, NOW + minutes(5))
    assert Alert.objects.get().mailed_at is None
    without_place(a_branch(branch.agency, "kep-sitia"), 1)
    run(NOW + DAY)
    assert len(mail.outbox) == 1
    other = a_supervisor(branch, "other@example.org")
    run(NOW + DAY + minutes(60))
    assert [letter.to for letter in mail.outbox[1:]] == [[other.email]]


def test_full_mailbox_and_another_address_change_nothing(branch: Branch) -> None:
    user = a_supervisor(branch)
    run()
    raw = notice("postfix-delayed", mark_of("alert", AlertMail.objects.get().pk, user.email), user.email)
    delayed = notice_in(parsed(raw))
    assert delayed is not None
    assert follow_notice(delayed, now=NOW) == ReturnedMail.Outcome.NOTHING
    User.objects.filter(pk=user.pk).update(email="right@example.org")
    assert not comes_back(key=AlertMail.objects.get().pk)
    assert not User.objects.unreachable().exists()
    assert Alert.objects.get().mailed_at == NOW


def test_mail_refused_by_rules_says_nothing_of_the_address_and_is_not_tried_again(branch: Branch) -> None:
    a_supervisor(branch)
    a_supervisor(branch, "other@example.org")
    run()
    assert comes_back(status=b"5.7.1")
    assert not User.objects.unreachable().exists()
    assert AlertMail.objects.get(user__email="supervisor@example.org").last_error == "came back 5.7.1"
    assert Alert.objects.get().mailed_at == NOW  # the other one has it
    run(NOW + minutes(60))
    assert len(mail.outbox) == 2


def test_notice_that_is_quicker_than_the_worker(branch: Branch) -> None:
    a_supervisor(branch)
    alerts.check(now=NOW)
    owed = alerts.claim(now=NOW)
    assert comes_back(status=b"5.7.1")
    assert alerts.MAILING.settle(owed, settled_at=NOW, last_error="") == 0
    run(NOW + DAY)
    assert (mail.outbox, Alert.objects.get().mailed_at) == ([], None)


def test_address_that_the_server_does_not_know_gets_no_more_alerts(branch: Branch, server: MailServer) -> None:
    a_supervisor(branch)
    asked = []
    server.answer = lambda recipient: asked.append(recipient) or "550 5.1.1 no such user"  # type: ignore[func-returns-value]
    run()
    assert [user.email for user in User.objects.unreachable()] == ["supervisor@example.org"]
    without_place(a_branch(branch.agency, "kep-sitia"), 1)
    run(NOW + minutes(60))
    assert asked == ["supervisor@example.org"]


def test_address_works_again_once_a_code_that_arrived_there_is_typed(branch: Branch, client: Client) -> None:
    user = a_supervisor(branch)
    EmailAddress.objects.create(user=user, email=user.email, primary=True, verified=True)
    run()
    comes_back()
    client.post("/accounts/login/code/", {"email": user.email})
    code = codes.latest()
    mail.outbox.clear()
    assert User.objects.unreachable().exists()
    client.post("/accounts/login/code/confirm/", {"code": code})
    assert not User.objects.unreachable().exists()
    run(NOW + minutes(60))
    assert [letter.to for letter in mail.outbox] == [[user.email]]  # it is still open, and has reached nobody


def test_late_notice_says_nothing_after_a_code_has_arrived(branch: Branch) -> None:
    user = a_supervisor(branch)
    run()
    User.objects.update(last_login=NOW + minutes(3))
    assert comes_back()
    assert not User.objects.unreachable().exists()
    assert user.email in {letter.to[0] for letter in mail.outbox}


@pytest.mark.parametrize(
    ("who", "is_told"),
    [("operator", "the role"), ("agency_admin", "the role"), ("supervisor", "your address"), ("colleague", "")],
)
@pytest.mark.usefixtures("clock")
def test_pages_of_watch_tell_whose_address_does_not_work(
    branch: Branch, client: Client, who: str, is_told: str
) -> None:
    user = a_supervisor(branch)
    User.objects.filter(pk=user.pk).update(returned_from=user.email, returned_at=NOW)
    people = {
        "operator": lambda: a_user("operator@example.org", is_operator=True),
        "agency_admin": lambda: an_officer(branch.agency, Role.AGENCY_ADMIN, "admin@example.org"),
        "supervisor": lambda: user,
        "colleague": lambda: a_supervisor(branch, "colleague@example.org"),
    }
    reader = people[who]()
    User.objects.filter(pk=reader.pk).update(language="en")
    client.force_login(reader)
    for page in ("", "messages/"):
        told = text_of(client.get(f"/en/admin/appointments/appointment/watch/{page}"))
        assert ("have come back since" in told) == bool(is_told)
        assert is_told in told


def test_task_checks_and_mails(branch: Branch) -> None:
    a_supervisor(branch)
    Agency.objects.update(alert_days=1)
    tasks.check_alerts()
    assert Alert.objects.open().filter(mailed_at=None).count() == 0
    assert len(mail.outbox) == Alert.objects.open().count() == 1


def test_membership_of_the_agency_and_the_branch_makes_one_mail(branch: Branch) -> None:
    user = a_supervisor(branch)
    Membership.objects.create(user=user, agency=branch.agency, role=Role.SUPERVISOR)
    run()
    assert len(mail.outbox) == 1
    assert AlertMail.objects.count() == 1
