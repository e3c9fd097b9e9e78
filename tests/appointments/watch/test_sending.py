"""The page on which supervisors and operators see how the sending of messages goes."""

import re
from pathlib import Path

import pytest
from django.conf import settings as configured
from django.test import Client
from django.utils.timezone import localtime
from pytest_django import DjangoAssertNumQueries

from accounts.mails.handing import MAIL_SERVER
from accounts.peers import Ask, Peer, PeerAway
from accounts.work.due import lanes
from agencies.models import Agency, Branch
from appointments.messages.delivery import GATEWAY
from appointments.models import Notification
from appointments.watch.sending import LATELY, PEERS, SENT_BY, label_of, lost, sending
from tests.builders import NOW, a_branch, a_rule, a_user, booked_at, minutes
from tests.pages import text_of
from videocalls.providers.asking import peer_name

pytestmark = pytest.mark.django_db

Kind, State = Notification.Kind, Notification.State
WATCH = "/admin/appointments/appointment/watch/"
PAGE = "/admin/appointments/appointment/watch/messages/"


@pytest.fixture
def other(branch: Branch) -> Branch:
    there = a_branch(branch.agency, "kep-rethymno", name_el="ΚΕΠ Ρεθύμνου")
    a_rule(there)
    return there


def fail(branch: Branch, hour: int) -> None:
    booked_at(branch, hour).notifications.filter(kind=Kind.CONFIRMATION).update(state=State.FAILED)


def test_lanes_of_messages_are_known_lanes() -> None:
    assert {*SENT_BY} <= {lane.name for lane in lanes()}


def test_each_lane_tells_how_much_is_due_and_since_when(branch: Branch, other: Branch) -> None:
    booked_at(branch, 9)
    booked_at(other, 9)
    found = {one.due.lane.name: one for one in sending(now=NOW + minutes(10))}
    assert (found["mail"].number, found["mail"].due.span, found["mail"].due.is_late) == (2, "10 λεπτά", True)
    assert (found["urgent mail"].number, found["urgent mail"].due.age) == (2, 600)
    assert (found["sms"].number, found["sms"].due.age) == (0, 0)
    own = {one.due.lane.name: one.number for one in sending(now=NOW + minutes(10), branches=[branch])}
    assert own["mail"] == 1


def test_what_did_not_arrive_is_counted_by_branch_or_for_all(branch: Branch, other: Branch) -> None:
    fail(branch, 9)
    fail(other, 9)
    fail(other, 10)
    assert [one.number for one in lost(now=NOW)] == [3]
    by_branch = [(one.branch and one.branch.code, one.number) for one in lost(now=NOW, branches=[branch, other])]
    assert sorted(by_branch, key=str) == [("kep-chania", 1), ("kep-rethymno", 2)]
    assert lost(now=NOW + LATELY + minutes(1)) == []


@pytest.mark.usefixtures("clock")
def test_supervisor_sees_the_own_branches_with_links(
    supervisor: Client, branch: Branch, other: Branch, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    fail(branch, 9)
    fail(other, 9)
    with django_assert_max_num_queries(20):
        shown = text_of(supervisor.get(PAGE))
    assert "branch=kep-chania" in shown
    assert "ΚΕΠ Ρεθύμνου" not in shown


@pytest.mark.usefixtures("clock")
def test_operator_sees_numbers_alone(client: Client, branch: Branch) -> None:
    fail(branch, 9)
    client.force_login(a_user("operator@example.org", is_operator=True, is_invited=True))
    shown = text_of(client.get(PAGE))
    assert "Δεν έφτασαν" in shown
    assert "ΚΕΠ Χανίων" not in shown
    assert "undelivered=yes" not in shown


@pytest.mark.usefixtures("clock")
@pytest.mark.parametrize(("who", "page"), [("supervisor", PAGE), ("operator", PAGE), ("operator", WATCH)])
def test_pages_tell_who_is_left_alone_and_since_when(who: str, page: str, supervisor: Client) -> None:
    reader = supervisor
    if who == "operator":
        reader.force_login(a_user("operator@example.org", is_operator=True, is_invited=True))
    assert "Δεν λειτουργεί" not in text_of(reader.get(page))
    for peer, ago in ((GATEWAY, 5), (MAIL_SERVER, 20)):
        Ask(peer).failed(PeerAway("No route to host"), now=NOW - minutes(ago))
    shown = text_of(reader.get(page))
    mail, sms = (shown.index(f"Δεν λειτουργεί: {name}") for name in ("διακομιστής αλληλογραφίας", "πύλη SMS"))
    since = localtime(NOW - minutes(20))
    assert f", από {since.day} Μαρτίου, {since:%H:%M}." in shown[mail:sms]
    assert "No route to host" not in shown  # it may name machines
    Ask(MAIL_SERVER).answered()
    assert "διακομιστής αλληλογραφίας" not in text_of(reader.get(page))


def test_every_server_of_others_has_a_name_for_people() -> None:
    root = Path(configured.BASE_DIR)
    files = (
        path for app in ("accounts", "appointments", "reports", "videocalls") for path in (root / app).rglob("*.py")
    )
    names = [name for path in files for name in re.findall(r"\bPeer\(\"([^\"]+)\"", path.read_text())]
    assert sorted(names) == sorted(PEERS)
    for provider in Agency.VideoProvider:
        assert str(provider.label) in label_of(peer_name(provider, "video.example.org"))


@pytest.mark.usefixtures("clock")
def test_pages_tell_which_video_server_does_not_work(client: Client) -> None:
    client.force_login(a_user("operator@example.org", is_operator=True, is_invited=True))
    peer = Peer(peer_name("bbb", "video.example.org"), (15,), minutes(1))
    Ask(peer).failed(PeerAway("No route to host"), now=NOW - minutes(7))
    since = localtime(NOW - minutes(7))
    for page in (WATCH, PAGE):
        shown = text_of(client.get(page))
        assert "(BigBlueButton, video.example.org)" in shown
        assert f"από {since.day} Μαρτίου, {since:%H:%M}. Οι κλήσεις" in shown
        assert "No route to host" not in shown


def test_officer_sees_nothing_of_it(client: Client, officer: object) -> None:
    client.force_login(officer)  # type: ignore[arg-type]
    assert client.get(PAGE).status_code == 403
