"""Private calendar addresses: what they hold, who may make them, and when they answer nobody any more."""

from collections.abc import Callable
from datetime import UTC, date, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import time_machine
from django.db import transaction
from django.db.models import Model
from django.test import Client
from django.urls import reverse
from icalendar import Calendar, Event
from pytest_django import DjangoAssertNumQueries

from accounts.models import User
from agencies.models import Agency, Branch, Channel, Closure, Membership, Procedure
from appointments import booking
from appointments.messages import invitations
from appointments.models import Appointment, Feed
from tests.builders import (
    NOW,
    STAFF,
    TUESDAY,
    a_branch,
    a_closure,
    an_agency,
    an_appointment,
    an_officer,
    an_open_branch,
    at,
    by,
    slot_at,
)

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]
FEEDS = "/admin/appointments/appointment/calendar/feeds/"


def a_feed(branch: Branch | None = None, officer: User | None = None, made_by: User | None = None) -> Feed:
    maker = made_by or officer or an_officer(branch, email=f"{branch.code}@example.org") if branch else officer
    return Feed.objects.create(branch=branch, officer=officer, made_by=maker, made_at=NOW)


def status(client: Client, feed: Feed) -> int:
    return client.get(f"/feeds/{feed.key}.ics").status_code


def read(client: Client, feed: Feed, language: str = "") -> Calendar:
    answer = client.get(f"{language}/feeds/{feed.key}.ics")
    assert answer.status_code == 200
    assert answer["Content-Type"] == "text/calendar; charset=utf-8"
    return Calendar.from_ical(answer.content)


def uids(client: Client, feed: Feed) -> list[str]:
    return [str(event["uid"]) for event in read(client, feed).events]


def only_event(client: Client, feed: Feed) -> Event:
    (event,) = read(client, feed).events
    return event


def test_branch_feed_holds_its_appointments_without_names(client: Client) -> None:
    branch = an_open_branch()
    appointment = an_appointment(slot_at(at(10), branch), channel=Channel.VIDEO, name="Μαρία Παπαδοπούλου")
    feed = a_feed(branch=branch)
    found = read(client, feed)
    (event,) = found.events
    assert found["x-wr-calname"] == "ΚΕΠ Χανίων"
    assert event["summary"] == "Υπεύθυνη δήλωση · Με βιντεοκλήση"
    assert (event.decoded("dtstart"), event.decoded("dtend")) == (at(10).astimezone(UTC), at(10, 10).astimezone(UTC))
    assert (event["status"], event["sequence"]) == ("CONFIRMED", 0)
    assert event["url"] == f"http://localhost:8000/admin/appointments/appointment/{appointment.reference}/change/"
    assert "Παπαδοπούλου" not in found.to_ical().decode()
    assert appointment.link_key not in found.to_ical().decode()  # the citizen's own link


def test_names_are_shown_where_the_agency_allows_it(client: Client) -> None:
    branch = an_open_branch()
    an_appointment(slot_at(at(10), branch), name="Μαρία Παπαδοπούλου")
    feed = a_feed(branch=branch)
    old = client.get(f"/feeds/{feed.key}.ics")["ETag"]
    branch.agency.feeds_show_names = True
    with transaction.atomic():  # in production each change has a transaction of its own
        branch.agency.save()
    assert only_event(client, feed)["summary"] == "Υπεύθυνη δήλωση · Με φυσική παρουσία · Μαρία Παπαδοπούλου"
    assert client.get(f"/feeds/{feed.key}.ics")["ETag"] != old


def test_any_text_survives_the_calendar_format(client: Client) -> None:
    branch = an_open_branch()
    branch.agency.feeds_show_names = True
    branch.agency.save()
    name = "Ηλίας, «ο» γιος; \\ του Κωνσταντίνου-Παναγιώτη Παπαδιαμαντοπούλου της Αικατερίνης"
    branch.agency.procedures.update(name_el="Άδεια; έκδοση, ανανέωση\nκαι " + "αντικατάσταση " * 9)
    an_appointment(slot_at(at(10), branch), name=name)
    feed = a_feed(branch=branch)
    summary = str(only_event(client, feed)["summary"])
    assert summary == f"{branch.agency.procedures.get().name_el} · Με φυσική παρουσία · {name}"
    lines = client.get(f"/feeds/{feed.key}.ics").content.split(b"\r\n")
    assert max(len(line) for line in lines) <= 75


