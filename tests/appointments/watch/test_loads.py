"""What supervisors watch: numbers of each branch, problems first, and whose branches are nobody's business."""

import re
from collections.abc import Callable
from datetime import date, datetime, timedelta

import pytest
from django.test import Client
from playwright.sync_api import Page, expect
from pytest_django import DjangoAssertNumQueries
from pytest_django.live_server_helper import LiveServer

from accounts.models import User
from agencies.models import Branch, Procedure, Role
from appointments import booking
from appointments.models import Alert, Appointment, Desk, Notification, Status, Ticket, TimeSlot
from appointments.times.publishing import publish
from appointments.watch import loads
from appointments.watch.loads import Load
from tests.builders import (
    EVERY_DAY,
    GUEST,
    MONDAY,
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
    by,
    minutes,
    slots_of,
)
from tests.pages import fits

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]
WATCH = "/en/admin/appointments/appointment/watch/"
AGAIN = f"{WATCH}again/"


def load_of(branch: Branch, now: datetime = NOW) -> Load:
    return loads.loads(Branch.objects.filter(pk=branch.pk), now=now)[0]


def a_ticket(branch: Branch, number: int, arrived_at: datetime, **fields: object) -> Ticket:
    given = {"day": branch.today(arrived_at), "arrived_at": arrived_at, "due_at": arrived_at} | fields
    return Ticket.objects.create(branch=branch, number=number, procedure=branch.agency.procedures.get(), **given)


def an_alert(branch: Branch, procedure: Procedure | None = None, **fields: object) -> Alert:
    kind = Alert.Kind.NO_FREE_TIME if procedure else Alert.Kind.UNPLACED
    return Alert.objects.create(branch=branch, kind=kind, procedure=procedure, number=21, raised_at=NOW, **fields)


def test_load_counts_the_appointments_of_the_branchs_own_day() -> None:
    branch = an_open_branch(desks=2)
    slots = slots_of(branch)
    officer = an_officer(branch)
    coming, here, served, missed, cancelled = (an_appointment(slots[number], number) for number in range(20, 25))
    an_appointment(next(slot for slot in slots if slot.starts_at >= at(8)), 9)
    booking.arrive(here, by=GUEST, now=NOW)
    booking.complete(booking.serve(served, by=by(officer), now=NOW), by=STAFF, now=NOW)
    booking.miss(missed, by=STAFF, now=missed.starts_at)
    booking.cancel(cancelled, by=STAFF, now=NOW)
    load = load_of(branch)
    assert (load.coming, load.here, load.served, load.missed, load.cancelled) == (1, 1, 1, 1, 1)
    assert load.total == 4
    assert coming.status == Status.BOOKED


def test_load_of_a_branch_far_away_counts_its_own_day() -> None:
    branch = a_branch(an_agency("ypex"), "ny", timezone="America/New_York")
    a_procedure(branch.agency, "ypex-one")
    a_rule(branch, weekdays=EVERY_DAY)
    last = [slot for slot in slots_of(branch) if branch.local(slot.starts_at).date() == MONDAY][-1]
    an_appointment(last)
    assert load_of(branch, NOW).total == 1  # Monday, midnight, in New York
    assert load_of(branch, NOW - timedelta(hours=1)).total == 0  # still Sunday there


def test_load_tells_who_waits_and_how_long() -> None:
    branch = an_open_branch()
    a_ticket(branch, 1, NOW)
    a_ticket(branch, 2, NOW + minutes(10))
    a_ticket(branch, 3, NOW - minutes(60), state=Ticket.State.DONE)
    a_ticket(branch, 1, NOW - timedelta(days=1))
    load = load_of(branch, NOW + minutes(25))
    assert (load.waiting, load.longest_minutes, load.walk_ins) == (2, 25, 3)
    assert load.is_behind
    assert not load_of(branch, NOW + minutes(20)).is_behind


def test_load_compares_the_desks_planned_now_with_who_sits_there() -> None:
    branch = an_open_branch(desks=3)
    slots_of(branch)
    for number in range(3):
        officer = None if number == 2 else an_officer(branch, email=f"agent{number}@example.org")
        paused = NOW if number == 1 else None
        Desk.objects.create(branch=branch, name=str(number), officer=officer, paused_at=paused)
    open_now, closed = load_of(branch, at(9, 5, day=MONDAY)), load_of(branch, at(15, day=MONDAY))
    assert (open_now.planned, open_now.seated, open_now.paused) == (3, 2, 1)
    assert closed.planned == 0


def test_load_warns_when_somebody_waits_and_no_desk_calls() -> None:
    branch = an_open_branch()
    a_ticket(branch, 1, NOW)
    desk = Desk.objects.create(branch=branch, name="1", officer=an_officer(branch), paused_at=NOW)
    assert load_of(branch).is_unattended
    Desk.objects.filter(pk=desk.pk).update(paused_at=None)
    assert not load_of(branch).is_unattended


