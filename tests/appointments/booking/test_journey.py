"""The way from a service to a booked appointment."""

import html
import re
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier
from urllib.parse import quote

import pytest
import time_machine
from django.contrib.sessions.models import Session
from django.core import mail
from django.db import connection
from django.http import HttpResponse
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from accounts.limits import DatabaseLimit
from agencies.models import Agency, Branch, Channel, Procedure
from appointments import booking
from appointments.models import Appointment, KeptDraft, Status, TimeSlot
from appointments.tasks import deliver_due, expire_due
from appointments.views.booking import draft
from tests.builders import (
    GUEST,
    NOW,
    WORKER,
    a_branch,
    a_contact,
    a_procedure,
    a_rule,
    a_user,
    an_agency,
    an_appointment,
    an_open_branch,
    at,
    minutes,
    slot_at,
    slots_of,
)
from tests.codes import open_for
from tests.pages import hidden_of, text_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]
BOOK = "/mykeplive/kep-dilosi/book/"
TIMES = f"{BOOK}time/?channel=in_person&branch=kep-chania"
TYPED = {"name": "Μαρία Παπαδάκη", "email": "maria@example.org", "phone": "6912345678", "language": "el"}


def choose(client: Client, slot: TimeSlot, address: str = TIMES) -> HttpResponse:
    return client.post(address, {"slot": slot.pk})


def come_to_check(client: Client, slot: TimeSlot, **typed: str) -> Appointment:
    choose(client, slot)
    client.post(f"{BOOK}details/", TYPED | typed)
    return Appointment.objects.get(status=Status.HELD)


# Questions


def test_start_asks_how_first(client: Client, branch: Branch) -> None:
    a_branch(branch.agency, "kep-rethymno")
    assert client.get(BOOK).headers["Location"] == f"{BOOK}channel/"


def test_start_skips_questions_with_one_answer(client: Client) -> None:
    agency = an_agency()
    branch = a_branch(agency)
    a_procedure(agency, channels=["phone"])
    a_rule(branch, channels=["phone"])
    assert client.get(BOOK).headers["Location"] == f"{BOOK}time/?channel=phone&branch=kep-chania"


def test_start_takes_answers_from_the_address(client: Client, branch: Branch) -> None:
    a_rule(a_branch(branch.agency, "kep-rethymno"))
    answer = client.get(f"{BOOK}?channel=video&branch=kep-rethymno")
    assert answer.headers["Location"] == f"{BOOK}time/?channel=video&branch=kep-rethymno"


def test_channel_that_is_not_offered_is_told(client: Client, branch: Branch) -> None:
    page = client.get(f"{BOOK}?channel=phone", follow=True)
    assert page.redirect_chain == [(f"{BOOK}channel/?channel=phone", 302)]
    assert "Η υπηρεσία αυτή δεν παρέχεται με αυτόν τον τρόπο. Επιλέξτε άλλον." in text_of(page)


def test_channel_page_tells_the_first_free_day(client: Client, branch: Branch) -> None:
    assert "Πρώτη ελεύθερη ημέρα: Δευτέρα 2 Μαρτίου" in text_of(client.get(f"{BOOK}channel/"))


def test_branch_page_shows_earliest_times(client: Client, branch: Branch) -> None:
    a_rule(a_branch(branch.agency, "kep-rethymno", name_el="ΚΕΠ Ρεθύμνου"))
    page = text_of(client.get(f"{BOOK}branch/?channel=in_person"))
    assert f'href="{BOOK}time/?channel=in_person&branch=kep-chania"' in page
    assert "Δευτέρα 2 Μαρτίου, 08:00" in page
    assert "ΚΕΠ Ρεθύμνου" in page


def test_branch_page_of_many_lists_those_of_the_chosen_place(client: Client, branch: Branch) -> None:
    for number in range(40):
        region = ("Κρήτη", "Αττική")[number % 2]
        a_rule(a_branch(branch.agency, f"kep-{number}", name_el=f"ΚΕΠ {number}", region_el=region))
    address = f"{BOOK}branch/?channel=in_person"
    names = re.compile(r"ΚΕΠ \d+")
    page = text_of(client.get(address))
    assert names.findall(page.partition("Όλα τα σημεία")[2]) == []
    (crete,) = re.findall(r'href="([^"#]+)#place-\d"[^>]*>Κρήτη', page)
    opened = text_of(client.get(f"{BOOK}branch/{html.unescape(crete)}"))
    assert {*names.findall(opened.partition("Όλα τα σημεία")[2])} == {f"ΚΕΠ {number}" for number in range(0, 40, 2)}
    assert "#place-1" in opened  # the other places stay links
    found = text_of(client.get(f"{address}&q=attiki"))
    assert {*names.findall(found)} == {f"ΚΕΠ {number}" for number in range(1, 40, 2)}


def test_branch_in_the_town_that_is_typed_is_first(client: Client, branch: Branch) -> None:
    a_rule(branch)
    near = a_branch(
        branch.agency, "kep-near", name_el="ΚΕΠ Πλατανιά", city_el="Πλατανιάς", region_el="Κρήτη", unit_el="Χανίων"
    )
    a_rule(near)
    Branch.objects.filter(pk=branch.pk).update(region_el="Κρήτη", name_el="ΚΕΠ Χανίων", city_el="Χανιά")
    page = text_of(client.get(f"{BOOK}branch/?channel=in_person&q=χανια"))
    assert page.index("ΚΕΠ Χανίων") < page.index("ΚΕΠ Πλατανιά")


