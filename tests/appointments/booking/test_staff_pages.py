"""Officers at work: the day, its steps, one appointment, booking for callers; and what does not exist for whom."""

import re
from datetime import timedelta

import pytest
from django.contrib.contenttypes.models import ContentType
from django.db import transaction
from django.test import Client
from django.urls import reverse
from django.utils import translation
from pytest_django import DjangoAssertNumQueries
from pytest_django.fixtures import Settings

from accounts.models import User
from agencies.models import Branch, Channel, Membership, Procedure, Role
from appointments import booking
from appointments.admin.booking.steps import ONE_CLICK, possible
from appointments.counter import desks
from appointments.errors import BookingError
from appointments.models import Appointment, Desk, Notification, Status, Ticket, TimeSlot
from appointments.times.publishing import publish
from tests.builders import (
    EVERY_DAY,
    GUEST,
    NOW,
    a_branch,
    a_procedure,
    a_rule,
    a_user,
    an_agency,
    an_always_open_branch,
    an_appointment,
    an_officer,
    an_open_branch,
    booked_after,
    by,
    slots_of,
)
from tests.pages import signed_in, text_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]
DAY = "/en/admin/appointments/appointment/day/"


@pytest.fixture
def branch() -> Branch:
    return an_always_open_branch()


def next_slot(branch: Branch, place: int = 0) -> TimeSlot:
    slots = TimeSlot.objects.filter(branch=branch, starts_at__gte=NOW + timedelta(hours=2), taken=0)
    return slots.order_by("starts_at")[place]


def booked(branch: Branch, number: int = 1, **contact: object) -> Appointment:
    return booked_after(branch, NOW + timedelta(hours=2), number, **contact)


def day_of(appointment: Appointment) -> str:
    return f"{DAY}?date={appointment.branch.local(appointment.starts_at):%Y-%m-%d}"


def page_of(appointment: Appointment, name: str) -> str:
    with translation.override("en"):
        return reverse(f"admin:appointments_appointment_{name}", args=[appointment.reference])


# The day


def test_day_lists_who_comes(client: Client, branch: Branch) -> None:
    appointment = booked(branch)
    text = text_of(signed_in(client, an_officer(branch)).get(day_of(appointment)))
    assert "Πολίτης 1" in text
    assert appointment.spoken_reference in text
    assert f"{branch.local(appointment.starts_at):%H:%M}" in text


