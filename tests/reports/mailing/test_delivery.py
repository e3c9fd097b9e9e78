"""Reports by mail: once to each person, late rather than never, and only what everybody may see at that moment."""

import re
from collections.abc import Iterator
from datetime import timedelta
from io import BytesIO

import pytest
import time_machine
from allauth.account.models import EmailAddress
from django.core import mail
from django.test import Client
from openpyxl import load_workbook
from pytest_django.fixtures import Settings

from accounts.mails import marks
from accounts.models import AccountMail, Peer, User
from agencies.models import Branch, Membership, Role
from appointments import booking
from appointments.messages.returned.following import follow_notice
from appointments.messages.returned.notices import notice_in
from appointments.messages.returned.parts import parsed
from appointments.models import ReturnedMail
from reports import counting, tasks
from reports.mailing import contents, delivery, letters, subscriptions
from reports.mailing.scope import Scope
from reports.models import Recipient, Sending, Subscription
from reports.selecting.viewers import Viewer
from tests.builders import (
    NOW,
    STAFF,
    a_branch,
    a_user,
    an_agency,
    an_appointment,
    an_officer,
    an_open_branch,
    by,
    slots_of,
)
from tests.reports.mailing.lists import a_list, an_official, proven, run
from tests.servers.mailserver import MailServer
from tests.servers.returned import mark_of, notice

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("branch")]
State, End = Sending.State, Subscription.End
WEEK, DAY, HOUR = timedelta(weeks=1), timedelta(days=1), timedelta(hours=1)
MONDAY = NOW + WEEK - HOUR  # the clock of Athens has not changed: 06:00
DUE = NOW + WEEK


@pytest.fixture
def branch() -> Branch:
    return an_open_branch()


@pytest.fixture(autouse=True)
def _time(clock: time_machine.Traveller) -> Iterator[None]:
    """Everything is made at NOW, a Monday at 07:00. So the first mail is due a week later."""
    return


def to() -> list[str]:
    return [letter.to[0] for letter in mail.outbox]


def states() -> list[str]:
    return [*Sending.objects.order_by("pk").values_list("state", flat=True)]


def told() -> list[str]:
    return [*AccountMail.objects.filter(kind="report_ended").values_list("recipient", flat=True)]


# When, and how often


def test_mail_leaves_at_its_moment_and_not_before() -> None:
    a_list(an_official())
    run(MONDAY)
    assert mail.outbox == []
    run(DUE)
    run(DUE)
    run(DUE + HOUR)
    assert to() == ["official@example.org"]
    assert (states(), Subscription.objects.get().due_at) == ([State.SENT], DUE + WEEK)


def test_worker_that_was_away_sends_later_and_once_and_says_what_was_left_out() -> None:
    a_list(an_official())
    run(DUE + 2 * WEEK + 3 * DAY)
    run(DUE + 2 * WEEK + 4 * DAY)
    (letter,) = mail.outbox
    assert "2 earlier mails were left out" in letter.body
    assert Sending.objects.get().moment == DUE + 2 * WEEK
    assert "March 2026" in letter.subject
    run(DUE + 3 * WEEK)
    assert "left out" not in mail.outbox[-1].body


def test_two_workers_owe_each_mail_once() -> None:
    known = a_list(an_official())
    run(DUE, lambda: subscriptions.owe_due(now=DUE))
    Subscription.objects.filter(pk=known.pk).update(due_at=DUE)  # as another worker has read it
    assert subscriptions.owe_due(now=DUE) == 1
    assert Sending.objects.count() == 1
    assert delivery._claim(DUE) is not None
    assert delivery._claim(DUE) is None


def test_late_mail_is_about_the_months_before_its_moment() -> None:
    a_list(an_official(), schedule="monthly", period="month", now=NOW - 40 * DAY)
    Subscription.objects.update(due_at=NOW)  # 2 March
    run(NOW + 10 * DAY)
    assert mail.outbox[0].subject == "Overview: February 2026 · KEP"


