"""A database of the first release, with people in it, is migrated to today and used."""

from collections.abc import Iterator
from datetime import date, datetime, time
from importlib import import_module
from pathlib import Path
from typing import Any

import psycopg
import pytest
import time_machine
from django.conf import settings
from django.contrib.admin.models import ADDITION, LogEntry
from django.contrib.contenttypes.models import ContentType
from django.core.management import call_command
from django.db import connection
from django.test import Client, override_settings
from icalendar import Calendar
from psycopg import sql

from accounts.models import User
from agencies.models import Agency, Branch, Membership, Procedure, ProductionPeriod, Role
from appointments import booking, counter
from appointments.booking.persons import Contact
from appointments.errors import LimitReached
from appointments.models import Appointment, Event, Feed, Miscount, Notification, Status, TimeSlot
from appointments.tasks import close_past_days, deliver_due, expire_due, forget, provide_video_calls, publish_all
from reports import counting
from reports.counting import Totals
from reports.tasks import check_counts, count_changed
from tests.builders import GUEST, NOW, SYSTEM, TUESDAY, WEDNESDAY, a_desk, a_user, at, by, minutes, today_at
from tests.codes import open_for
from tests.pages import hidden_of, signed_in, text_of

DUMP = Path(__file__).parent / "data/first_release.sql"
SESSION = "o7qlcupwxhfuwojq29ubx0t77g9yew3u"  # the citizen has signed in with the first release
LIST = "/admin/appointments/appointment/"
Kind = ProductionPeriod.Kind
# What the first release reported.
KEP = Totals(submitted=13, served=2, missed=1, cancelled=1, ratings=1, satisfied=1)
DYPA = Totals(submitted=1)


@pytest.fixture(scope="module", autouse=True)
def _first_release(django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    """Lets the tests of this file use a migrated database of the first release. What each of them writes is undone."""
    # It had no data key, so its secret key goes on as one (docs/operations.md, "Keys").
    with override_settings(DATA_KEY=settings.SECRET_KEY), django_db_blocker.unblock():
        own = connection.settings_dict["NAME"]
        name = f"{own}_first"
        _recreate(name)
        _use(name)
        with psycopg.connect(**_address(name), autocommit=True) as loader:
            loader.execute(DUMP.read_text())
            # Only the history of what is kept is written down, and PostgreSQL's clock is not that of the tests.
            loader.execute("UPDATE public.agencies_agency SET retention_days = 3650")
        with time_machine.travel(NOW, tick=False):
            call_command("migrate", verbosity=0)
        yield
        _use(own)
        _recreate(name, again=False)


def _address(name: str) -> dict[str, Any]:
    known = connection.get_connection_params()
    return {key: known[key] for key in ("user", "password", "host", "port") if known.get(key)} | {"dbname": name}


def _recreate(name: str, *, again: bool = True) -> None:
    with psycopg.connect(**_address("postgres"), autocommit=True) as admin:
        admin.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))
        if again:
            admin.execute(sql.SQL("CREATE DATABASE {} TEMPLATE template0").format(sql.Identifier(name)))


def _use(name: str) -> None:
    connection.close()
    connection.settings_dict["NAME"] = name
    ContentType.objects.clear_cache()


pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]


def of(name: str) -> Appointment:
    return Appointment.objects.select_related("branch__agency", "procedure__agency").get(name=name)


@pytest.fixture
def chania() -> Branch:
    return Branch.objects.get(code="kep-chania")


@pytest.fixture
def agent() -> User:
    return User.objects.get(email="agent@example.org")


@pytest.fixture
def officers(client: Client, agent: User) -> Client:
    return signed_in(client, agent)


@pytest.mark.parametrize(
    ("typed", "name"),
    [
        ("Παπαδοπούλου", "Μαρία Παπαδοπούλου"),
        ("papadopoulou maria", "Μαρία Παπαδοπούλου"),
        ("maria.p@example", "Μαρία Παπαδοπούλου"),
        ("6971234567", "Μαρία Παπαδοπούλου"),
        ("+30 697 123 4567", "Μαρία Παπαδοπούλου"),
        ("ξενου", "Άννα-Μαρία Ξένου"),
        ("o'brien", "John O'Brien"),
        ("02079460000", "John O'Brien"),
        ("καραγιαννη", "Ελένη Καραγιάννη"),
    ],
)
def test_officers_find_who_booked_before_there_was_a_search(officers: Client, typed: str, name: str) -> None:
    page = text_of(officers.get(LIST, {"q": typed}))
    assert of(name).spoken_reference in page
    assert page.count("state state--") <= 2