@pytest.mark.parametrize("count", [1, 3])
def test_day_takes_as_many_queries_for_more_rows(
    client: Client, branch: Branch, count: int, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    signed_in(client, an_officer(branch))
    appointments = [booked(branch, number) for number in range(count)]
    client.get(day_of(appointments[0]))
    with django_assert_num_queries(7):  # the last one writes who is shown
        text = text_of(client.get(day_of(appointments[0])))
    assert text.count('class="day-table__time"') == count


def test_day_shows_the_branchs_clock(client: Client) -> None:
    agency = an_agency("ypex")
    branch = a_branch(agency, "ny", timezone="America/New_York", name_en="New York")
    a_procedure(agency, "ypex-one")
    a_rule(branch, weekdays=EVERY_DAY, opens_at="00:00", closes_at="23:50")
    publish([branch.pk], now=NOW)
    appointment = booked(branch)
    text = text_of(signed_in(client, an_officer(branch)).get(day_of(appointment)))
    assert f"<b>{branch.local(appointment.starts_at):%H:%M}</b>" in text


def test_day_filters_and_counts(client: Client, branch: Branch) -> None:
    first, second = booked(branch, 1), booked(branch, 2)
    booking.arrive(first, by=GUEST, now=NOW)
    signed_in(client, an_officer(branch))
    text = text_of(client.get(day_of(first) + "&state=arrived"))
    assert first.spoken_reference in text
    assert second.spoken_reference not in text
    assert re.search(r"<b>1</b>\s*Expected", text)
    assert re.search(r"<b>1</b>\s*Arrived", text)


def test_day_tells_of_a_message_that_did_not_arrive(client: Client, branch: Branch) -> None:
    appointment = booked(branch)
    Notification.objects.filter(appointment=appointment).update(state=Notification.State.FAILED)
    text = text_of(signed_in(client, an_officer(branch)).get(day_of(appointment)))
    assert "A message did not arrive" in text


def test_day_of_an_unreadable_date_is_today(client: Client, branch: Branch) -> None:
    text = text_of(signed_in(client, an_officer(branch)).get(DAY + "?date=9999-99-99"))
    assert "Today, " in text


def test_day_without_appointments_leads_to_the_nearest_ones(client: Client, branch: Branch) -> None:
    appointment = booked(branch)
    signed_in(client, an_officer(branch))
    day = branch.local(appointment.starts_at).date()
    booking.cancel(an_appointment(next_slot(branch, 200), 2), by=GUEST, now=NOW)
    empty = text_of(client.get(f"{DAY}?date={day - timedelta(days=20)}"))
    assert "No appointments on this day." in empty
    assert f"date={day:%Y-%m-%d}" in empty
    assert "The nearest ones:" not in text_of(client.get(day_of(appointment)))


# Steps


@pytest.mark.parametrize("channel", Channel)
@pytest.mark.parametrize("status", [status for status in Status if status != Status.HELD])
@pytest.mark.parametrize("hours", [-1, 1])
def test_buttons_are_those_that_the_verbs_allow(channel: str, status: str, hours: int) -> None:
    branch = an_open_branch()
    Procedure.objects.update(channels=[*Channel])
    branch.opening_rules.update(channels=[*Channel])
    appointment = an_appointment(slots_of(branch)[0], channel=channel)
    ended = status in (Status.CANCELLED, Status.EXPIRED)
    slot_ids = [] if ended else appointment.slot_ids
    Appointment.objects.update(status=status, expires_at=NOW, slot_ids=slot_ids)
    appointment.refresh_from_db()
    now = appointment.starts_at + timedelta(hours=hours)
    officer = an_officer(branch)
    offered = {step.name for step in possible(appointment, now)}
    assert offered & ONE_CLICK.keys() == {name for name in ONE_CLICK if allowed(appointment, name, officer, now)}
    assert ("cancel" in offered) == (status in (Status.UNVERIFIED, Status.BOOKED, Status.ARRIVED))
    assert ("move" in offered) == ("cancel" in offered)


@pytest.mark.parametrize("channel", [Channel.IN_PERSON, Channel.VIDEO])
def test_nobody_arrives_on_another_days_list(branch: Branch, channel: str) -> None:
    appointment = an_appointment(next_slot(branch), channel=channel)
    for hours, expected in ((11, {"arrive", "serve", "move", "cancel"}), (13, {"move", "cancel"})):
        offered = possible(appointment, appointment.starts_at - timedelta(hours=hours))
        assert {step.name for step in offered} == expected


def allowed(appointment: Appointment, name: str, officer: User, now: object) -> bool:
    """Whether the verb takes the step, which is rolled back."""
    try:
        with transaction.atomic():
            ONE_CLICK[name][1](appointment, by(officer), now)  # type: ignore[arg-type]
            transaction.set_rollback(True)
    except BookingError:
        return False
    finally:
        appointment.refresh_from_db()
    return True


def test_steps_serve_a_citizen(client: Client, branch: Branch) -> None:
    officer, appointment = an_officer(branch), booked(branch)
    signed_in(client, officer)
    for name in ("arrive", "serve", "complete"):
        response = client.post(page_of(appointment, name), {"next": DAY})
        assert response.headers["Location"] == f"{DAY}#{appointment.reference}"
    appointment.refresh_from_db()
    assert appointment.status == Status.COMPLETED
    assert appointment.officer == officer
    steps = appointment.events.filter(officer=officer).in_order().values_list("verb", "by", "page")
    assert list(steps) == [
        (verb, "officer", f"admin:appointments_appointment_{name}")
        for verb, name in (("check_in", "arrive"), ("serve", "serve"), ("complete", "complete"))
    ]


def test_step_by_a_second_officer_says_so_and_changes_nothing(client: Client, branch: Branch) -> None:
    appointment = booked(branch)
    signed_in(client, an_officer(branch))
    client.post(page_of(appointment, "serve"), {"next": DAY})
    response = client.post(page_of(appointment, "arrive"), {"next": DAY}, follow=True)
    assert "has changed in the meantime" in text_of(response)
    appointment.refresh_from_db()
    assert appointment.status == Status.SERVING


def test_steps_of_the_list_keep_the_ticket_right(client: Client, branch: Branch) -> None:
    officer, appointment = an_officer(branch), booked(branch)
    desk = desks.sit(Desk.objects.create(branch=branch, name="1"), by=by(officer), now=NOW)
    signed_in(client, officer)
    states = []
    for name in ("arrive", "serve", "complete"):
        client.post(page_of(appointment, name), {"next": DAY})
        states.append(Ticket.objects.get(appointment=appointment).state)
    assert states == ["waiting", "serving", "done"]
    assert Ticket.objects.get().desk == desk


def test_begin_from_the_list_waits_for_the_desk(client: Client, branch: Branch) -> None:
    officer, first, second = an_officer(branch), booked(branch, 1), booked(branch, 2)
    desks.sit(Desk.objects.create(branch=branch, name="1"), by=by(officer), now=NOW)
    signed_in(client, officer)
    client.post(page_of(first, "serve"), {"next": DAY})
    response = client.post(page_of(second, "serve"), {"next": DAY}, follow=True)
    assert "Finish with the person at this desk first." in text_of(response)
    second.refresh_from_db()
    assert second.status == Status.BOOKED
    assert not Ticket.objects.filter(appointment=second).exists()


def test_step_is_not_taken_by_opening_an_address(client: Client, branch: Branch) -> None:
    appointment = booked(branch)
    assert signed_in(client, an_officer(branch)).get(page_of(appointment, "arrive")).status_code == 405


def test_step_leads_back_to_no_other_site(client: Client, branch: Branch) -> None:
    appointment = booked(branch)
    response = signed_in(client, an_officer(branch)).post(
        page_of(appointment, "arrive"), {"next": "https://elsewhere.example/"}
    )
    assert response.headers["Location"].startswith("/en/admin/appointments/appointment/")


def test_cancelling_asks_why_and_tells_the_citizen(client: Client, branch: Branch) -> None:
    appointment = booked(branch)
    signed_in(client, an_officer(branch))
    page = text_of(client.get(page_of(appointment, "cancel")))
    assert "citizen1@example.org" in page
    empty = client.post(page_of(appointment, "cancel"), {"reason": ""})
    assert "id_reason_error" in text_of(empty)
    client.post(page_of(appointment, "cancel"), {"reason": "Βλάβη στο δίκτυο"})
    appointment.refresh_from_db()
    assert (appointment.status, appointment.cancelled_by) == (Status.CANCELLED, "agency")
    assert appointment.cancel_reason == "Βλάβη στο δίκτυο"
    assert appointment.notifications.filter(kind="cancelled").exists()


def test_line_break_counts_once_for_officers_too(client: Client, branch: Branch) -> None:
    """Browsers send two characters for it."""
    signed_in(client, an_officer(branch))
    lines = ["α" * 26] * 10 + ["α" * 30]
    appointment = booked(branch)
    client.post(page_of(appointment, "cancel"), {"reason": "\r\n".join(lines)})
    appointment.refresh_from_db()
    assert appointment.cancel_reason == "\n".join(lines)
    assert len(appointment.cancel_reason) == 300


def test_moving_takes_the_chosen_time(client: Client, branch: Branch) -> None:
    appointment, slot = booked(branch), next_slot(branch, 5)
    signed_in(client, an_officer(branch))
    url = page_of(appointment, "move")
    page = text_of(client.get(f"{url}?from={branch.local(slot.starts_at):%Y-%m-%d}"))
    assert f'value="{slot.pk}"' in page
    client.post(url, {"slot": slot.pk})
    appointment.refresh_from_db()
    assert appointment.starts_at == slot.starts_at
    assert appointment.notifications.filter(kind="moved").exists()


def test_moving_to_a_taken_time_is_refused_at_the_times(client: Client, branch: Branch) -> None:
    appointment, other = booked(branch, 1), booked(branch, 2)
    response = signed_in(client, an_officer(branch)).post(page_of(appointment, "move"), {"slot": other.slot_ids[0]})
    assert "has just been taken" in text_of(response)
    before = appointment.starts_at
    appointment.refresh_from_db()
    assert appointment.starts_at == before


def test_ended_appointment_is_not_moved(client: Client, branch: Branch) -> None:
    appointment = booked(branch)
    booking.cancel(appointment, by=GUEST, now=NOW)
    page = text_of(signed_in(client, an_officer(branch)).get(page_of(appointment, "move")))
    assert "can no longer be moved" in page
    assert 'name="slot"' not in page


# One appointment


def test_detail_shows_contact_messages_and_who_did_what(client: Client, branch: Branch) -> None:
    appointment = booked(branch, notes="Με αμαξίδιο")
    officer = an_officer(branch)
    signed_in(client, officer)
    client.post(page_of(appointment, "arrive"), {"next": DAY})
    text = text_of(client.get(page_of(appointment, "change")))
    for part in ("citizen1@example.org", "Με αμαξίδιο", "Confirmation", str(officer), appointment.spoken_reference):
        assert part in text


def test_detail_of_a_video_appointment_leads_to_its_call(client: Client, branch: Branch) -> None:
    appointment = an_appointment(next_slot(branch), channel=Channel.VIDEO)
    text = text_of(signed_in(client, an_officer(branch)).get(page_of(appointment, "change")))
    assert f"/{appointment.reference}/call/" in text


@pytest.mark.parametrize("asked", [True, False])
def test_detail_shows_the_tax_number_where_the_service_asks_for_it(client: Client, branch: Branch, asked: bool) -> None:
    identification = Procedure.Identification.TAX_NUMBER if asked else Procedure.Identification.NONE
    Procedure.objects.update(identification=identification)
    appointment = booked(branch, tax_number="090000045")
    text = text_of(signed_in(client, an_officer(branch)).get(page_of(appointment, "change")))
    assert ("090000045" in text) == asked


def test_detail_shows_typed_text_as_text(client: Client, branch: Branch) -> None:
    appointment = booked(branch, notes="<script>alert(1)</script>")
    page = signed_in(client, an_officer(branch)).get(page_of(appointment, "change"))
    assert "<script>alert" not in page.content.decode()


# Search


@pytest.mark.parametrize(
    "query",
    [
        "μαρία παπα",
        "PAPADOPOULOU",
        "Παπαδοπούλου Μαρία",
        "maria@example.org",
        "+30 691 234 5678",
        "6912345678",
        "69123",
    ],
)
def test_search_finds_by_name_mail_and_telephone(client: Client, branch: Branch, query: str) -> None:
    found = booked(branch, 1, name="Μαρία Παπαδοπούλου", email="maria@example.org", phone="+306912345678")
    other = booked(branch, 2, name="Νίκος Ιωάννου", phone="+302821000000")
    text = text_of(signed_in(client, an_officer(branch)).get("/en/admin/appointments/appointment/", {"q": query}))
    assert found.spoken_reference in text
    assert other.spoken_reference not in text


@pytest.mark.parametrize(("query", "latest_first"), [("", False), ("?when=all", True), ("?q=politis", True)])
def test_list_begins_with_what_is_nearest(client: Client, branch: Branch, query: str, latest_first: bool) -> None:
    first, last = booked(branch, 1), an_appointment(next_slot(branch, 50), 2)
    text = text_of(signed_in(client, an_officer(branch)).get(f"/en/admin/appointments/appointment/{query}"))
    assert (text.index(first.spoken_reference) > text.index(last.spoken_reference)) == latest_first


@pytest.mark.parametrize("spoken", [True, False])
def test_search_finds_by_reference(client: Client, branch: Branch, spoken: bool) -> None:
    found, other = booked(branch, 1), booked(branch, 2)
    query = found.spoken_reference.lower() if spoken else found.reference
    text = text_of(signed_in(client, an_officer(branch)).get("/en/admin/appointments/appointment/", {"q": query}))
    assert found.reference in text
    assert other.reference not in text


@pytest.mark.parametrize("query", ["'", "\\", "' | 'a':*", "!!", "&", "@'", "a:b"])
def test_search_survives_any_sign(client: Client, branch: Branch, query: str) -> None:
    booked(branch)
    response = signed_in(client, an_officer(branch)).get("/en/admin/appointments/appointment/", {"q": query})
    assert response.status_code == 200


@pytest.mark.parametrize("count", [1, 3])
def test_list_takes_as_many_queries_for_more_rows(
    client: Client, branch: Branch, count: int, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    signed_in(client, an_officer(branch))
    for number in range(count):
        booked(branch, number)
    with django_assert_num_queries(8):  # the last one writes who is shown
        text = text_of(client.get("/en/admin/appointments/appointment/"))
    assert text.count("state state--booked") == count


@pytest.mark.parametrize(("query", "shown"), [("", 3), ("?when=all", 3), ("?q=x", 2), ("?q=x&when=all", 2)])
def test_choices_of_a_filter_have_different_words(client: Client, branch: Branch, query: str, shown: int) -> None:
    client.force_login(an_officer(branch))
    page = client.get(f"/admin/appointments/appointment/{query}")
    when = next(one for one in page.context["cl"].filter_specs if one.parameter_name == "when")
    choices = list(when.choices(page.context["cl"]))
    assert len({str(one["display"]) for one in choices}) == len(choices) == shown
    assert [one["selected"] for one in choices].count(True) == 1


# Booking for a caller


def wish(branch: Branch, channel: str = Channel.PHONE) -> str:
    return f"/en/admin/appointments/appointment/book/?procedure=kep-dilosi&channel={channel}&branch={branch.code}"


def a_caller(slot: TimeSlot, **fields: str) -> dict[str, object]:
    given = {"name": "Ελένη Καλούσα", "phone": "6912345678", "email": "", "language": "el", "notes": "", "key": "k1"}
    return {"slot": slot.pk, **given, **fields}


def test_officer_is_asked_about_a_mistyped_address_once(client: Client, branch: Branch) -> None:
    signed_in(client, an_officer(branch))
    caller = a_caller(next_slot(branch), email="maria@gmail.con")
    page = text_of(client.post(wish(branch), caller))
    assert "maria@gmail.com" in page
    assert 'name="asked_about" value="maria@gmail.con"' in page
    client.post(wish(branch), caller | {"asked_about": "maria@gmail.con"})
    assert Appointment.objects.get().email == "maria@gmail.con"


def test_forms_sent_empty_list_their_errors_with_links_to_the_fields(client: Client, branch: Branch) -> None:
    appointment = booked(branch)
    a_branch(branch.agency, "kep-second")
    signed_in(client, an_officer(branch.agency, Role.SUPERVISOR))
    add = "/en/admin/appointments/disruption/add/"
    expected = {
        page_of(appointment, "cancel"): 1,
        page_of(appointment, "move"): 1,
        wish(branch): 4,
        add: 6,
    }
    for address, number in expected.items():
        page = text_of(client.post(address, {"next": ""}))
        listed = page.split('class="error-list"')[1].split("</div>")[0]
        links = re.findall(r'href="#(\w+)"', listed)
        assert len(links) == number, (address, links)
        assert [link for link in links if f'id="{link}"' not in page] == [], address


def test_caller_is_booked_and_hears_the_reference(client: Client, branch: Branch) -> None:
    signed_in(client, an_officer(branch))
    response = client.post(wish(branch), a_caller(next_slot(branch)), follow=True)
    appointment = Appointment.objects.get()
    assert (appointment.source, appointment.status) == ("staff", Status.BOOKED)
    assert (appointment.name, appointment.phone, appointment.email) == ("Ελένη Καλούσα", "+306912345678", "")
    assert appointment.spoken_reference in text_of(response)
    assert "Identity card" in text_of(response)


@pytest.mark.parametrize(
    ("gateway", "contact", "refusal"),
    [
        ("", {"phone": "6912345678"}, "needs an e-mail address, because"),
        ("json://localhost/?:to={phone}", {"phone": "2821012345"}, "needs an e-mail address or a mobile number"),
        ("json://localhost/?:to={phone}", {"phone": "6912345678"}, ""),
        ("", {"phone": "2821012345", "email": "eleni@example.org"}, ""),
    ],
)
def test_video_call_is_booked_only_for_whom_its_link_can_reach(
    client: Client, settings: Settings, gateway: str, contact: dict[str, str], refusal: str
) -> None:
    settings.SMS_URL, branch = gateway, an_always_open_branch()
    form = a_caller(next_slot(branch)) | {"email": ""} | contact
    text = text_of(signed_in(client, an_officer(branch)).post(wish(branch, channel="video"), form, follow=True))
    assert Appointment.objects.exists() != bool(refusal)
    if refusal:
        assert refusal in text
        assert "Ελένη Καλούσα" in text
    else:
        made = Appointment.objects.get()
        assert made.notifications.filter(kind="confirmation").exists()


def test_callers_number_is_one_of_the_branchs_country(client: Client, branch: Branch) -> None:
    Branch.objects.update(country="CA")
    signed_in(client, an_officer(branch)).post(wish(branch), a_caller(next_slot(branch), phone="647 555 0123"))
    assert Appointment.objects.get().phone == "+16475550123"


def test_double_click_books_a_caller_once(client: Client, branch: Branch) -> None:
    signed_in(client, an_officer(branch))
    slot = next_slot(branch)
    first, second = (client.post(wish(branch), a_caller(slot)) for _ in range(2))
    assert first.headers["Location"] == second.headers["Location"]
    assert Appointment.objects.count() == 1


def test_page_that_has_booked_asks_before_it_books_one_more(client: Client, branch: Branch) -> None:
    """An officer who goes back in the browser and types the next caller would otherwise see the first one's reference."""
    signed_in(client, an_officer(branch))
    slot = next_slot(branch)
    client.post(wish(branch), a_caller(slot))
    later = TimeSlot.objects.filter(starts_at__gt=slot.starts_at).earliest("starts_at")
    text = text_of(client.post(wish(branch), a_caller(later, name="Νίκος Επόμενος", phone="6987654321")))
    assert "This page has already booked an appointment. Press the button again to book one more." in text
    assert "Νίκος Επόμενος" in text
    key = re.search(r'name="key" value="([^"]+)"', text)
    assert key
    assert Appointment.objects.get().name == "Ελένη Καλούσα"
    client.post(wish(branch), a_caller(later, name="Νίκος Επόμενος", phone="6987654321", key=key[1]))
    assert sorted(Appointment.objects.values_list("name", flat=True)) == ["Ελένη Καλούσα", "Νίκος Επόμενος"]


def test_caller_gets_a_time_within_the_agencys_notice(client: Client, branch: Branch) -> None:
    slot = TimeSlot.objects.filter(branch=branch, starts_at__gt=NOW + timedelta(minutes=2)).earliest("starts_at")
    signed_in(client, an_officer(branch))
    assert f'value="{slot.pk}"' in text_of(client.get(wish(branch)))
    client.post(wish(branch), a_caller(slot))
    assert Appointment.objects.get().starts_at == slot.starts_at


def test_caller_without_a_time_loses_nothing_typed(client: Client, branch: Branch) -> None:
    text = text_of(signed_in(client, an_officer(branch)).post(wish(branch), a_caller(next_slot(branch)) | {"slot": ""}))
    assert "Choose a time." in text
    assert "Ελένη Καλούσα" in text
    assert not Appointment.objects.exists()


def test_caller_is_offered_own_branches_only(client: Client, branch: Branch) -> None:
    foreign = a_branch(branch.agency, "kep-patra", name_el="ΚΕΠ Πάτρας", name_en="KEP Patra")
    signed_in(client, an_officer(branch))
    assert "KEP Patra" not in text_of(client.get("/en/admin/appointments/appointment/book/"))
    text = text_of(client.get(wish(foreign)))
    assert 'name="slot"' not in text
    response = client.post(wish(foreign), a_caller(next_slot(branch)))
    assert response.status_code == 200
    assert not Appointment.objects.exists()


# What does not exist for whom


NAMES = ("change", "history", "delete", "arrive", "serve", "complete", "miss", "cancel", "move", "booked")


@pytest.mark.parametrize("name", NAMES)
def test_appointment_of_another_branch_does_not_exist(client: Client, branch: Branch, name: str) -> None:
    appointment = booked(branch)
    other = a_branch(branch.agency, "kep-patra", name_el="ΚΕΠ Πάτρας")
    signed_in(client, an_officer(other))
    method = client.post if name in ONE_CLICK else client.get
    assert method(page_of(appointment, name)).status_code == 404
    appointment.refresh_from_db()
    assert appointment.status == Status.BOOKED


def test_day_of_another_branch_does_not_exist(client: Client, branch: Branch) -> None:
    other = a_branch(branch.agency, "kep-patra", name_el="ΚΕΠ Πάτρας")
    signed_in(client, an_officer(other))
    assert client.get(f"{DAY}?branch={branch.code}").status_code == 404


def test_search_does_not_leave_ones_branches(client: Client, branch: Branch) -> None:
    appointment = booked(branch)
    other = a_branch(branch.agency, "kep-patra", name_el="ΚΕΠ Πάτρας")
    signed_in(client, an_officer(other))
    for query in (appointment.reference, "citizen1@example.org", ""):
        text = text_of(client.get("/en/admin/appointments/appointment/", {"q": query, "when": "all"}))
        assert appointment.spoken_reference not in text


@pytest.mark.parametrize("role", ["operator", "superuser"])
def test_operators_see_no_citizens(client: Client, branch: Branch, role: str) -> None:
    appointment = booked(branch)
    user = (
        a_user("op@example.org", is_operator=True)
        if role == "operator"
        else User.objects.create_superuser("su@example.org")
    )
    signed_in(client, user)
    assert client.get("/admin/appointments/appointment/").status_code == 403
    assert client.get(DAY).status_code == 403
    assert client.get(page_of(appointment, "change")).status_code in {403, 404}
    assert "citizen1" not in text_of(client.get("/en/admin/", follow=True))


@pytest.mark.parametrize("fields", [{}, {"is_official": True}])
def test_citizens_and_officials_have_no_admin(client: Client, branch: Branch, fields: dict[str, bool]) -> None:
    signed_in(client, a_user(**fields))
    response = client.get(DAY, follow=True)
    assert response.status_code == 403


def test_stranger_signs_in_first_and_comes_back(client: Client) -> None:
    response = client.get(DAY, follow=True)
    assert response.redirect_chain[-1][0].startswith("/en/accounts/login/")
    assert "day" in response.redirect_chain[-1][0]


def test_short_cut_to_public_pages_is_closed(client: Client, branch: Branch) -> None:
    appointment = booked(branch)
    kind = ContentType.objects.get_for_model(Appointment)
    signed_in(client, an_officer(a_branch(branch.agency, "kep-patra")))
    assert client.get(f"/admin/r/{kind.pk}/{appointment.pk}/").status_code == 404


def test_officer_who_left_has_no_admin(client: Client, branch: Branch) -> None:
    officer = an_officer(branch)
    signed_in(client, officer)
    Membership.objects.all().delete()
    page = client.get(DAY, follow=True)
    assert page.request["PATH_INFO"].startswith("/en/accounts/login/")  # signed out at once
    assert "_auth_user_id" not in client.session


def test_supervisor_of_an_agency_chooses_the_branch(client: Client, branch: Branch) -> None:
    other = a_branch(branch.agency, "kep-patra", name_el="ΚΕΠ Πάτρας", name_en="KEP Patra")
    signed_in(client, an_officer(branch.agency, Role.SUPERVISOR))
    assert "KEP Patra" in text_of(client.get(f"{DAY}?branch={other.code}"))
    remembered = text_of(client.get(DAY))
    assert f'<option value="{other.code}" selected>' in remembered