def test_feed_speaks_the_language_of_its_address(client: Client) -> None:
    branch = an_open_branch()
    an_appointment(slot_at(at(10), branch))
    (event,) = read(client, a_feed(branch=branch), "/en").events
    assert event["summary"] == "Solemn declaration · In person"


def test_officer_and_citizen_have_different_events(client: Client) -> None:
    branch = an_open_branch()
    appointment = an_appointment(slot_at(at(10), branch))
    citizens = Calendar.from_ical(invitations.download(appointment, now=NOW)).events[0]
    assert only_event(client, a_feed(branch=branch))["uid"] != citizens["uid"]


def test_moved_appointment_is_the_same_event_and_a_cancelled_one_none(client: Client) -> None:
    branch = an_open_branch()
    appointment = an_appointment(slot_at(at(10), branch))
    feed = a_feed(branch=branch)
    before = only_event(client, feed)
    booking.reschedule(appointment, slot_at(at(12), branch).pk, by=STAFF, now=NOW)
    after = only_event(client, feed)
    assert (after["uid"], after["sequence"]) == (before["uid"], 1)
    assert after.decoded("dtstart") == at(12).astimezone(UTC)
    booking.cancel(appointment, by=STAFF, now=NOW)
    assert uids(client, feed) == []


def test_feed_begins_a_week_ago(client: Client, clock: time_machine.Traveller) -> None:
    branch = an_open_branch()
    an_appointment(slot_at(at(10), branch))
    feed = a_feed(branch=branch)
    clock.move_to(at(23, day=date(2026, 3, 10)))
    assert len(uids(client, feed)) == 1
    clock.move_to(at(12, day=date(2026, 3, 11)))
    assert uids(client, feed) == []


def test_unchanged_feed_is_not_sent_again(client: Client, django_assert_num_queries: DjangoAssertNumQueries) -> None:
    branch = an_open_branch()
    appointment = an_appointment(slot_at(at(10), branch))
    url = f"/feeds/{a_feed(branch=branch).key}.ics"
    first = client.get(url)
    assert first["Cache-Control"] == "private, max-age=0, must-revalidate"
    assert client.get(url).content == first.content
    known = {"if-none-match": first["ETag"]}
    with django_assert_num_queries(
        6
    ):  # the feed, whether its maker is still there, and whether appointments, branch, agency or services have changed
        assert client.get(url, headers=known).status_code == 304
    booking.reschedule(appointment, slot_at(at(12), branch).pk, by=STAFF, now=NOW)
    assert client.get(url, headers=known).status_code == 200


@pytest.mark.parametrize(
    ("rows", "change", "shown"),
    [
        (Branch, {"name_el": "ΚΕΠ Σφακίων"}, "ΚΕΠ Σφακίων"),
        (Procedure, {"name_el": "Άλλη υπηρεσία"}, "Άλλη υπηρεσία"),
        (Agency, {"feeds_show_names": True}, "Πολίτης 1"),
        (User, {"name": "Ελένη"}, "Ελένη"),
    ],
)
def test_feed_is_sent_again_when_a_name_in_it_changes(
    client: Client, rows: type[Model], change: dict[str, Any], shown: str
) -> None:
    branch = an_open_branch()
    officer = an_officer(branch)
    appointment = an_appointment(slot_at(at(10), branch))
    Appointment.objects.filter(pk=appointment.pk).update(officer=officer)
    feeds = [f"/feeds/{a_feed(**whose).key}.ics" for whose in ({"branch": branch}, {"officer": officer})]
    tags = [client.get(url)["ETag"] for url in feeds]
    with transaction.atomic():
        rows._default_manager.update(**change)
    # An officer's own name is no part of the branch's feed.
    for url, tag in list(zip(feeds, tags, strict=True))[rows is User :]:
        answer = client.get(url, headers={"if-none-match": tag})
        assert answer.status_code == 200
        assert shown in answer.content.decode()