def test_paused_list_sends_nothing_and_goes_on_from_the_next_moment() -> None:
    one = a_list(an_official())
    subscriptions.owe_due(now=DUE)
    subscriptions.pause(one, now=DUE)
    run(DUE + WEEK)
    assert (mail.outbox, states()) == ([], [State.DROPPED])
    subscriptions.resume(one, now=DUE + WEEK + DAY)
    run(DUE + WEEK + DAY)
    assert mail.outbox == []
    run(DUE + 2 * WEEK)
    assert len(mail.outbox) == 1


@pytest.mark.parametrize("changed", ["stopped", "paused", "ended"])
def test_mail_that_was_owed_in_the_moment_of_a_stop_is_not_sent(changed: str) -> None:
    """The worker may read the list just before the press, and write the row just after it."""
    one = a_list(an_official(), an_official("one@example.org"))
    subscriptions.owe_due(now=DUE)
    if changed == "stopped":
        one.recipients.update(stopped_at=DUE)
    if changed == "paused":
        Subscription.objects.update(paused_at=DUE)
    if changed == "ended":
        Subscription.objects.update(ended_at=DUE, end=End.OVER)
    run(DUE)
    assert (mail.outbox, states()) == ([], [State.DROPPED])


def test_list_ends_after_its_last_day_and_its_maker_is_told() -> None:
    a_list(an_official(), last_day=DUE.date())
    run(DUE)
    run(DUE + WEEK)
    assert len(mail.outbox) == 1
    assert (Subscription.objects.get().end, told()) == (End.OVER, ["official@example.org"])


# What it says


@pytest.mark.parametrize("attachment", ["xlsx", "csv", "excel"])
@pytest.mark.parametrize("report", ["index", "agencies"])
def test_mail_says_what_until_when_from_where_and_has_the_file(report: str, attachment: str) -> None:
    a_list(an_official(), report=report, attachment=attachment)
    run(DUE)
    (letter,) = mail.outbox
    page = letter.alternatives[0][0]
    for text in (letter.body, page):
        assert "Counted until" in text
        assert "Source: the appointments and visits" in text
        assert "Requests" in text
        assert "http://" in text
    (part,) = letter.attachments
    kind = "xlsx" if attachment == "xlsx" else "csv"
    assert part.get_filename().endswith(f".{kind}")
    assert part.get_filename().startswith("overview-2026-03-2026-03" if report == "index" else "agencies-2026-03-08")
    content = part.get_payload(decode=True)
    if kind == "xlsx":
        assert load_workbook(BytesIO(content)).sheetnames
    else:
        assert content.startswith(b"\xef\xbb\xbf") == (attachment == "excel")
        assert b"\r\n" in content


def test_filters_are_told_in_words_and_lead_to_the_same_view(branch: Branch) -> None:
    scope = Scope(frozenset([branch.agency_id]))
    an_agency("aade")
    a_list(an_official(), scope=scope, query="agency=kep&channel=video")
    run(DUE)
    (letter,) = mail.outbox
    assert "Agency: KEP" in letter.body
    assert "Channel: By video call" in letter.body
    assert "/en/reports/?agency=kep&channel=video&from=2026-03&until=2026-03" in letter.body
    assert "myKEPlive" in letter.body


def test_demo_says_that_its_figures_are_invented(settings: Settings) -> None:
    settings.MYDESK_DEMO = True
    a_list(an_official())
    run(DUE)
    for text in (mail.outbox[0].body, mail.outbox[0].alternatives[0][0]):
        assert "they are invented" in text


def test_months_before_there_were_figures_are_not_known_and_not_zero() -> None:
    a_list(an_official(), period="year")
    run(DUE)
    (letter,) = mail.outbox
    assert "Requests: not known" in letter.body
    assert "There are figures since March 2026." in letter.body
    book = load_workbook(BytesIO(letter.attachments[0].get_payload(decode=True)))
    cells = [cell.value for row in book.worksheets[0].iter_rows() for cell in row]
    assert 0 not in cells


