"""What a citizen sees and does about an appointment that exists."""

from datetime import time
from typing import Any

import pytest
import time_machine
from django.conf import settings
from django.test import Client
from django.urls import reverse
from pytest_django import DjangoAssertNumQueries

from accounts.models import User
from agencies.models import Agency, Branch, Channel, Procedure
from appointments import booking
from appointments.models import Appointment, Rating, Status, Ticket
from appointments.models.appointment import LINK_TELLS
from appointments.urls import managing
from appointments.views.booking import find
from tests.builders import (
    GUEST,
    NOW,
    STAFF,
    TUESDAY,
    WORKER,
    a_branch,
    a_citizen,
    a_contact,
    a_rule,
    a_user,
    an_appointment,
    an_officer,
    at,
    by,
    minutes,
    slot_at,
    slots_of,
)
from tests.codes import open_for
from tests.pages import hidden_of, signed_in, text_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]


@pytest.fixture
def booked(branch: Branch) -> Appointment:
    """A guest's, on Tuesday at nine."""
    return an_appointment(slot_at(at(9)))


@pytest.fixture
def own(client: Client, booked: Appointment) -> str:
    """The address of the page of an appointment that the client has opened by its link."""
    open_for(client, booked)
    return booked.get_absolute_url()


def serve(appointment: Appointment) -> Appointment:
    officer = an_officer(appointment.branch)
    serving = booking.serve(appointment, by=by(officer), now=appointment.starts_at)
    return booking.complete(serving, by=STAFF, now=appointment.ends_at)


# Who sees it


def test_link_opens_and_leaves_no_key_in_the_address(client: Client, booked: Appointment) -> None:
    answer = client.get(f"{booked.get_absolute_url()}?key={booked.link_key}")
    assert answer.headers["Location"] == booked.get_absolute_url()
    open_for(client, booked)
    page = text_of(client.get(booked.get_absolute_url()))
    assert booked.spoken_reference in page
    assert "citizen1@example.org" in page


@pytest.mark.parametrize("page", ["", "verify/", "move/", "cancel/", "rate/"])
def test_link_works_for_every_page_about_it(client: Client, booked: Appointment, page: str) -> None:
    address = f"{booked.get_absolute_url()}{page}"
    assert client.get(f"{address}?key={booked.link_key}").headers["Location"] == address


@pytest.mark.parametrize("reference", ["its own", "23456789AB"])
def test_tampered_link_says_how_to_get_in(client: Client, booked: Appointment, reference: str) -> None:
    reference = booked.reference if reference == "its own" else reference
    answer = client.get(f"/appointments/{reference}/?key={booked.link_key[:-1]}x")
    assert answer.status_code == 403
    assert "Ο σύνδεσμος δεν λειτουργεί" in text_of(answer)
    assert "/appointments/find/" in text_of(answer)
    assert "citizen1@example.org" not in text_of(answer)


def test_link_of_one_appointment_does_not_open_another(client: Client, booked: Appointment) -> None:
    other = an_appointment(slot_at(at(10)), 2)
    assert client.get(f"{other.get_absolute_url()}?key={booked.link_key}").status_code == 403


# Every page about an appointment, as the map of addresses lists them.
PAGES = [page.name for page in managing if page.name]


def told(client: Client, appointment: Appointment, page: str) -> list[str]:
    """What the page, by both methods, tells of the person."""
    address = reverse(f"appointments:{page}", args=[appointment.reference])
    text = "".join(text_of(ask(address, follow=True)) for ask in (client.get, client.post))
    own = (appointment.name, appointment.email, appointment.phone, appointment.notes, "Έτοιμο", "Υπεύθυνη δήλωση")
    return [one for one in own if one in text]