def test_the_index_of_everybody_is_that_of_today() -> None:
    """Whoever changes how people are found writes a migration for those who are in the database."""
    rows = {row.pk: row.search for row in Appointment.objects.all()}
    for row in Appointment.objects.all():
        row.index_contact()
        row.save(update_fields=["search"])
    assert {row.pk: row.search for row in Appointment.objects.all()} == rows
    assert any(rows.values())


def test_a_citizen_finds_moves_and_cancels(client: Client, chania: Branch) -> None:
    own = of("Γιώργος Νικολάου")
    typed = {"reference": own.spoken_reference, "email": "GIORGOS@example.org"}
    page = client.post("/appointments/find/", typed, follow=True)
    assert page.request["PATH_INFO"] == own.get_absolute_url()
    assert "Τρίτη 3 Μαρτίου" in text_of(page)
    free = TimeSlot.objects.get(branch=chania, starts_at=at(11))
    check = f"{own.get_absolute_url()}move/check/"
    assert "Η ώρα του ραντεβού σας άλλαξε." in text_of(
        client.post(check, hidden_of(text_of(client.get(f"{check}?slot={free.pk}"))), follow=True)
    )
    own.refresh_from_db()
    assert (own.starts_at, own.promised_day, own.promised_time) == (at(11), TUESDAY, time(11))
    cancel = f"{own.get_absolute_url()}cancel/"
    assert "ακυρώθηκε" in text_of(client.post(cancel, hidden_of(text_of(client.get(cancel))), follow=True))
    assert TimeSlot.objects.get(pk=free.pk).taken == 1  # the one of the citizen with an account


def test_a_link_of_the_first_mails_opens_the_appointment_and_its_calendar_file(client: Client) -> None:
    own = of("Μαρία Παπαδοπούλου")
    open_for(client, own)
    assert own.spoken_reference in text_of(client.get(f"{own.get_absolute_url()}?key={own.link_key}", follow=True))
    (event,) = Calendar.from_ical(client.get(f"{own.get_absolute_url()}calendar.ics").content).events
    assert event.decoded("dtstart") == at(10)


def test_a_calendar_feed_holds_what_was_booked_before(client: Client, chania: Branch, agent: User) -> None:
    feed = Feed.objects.create(branch=chania, made_by=agent, made_at=NOW)
    events = Calendar.from_ical(client.get(f"/feeds/{feed.key}.ics").content).events
    assert at(10) in {event.decoded("dtstart") for event in events}


def test_who_is_signed_in_stays_signed_in(client: Client) -> None:
    client.cookies["sessionid"] = SESSION
    page = text_of(client.get("/appointments/"))
    assert of("Ελένη Καραγιάννη").get_absolute_url() in page


def test_everybody_open_has_the_time_that_was_promised() -> None:
    for row in Appointment.objects.open().select_related("branch"):
        assert (row.promised_day, row.promised_time) != (None, None)
        assert not row.is_off_clock


@pytest.mark.parametrize(
    ("name", "contact", "others"),
    [
        ("Μαρία Παπαδοπούλου", {"email": " MARIA.P@example.org"}, 0),
        ("Νίκος Παπάς", {"email": "another@example.org", "tax_number": "090000045"}, 1),
    ],
)
def test_limits_count_what_was_booked_before(name: str, contact: dict[str, str], others: int) -> None:
    """`others` is the number of appointments that the person may still make."""
    known = of(name)
    free = TimeSlot.objects.filter(branch=known.branch, starts_at__gt=at(9, day=WEDNESDAY), taken=0)
    wanted = Contact(name=name, **contact)

    def book(slot: TimeSlot) -> None:
        booking.book(slot.pk, known.procedure, known.channel, wanted, by=GUEST, now=NOW)

    for slot in free[:others]:
        book(slot)
    with pytest.raises(LimitReached):
        book(free[others])


def test_a_request_that_is_repeated_after_the_upgrade_books_once() -> None:
    first = of("Πέτρος Λάμπρου")
    contact = Contact(first.name, first.email)
    again = booking.book(
        first.slot_ids[0], first.procedure, first.channel, contact, by=SYSTEM, now=NOW, idempotency_key="first-1"
    )
    assert again == first


def test_the_token_of_an_agency_opens_the_api() -> None:
    system = Client(headers={"Authorization": "Bearer the first token"})
    first = of("Πέτρος Λάμπρου")
    assert system.get(f"/api/v1/appointments/{first.reference}/").json()["reference"] == first.reference


def test_slots_are_taken_as_often_as_appointments_hold_them() -> None:
    held = [slot for row in Appointment.objects.all() for slot in row.slot_ids]
    assert {slot.pk: slot.taken for slot in TimeSlot.objects.filter(taken__gt=0)} == {
        pk: held.count(pk) for pk in set(held)
    }