def test_figures_of_the_mail_are_those_of_its_page_and_file(client: Client, branch: Branch) -> None:
    served, _other = (an_appointment(slots_of(branch)[place], place) for place in (1, 2))
    booking.serve(served, by=by(a_user("officer@example.org")), now=NOW)
    booking.complete(served, by=STAFF, now=NOW)
    counting.count_all(now=NOW)
    official = an_official()
    a_list(official)
    run(DUE)
    (letter,) = mail.outbox
    link = re.search(r"http://localhost[^/]*(/en/reports/\?\S+)", letter.body)
    assert link is not None
    client.force_login(official)
    page = client.get(link[1])
    assert page.status_code == 200
    told = client.get(link[1].replace("/reports/?", "/reports/overview.json?")).json()["headlines"]
    assert (told["requested"], told["served"]) == (2, 1)
    assert "Requests: 2\nServed: 1\n" in letter.body
    book = load_workbook(BytesIO(letter.attachments[0].get_payload(decode=True)))
    cells = {row[0].value: row[1].value for row in book.worksheets[0].iter_rows()}
    assert (cells["Requests"], cells["Served"]) == (2, 1)


def test_greek_mail_is_greek() -> None:
    a_list(an_official(), language="el")
    run(DUE)
    assert mail.outbox[0].subject.startswith("Επισκόπηση: Μάρτιος 2026")
    assert "Source" not in mail.outbox[0].body + mail.outbox[0].alternatives[0][0]


def test_too_large_file_is_not_attached_and_the_mail_leads_to_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(letters, "LARGEST", 100)
    a_list(an_official())
    run(DUE)
    (letter,) = mail.outbox
    assert letter.attachments == []
    assert "too large for a mail" in letter.body
    assert "/en/reports/overview.xlsx?from=2026-03" in letter.body


def test_mail_server_that_takes_no_large_mail_gets_it_without_the_file(server: MailServer, settings: Settings) -> None:
    server.largest = 9_000
    a_list(an_official())
    run(DUE)
    (letter,) = server.mails
    assert "too large for a mail" in str(letter.get_body(("plain",)))  # type: ignore[attr-defined]
    assert states() == [State.SENT]
    assert not Peer.objects.exists()  # the server works, and other mails go on


# Who may see it


def test_official_without_the_role_sends_nothing_more_and_is_told() -> None:
    official, colleague = an_official(), an_official("colleague@example.org")
    a_list(official, official, colleague)
    subscriptions.owe_due(now=DUE)
    User.objects.filter(pk=official.pk).update(is_official=False)
    run(DUE)
    assert (mail.outbox, states()) == ([], [State.DROPPED, State.DROPPED])
    assert (Subscription.objects.get().end, told()) == (End.RIGHTS, ["official@example.org"])
    run(DUE + WEEK)
    assert len(told()) == 1


def test_inactive_maker_sends_nothing_more() -> None:
    a_list(an_official(), an_official("colleague@example.org"))
    User.objects.filter(email="official@example.org").update(is_active=False)
    run(DUE)
    assert (mail.outbox, Subscription.objects.get().end) == ([], End.RIGHTS)


def test_official_who_becomes_a_supervisor_sends_nothing_more(branch: Branch) -> None:
    official = an_official()
    a_list(official)
    User.objects.filter(pk=official.pk).update(is_official=False)
    Membership.objects.create(user=official, agency=branch.agency, role=Role.SUPERVISOR)
    run(DUE)
    assert (mail.outbox, Subscription.objects.get().end) == ([], End.RIGHTS)