def a_visit(branch: Branch, **more: Any) -> Appointment:
    """Somebody came and told much about themselves, and the officer wrote back."""
    appointment = an_appointment(slot_at(at(9)), notes="Με αμαξίδιο", channel=Channel.VIDEO, **more)
    serve(appointment)
    times = {"due_at": NOW, "arrived_at": NOW}
    Ticket.objects.create(
        branch=branch,
        day=TUESDAY,
        number=1,
        appointment=appointment,
        procedure=appointment.procedure,
        citizen_note="Έτοιμο",
        **times,
    )
    appointment.refresh_from_db()
    return appointment


@pytest.mark.parametrize("page", PAGES)
def test_link_names_nobody_a_month_after_the_appointment(
    client: Client, branch: Branch, page: str, clock: time_machine.Traveller
) -> None:
    visit = a_visit(branch)
    clock.move_to(visit.ends_at + LINK_TELLS - minutes(1))
    open_for(client, visit)
    assert visit.name in told(client, visit, "detail")
    clock.move_to(visit.ends_at + LINK_TELLS)
    for visitor in (client, Client()):
        opened = text_of(visitor.get(visit.link().removeprefix(settings.SITE_URL), follow=True))
        assert visit.spoken_reference in opened
        assert visit.get_status_display() in opened
        assert "ΚΕΠ Χανίων" in opened
        assert told(visitor, visit, page) == []


def test_own_account_shows_the_appointment_after_a_month_too(
    client: Client, branch: Branch, clock: time_machine.Traveller
) -> None:
    citizen = a_user()
    visit = a_visit(branch, citizen=citizen)
    clock.move_to(visit.ends_at + LINK_TELLS)
    page = text_of(Client().get(visit.link().removeprefix(settings.SITE_URL), follow=True))
    assert visit.name not in page
    assert "/appointments/" in page
    assert visit.name in told(signed_in(client, citizen), visit, "detail")


def test_reference_and_address_name_nobody_a_month_after_the_appointment(
    client: Client, branch: Branch, clock: time_machine.Traveller
) -> None:
    visit = a_visit(branch)
    clock.move_to(visit.ends_at + LINK_TELLS)
    page = text_of(
        client.post("/appointments/find/", {"reference": visit.reference, "email": visit.email}, follow=True)
    )
    assert visit.spoken_reference in page
    assert visit.name not in page


@pytest.mark.parametrize(
    "page", ["", "done/", "verify/", "contact/", "move/", "move/branch/", "move/check/", "cancel/", "rate/"]
)
def test_stranger_finds_nothing(client: Client, booked: Appointment, page: str) -> None:
    address = f"{booked.get_absolute_url()}{page}"
    assert client.get(address).status_code == 404
    assert signed_in(client, a_user("other@example.org")).get(address).status_code == 404


@pytest.mark.parametrize("page", ["move/check/", "contact/", "cancel/", "verify/", "rate/"])
def test_stranger_changes_nothing(client: Client, booked: Appointment, page: str) -> None:
    data = {"slot": slot_at(at(10)).pk, "score": 1}
    assert client.post(f"{booked.get_absolute_url()}{page}", data).status_code == 404
    assert Appointment.objects.get().starts_at == at(9)


def test_time_that_is_only_held_has_no_page(client: Client, branch: Branch) -> None:
    user = a_user()
    procedure = Procedure.objects.select_related("agency").get()
    held = booking.hold(slot_at(at(9)).pk, procedure, "in_person", by=a_citizen(user), now=NOW)
    assert signed_in(client, user).get(held.get_absolute_url()).status_code == 404


def test_who_has_signed_in_sees_it_without_a_link(client: Client, branch: Branch) -> None:
    user = a_user()
    own = an_appointment(slot_at(at(9)), citizen=user)
    assert own.spoken_reference in text_of(signed_in(client, user).get(own.get_absolute_url()))


def test_page_is_never_stored_by_others(client: Client, own: str) -> None:
    assert "no-store" in client.get(own).headers["Cache-Control"]


def test_detail_asks_few_queries(client: Client, own: str, django_assert_num_queries: DjangoAssertNumQueries) -> None:
    client.get(own)  # the first visit notes that the address is proven
    with django_assert_num_queries(
        6
    ):  # session, appointment, what it is offered, its messages, its history, who looked
        client.get(own)