def test_the_counter_serves_who_had_come_and_who_comes(
    chania: Branch, agent: User, clock: time_machine.Traveller
) -> None:
    clock.move_to(now := today_at(8, 30))
    desk = a_desk(chania, agent)
    waiting = [of("Πολίτης 22"), of("Πολίτης 23")]  # one had come before the upgrade, one comes now
    for appointment in waiting:
        counter.check_in(appointment, by=by(agent), now=now)
    for expected in waiting:
        ticket = counter.call_next(desk, by=by(agent), now=now)
        assert ticket.appointment == expected
        counter.serve(ticket, by=by(agent), now=now)
        counter.complete(ticket, by=by(agent), now=now + minutes(5))
        now += minutes(6)


def test_who_was_being_served_is_completed_on_the_page(officers: Client) -> None:
    own = of("Πολίτης 21")
    page = f"{LIST}{own.reference}/change/"
    officers.post(f"{LIST}{own.reference}/complete/", hidden_of(text_of(officers.get(page))))
    own.refresh_from_db()
    assert own.status == Status.COMPLETED


def test_staff_pages_show_those_who_were_there(officers: Client) -> None:
    for page in ("", "day/", "calendar/", "queue/", f"{of('Μαρία Παπαδοπούλου').reference}/change/"):
        answer = officers.get(f"{LIST}{page}", follow=True)
        assert answer.status_code == 200, page


def test_history_tells_what_happened_before_there_was_one() -> None:
    verbs = set(Event.objects.filter(appointment=of("Πολίτης 1")).values_list("verb", flat=True))
    assert {"check_in", "serve", "complete"} <= verbs


def test_what_is_in_production_is_kept_from_now_on() -> None:
    """The upgrade writes down what it finds; nothing is known of the time before."""
    kept = {
        kind: set(ProductionPeriod.objects.filter(kind=kind, until=None).values_list("key", flat=True)) for kind in Kind
    }
    assert kept == {
        Kind.AGENCY: set(Agency.objects.filter(stage=Agency.Stage.PRODUCTION).values_list("pk", flat=True)),
        Kind.BRANCH: set(Branch.objects.filter(is_open=True).values_list("pk", flat=True)),
        Kind.PROCEDURE: set(Procedure.objects.filter(is_offered=True).values_list("pk", flat=True)),
    }
    assert all(kept.values())


def test_reports_say_the_same() -> None:
    agencies = {agency.slug: agency.pk for agency in Agency.objects.all()}
    before = {agencies["kep"]: KEP, agencies["dypa"]: DYPA}
    assert counting.totals(date(2026, 3, 3)) == before
    count_changed()
    check_counts()
    assert not Miscount.objects.exists()
    assert counting.totals(date(2026, 3, 3)) == before


def test_nightly_and_minutely_work_runs(clock: time_machine.Traveller) -> None:
    coming = TimeSlot.objects.filter(starts_at__gt=NOW)
    published = set(coming.values_list("pk", flat=True))
    publish_all()
    assert set(coming.values_list("pk", flat=True)) == published  # by the same rules
    provide_video_calls()
    deliver_due()
    assert Notification.objects.filter(appointment=of("Μαρία Παπαδοπούλου"), kind="confirmation", state="sent").exists()
    clock.move_to(at(20))
    expire_due()
    assert not Appointment.objects.filter(status__in=[Status.HELD, Status.UNVERIFIED]).exists()
    close_past_days()
    clock.move_to(at(8, day=date(2036, 6, 1)))
    forget()
    assert not Appointment.objects.exclude(name="").exists()
    assert set(Appointment.objects.values_list("search", flat=True)) == {""}


# Roles that were given before accounts told who had made them

LATER = NOW + minutes(5)


def role_given(agency: Agency, email: str, *, joined: datetime, logged: datetime) -> User:
    """Somebody with a role, as the release before accounts' 0002 made them: in the admin, with an entry in its log."""
    user = a_user(email, name="Όνομα", date_joined=joined)
    membership = Membership.objects.create(user=user, agency=agency, role=Role.AGENT)
    LogEntry.objects.create(
        user=user,
        content_type=ContentType.objects.get_for_model(Membership),
        object_id=membership.pk,
        action_flag=ADDITION,
        action_time=logged,
    )
    return user


@pytest.mark.parametrize(("logged", "is_invited"), [(NOW, True), (LATER, False)])
def test_names_stay_with_those_who_were_invited(chania: Branch, logged: datetime, is_invited: bool) -> None:
    """Whoever had an account before the role has made it, and what is written there is nobody else's affair."""
    user = role_given(chania.agency, "new@example.org", joined=NOW, logged=logged)
    with connection.cursor() as cursor:
        cursor.execute(import_module("accounts.migrations.0004_who_was_invited").FILL)
    user.refresh_from_db()
    assert user.is_invited is is_invited