def test_supervisor_who_lost_one_of_two_branches_sends_nothing_more(branch: Branch) -> None:
    other = a_branch(branch.agency, "kep-sitia")
    supervisor = proven(an_officer(branch, Role.SUPERVISOR, "supervisor@example.org"))
    Membership.objects.create(user=supervisor, agency=branch.agency, branch=other, role=Role.SUPERVISOR)
    a_list(supervisor, scope=Scope(branches=frozenset([branch.pk, other.pk])))
    run(DUE)
    assert to() == ["supervisor@example.org"]
    Membership.objects.filter(branch=other).delete()
    run(DUE + WEEK)
    assert (len(mail.outbox), Subscription.objects.get().end) == (1, End.RIGHTS)


@pytest.mark.parametrize("role", ["nobody", "agent", "other agency", "inactive", "unproven", "new address"])
def test_recipient_gets_nothing_who_may_not_see_it_now(role: str, branch: Branch) -> None:
    colleague = an_official("colleague@example.org")
    a_list(an_official(), colleague)
    if role in ("nobody", "agent", "other agency"):
        User.objects.filter(pk=colleague.pk).update(is_official=False)
    if role == "agent":
        Membership.objects.create(user=colleague, agency=branch.agency, branch=branch, role=Role.AGENT)
    if role == "other agency":
        Membership.objects.create(user=colleague, agency=an_agency("aade"), role=Role.AGENCY_ADMIN)
    if role == "inactive":
        User.objects.filter(pk=colleague.pk).update(is_active=False)
    if role == "unproven":
        EmailAddress.objects.update(verified=False)
    if role == "new address":
        User.objects.filter(pk=colleague.pk).update(email="mistyped@example.org")
    run(DUE)
    assert (mail.outbox, states()) == ([], [State.REFUSED])
    assert Subscription.objects.get().ended_at is None


def test_published_table_goes_to_any_proven_address() -> None:
    a_list(an_official(), proven(a_user("citizen@example.org")), a_user("other@example.org"), report="agencies")
    run(DUE)
    assert (to(), states()) == (["citizen@example.org"], [State.SENT, State.REFUSED])


def test_filter_that_exists_no_more_ends_the_list_instead_of_sending_more(branch: Branch) -> None:
    a_branch(branch.agency, "kep-athens", region_el="Αττική", region_en="Attica")
    Branch.objects.filter(pk=branch.pk).update(region_el="Κρήτη", region_en="Crete")
    a_list(an_official(), query="region=Κρήτη")
    run(DUE)
    assert len(mail.outbox) == 1
    Branch.objects.filter(pk=branch.pk).update(region_el="Αττική")  # one region is no choice, and the form has no field
    run(DUE + WEEK)
    assert (len(mail.outbox), Subscription.objects.get().end) == (1, End.FILTERS)
    assert told() == ["official@example.org"]


def test_report_that_exists_no_more_ends_the_list() -> None:
    a_list(an_official(), report="of-before")
    run(DUE)
    assert (mail.outbox, Subscription.objects.get().end) == ([], End.FILTERS)


def test_scope_is_seen_through_whole_agencies(branch: Branch) -> None:
    one, other = Scope(branches=frozenset([branch.pk])), an_agency("aade")
    assert one.is_seen_by(Viewer(frozenset([branch.agency_id])))
    assert not one.is_seen_by(Viewer(frozenset([other.pk])))
    assert not Scope(frozenset([branch.agency_id])).is_seen_by(Viewer(branches=frozenset([branch.pk])))
    assert not Scope(agencies=None).is_seen_by(Viewer(frozenset([branch.agency_id, other.pk])))


# The mail server, and mails that come back


def test_mail_server_that_is_away_gets_the_mails_when_it_works(server: MailServer, settings: Settings) -> None:
    a_list(an_official(), an_official("one@example.org"), an_official("two@example.org"))
    settings.EMAIL_PORT = 1
    run(DUE)
    assert states() == [State.PENDING, State.PENDING]
    assert Peer.objects.exists()
    settings.EMAIL_PORT = server.port
    run(DUE + 2 * HOUR)
    run(DUE + 3 * HOUR)
    assert sorted(server.recipients) == ["one@example.org", "two@example.org"]