def test_load_counts_what_there_is_to_do() -> None:
    branch = an_open_branch()
    tuesday = [slot for slot in slots_of(branch) if slot.starts_at >= at(8)]
    fits_no_more, unconfirmed, unreached, past = (an_appointment(tuesday[number], number) for number in range(4))
    a_closure(branch, date(2026, 3, 3), from_time=at(8).time(), until_time=at(8, 10).time())
    publish([branch.pk], now=NOW)
    Appointment.objects.filter(pk=unconfirmed.pk).update(status=Status.UNVERIFIED, expires_at=NOW + minutes(9))
    for one in (unreached, past):
        one.notifications.update(state=Notification.State.FAILED)
    Appointment.objects.filter(pk=past.pk).update(starts_at=NOW - minutes(90), ends_at=NOW - minutes(80))
    alert = an_alert(branch, branch.agency.procedures.get())
    load = load_of(branch)
    assert (load.unplaced, load.unconfirmed, load.failed) == (1, 1, 1)
    assert load.without_times == [alert]
    assert fits_no_more.starts_at == at(8)


def test_loads_put_the_branch_with_most_to_do_first() -> None:
    branch = an_open_branch()
    calm = a_branch(branch.agency, "kep-a", name_el="ΚΕΠ Α")
    busy = a_branch(branch.agency, "kep-z", name_el="ΚΕΠ Ω")
    a_ticket(busy, 1, NOW)
    names = [load.branch.code for load in loads.loads(Branch.objects.all(), now=NOW)]
    assert names == ["kep-z", calm.code, "kep-chania"]


@pytest.mark.parametrize("count", [1, 3])
def test_loads_take_nine_queries(count: int, django_assert_num_queries: DjangoAssertNumQueries) -> None:
    first = an_open_branch()
    branches = [first, *(a_branch(first.agency, f"kep-{number}") for number in range(1, count))]
    for branch in branches:
        an_alert(branch, first.agency.procedures.get())
        a_ticket(branch, 1, NOW)
    with django_assert_num_queries(9):
        assert len(loads.loads(Branch.objects.all(), now=NOW)) == count


# The page


@pytest.fixture
def branch() -> Branch:
    """ΚΕΠ Χανίων, open around the clock from the real now on, for the page reads the real clock."""
    branch = a_branch(an_agency())
    a_procedure(branch.agency, name_en="Passport")
    a_rule(branch, weekdays=EVERY_DAY, opens_at="00:00", closes_at="23:50")
    publish([branch.pk], now=NOW)
    return branch


def signed_in(client: Client, user: User) -> Client:
    client.force_login(user)
    return client


def text_of(client: Client, url: str = WATCH) -> str:
    response = client.get(url)
    assert response.status_code == 200
    return response.content.decode()


def with_everything(branch: Branch) -> Appointment:
    """Something to do of every kind."""
    slots = TimeSlot.objects.filter(branch=branch, starts_at__gt=NOW + timedelta(hours=3)).order_by("starts_at")
    lost, unconfirmed, unreached = (an_appointment(slots[number], number, now=NOW) for number in range(3))
    TimeSlot.objects.filter(pk__in=lost.slot_ids).update(desks=0)
    Appointment.objects.filter(pk=unconfirmed.pk).update(status=Status.UNVERIFIED, expires_at=NOW + minutes(60))
    unreached.notifications.update(state=Notification.State.FAILED)
    a_ticket(branch, 1, NOW - minutes(31), day=branch.today(NOW))
    an_alert(branch, branch.agency.procedures.get())
    return unreached


def test_page_shows_what_to_do_and_leads_there(client: Client, branch: Branch) -> None:
    unreached = with_everything(branch)
    signed_in(client, an_officer(branch, Role.SUPERVISOR))
    text = text_of(client)
    assert "Somebody waits and no desk calls" in text
    assert "longest 31 minutes" in text
    assert re.search(r"1 service without free time for 21 days.*Passport.*since", text, re.DOTALL)
    links = dict(re.findall(r'<a href="([^"]+)">(1 [^<]+)</a>', text))
    by_text = {text: link.replace("&amp;", "&") for link, text in links.items()}
    assert unreached.spoken_reference in text_of(client, by_text["1 citizen to call: a message failed"])
    for told in ("1 appointment no longer fits", "1 appointment not confirmed yet"):
        page = text_of(client, by_text[told])
        assert unreached.spoken_reference not in page
        assert len(set(re.findall(r"Πολίτης \d", page))) == 1


def test_page_names_no_citizen(client: Client, branch: Branch) -> None:
    with_everything(branch)
    assert "Πολίτης" not in text_of(signed_in(client, an_officer(branch, Role.SUPERVISOR)))