# The list


@pytest.mark.parametrize("number", [1, 3])
def test_list_asks_the_same_number_of_queries(
    client: Client, branch: Branch, number: int, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    user = signed_in_user(client)
    Procedure.objects.update(open_limit=9)
    for hour in range(number):
        an_appointment(slot_at(at(8 + hour)), citizen=user)
        booking.cancel(an_appointment(slot_at(at(11 + hour)), citizen=user), by=GUEST, now=NOW)
    with django_assert_num_queries(6):  # session, user, ahead, number of those behind, those behind, is an officer
        page = text_of(client.get("/appointments/"))
    assert page.count('class="row"') == 2 * number


def signed_in_user(client: Client) -> User:
    user = a_user()
    client.force_login(user)
    return user


def test_list_has_only_ones_own(client: Client, booked: Appointment) -> None:
    assert 'class="row"' not in text_of(signed_in(client, a_user("other@example.org")).get("/appointments/"))


def test_list_needs_a_sign_in(client: Client, db: None) -> None:
    assert client.get("/appointments/").headers["Location"].endswith("?next=/appointments/")


# Finding it again


def test_find_opens_with_reference_and_address(client: Client, booked: Appointment) -> None:
    typed = {"reference": f" {booked.spoken_reference.lower()} ", "email": "CITIZEN1@example.org"}
    page = client.post("/appointments/find/", typed, follow=True)
    assert page.request["PATH_INFO"] == booked.get_absolute_url()


@pytest.mark.parametrize("email", ["citizen2@example.org", "citizen1@example.com"])
def test_find_with_a_wrong_address_tells_nothing(client: Client, booked: Appointment, email: str) -> None:
    pages = [
        text_of(client.post("/appointments/find/", {"reference": reference, "email": email}))
        for reference in (booked.reference, "23456789AB")
    ]
    for page in pages:
        assert "Δεν βρήκαμε ραντεβού με αυτόν τον κωδικό και αυτή τη διεύθυνση e-mail." in page
    assert "sessionid" not in client.cookies


def test_find_stops_who_tries_many_addresses(client: Client, booked: Appointment) -> None:
    for number in range(5):
        client.post("/appointments/find/", {"reference": booked.reference, "email": f"try{number}@example.org"})
    right = {"reference": booked.reference, "email": booked.email}
    assert "Πολλές προσπάθειες" in text_of(client.post("/appointments/find/", right))


def finds(number: int, appointment: Appointment, email: str = "") -> bool:
    """Whether somebody in the network with this number finds the appointment."""
    typed = {"reference": appointment.reference, "email": email or appointment.email}
    return Client(REMOTE_ADDR=f"198.51.100.{number}").post("/appointments/find/", typed).status_code == 302


def test_strangers_do_not_lock_the_owner_out_of_finding(booked: Appointment, no_redis: None) -> None:
    """Whether one tries often, or many try, and although they use up the tries of everybody."""
    for number in range(30):
        for guess in range(6):
            assert not finds(number, booked, f"try{guess}@example.org")
    assert finds(77, booked)
    assert finds(77, booked)
    assert not finds(3, booked)


def test_many_networks_have_one_try_each_in_the_end(booked: Appointment) -> None:
    for number in range(find.ALL_TRIES.number):
        finds(number % 50, booked, f"try{number}@example.org")
    assert not finds(77, booked, "try@example.org")
    assert not finds(77, booked)
    assert finds(78, booked)


def test_who_tries_many_references_is_stopped_without_redis(booked: Appointment, no_redis: None) -> None:
    for number in range(find.TRIES_OF_NETWORK.number):
        booked.reference = f"23456789{'ABCDEFGHJK'[number // 10]}{'ABCDEFGHJK'[number % 10]}"
        finds(1, booked)
    booked.refresh_from_db()
    assert not finds(1, booked)
    assert finds(2, booked)


# Moving


def test_move_shows_the_time_now_and_free_ones(client: Client, own: str) -> None:
    page = text_of(client.get(f"{own}move/?day=2026-03-03"))
    assert "Τρίτη 3 Μαρτίου, 09:00" in page
    assert page.count('class="slot"') == 35


def test_move_asks_before_and_then_moves(client: Client, own: str) -> None:
    page = text_of(client.get(f"{own}move/check/?slot={slot_at(at(10)).pk}"))
    assert "Τρίτη 3 Μαρτίου, 09:00" in page
    assert "Τρίτη 3 Μαρτίου, 10:00" in page
    assert Appointment.objects.get().starts_at == at(9)
    page = client.post(f"{own}move/check/", {"slot": slot_at(at(10)).pk}, follow=True)
    assert "Η ώρα του ραντεβού σας άλλαξε." in text_of(page)
    assert (slot_at(at(9)).taken, slot_at(at(10)).taken, Appointment.objects.get().starts_at) == (0, 1, at(10))


@pytest.mark.parametrize("page", ["move/check/", "cancel/"])
def test_page_that_shows_an_earlier_time_changes_nothing(client: Client, own: str, page: str) -> None:
    """Two tabs: the time on the page is not the appointment's any more, because the other tab has moved it."""
    ten, eleven = slot_at(at(10)).pk, slot_at(at(11)).pk
    query = f"?slot={ten}" if page == "move/check/" else ""
    first = hidden_of(text_of(client.get(f"{own}{page}{query}")))
    client.post(f"{own}move/check/", hidden_of(text_of(client.get(f"{own}move/check/?slot={eleven}"))))
    shown = text_of(client.post(f"{own}{page}", first, follow=True))
    assert "Το ραντεβού άλλαξε στο μεταξύ." in shown
    assert "11:00" in shown
    appointment = Appointment.objects.get()
    assert (appointment.starts_at, appointment.status) == (at(11), Status.BOOKED)
    client.post(f"{own}{page}", hidden_of(text_of(client.get(f"{own}{page}{query}"))))
    appointment.refresh_from_db()
    assert appointment.starts_at == at(10) if query else appointment.status == Status.CANCELLED


def test_move_to_another_branch(client: Client, own: str, branch: Branch) -> None:
    other = a_branch(branch.agency, "kep-souda", name_el="ΚΕΠ Σούδας")
    a_rule(other)
    slot = slots_of(other)[10]
    assert "ΚΕΠ Σούδας" in text_of(client.get(f"{own}move/branch/"))
    assert "ΚΕΠ Σούδας" in text_of(client.get(f"{own}move/?branch=kep-souda"))
    client.post(f"{own}move/check/", {"slot": slot.pk})
    assert Appointment.objects.get().branch == other


def test_move_to_a_time_taken_meanwhile_is_told(client: Client, own: str) -> None:
    an_appointment(slot_at(at(10)), 2)
    page = client.post(f"{own}move/check/?day=2026-03-03", {"slot": slot_at(at(10)).pk})
    assert "Η ώρα αυτή μόλις κλείστηκε από άλλον." in text_of(page)
    assert f'href="{own}move/?day=2026-03-04' in text_of(page)  # the links of the days lead back to the times
    assert Appointment.objects.get(email="citizen1@example.org").starts_at == at(9)


def test_move_to_the_present_time_is_told(client: Client, own: str) -> None:
    assert "Αυτή είναι η ώρα που ήδη έχετε." in text_of(client.get(f"{own}move/check/?slot={slot_at(at(9)).pk}"))


def test_move_without_a_time_is_told(client: Client, own: str) -> None:
    assert "Επιλέξτε ώρα." in text_of(client.get(f"{own}move/check/"))


@pytest.mark.parametrize("page", ["move/", "move/branch/", "move/check/", "cancel/"])
def test_change_too_late_is_told(client: Client, booked: Appointment, page: str, clock: time_machine.Traveller) -> None:
    own = booked.get_absolute_url()
    clock.move_to(at(8, 30))
    open_for(client, booked)
    answer = client.post(f"{own}{page}", {"slot": 1}) if page == "cancel/" else client.get(f"{own}{page}")
    assert answer.headers["Location"] == own
    assert "Είναι αργά για να αλλάξετε εδώ το ραντεβού. Τηλεφωνήστε μας." in text_of(client.get(own))
    assert Appointment.objects.get().status == Status.BOOKED


@pytest.mark.parametrize("page", ["contact/", "move/", "move/branch/", "move/check/", "cancel/"])
def test_change_of_a_cancelled_appointment_says_that_it_is_cancelled(
    client: Client, booked: Appointment, own: str, page: str
) -> None:
    booking.cancel(booked, by=GUEST, now=NOW)
    shown = client.get(f"{own}{page}", follow=True)
    assert shown.redirect_chain == [(own, 302)]
    assert "Το ραντεβού έχει ακυρωθεί." in text_of(shown)
    assert "Είναι αργά" not in text_of(shown)


# Cancelling


def test_cancel_keeps_the_reason(client: Client, own: str) -> None:
    assert "Να ακυρωθεί το ραντεβού;" in text_of(client.get(f"{own}cancel/"))
    page = text_of(client.post(f"{own}cancel/", {"reason": "Δεν χρειάζεται πια"}, follow=True))
    cancelled = Appointment.objects.get()
    assert (cancelled.status, cancelled.cancelled_by) == (Status.CANCELLED, "citizen")
    assert cancelled.cancel_reason == "Δεν χρειάζεται πια"
    assert "Το ραντεβού σας ακυρώθηκε." in page
    assert "Ακυρώθηκε από εσάς" in page
    assert f"{own}cancel/" not in page


def test_cancel_twice_changes_nothing(client: Client, own: str) -> None:
    client.post(f"{own}cancel/")
    assert client.post(f"{own}cancel/").headers["Location"] == own


def test_cancel_reason_that_is_too_long_is_told(client: Client, own: str) -> None:
    page = text_of(client.post(f"{own}cancel/", {"reason": "α" * 301}))
    assert "govgr-error-message" in page
    assert "α" * 301 in page
    assert Appointment.objects.get().status == Status.BOOKED


def test_page_tells_how_accessible_the_branch_is(client: Client, own: str) -> None:
    Branch.objects.update(access_el="Ράμπα και ανελκυστήρας.")
    assert "Ράμπα και ανελκυστήρας." in text_of(client.get(own))


def test_page_names_the_clock_of_who_serves_from_afar(client: Client, own: str) -> None:
    assert "ώρα Ελλάδας" not in text_of(client.get(own))
    Appointment.objects.update(channel="video")
    assert "ώρα Ελλάδας" in text_of(client.get(own))


# Confirming the address


@pytest.fixture
def unverified(client: Client, branch: Branch) -> Appointment:
    Agency.objects.update(verify_minutes=30)
    procedure = Procedure.objects.select_related("agency").get()
    held = booking.hold(slot_at(at(9)).pk, procedure, "in_person", by=GUEST, now=NOW)
    waiting = booking.confirm(held, a_contact(), by=GUEST, now=NOW)
    open_for(client, waiting)
    return waiting


def test_opening_the_verify_link_changes_nothing(client: Client, unverified: Appointment) -> None:
    assert "Επιβεβαίωση του ραντεβού" in text_of(client.get(f"{unverified.get_absolute_url()}verify/"))
    assert Appointment.objects.get().status == Status.UNVERIFIED


def test_verify_books_once_and_repeats_harmlessly(client: Client, unverified: Appointment) -> None:
    address = f"{unverified.get_absolute_url()}verify/"
    assert "Το ραντεβού σας επιβεβαιώθηκε" in text_of(client.post(address, follow=True))
    assert Appointment.objects.get().status == Status.BOOKED
    assert client.post(address).headers["Location"] == unverified.get_absolute_url()
    assert client.get(address).headers["Location"] == unverified.get_absolute_url()


def verify_mails(appointment: Appointment) -> int:
    return appointment.notifications.filter(kind="verify").count()


def test_mail_that_has_not_come_is_sent_again(
    client: Client, unverified: Appointment, clock: time_machine.Traveller
) -> None:
    again = f"{unverified.get_absolute_url()}verify/again/"
    assert again in text_of(client.get(f"{unverified.get_absolute_url()}done/"))
    clock.shift(minutes(2))
    page = text_of(client.post(again, follow=True))
    assert "citizen1@example.org" in page
    newest = unverified.notifications.latest("pk")
    assert (newest.kind, newest.state, newest.due_at) == ("verify", "pending", NOW + minutes(2))
    assert verify_mails(unverified) == 2


def test_mail_is_sent_again_at_most_twice_and_once_a_minute(
    client: Client, unverified: Appointment, clock: time_machine.Traveller
) -> None:
    again = f"{unverified.get_absolute_url()}verify/again/"
    for _click in range(2):
        client.post(again)
    assert verify_mails(unverified) == 2
    for _minute in range(5):
        clock.shift(minutes(1))
        page = text_of(client.post(again, follow=True))
    assert verify_mails(unverified) == 3
    assert "Δεν μπορούμε να στείλουμε ξανά" in page


def test_mail_is_not_sent_again_to_who_has_confirmed(client: Client, unverified: Appointment) -> None:
    client.post(f"{unverified.get_absolute_url()}verify/")
    answer = client.post(f"{unverified.get_absolute_url()}verify/again/")
    assert answer.headers["Location"] == unverified.get_absolute_url()
    assert verify_mails(unverified) == 1


@pytest.mark.parametrize("swept", [False, True])
def test_verify_too_late_leads_to_a_new_choice(
    client: Client, unverified: Appointment, clock: time_machine.Traveller, swept: bool
) -> None:
    clock.shift(minutes(31))
    if swept:
        booking.expire(by=WORKER, now=NOW + minutes(31))
    page = text_of(client.post(f"{unverified.get_absolute_url()}verify/"))
    assert "Η ώρα δεν κρατιέται πλέον" in page
    assert "/mykeplive/kep-dilosi/book/?channel=in_person" in page


# Rating


def test_rating_is_anonymous_and_once(client: Client, own: str, booked: Appointment) -> None:
    served = serve(booked)
    assert f"{own}rate/" in text_of(client.get(own))
    client.post(f"{own}rate/", {"score": "5", "comment": "Γρήγορα"})
    client.post(f"{own}rate/", {"score": "1"})
    rating = Rating.objects.get()
    assert (rating.score, rating.comment, rating.served_on) == (5, "Γρήγορα", at(9).date())
    served.refresh_from_db()
    assert served.rated_at is not None
    assert served.rated_at.time() == time()  # the day alone
    assert f"{own}rate/" not in text_of(client.get(own))


def test_rating_without_a_score_is_told(client: Client, own: str, booked: Appointment) -> None:
    serve(booked)
    page = text_of(client.post(f"{own}rate/", {"comment": "Γρήγορα"}))
    assert "Επιλέξτε πόσο ικανοποιημένοι είστε." in page
    assert "Γρήγορα" in page


def test_rating_before_the_service_is_not_possible(client: Client, own: str) -> None:
    assert client.post(f"{own}rate/", {"score": "5"}).headers["Location"] == own
    assert Rating.objects.count() == 0


def test_history_tells_what_happened(client: Client, own: str, booked: Appointment) -> None:
    booking.reschedule(booked, slot_at(at(10)).pk, by=GUEST, now=NOW + minutes(1))
    booking.cancel(booked, by=STAFF, now=NOW + minutes(2))
    page = text_of(client.get(own))
    places = [
        page.index(event) for event in ("Επιβεβαιώθηκε</span>", "Αλλάξατε την ώρα: από", "Ακυρώθηκε από τον φορέα")
    ]
    assert places == sorted(places)