@pytest.mark.parametrize("branches", [1, 3])
def test_branch_page_asks_the_same_number_of_queries(
    client: Client, branch: Branch, branches: int, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for number in range(branches):
        a_rule(a_branch(branch.agency, f"kep-{number}"))
    client.get(f"{BOOK}branch/?channel=in_person")
    with django_assert_num_queries(2):  # whether the offer is the same, and whether anything was booked
        client.get(f"{BOOK}branch/?channel=in_person")


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("kep-closed", "Το σημείο αυτό δεν δέχεται ραντεβού αυτή τη στιγμή. Επιλέξτε άλλο."),
        ("kep-videoless", "Το σημείο αυτό δεν εξυπηρετεί με αυτόν τον τρόπο. Επιλέξτε άλλο."),
        ("efka-chania", "Δεν υπάρχει τέτοιο σημείο εξυπηρέτησης. Επιλέξτε ένα από τη λίστα."),
    ],
)
def test_wrong_branch_is_told(client: Client, branch: Branch, code: str, message: str) -> None:
    a_rule(a_branch(branch.agency, "kep-closed", is_open=False))
    a_rule(a_branch(branch.agency, "kep-videoless"), channels=["in_person"])
    a_rule(a_branch(an_agency("efka"), "efka-chania"))
    page = client.get(f"{BOOK}time/?channel=video&branch={code}", follow=True)
    assert page.request["PATH_INFO"] == f"{BOOK}branch/"
    assert message in text_of(page)


@pytest.mark.parametrize("page", ["", "channel/", "branch/", "time/", "details/", "check/"])
def test_service_that_is_not_offered_has_no_journey(client: Client, branch: Branch, page: str) -> None:
    Agency.objects.update(stage=Agency.Stage.JOINING)
    assert client.get(f"{BOOK}{page}").status_code == 404


# Times


def test_times_page_opens_the_first_free_day(client: Client, branch: Branch) -> None:
    page = text_of(client.get(TIMES))
    assert re.search(r"Πρώτη ελεύθερη ημέρα: <a [^>]*day=2026-03-02[^>]*>Δευτέρα 2 Μαρτίου</a>", page)
    assert page.count('class="slot"') == 36
    assert "Βήμα 2 από 4" in page


def test_times_page_opens_the_day_that_is_asked_for(client: Client, branch: Branch) -> None:
    page = text_of(client.get(f"{TIMES}&day=2026-03-07"))  # a Saturday: the next free day is Monday
    assert "<time" in page
    assert 'id="day-2026-03-09"' in page
    assert "day=2026-03-02" in page  # earlier days


def test_times_page_ignores_a_day_that_is_none(client: Client, branch: Branch) -> None:
    assert 'id="day-2026-03-02"' in text_of(client.get(f"{TIMES}&day=tomorrow"))


def test_times_page_after_the_last_free_day_shows_the_last(client: Client, branch: Branch) -> None:
    assert 'id="day-2026-03-16"' in text_of(client.get(f"{TIMES}&day=2030-01-01"))