def test_page_is_not_for_agents(client: Client, branch: Branch) -> None:
    signed_in(client, an_officer(branch))
    assert client.get(WATCH).status_code == 403
    assert client.get(AGAIN).status_code == 403
    assert WATCH not in client.get("/en/admin/appointments/appointment/").content.decode()


def test_page_shows_supervisors_their_own_branches_alone(client: Client, branch: Branch) -> None:
    a_branch(branch.agency, "kep-sitia", name_en="KEP Sitia")
    a_branch(an_agency("aade"), "aade-chania", name_en="Tax office")
    text = text_of(signed_in(client, an_officer(branch, Role.SUPERVISOR)))
    assert "KEP Chania" in text
    assert "Sitia" not in text
    assert "Tax office" not in text
    assert WATCH in text  # the menu leads here


def test_page_shows_operators_numbers_without_a_way_to_citizens(client: Client, branch: Branch) -> None:
    with_everything(branch)
    a_branch(an_agency("aade"), "aade-chania", name_en="Tax office")
    text = text_of(signed_in(client, a_user("operator@example.org", is_operator=True)))
    assert "KEP Chania" in text
    assert "Tax office" in text
    assert "1 appointment no longer fits" in text
    assert "day/?branch" not in text
    assert "unplaced/?branch" not in text


def test_page_of_many_branches_begins_with_those_that_have_something_to_do(client: Client, branch: Branch) -> None:
    for number in range(21):
        a_branch(branch.agency, f"kep-{number}", name_en=f"KEP Calm {number}")
    with_everything(branch)
    signed_in(client, an_officer(branch.agency, Role.AGENCY_ADMIN))
    assert text_of(client).count('<th scope="row">') == 1
    assert text_of(client, f"{WATCH}?show=all").count('<th scope="row">') == 22
    assert text_of(client, f"{WATCH}?q=calm+20").count('<th scope="row">') == 1
    assert "No branch is called like this." in text_of(client, f"{WATCH}?q=xyz")


def test_page_with_nothing_to_do_says_so(client: Client, branch: Branch) -> None:
    signed_in(client, an_officer(branch, Role.SUPERVISOR))
    a_branch(branch.agency, "kep-sitia")
    text = text_of(client, f"{WATCH}?show=todo")
    assert "Nothing to do at 1 branch." in text


@pytest.mark.parametrize("count", [1, 3])
def test_page_takes_few_queries(
    client: Client, branch: Branch, count: int, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for number in range(1, count):
        a_branch(branch.agency, f"kep-{number}")
    for one in Branch.objects.all():
        an_alert(one, branch.agency.procedures.get())
    signed_in(client, an_officer(branch.agency, Role.AGENCY_ADMIN))
    # session, user, memberships, how many branches, nine for the numbers, and three for changed clocks
    with django_assert_num_queries(16):
        assert text_of(client).count('<th scope="row">') == count


def test_page_asked_again_answers_only_when_something_has_changed(client: Client, branch: Branch) -> None:
    signed_in(client, an_officer(branch, Role.SUPERVISOR))
    seen = re.search(r'data-seen="(\w+)"', text_of(client))
    assert seen
    assert client.get(f"{AGAIN}?seen={seen[1]}").status_code == 204
    a_ticket(branch, 1, NOW - minutes(5), day=branch.today(NOW))
    answer = client.get(f"{AGAIN}?seen={seen[1]}")
    assert "longest 5 minutes" in answer.content.decode()
    assert client.get(f"{AGAIN}?seen={answer['X-Seen']}").status_code == 204


def test_page_keeps_itself_up_to_date_in_the_browser(
    page: Page, live_server: LiveServer, branch: Branch, assert_accessible: Callable[[Page], None]
) -> None:
    with_everything(branch)
    client = signed_in(Client(), an_officer(branch, Role.SUPERVISOR))
    cookie = client.cookies["sessionid"].value
    page.context.add_cookies([{"name": "sessionid", "value": cookie, "url": live_server.url}])
    page.clock.install()
    page.goto(WATCH)
    assert_accessible(page)
    page.get_by_text("Which").click()
    a_ticket(branch, 2, NOW)
    page.clock.run_for(16_000)
    expect(page.locator("td[data-label='Waiting now']")).to_contain_text("2")
    expect(page.get_by_text("Passport")).to_be_visible()
    page.context.set_offline(True)
    page.clock.run_for(16_000)
    expect(page.get_by_text("Connection lost")).to_be_visible()


def test_page_reads_on_a_phone(
    phone: Page, live_server: LiveServer, branch: Branch, assert_accessible: Callable[[Page], None]
) -> None:
    with_everything(branch)
    a_branch(branch.agency, "kep-sitia")
    client = signed_in(Client(), an_officer(branch.agency, Role.AGENCY_ADMIN))
    cookie = client.cookies["sessionid"].value
    phone.context.add_cookies([{"name": "sessionid", "value": cookie, "url": live_server.url}])
    phone.goto(WATCH)
    assert_accessible(phone)
    assert fits(phone)