def test_feed_says_how_often_to_ask_again(client: Client) -> None:
    found = read(client, a_feed(branch=an_open_branch()))
    assert str(found["x-published-ttl"]) == "PT15M"
    assert "PT15M" in found["refresh-interval"].to_ical().decode()


def test_feed_takes_the_same_queries_for_one_and_three(
    client: Client, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    branch = an_open_branch(desks=3)
    feed = a_feed(branch=branch)
    for numbers in ((1,), (2, 3)):
        for number in numbers:
            an_appointment(slot_at(at(10), branch), number)
        with django_assert_num_queries(
            12
        ):  # and appointments with agency, branch and service, and writing who is shown
            read(client, feed)
    assert len(uids(client, feed)) == 3


def test_officers_feed_holds_what_is_assigned_and_absences(client: Client) -> None:
    branch = an_open_branch(desks=2)
    officer = an_officer(branch)
    mine, _other = (an_appointment(slot_at(at(10), branch), number) for number in (1, 2))
    booking.assign(mine, officer, by=by(officer), now=NOW)
    a_closure(branch, date(2026, 3, 5), until_date=date(2026, 3, 6), kind="absence", officer=officer, reason_el="Άδεια")
    hours = {"from_time": time(9), "until_time": time(11)}
    a_closure(branch, date(2026, 3, 4), kind="absence", officer=officer, **hours)
    events = read(client, a_feed(officer=officer)).events
    found = {str(event["summary"]): event for event in events}
    assert set(found) == {"Υπεύθυνη δήλωση · Με φυσική παρουσία", "Άδεια", "Απουσία"}
    assert found["Απουσία"].decoded("dtstart") == at(9, day=date(2026, 3, 4)).astimezone(UTC)
    days = [event.decoded("dtstart") for event in events if event["summary"] == "Άδεια"]
    assert days == [date(2026, 3, 5), date(2026, 3, 6)]


def test_absence_from_the_whole_agency_is_on_the_clock_of_the_officers_branch(client: Client) -> None:
    branch = a_branch(an_agency(), timezone="America/New_York")
    officer = an_officer(branch)
    hours = {"from_time": time(9), "until_time": time(11)}
    closure = a_closure(branch, TUESDAY, kind="absence", officer=officer, **hours)
    Closure.objects.filter(pk=closure.pk).update(branch=None)
    (event,) = read(client, a_feed(officer=officer)).events
    assert event.decoded("dtstart") == datetime.combine(TUESDAY, time(9), ZoneInfo("America/New_York")).astimezone(UTC)


def test_officer_who_left_a_branch_sees_nothing_of_it(client: Client) -> None:
    branch = an_open_branch()
    officer = an_officer(branch)
    appointment = an_appointment(slot_at(at(10), branch))
    booking.assign(appointment, officer, by=by(officer), now=NOW)
    own = a_feed(officer=officer)
    assert len(uids(client, own)) == 1
    Membership.objects.filter(user=officer).update(branch=a_branch(branch.agency, "kep-patra"))
    assert uids(client, own) == []


# How somebody's work at a branch ends.
ENDS: dict[str, Callable[[User, Branch], object]] = {
    "without a role": lambda user, _branch: Membership.objects.filter(user=user).delete(),
    "who may not sign in": lambda user, _branch: User.objects.filter(pk=user.pk).update(is_active=False),
    "whose account is gone": lambda user, _branch: user.delete(),
}
MOVES: dict[str, Callable[[User, Branch], object]] = {
    "at another branch": lambda user, branch: Membership.objects.filter(user=user).update(
        branch=a_branch(branch.agency, "kep-patra")
    ),
    "at another agency": lambda user, _branch: Membership.objects.filter(user=user).update(
        agency=an_agency("aade"), branch=None
    ),
    "operator": lambda user, _branch: (
        Membership.objects.filter(user=user).delete(),
        User.objects.filter(pk=user.pk).update(is_operator=True),
    ),
}


@pytest.mark.parametrize("of_agency", [False, True])
@pytest.mark.parametrize("how", ENDS | MOVES)
def test_branch_feed_ends_with_the_role_of_its_maker(client: Client, how: str, of_agency: bool) -> None:
    branch = an_open_branch()
    maker, colleague = an_officer(branch.agency if of_agency else branch), an_officer(branch, email="two@example.org")
    feed = a_feed(branch=branch, made_by=maker)
    assert status(client, feed) == 200
    ENDS["without a role"](an_officer(branch, email="three@example.org"), branch)
    assert status(client, feed) == 200
    (ENDS | MOVES)[how](maker, branch)
    assert status(client, feed) == 404
    client.force_login(colleague)
    assert feed.key not in client.get(FEEDS).content.decode()
    client.post(f"{FEEDS}new/", {"branch": branch.code})
    assert status(client, Feed.objects.get(branch=branch)) == 200
    assert status(client, feed) == 404


@pytest.mark.parametrize("how", ENDS)
def test_own_feed_ends_with_the_last_role(client: Client, how: str) -> None:
    branch = an_open_branch()
    officer = an_officer(branch)
    feed = a_feed(officer=officer)
    assert status(client, feed) == 200
    ENDS[how](officer, branch)
    assert status(client, feed) == 404


def test_unknown_address_is_not_found(client: Client) -> None:
    assert client.get("/feeds/AAAAAAAAAAAAAAAAAAAAAA.ics").status_code == 404


def test_branch_feed_holds_nothing_of_another_branch(client: Client) -> None:
    branch = an_open_branch()
    other = a_branch(branch.agency, "kep-patra")
    an_appointment(slot_at(at(10), branch))
    assert uids(client, a_feed(branch=other)) == []


# Making addresses


def test_new_address_replaces_the_old_one(client: Client) -> None:
    branch = an_open_branch()
    client.force_login(an_officer(branch))
    for _time in range(2):
        old = list(Feed.objects.all())
        page = client.post(f"{FEEDS}new/", {"branch": branch.code}, follow=True)
        feed = Feed.objects.get(branch=branch)
        assert f"http://localhost:8000/feeds/{feed.key}.ics" in page.content.decode()
        assert "Από Άννα Υπαλλήλου" in page.content.decode()
        assert client.get(f"/feeds/{feed.key}.ics").status_code == 200
        for one in old:
            assert client.get(f"/feeds/{one.key}.ics").status_code == 404


def test_own_address_is_ones_own(client: Client) -> None:
    branch = an_open_branch()
    officer, colleague = an_officer(branch), an_officer(branch, email="colleague@example.org")
    other = a_feed(officer=colleague)
    client.force_login(officer)
    page = client.post(f"{FEEDS}new/", follow=True).content.decode()
    assert Feed.objects.get(officer=officer).key in page
    assert other.key not in page


def test_address_of_another_branch_is_neither_shown_nor_made(client: Client) -> None:
    branch = an_open_branch()
    feed = a_feed(branch=branch)
    client.force_login(an_officer(a_branch(branch.agency, "kep-patra")))
    assert client.post(f"{FEEDS}new/", {"branch": branch.code}).status_code == 404
    assert client.get(FEEDS, {"branch": branch.code}).status_code == 404
    assert feed.key not in client.get(FEEDS).content.decode()
    feed.refresh_from_db()
    assert client.get(f"/feeds/{feed.key}.ics").status_code == 200


def test_address_is_made_by_post_alone(client: Client) -> None:
    branch = an_open_branch()
    client.force_login(an_officer(branch))
    assert client.get(f"{FEEDS}new/").status_code == 405
    assert not Feed.objects.exists()


def test_only_a_new_address_says_that_the_old_one_ends(client: Client) -> None:
    branch = an_open_branch()
    client.force_login(an_officer(branch))
    address = reverse("admin:appointments_appointment_feeds_new")
    first, second = (client.post(address, {"branch": branch.code}, follow=True).text for _ in range(2))
    assert "Αυτή είναι η διεύθυνση του ημερολογίου." in first
    assert "δεν ενημερώνονται πλέον" not in first
    assert "δεν ενημερώνονται πλέον" in second