@pytest.mark.parametrize("desks", [1, 3])
def test_times_page_asks_the_same_number_of_queries(
    client: Client, desks: int, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    branch = an_open_branch()
    for _ in range(desks - 1):
        a_rule(branch)
    slots_of(branch)
    client.get(TIMES)
    with django_assert_num_queries(3):  # whether the offer is the same, the free days, the times of one
        client.get(TIMES)


def test_times_of_two_rules_are_shown_once(client: Client, branch: Branch) -> None:
    a_rule(branch)
    slots_of(branch)
    assert text_of(client.get(TIMES)).count('class="slot"') == 36


def test_reading_makes_no_session(client: Client, branch: Branch) -> None:
    for address in (f"{BOOK}channel/", f"{BOOK}branch/?channel=video", TIMES, "/appointments/find/"):
        assert client.get(address).status_code == 200
    client.get("/appointments/23456789AB/?key=wrong")
    assert Session.objects.count() == 0
    assert "sessionid" not in client.cookies


def test_no_free_time_says_what_to_do(client: Client) -> None:
    agency = an_agency()
    branch, other = a_branch(agency, phone="28210 12345"), a_branch(agency, "kep-souda", name_el="ΚΕΠ Σούδας")
    a_procedure(agency)
    a_rule(branch, channels=["in_person"])
    a_rule(other)
    slots_of(other)
    page = text_of(client.get(TIMES))
    assert "Καμία ελεύθερη ώρα" in page
    assert f'href="{BOOK}?channel=video"' in page
    assert f'href="{BOOK}time/?channel=in_person&branch=kep-souda"' in page
    assert "28210 12345" in page


def test_no_free_time_offers_branches_nearby_first(client: Client) -> None:
    agency = an_agency()
    a_rule(a_branch(agency, region_el="Κρήτη"), channels=["in_person"])
    a_procedure(agency)
    for code, region in (("kep-a", "Θράκη"), ("kep-b", "Κρήτη"), ("kep-c", "Ήπειρος"), ("kep-d", "Αττική")):
        other = a_branch(agency, code, name_el=code, region_el=region)
        a_rule(other, opens_at=at(10 if region == "Κρήτη" else 9).time())
        slots_of(other)
    page = text_of(client.get(TIMES))
    assert "kep-b</a>" in page
    assert page.index("kep-b</a>") < page.index("kep-a</a>") < page.index("kep-c</a>")
    assert "kep-d</a>" not in page


def test_choosing_a_time_holds_it(client: Client, branch: Branch) -> None:
    assert choose(client, slot_at(at(9))).headers["Location"] == f"{BOOK}details/"
    held = Appointment.objects.get()
    assert (held.status, held.starts_at, held.expires_at) == (Status.HELD, at(9), NOW + minutes(10))
    assert slot_at(at(9)).taken == 1


def test_choosing_another_time_gives_back_the_first(client: Client, branch: Branch) -> None:
    choose(client, slot_at(at(9)))
    choose(client, slot_at(at(10)))
    assert (slot_at(at(9)).taken, slot_at(at(10)).taken) == (0, 1)


def test_choosing_the_same_time_again_keeps_it(client: Client, branch: Branch) -> None:
    choose(client, slot_at(at(9)))
    assert choose(client, slot_at(at(9))).headers["Location"] == f"{BOOK}details/"
    assert Appointment.objects.count() == 1


def test_choosing_a_time_that_overlaps_ones_own(client: Client, branch: Branch) -> None:
    Procedure.objects.update(duration_minutes=30)
    choose(client, slot_at(at(9)))
    assert choose(client, slot_at(at(9, 10))).headers["Location"] == f"{BOOK}details/"
    assert [slot_at(at(9, minute)).taken for minute in (0, 10, 20, 30)] == [0, 1, 1, 1]


@pytest.mark.parametrize("channel", ["in_person", "video"])
def test_address_is_shown_only_to_who_comes_there(client: Client, branch: Branch, channel: str) -> None:
    Branch.objects.update(address_el="Χατζημιχάλη Γιάνναρη 2", is_illustrative=True, phone="")
    times = TIMES.replace("in_person", channel)
    pages = [client.get(times)]
    choose(client, slots_of(branch)[10], times)
    client.post(f"{BOOK}details/", TYPED)
    pages.append(client.get(f"{BOOK}check/"))
    shown = ["Χατζημιχάλη" in text_of(page) for page in pages]
    assert shown == [channel == "in_person"] * 2
    assert ("Ενδεικτικά στοιχεία" in text_of(pages[1])) == (channel == "in_person")


def test_times_page_shows_the_held_time(client: Client, branch: Branch) -> None:
    choose(client, slot_at(at(9)))
    assert "Συνέχεια με αυτή την ώρα" in text_of(client.get(TIMES))


def test_network_cannot_choose_on_and_on(
    client: Client, branch: Branch, monkeypatch: pytest.MonkeyPatch, no_redis: None
) -> None:
    monkeypatch.setattr(draft, "HOLDS", DatabaseLimit("holds", 2, 600))
    for hour in (9, 10):
        assert choose(Client(), slot_at(at(hour))).status_code == 302
    assert "δοκιμάστε ξανά σε 10 λεπτά" in text_of(choose(Client(), slot_at(at(11))))
    assert choose(Client(REMOTE_ADDR="192.0.2.7"), slot_at(at(11))).status_code == 302
    client.force_login(a_user())
    assert choose(client, slot_at(at(12))).status_code == 302


def test_time_taken_a_moment_ago_is_told(client: Client, branch: Branch) -> None:
    an_appointment(slot_at(at(9)))
    page = choose(client, slot_at(at(9)), f"{TIMES}&day=2026-03-03")
    assert "Η ώρα αυτή μόλις κλείστηκε από άλλον. Επιλέξτε άλλη ώρα." in text_of(page)
    assert text_of(page).count('class="slot"') == 35  # the list is as it is now
    assert Appointment.objects.filter(status=Status.HELD).count() == 0


def test_past_time_is_told(client: Client, branch: Branch, clock: time_machine.Traveller) -> None:
    slot = slot_at(at(9))
    clock.move_to(at(8, 30))
    assert "Είναι αργά για να κλείσετε αυτή την ώρα. Επιλέξτε μια επόμενη." in text_of(choose(client, slot))


def test_foreign_time_is_told(client: Client, branch: Branch) -> None:
    efka = a_branch(an_agency("efka"), "efka-chania")
    a_rule(efka)
    foreign = slots_of(efka)[0]
    assert "Η ώρα αυτή δεν αφορά τη συγκεκριμένη υπηρεσία. Επιλέξτε άλλη." in text_of(choose(client, foreign))


def test_time_of_another_channel_is_told(client: Client, branch: Branch) -> None:
    a_rule(branch, opens_at=at(15).time(), closes_at=at(16).time(), channels=["in_person"])
    slot = slots_of(branch)[-1]
    page = choose(client, slot, TIMES.replace("in_person", "video"))
    assert "Την ώρα αυτή η υπηρεσία δεν παρέχεται με αυτόν τον τρόπο." in text_of(page)


@pytest.mark.parametrize("slot", ["0", "-1", "abc", str(2**63), "999999999"])
def test_time_that_does_not_exist_is_told(client: Client, branch: Branch, slot: str) -> None:
    page = client.post(TIMES, {"slot": slot})
    assert "Η ώρα αυτή δεν υπάρχει. Επιλέξτε μία από τη λίστα." in text_of(page)


# Details


def test_details_without_a_time_lead_to_the_start(client: Client, branch: Branch) -> None:
    for page in ("details/", "check/"):
        assert client.get(f"{BOOK}{page}").headers["Location"] == BOOK


def test_wrong_details_are_told_and_nothing_is_lost(client: Client, branch: Branch) -> None:
    choose(client, slot_at(at(9)))
    page = text_of(client.post(f"{BOOK}details/", TYPED | {"email": "maria@", "notes": "Με αμαξίδιο"}))
    assert "Γράψτε τη διεύθυνση e-mail στη σωστή μορφή" in page
    again = text_of(client.get(f"{BOOK}details/"))
    for typed in ("Μαρία Παπαδάκη", "maria@", "6912345678", "Με αμαξίδιο"):
        assert typed in page
        assert typed in again


def test_tax_number_is_not_readable_in_the_session(client: Client, branch: Branch) -> None:
    Procedure.objects.update(identification="tax_number")
    choose(client, slot_at(at(9)))
    client.post(f"{BOOK}details/", TYPED | {"tax_number": "EL 090000045"})
    assert "090000045" not in str(client.session.items())
    assert "EL 090000045" in text_of(client.get(f"{BOOK}details/"))
    assert "090000045" in text_of(client.get(f"{BOOK}check/"))


def test_details_of_who_has_signed_in_are_filled_in(client: Client, branch: Branch) -> None:
    client.force_login(a_user(name="Νίκος Νικολάου", phone="+306900000000"))
    choose(client, slot_at(at(9)))
    page = text_of(client.get(f"{BOOK}details/"))
    for known in ("Νίκος Νικολάου", "citizen@example.org", "+306900000000"):
        assert known in page


# Holds that ran out


def test_expired_hold_is_taken_again_while_it_is_free(
    client: Client, branch: Branch, clock: time_machine.Traveller
) -> None:
    come_to_check(client, slot_at(at(9)))
    clock.shift(minutes(11))
    page = text_of(client.get(f"{BOOK}check/"))
    assert "την κρατάμε ξανά για εσάς" in page
    assert Appointment.objects.get(status=Status.HELD).expires_at == NOW + minutes(21)
    assert slot_at(at(9)).taken == 1


def test_expired_hold_is_booked_by_a_late_click(client: Client, branch: Branch, clock: time_machine.Traveller) -> None:
    held = come_to_check(client, slot_at(at(9)))
    clock.shift(minutes(11))
    booking.expire(by=WORKER, now=NOW + minutes(11))
    client.post(f"{BOOK}check/", {"hold": held.reference})
    assert Appointment.objects.get(status=Status.BOOKED).starts_at == at(9)


def test_expired_hold_that_is_gone_leads_to_the_times(
    client: Client, branch: Branch, clock: time_machine.Traveller
) -> None:
    held = come_to_check(client, slot_at(at(9)))
    clock.shift(minutes(11))
    booking.expire(by=WORKER, now=NOW + minutes(11))
    an_appointment(slot_at(at(9)), now=NOW + minutes(11))
    page = client.post(f"{BOOK}check/", {"hold": held.reference}, follow=True)
    assert page.request["PATH_INFO"] == f"{BOOK}time/"
    assert "Η ώρα που κρατούσαμε για εσάς έληξε" in text_of(page)
    choose(client, slot_at(at(10)))
    assert "Μαρία Παπαδάκη" in text_of(client.get(f"{BOOK}details/"))


def test_details_typed_after_the_hold_is_gone_are_kept(
    client: Client, branch: Branch, clock: time_machine.Traveller
) -> None:
    choose(client, slot_at(at(9)))
    clock.shift(minutes(11))
    booking.expire(by=WORKER, now=NOW + minutes(11))
    an_appointment(slot_at(at(9)), now=NOW + minutes(11))
    assert "gone=1" in client.post(f"{BOOK}details/", TYPED).headers["Location"]
    choose(client, slot_at(at(10)))
    assert "Μαρία Παπαδάκη" in text_of(client.get(f"{BOOK}details/"))


# Shared computers


def shown_to_the_next(client: Client) -> str:
    """Every page of the journey for who sits down at the same computer, without what the last one did not give."""
    pages = (f"{BOOK}details/", f"{BOOK}check/", TIMES, "/")
    return "".join(text_of(client.get(page, follow=True)) for page in pages)


def told_of_the_last(client: Client, **more: str) -> list[str]:
    shown = shown_to_the_next(client)
    return [value for value in (TYPED | more).values() if len(value) > 2 and value in shown]


@pytest.mark.parametrize("prefix", ["", "/en"])
def test_guest_leaves_and_nothing_is_left(client: Client, branch: Branch, prefix: str) -> None:
    Procedure.objects.update(identification="tax_number")
    held = come_to_check(client, slot_at(at(9)), tax_number="090000045")
    page = text_of(client.get(f"{prefix}{BOOK}check/"))
    assert f'action="{prefix}/appointments/leave/"' in page
    answer = client.post(f"{prefix}/appointments/leave/", follow=True)
    assert {"": "διαγράφηκαν", "/en": "has been cleared"}[prefix] in text_of(answer)
    assert f'action="{prefix}/appointments/leave/"' not in text_of(answer)
    assert told_of_the_last(client, tax_number="090000045") == []
    held.refresh_from_db()
    assert held.status == Status.EXPIRED
    assert slot_at(at(9)).taken == 0
    assert Session.objects.count() == 0


def test_guest_who_has_booked_leaves_too(client: Client, branch: Branch) -> None:
    held = come_to_check(client, slot_at(at(9)))
    done = client.post(f"{BOOK}check/", {"hold": held.reference}, follow=True)
    assert "/appointments/leave/" in text_of(done)
    client.post("/appointments/leave/")
    assert client.get(f"/appointments/{held.reference}/").status_code == 404
    assert Appointment.objects.get().status == Status.BOOKED


def test_who_has_left_nothing_is_not_asked_to_leave(client: Client, branch: Branch) -> None:
    assert "/appointments/leave/" not in text_of(client.get("/"))
    assert client.get("/appointments/leave/").status_code == 405


@pytest.mark.parametrize("touched", [False, True])
def test_what_was_typed_is_forgotten_shortly_after_the_hold(
    client: Client, branch: Branch, clock: time_machine.Traveller, touched: bool
) -> None:
    held = come_to_check(client, slot_at(at(9)))
    assert held.expires_at
    forgotten = held.expires_at + draft.GRACE
    clock.move_to(forgotten - minutes(1))
    if touched:
        assert "Μαρία Παπαδάκη" in text_of(client.get(f"{BOOK}details/"))  # the time is kept again
        forgotten = Appointment.objects.get(status=Status.HELD).expires_at + draft.GRACE
    clock.move_to(forgotten)
    assert told_of_the_last(client) == []
    assert "typed" not in client.session
    assert not KeptDraft.objects.exists()


@pytest.mark.parametrize("signs_in", [False, True])
def test_what_was_typed_leaves_the_session_though_nobody_comes_back(
    client: Client, branch: Branch, clock: time_machine.Traveller, signs_in: bool
) -> None:
    held = come_to_check(client, slot_at(at(9)))
    assert held.expires_at
    if signs_in:
        client.force_login(a_user())
        client.get(f"{BOOK}details/")
    ends = set(Session.objects.values_list("expire_date", flat=True))
    for early, kept in ((minutes(1), True), (minutes(0), False)):
        clock.move_to(held.expires_at + draft.GRACE - early)
        expire_due()
        stored = [session.get_decoded() for session in Session.objects.all()]
        assert [("typed" in one, "Μαρία" in f"{one}") for one in stored if one] == [(kept, kept)]
    assert not KeptDraft.objects.exists()
    assert set(Session.objects.values_list("expire_date", flat=True)) == ends  # it lives no longer than before


def test_session_that_is_gone_has_nothing_to_forget(
    client: Client, branch: Branch, clock: time_machine.Traveller
) -> None:
    come_to_check(client, slot_at(at(9)))
    Session.objects.all().delete()
    clock.shift(timedelta(hours=1))
    expire_due()
    assert not KeptDraft.objects.exists()


def test_wrong_details_are_forgotten_too(client: Client, branch: Branch, clock: time_machine.Traveller) -> None:
    choose(client, slot_at(at(9)))
    client.post(f"{BOOK}details/", TYPED | {"email": "wrong"})
    clock.shift(minutes(10) + draft.GRACE)
    assert told_of_the_last(client) == []


def test_next_person_who_chooses_a_time_sees_nothing_of_the_last(
    client: Client, branch: Branch, clock: time_machine.Traveller
) -> None:
    come_to_check(client, slot_at(at(9)))
    clock.shift(minutes(10) + draft.GRACE)
    choose(client, slot_at(at(10)))
    assert told_of_the_last(client) == []


def test_no_cookie_outlives_the_browser(client: Client, branch: Branch) -> None:
    held = come_to_check(client, slot_at(at(9)))
    client.get(f"{BOOK}check/")
    client.post(f"{BOOK}check/", {"hold": held.reference})
    assert {"sessionid", "csrftoken"} <= {*client.cookies}
    kept = [one for one in client.cookies.values() if one.value]
    assert [one.key for one in kept if one["max-age"] or one["expires"]] == []


# Check and book


def test_check_page_shows_everything(client: Client, branch: Branch) -> None:
    come_to_check(client, slot_at(at(9)), notes="Με αμαξίδιο")
    page = text_of(client.get(f"{BOOK}check/"))
    for shown in (
        "Υπεύθυνη δήλωση",
        "ΚΕΠ Χανίων",
        "Τρίτη 3 Μαρτίου, 09:00",
        "+306912345678",
        "Με αμαξίδιο",
        "180 ημέρες",
    ):
        assert shown in page


def test_check_page_without_details_leads_to_them(client: Client, branch: Branch) -> None:
    choose(client, slot_at(at(9)))
    assert client.get(f"{BOOK}check/").headers["Location"] == f"{BOOK}details/"


def test_number_is_read_as_one_of_the_branchs_country(client: Client, branch: Branch) -> None:
    Branch.objects.update(country="CA")
    choose(client, slot_at(at(9)))
    details = client.post(f"{BOOK}details/", TYPED | {"phone": "647 555 0123"})
    assert details.headers["Location"] == f"{BOOK}check/"
    assert "+16475550123" in text_of(client.get(f"{BOOK}check/"))


def test_confirming_books(client: Client, branch: Branch) -> None:
    held = come_to_check(client, slot_at(at(9)))
    client.cookies["timezone"] = "America/New_York"
    page = client.post(f"{BOOK}check/", {"hold": held.reference}, follow=True)
    booked = Appointment.objects.get()
    assert page.redirect_chain == [(f"/appointments/{booked.reference}/done/", 302)]
    assert (booked.status, booked.name, booked.phone) == (Status.BOOKED, "Μαρία Παπαδάκη", "+306912345678")
    assert booked.timezone == "America/New_York"
    assert booked.spoken_reference in text_of(page)
    assert client.session.keys() == {"appointments", "booked"}


def test_time_zone_that_is_none_is_not_stored(client: Client, branch: Branch) -> None:
    held = come_to_check(client, slot_at(at(9)))
    client.cookies["timezone"] = "Mars/Base"
    client.post(f"{BOOK}check/", {"hold": held.reference})
    assert Appointment.objects.get().timezone == ""


@pytest.mark.parametrize(
    "other",
    [
        {"name": "Άννα Παπαδάκη"},
        {"email": "anna@example.org"},
        {"phone": "6987654321"},
        {"language": "en"},
        {"notes": "Σκάλες"},
    ],
    ids=lambda other: next(iter(other)),
)
def test_details_typed_in_another_tab_are_shown_before_they_are_booked(
    client: Client, branch: Branch, other: dict[str, str]
) -> None:
    come_to_check(client, slot_at(at(9)))
    first = hidden_of(text_of(client.get(f"{BOOK}check/")))
    client.post(f"{BOOK}details/", TYPED | other)
    page = text_of(client.post(f"{BOOK}check/", first))
    assert "Στο μεταξύ συμπληρώσατε άλλα στοιχεία." in page
    assert Appointment.objects.get().status == Status.HELD
    client.post(f"{BOOK}check/", hidden_of(page))
    booked = Appointment.objects.get()
    (field, value), *_none = other.items()
    assert (booked.status, getattr(booked, field)) == (Status.BOOKED, "+306987654321" if field == "phone" else value)


def test_same_details_typed_again_in_another_tab_are_booked(client: Client, branch: Branch) -> None:
    come_to_check(client, slot_at(at(9)))
    first = hidden_of(text_of(client.get(f"{BOOK}check/")))
    client.post(f"{BOOK}details/", TYPED | {"phone": "+30 691 234 5678"})
    client.post(f"{BOOK}check/", first)
    assert Appointment.objects.get().status == Status.BOOKED


@pytest.mark.parametrize("other", ["time", "branch", "channel"])
def test_what_was_chosen_in_another_tab_is_shown_before_it_is_booked(
    client: Client, branch: Branch, other: str
) -> None:
    a_rule(a_branch(branch.agency, "kep-souda"))
    slots_of(Branch.objects.get(code="kep-souda"))
    come_to_check(client, slot_at(at(9), branch))
    first = hidden_of(text_of(client.get(f"{BOOK}check/")))
    where = "kep-souda" if other == "branch" else "kep-chania"
    how = "video" if other == "channel" else "in_person"
    slot = slot_at(at(10) if other == "time" else at(9), Branch.objects.get(code=where))
    if other == "channel":
        slot = slot_at(at(11), branch)
    choose(client, slot, f"{BOOK}time/?channel={how}&branch={where}")
    page = text_of(client.post(f"{BOOK}check/", first))
    assert "Στο μεταξύ επιλέξατε άλλη ώρα." in page
    assert not Appointment.objects.filter(status=Status.BOOKED).exists()
    client.post(f"{BOOK}check/", hidden_of(page))
    booked = Appointment.objects.get(status=Status.BOOKED)
    assert (booked.starts_at, booked.branch.code, booked.channel) == (slot.starts_at, where, how)


def test_confirming_twice_books_once(client: Client, branch: Branch) -> None:
    held = come_to_check(client, slot_at(at(9)))
    first = client.post(f"{BOOK}check/", {"hold": held.reference})
    second = client.post(f"{BOOK}check/", {"hold": held.reference})
    assert first.headers["Location"] == second.headers["Location"] == f"/appointments/{held.reference}/done/"
    assert Appointment.objects.count() == 1


def test_confirming_while_the_first_click_is_still_at_work(client: Client, branch: Branch) -> None:
    held = come_to_check(client, slot_at(at(9)))
    booking.confirm(held, a_contact(), by=GUEST, now=NOW)  # its answer is still to come
    answer = client.post(f"{BOOK}check/", {"hold": held.reference})
    assert answer.headers["Location"] == f"/appointments/{held.reference}/done/"


@pytest.mark.django_db(transaction=True)
def test_confirming_in_parallel_books_once(client: Client, branch: Branch) -> None:
    held = come_to_check(client, slot_at(at(9)))
    together = Barrier(4)

    def click(_number: int) -> str:
        own = Client()
        own.cookies["sessionid"] = client.cookies["sessionid"].value
        together.wait()
        try:
            return own.post(f"{BOOK}check/", {"hold": held.reference}).headers["Location"]
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as clicks:
        answers = set(clicks.map(click, range(4)))
    assert answers == {f"/appointments/{held.reference}/done/"}
    assert Appointment.objects.get().notifications.filter(kind="confirmation").count() == 1


def test_confirming_what_another_window_changed_is_asked_again(client: Client, branch: Branch) -> None:
    held = come_to_check(client, slot_at(at(9)))
    choose(client, slot_at(at(10)))
    page = client.post(f"{BOOK}check/", {"hold": held.reference})
    assert "Στο μεταξύ επιλέξατε άλλη ώρα. Ελέγξτε την ξανά." in text_of(page)
    assert Appointment.objects.filter(status=Status.BOOKED).count() == 0


OWN, NEUTRAL = "Έχετε ήδη ραντεβού για την υπηρεσία αυτή.", "Δεν μπορέσαμε να κλείσουμε ραντεβού με τα στοιχεία αυτά."


def mails_to(appointment: Appointment) -> int:
    return appointment.notifications.filter(kind__in=("confirmation", "verify"), medium="email").count()


def test_stranger_does_not_learn_who_has_an_appointment(
    client: Client, branch: Branch, clock: time_machine.Traveller
) -> None:
    """The owner gets the link once more, at most once an hour."""
    own = an_appointment(slot_at(at(8)), email="maria@example.org")
    clock.shift(minutes(61))
    held = come_to_check(client, slot_at(at(9)))
    for _each in range(3):
        page = text_of(client.post(f"{BOOK}check/", {"hold": held.reference}))
        assert NEUTRAL in page
        assert OWN not in page
        assert own.reference not in page
        assert own.spoken_reference not in page
    assert slot_at(at(9)).taken == 1  # still held
    assert mails_to(own) == 2
    deliver_due()
    assert {letter.to[0] for letter in mail.outbox} == {"maria@example.org"}
    assert all(own.link_key in letter.body for letter in mail.outbox)
    for _each in range(20):
        clock.shift(minutes(61))
        Appointment.objects.filter(pk=held.pk).update(expires_at=NOW + timedelta(days=2))
        client.post(f"{BOOK}details/", TYPED)
        client.post(f"{BOOK}check/", {"hold": held.reference})
    assert mails_to(own) == 6


def test_stranger_with_a_tax_number_learns_nothing_either(client: Client, branch: Branch) -> None:
    Procedure.objects.update(identification=Procedure.Identification.TAX_NUMBER)
    own = an_appointment(slot_at(at(8)), email="owner@example.org", tax_number="090000045", now=NOW - timedelta(days=1))
    held = come_to_check(client, slot_at(at(9)), tax_number="090000045")
    assert NEUTRAL in text_of(client.post(f"{BOOK}check/", {"hold": held.reference}))
    assert mails_to(own) == 2
    client.force_login(a_user("stranger@example.org"))
    assert NEUTRAL in text_of(client.post(f"{BOOK}check/", {"hold": held.reference}))


@pytest.mark.parametrize(
    ("limit", "rule"),
    [
        (1, "Για την υπηρεσία αυτή επιτρέπεται 1 ανοιχτό ραντεβού ανά πολίτη."),
        (2, "Για την υπηρεσία αυτή επιτρέπονται έως 2 ανοιχτά ραντεβού ανά πολίτη."),
    ],
)
def test_stranger_is_told_the_rule_of_the_service(client: Client, branch: Branch, limit: int, rule: str) -> None:
    Procedure.objects.update(open_limit=limit)
    for hour in range(limit):
        an_appointment(slot_at(at(10 + hour)), email="maria@example.org")
    held = come_to_check(client, slot_at(at(9)))
    page = text_of(client.post(f"{BOOK}check/", {"hold": held.reference}))
    assert NEUTRAL in page
    assert rule in page


def test_second_open_appointment_of_ones_own_is_refused_plainly(client: Client, branch: Branch) -> None:
    user = a_user("maria@example.org")
    own = an_appointment(slot_at(at(8)), email="maria@example.org", citizen=user)
    client.force_login(user)
    held = come_to_check(client, slot_at(at(9)))
    assert OWN in text_of(client.post(f"{BOOK}check/", {"hold": held.reference}))
    booking.release(held, by=GUEST, now=NOW)
    client.logout()
    open_for(client, own)
    held = come_to_check(client, slot_at(at(10)))
    assert OWN in text_of(client.post(f"{BOOK}check/", {"hold": held.reference}))
    assert mails_to(own) == 1


def test_who_signs_in_on_the_way_owns_the_appointment(client: Client, branch: Branch) -> None:
    held = come_to_check(client, slot_at(at(9)))
    user = a_user("maria@example.org")
    client.force_login(user)
    client.post(f"{BOOK}check/", {"hold": held.reference})
    assert Appointment.objects.get(status=Status.BOOKED).citizen == user


def test_guest_of_an_agency_that_verifies_has_one_thing_left(client: Client, branch: Branch) -> None:
    Agency.objects.update(verify_minutes=30)
    held = come_to_check(client, slot_at(at(9)))
    page = client.post(f"{BOOK}check/", {"hold": held.reference}, follow=True)
    assert "Μένει ένα βήμα: ανοίξτε το μήνυμα που σας στείλαμε" in text_of(page)
    assert Appointment.objects.get().status == Status.UNVERIFIED


def test_journey_in_english(client: Client, branch: Branch) -> None:
    page = text_of(client.get(f"/en{TIMES}"))
    assert re.search(r"First free day: <a [^>]*day=2026-03-02[^>]*>Monday 2 March</a>", page)
    assert (
        f'action="/en{BOOK}time/?channel=in_person&amp;branch=kep-chania' in client.get(f"/en{TIMES}").content.decode()
    )


def test_channel_page_asks_the_same_number_of_queries(
    client: Client, branch: Branch, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    assert set(Procedure.objects.get().channels) == {Channel.IN_PERSON, Channel.VIDEO}
    client.get(f"{BOOK}channel/")
    with django_assert_num_queries(2):  # whether the offer is the same, and whether anything was booked
        client.get(f"{BOOK}channel/")


# What is typed


def typed_with_breaks(length: int) -> str:
    """A text of this length, as a person counts: ten of its characters are line breaks."""
    return "\n" * 10 + "ή" * (length - 10)


def test_notes_are_counted_as_people_count(client: Client, branch: Branch) -> None:
    free = slots_of(branch)[10]
    choose(client, free)
    for length, is_refused in ((495, False), (500, False), (501, True)):
        notes = f"α{typed_with_breaks(length - 2)}β"
        page = client.post(f"{BOOK}details/", TYPED | {"notes": notes.replace("\n", "\r\n")})
        assert (page.status_code == 200) == is_refused
    assert 'maxlength="500"' in text_of(page)


def test_what_nobody_sees_is_not_stored(client: Client, branch: Branch) -> None:
    free = slots_of(branch)[10]
    held = come_to_check(client, free, name="Μαρία\u202e\x0bΠαπα\u00adδάκη", notes="Με\r\nδιερμηνέα\u200b")
    client.post(f"{BOOK}check/", {"hold": held.reference})
    held.refresh_from_db()
    assert (held.status, held.name, held.notes) == (Status.BOOKED, "Μαρία Παπαδάκη", "Με\nδιερμηνέα")


def test_a_link_as_a_name_is_refused_at_its_field(client: Client, branch: Branch) -> None:
    choose(client, slots_of(branch)[10])
    page = client.post(f"{BOOK}details/", TYPED | {"name": "http://evil.example/click me"})
    assert page.context["form"].errors["name"] == ["Γράψτε εδώ μόνο το όνομα, χωρίς διεύθυνση ιστοσελίδας ή e-mail."]
    assert page.context["form"]["name"].value() == "http://evil.example/click me"


# What was typed stays


def test_sign_in_and_back_take_the_form_along(client: Client, branch: Branch) -> None:
    choose(client, slots_of(branch)[10])
    leave = dict.fromkeys(("sign-in", "back"))
    for way in leave:
        unfinished = {"name": "Μαρία", "email": f"{way}@", "notes": "Με διερμηνέα"}
        leave[way] = client.post(f"{BOOK}details/", unfinished | {"leave": way})["Location"]
        typed = client.get(f"{BOOK}details/").context["form"]
        assert {name: typed[name].value() for name in unfinished} == unfinished
    assert leave == {
        "sign-in": f"/accounts/login/?next={quote(f'{BOOK}details/', safe='')}",
        "back": TIMES,
    }
    client.force_login(a_user("maria@example.org", name="Άλλο όνομα"))
    assert client.get(f"/en{BOOK}details/").context["form"]["name"].value() == "Μαρία"


def test_fields_left_empty_on_the_way_to_the_sign_in_are_filled_from_the_account(
    client: Client, branch: Branch
) -> None:
    choose(client, slots_of(branch)[10])
    empty = {"name": "", "email": "", "phone": "", "notes": "Με διερμηνέα"}
    client.post(f"{BOOK}details/", empty | {"leave": "sign-in"})
    user = a_user(name="Νίκος Νικολάου", phone="+306900000000")
    client.force_login(user)
    form = client.get(f"{BOOK}details/").context["form"]
    shown = {name: form[name].value() for name in empty}
    assert shown == {"name": user.name, "email": user.email, "phone": user.phone, "notes": "Με διερμηνέα"}


def test_a_second_tab_with_another_service_keeps_what_was_typed(client: Client, branch: Branch) -> None:
    a_procedure(branch.agency, "kep-other", identification=Procedure.Identification.TAX_NUMBER)
    book, times, free = "/mykeplive/kep-other/book/", TIMES.replace("kep-dilosi", "kep-other"), slots_of(branch)
    choose(client, free[10], times)
    client.post(f"{book}details/", TYPED | {"tax_number": "09000"})
    choose(client, free[12])
    client.post(f"{BOOK}details/", TYPED | {"name": "Μαρία Β."})
    choose(client, free[10], times)
    form = client.get(f"{book}details/").context["form"]
    assert (form["name"].value(), form["tax_number"].value()) == ("Μαρία Β.", "09000")


@pytest.mark.parametrize("page", ["details", "check"])
@pytest.mark.parametrize("books", [False, True], ids=["held", "booked"])
def test_a_time_lost_to_another_tab_is_told_at_the_times_of_the_same_branch(
    client: Client, branch: Branch, page: str, books: bool
) -> None:
    a_procedure(branch.agency, "kep-other")
    a_branch(branch.agency, "kep-rethymno")
    free = slots_of(branch)
    come_to_check(client, free[10])
    choose(client, free[12], TIMES.replace("kep-dilosi", "kep-other"))
    other = Appointment.objects.get(status=Status.HELD)
    if books:
        client.post("/mykeplive/kep-other/book/details/", TYPED)
        client.post("/mykeplive/kep-other/book/check/", {"hold": other.reference})
    shown = client.post(f"{BOOK}{page}/", TYPED | {"notes": "Με διερμηνέα"}, follow=True)
    assert shown.redirect_chain == [(TIMES, 302)]
    assert "Επιλέξατε άλλη ώρα σε άλλη καρτέλα, γι’ αυτό αυτή η ώρα δεν κρατιέται πια." in text_of(shown)
    choose(client, free[14])
    assert client.get(f"{BOOK}details/").context["form"]["notes"].value() == "Με διερμηνέα"


def test_a_held_time_that_was_cleared_away_leads_to_the_times(client: Client, branch: Branch) -> None:
    a_branch(branch.agency, "kep-rethymno")
    come_to_check(client, slots_of(branch)[10])
    session = client.session
    session["hold"] |= {"reference": "K7M4Q2XDBN"}
    session.save()
    assert client.get(f"{BOOK}check/").headers["Location"] == f"{TIMES}&gone=1"


def test_a_form_sent_after_everything_was_cleared_is_told(client: Client, branch: Branch) -> None:
    a_branch(branch.agency, "kep-rethymno")
    shown = client.post(f"{BOOK}check/", {"hold": "K7M4Q2XDBN"}, follow=True)
    assert "Η ώρα δεν κρατιέται πια για εσάς." in text_of(shown)


@pytest.mark.parametrize("page", ["details", "check"])
def test_back_after_booking_leads_to_the_appointment(client: Client, branch: Branch, page: str) -> None:
    held = come_to_check(client, slots_of(branch)[10])
    client.post(f"{BOOK}check/", {"hold": held.reference})
    shown = client.get(f"{BOOK}{page}/", follow=True)
    assert shown.redirect_chain == [(f"/appointments/{held.reference}/done/", 302)]
    assert "Έχετε ήδη κλείσει αυτό το ραντεβού" in text_of(shown)
    assert client.get("/mykeplive/kep-other/book/check/").status_code == 404


def test_another_appointment_after_the_first_begins_anew(client: Client, branch: Branch) -> None:
    held = come_to_check(client, slots_of(branch)[10])
    client.post(f"{BOOK}check/", {"hold": held.reference})
    choose(client, slots_of(branch)[12])
    assert client.get(f"{BOOK}details/").status_code == 200


@pytest.mark.parametrize("language", ["", "/en"])
def test_a_mistyped_address_is_asked_about_once(client: Client, branch: Branch, language: str) -> None:
    choose(client, slots_of(branch)[10])
    details, typed = f"{language}{BOOK}details/", TYPED | {"email": "maria@gmail.con", "notes": "Με διερμηνέα"}
    page = client.post(details, typed)
    form = page.context["form"]
    assert "maria@gmail.com" in form.errors["email"][0]
    assert (form["email"].value(), form["notes"].value()) == ("maria@gmail.con", "Με διερμηνέα")
    assert '<input type="hidden" name="asked_about" value="maria@gmail.con"' in text_of(page)
    assert client.get(f"{BOOK}check/").status_code == 302
    # Another address is asked about anew, and the same one is taken when it is sent again.
    asked = {"asked_about": "maria@gmail.con"}
    assert client.post(details, typed | asked | {"email": "maria@gmal.com"}).status_code == 200
    assert client.post(details, typed | asked).status_code == 302
    page = client.get(f"{BOOK}check/")
    assert "maria@gmail.con" in text_of(page)
    client.post(f"{BOOK}check/", {"hold": Appointment.objects.get().reference})
    assert Appointment.objects.get().email == "maria@gmail.con"