def test_report_that_cannot_be_read_is_tried_again_and_says_nothing_of_the_server(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    a_list(an_official(), an_official("one@example.org"), an_official("two@example.org"))
    tries: list[int] = []
    with monkeypatch.context() as broken:
        broken.setattr("reports.mailing.contents.made", lambda *_args, **_named: (tries.append(1), 1 / 0))
        run(DUE)
    assert (states(), "could not be read" in caplog.text) == ([State.PENDING, State.PENDING], True)
    assert (len(tries), Peer.objects.exists()) == (1, False)  # once for both
    run(DUE + HOUR)
    assert states() == [State.SENT, State.SENT]


def test_mail_that_nobody_can_send_is_owed_no_more_once_the_next_is() -> None:
    a_list(an_official())
    subscriptions.owe_due(now=DUE)
    run(DUE + WEEK)
    assert (len(mail.outbox), states()) == (1, [State.DROPPED, State.SENT])


@pytest.mark.parametrize(("reply", "is_returned"), [("550 5.1.1 no such user", True), ("550 5.7.1 no", False)])
def test_refused_address_is_noted(server: MailServer, reply: str, is_returned: bool) -> None:
    server.answer = lambda _recipient: reply
    a_list(an_official())
    run(DUE)
    assert states() == [State.FAILED]
    assert User.objects.unreachable().exists() == is_returned


def test_mail_that_comes_back_is_noted_once_and_no_more_are_sent() -> None:
    official = an_official()
    a_list(official)
    run(DUE)
    sending = Sending.objects.get()
    found = notice_in(parsed(notice("postfix", mark_of("report", sending.pk, official.email), official.email)))
    assert found is not None
    outcomes = [follow_notice(found, now=DUE + HOUR) for _ in range(2)]
    assert outcomes == [ReturnedMail.Outcome.BOUNCED, ReturnedMail.Outcome.NOTHING]
    assert (states(), [*User.objects.unreachable()]) == ([State.RETURNED], [official])
    run(DUE + WEEK)
    assert (len(mail.outbox), states()) == (1, [State.RETURNED, State.RETURNED])


def test_mail_has_a_mark_and_one_press_to_stop_it() -> None:
    a_list(an_official())
    run(DUE)
    letter = mail.outbox[0]
    headers = letter.extra_headers
    (mark,) = marks.found_in([headers["Message-ID"]])
    assert (mark.kind, mark.key) == ("report", Sending.objects.get().pk)
    link = headers["List-Unsubscribe"].strip("<>")
    assert link.endswith(f"/en/reports/sendings/stop/{Recipient.objects.get().key}/")
    assert headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert link in letter.body
    assert link in letter.alternatives[0][0]


def test_old_rows_are_forgotten() -> None:
    one = a_list(an_official())
    run(DUE)
    run(DUE + 180 * DAY, tasks.forget_mailings.run)
    assert Sending.objects.count() == 1
    subscriptions.end(one, End.OVER, now=DUE + DAY)
    run(DUE + 180 * DAY + HOUR, tasks.forget_mailings.run)
    assert (Sending.objects.count(), Subscription.objects.count()) == (0, 1)
    run(DUE + 182 * DAY, tasks.forget_mailings.run)
    assert not Subscription.objects.exists()


def test_report_is_read_once_for_all_who_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[object] = []
    made = contents.made
    monkeypatch.setattr(contents, "made", lambda *args, **named: (read.append(1), made(*args, **named))[1])
    a_list(an_official(), *(an_official(f"{number}@example.org") for number in range(3)))
    run(DUE)
    assert (len(mail.outbox), len(read)) == (3, 1)
