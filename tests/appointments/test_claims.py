"""Nobody takes all the times: caps for each session, account, address and network, exact at any moment."""

from contextlib import suppress
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
import time_machine
from django.core import mail
from django.test import Client

from accounts.limits import keyed
from agencies.models import Agency, Branch, Procedure
from appointments import booking, claims
from appointments.claims import Day, Visitor
from appointments.errors import EmailToProve, SlotTaken, TooManyHolds, TooManyOpen
from appointments.models import Appointment, Claim, Status, TimeSlot
from appointments.tasks import expire_due
from mydesklive.tasks import clear_counts
from tests.builders import (
    GUEST,
    NOW,
    TUESDAY,
    a_branch,
    a_citizen,
    a_contact,
    a_rule,
    a_user,
    an_appointment,
    an_open_branch,
    at,
    minutes,
    slot_at,
    slots_of,
)
from tests.pages import solution_of, text_of
from tests.races import assert_counts_agree, at_once

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock", "no_redis")]
BOOK = "/mykeplive/kep-dilosi/book/"
TIMES = f"{BOOK}time/?channel=in_person&branch=kep-chania"
GREEDY = "198.51.100.1"
FINAL = 20  # tries after which a refusal is the last word


def service() -> Procedure:
    return Procedure.objects.select_related("agency").order_by("pk")[0]


def guest(number: int = 1, session: str = "") -> Visitor:
    return Visitor(session, f"198.51.100.{number}")


def hold(slot: TimeSlot, who: Visitor, **more: object) -> Appointment:
    return booking.hold(slot.pk, service(), "in_person", visitor=who, **{"by": GUEST, "now": NOW} | more)


def may_hold(slot: TimeSlot, who: Visitor, **more: object) -> bool:
    try:
        return bool(hold(slot, who, **more))
    except TooManyHolds:
        return False


def of_day(slots: list[TimeSlot], number: int) -> list[TimeSlot]:
    """The slots of the day with this number, from Tuesday on."""
    return [slot for slot in slots if slot.starts_at.date() == TUESDAY + timedelta(days=number)]


def held() -> int:
    return Appointment.objects.filter(status=Status.HELD).count()


# One visitor


def test_new_hold_takes_the_place_of_the_one_before(client: Client) -> None:
    slots = slots_of(an_open_branch())
    for slot in slots[6:30]:
        assert client.post(TIMES, {"slot": slot.pk}).status_code == 302
    assert held() == 1
    assert TimeSlot.objects.get(taken=1) == slots[29]
    assert_counts_agree()


def test_refused_hold_leaves_the_one_before(client: Client) -> None:
    slots = slots_of(an_open_branch())
    an_appointment(slots[8])
    client.post(TIMES, {"slot": slots[7].pk})
    assert client.post(TIMES, {"slot": slots[8].pk}).status_code == 200
    assert Appointment.objects.get(status=Status.HELD).starts_at == slots[7].starts_at
    assert_counts_agree()


def test_hold_that_overlaps_with_the_own_one_is_taken() -> None:
    branch = an_open_branch()
    Procedure.objects.update(duration_minutes=30)
    slots = slots_of(branch)
    for slot in slots[6:9]:
        hold(slot, guest(session="s"))
    assert held() == 1
    assert list(TimeSlot.objects.filter(taken=1).order_by("pk")) == slots[8:11]


def test_account_has_one_hold_over_all_browsers() -> None:
    slots, user = slots_of(an_open_branch()), a_user()
    for number, slot in enumerate(slots[6:12]):
        hold(slot, guest(number, f"session {number}"), by=a_citizen(user))
    assert held() == 1


def test_hold_goes_along_when_the_visitor_signs_in(client: Client) -> None:
    slots = slots_of(an_open_branch())
    client.post(TIMES, {"slot": slots[7].pk})
    client.force_login(a_user())
    client.post(TIMES, {"slot": slots[8].pk})
    assert held() == 1


def test_offers_are_no_holds_of_the_visitor() -> None:
    slots, user = slots_of(an_open_branch()), a_user()
    offered = booking.hold(slots[6].pk, service(), "in_person", by=a_citizen(user), now=NOW)
    hold(slots[7], guest(session="s"), by=a_citizen(user))
    offered.refresh_from_db()
    assert offered.status == Status.HELD


def test_hold_of_the_release_before_is_replaced_too(client: Client) -> None:
    slots = slots_of(an_open_branch())
    client.post(TIMES, {"slot": slots[7].pk})
    Claim.objects.all().delete()
    client.post(TIMES, {"slot": slots[8].pk})
    assert held() == 1


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("signed_in", [False, True])
def test_paired_clicks_leave_one_hold_and_the_visitor_goes_on_with_it(signed_in: bool) -> None:
    slots = slots_of(an_open_branch())
    client = Client()
    if signed_in:
        client.force_login(a_user())
    client.post(TIMES, {"slot": slots[6].pk})
    cookie = client.cookies["sessionid"].value

    def click(slot: TimeSlot) -> bool:
        other = Client()
        other.cookies["sessionid"] = cookie
        return other.post(TIMES, {"slot": slot.pk}).status_code == 302

    for pair in range(6):
        results = at_once([lambda slot=slot: click(slot) for slot in slots[7 + 2 * pair : 9 + 2 * pair] * 2])
        assert results == {"done": 4}
        assert held() == 1
    assert client.get(f"{BOOK}details/").status_code == 200
    assert held() == 1
    assert_counts_agree()


@pytest.mark.django_db(transaction=True)
def test_visitors_who_change_places_do_not_lock_each_other() -> None:
    slots = slots_of(an_open_branch(desks=3))[6:12]
    people = [(guest(number, f"session {number}"), number) for number in range(8)]

    def wander(who: Visitor, start: int) -> bool:
        for step in range(12):
            with suppress(SlotTaken):
                may_hold(slots[(start * 5 + step * (1 + start % 3)) % 6], who)
        return True

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(claims, "FEWEST", 1000)
        assert at_once([lambda one=one: wander(*one) for one in people]) == {"done": 8}
    assert held() == 8
    assert_counts_agree()


# One network


@pytest.mark.parametrize(
    "addresses",
    [["198.51.100.1"], [f"2001:db8::{number:x}" for number in range(1, 200)], ["198.51.100.1", "::ffff:198.51.100.1"]],
    ids=["IPv4", "a /64", "both"],
)
def test_network_without_cookies_holds_few(addresses: list[str]) -> None:
    slots = slots_of(an_open_branch())[6:206:10]
    answers = [
        Client(REMOTE_ADDR=addresses[number % len(addresses)]).post(TIMES, {"slot": slot.pk}).status_code
        for number, slot in enumerate(slots)
    ]
    assert answers == [302] * claims.AT_BRANCH + [200] * (len(slots) - claims.AT_BRANCH)
    assert held() == claims.AT_BRANCH


@pytest.mark.django_db(transaction=True)
def test_network_holds_no_more_in_one_moment() -> None:
    slots = slots_of(an_open_branch())
    results = at_once([lambda slot=slot: may_hold(slot, guest()) for slot in slots[6:46]])
    assert results["done"] == held() <= claims.AT_BRANCH


def test_network_holds_few_over_all_branches() -> None:
    branch = an_open_branch(desks=5)
    places = [branch]
    for number in range(5):
        places.append(a_branch(branch.agency, f"kep-{number}"))
        a_rule(places[-1], desks=5)
    slots = [slots_of(place) for place in places]
    taken = [may_hold(each[number], guest()) for number in range(6, 13) for each in slots]
    assert sum(taken) == held() == claims.IN_ALL


def test_crowded_day_has_one_time_for_each_network() -> None:
    slots = of_day(slots_of(an_open_branch()), 0)
    for number in range(claims.QUARTER):
        for slot in slots[number * 10 : number * 10 + 9]:
            may_hold(slot, guest(number))
    assert held() == len(slots) // claims.QUARTER + claims.QUARTER - 1
    assert not may_hold(slots[-1], guest(0))
    assert may_hold(slots[-1], guest(50))
    assert not may_hold(slots[-2], guest(50))
    assert may_hold(slots[-2], guest(51))


def test_neighbour_leaves_a_visitor_the_own_hold(clock: time_machine.Traveller) -> None:
    """It can be changed, renewed after its deadline and confirmed, however many the neighbours want."""
    slots = of_day(slots_of(an_open_branch()), 0)
    for number, slot in enumerate(slots[:9]):
        hold(slot, guest(60 + number))
    visitor = Client(REMOTE_ADDR=GREEDY)
    worked = solution_of(visitor.post(TIMES, {"slot": slots[20].pk}).context["puzzle"])
    assert visitor.post(TIMES, {"slot": slots[20].pk, "proof": worked}).status_code == 302
    assert not may_hold(slots[21], guest(1))
    assert visitor.post(TIMES, {"slot": slots[22].pk}).status_code == 302
    clock.shift(minutes(11))
    expire_due()
    for number, slot in enumerate(slots[:9]):
        hold(slot, guest(80 + number), now=NOW + minutes(11))
    assert not may_hold(slots[21], guest(1), now=NOW + minutes(11))
    assert visitor.get(f"{BOOK}details/").status_code == 200
    assert Appointment.objects.get(status=Status.HELD, claim__slot=slots[22].pk).expires_at > NOW + minutes(11)


def test_neighbours_do_not_hinder_who_comes_back_to_the_own_time(clock: time_machine.Traveller) -> None:
    """They have taken as many as the network may have, before the day was crowded."""
    slots = of_day(slots_of(an_open_branch()), 0)
    visitor = Client(REMOTE_ADDR=GREEDY)
    assert visitor.post(TIMES, {"slot": slots[20].pk}).status_code == 302
    for slot in slots[:8]:
        hold(slot, guest(1))
    clock.shift(minutes(9))
    for number, slot in enumerate(slots[8:17]):
        hold(slot, guest(80 + number), now=NOW + minutes(9))
    clock.shift(minutes(10))
    expire_due()
    assert visitor.get(f"{BOOK}details/").status_code == 200
    clock.shift(minutes(30))
    expire_due()
    for number, slot in enumerate(slots[:9]):
        hold(slot, guest(80 + number), now=NOW + minutes(49))
    hold(slots[10], guest(1), now=NOW + minutes(49))
    assert visitor.get(f"{BOOK}details/").status_code == 302  # so late it is a new one


def test_network_gets_further_times_when_its_own_have_run_out() -> None:
    slots = slots_of(an_open_branch())
    assert [may_hold(slot, guest()) for slot in slots[6:61:5]] == [True] * 10 + [False]
    later = NOW + timedelta(minutes=service().agency.hold_minutes + 15)
    assert may_hold(slots[30], guest(), now=later)


def test_page_says_how_to_get_the_time_all_the_same(client: Client) -> None:
    slots = slots_of(an_open_branch())
    for slot in slots[6:56:5]:
        hold(slot, Visitor("", "127.0.0.1"))
    chosen = slot_at(at(13))
    page = client.post(f"{TIMES}&day=2026-03-03", {"slot": chosen.pk})
    text = text_of(page)
    assert "συνδεθείτε: σας στέλνουμε έναν κωδικό με e-mail" in text
    assert "Ή δοκιμάστε ξανά σε 25 λεπτά." in text
    back = parse_qs(urlsplit(page.context["sign_in"]).query)["next"][0]
    client.force_login(a_user())
    page = client.get(back)
    assert page.context["chosen"].slot == chosen.pk
    assert "Συνέχεια με αυτή την ώρα" in text_of(page)
    assert client.post(back, {"slot": chosen.pk}).status_code == 302
    assert Appointment.objects.get(citizen__isnull=False).starts_at == chosen.starts_at


# Many networks


@pytest.mark.django_db(transaction=True)
def test_fifty_networks_do_not_empty_three_days() -> None:
    """Each tries two hundred times in all ways, in parallel. Neither a real guest nor a neighbour has to wait for long."""
    branch = an_open_branch(opens_at=at(8).time(), closes_at=at(16, 20).time())  # fifty times a day
    slots = slots_of(branch)
    days = [of_day(slots, number) for number in range(3)]
    assert [len(day) for day in days] == [50, 50, 50]
    every = [slot for day in days for slot in day]

    def attempts(number: int) -> bool:
        for attempt in range(200):
            slot = every[(attempt * 7 + number * 3) % 150]
            with suppress(SlotTaken):
                if not may_hold(slot, guest(number)) and attempt > FINAL:
                    break  # nothing gets free while the clock stands
        return True

    at_once([lambda number=number: attempts(number) for number in range(50)])
    assert_counts_agree()
    assert held() <= 3 * (50 // claims.QUARTER) + 50
    free = list(TimeSlot.objects.filter(pk__in=[slot.pk for slot in every], taken=0).order_by("starts_at"))
    assert any(may_hold(slot, guest(51)) for slot in free)
    assert not any(may_hold(slot, guest(7)) for slot in free[::9])
    assert hold(free[-1], guest(7, "s"), by=a_citizen(a_user()))


@pytest.mark.parametrize(
    ("day", "crowded", "own", "proof"),
    [
        (Day(50, 50, 0, 0), False, False, False),
        (Day(50, 39, 11, 11), False, False, False),
        (Day(50, 38, 12, 12), True, False, True),
        (Day(50, 16, 34, 34), True, True, True),
        (Day(50, 2, 5, 24), False, False, False),
        (Day(50, 2, 5, 25), False, False, True),
        (Day(4, 2, 2, 2), False, False, False),
        (Day(4, 1, 3, 3), True, True, True),
        (Day(0, 0, 0, 0), False, False, False),
    ],
)
def test_how_crowded_a_day_is(day: Day, crowded: bool, own: bool, proof: bool) -> None:
    assert (day.is_crowded, day.is_guests_own, day.asks_for_proof) == (crowded, own, proof)


# Bookings without a proved address


def book(slot: TimeSlot, who: Visitor, email: str, **more: object) -> Appointment:
    taken = hold(slot, who)
    return booking.confirm(taken, a_contact(1, email=email), **{"by": GUEST, "now": NOW} | more)


def test_bookings_with_invented_addresses_are_few() -> None:
    slots = slots_of(an_open_branch())
    Procedure.objects.update(open_limit=20)
    made = 0
    for number, slot in enumerate(slots[6:206:5]):
        with suppress(TooManyHolds):
            made += bool(book(slot, guest(), f"invented{number}@example.org"))
    assert made == claims.AT_BRANCH


def test_one_address_has_few_unproven_bookings() -> None:
    slots = slots_of(an_open_branch(desks=5))
    Procedure.objects.update(open_limit=20)
    for number in range(claims.OF_EMAIL):
        book(slots[6 + number], guest(number), "maria@example.org")
    with pytest.raises(EmailToProve):
        book(slots[10], guest(9), " Maria@example.org")
    assert book(slots[11], guest(10), "eleni@example.org").status == Status.BOOKED
    assert book(slots[12], guest(11, "s"), "maria@example.org", by=a_citizen(a_user("maria@example.org"))).citizen


def test_proved_bookings_do_not_count() -> None:
    slots = slots_of(an_open_branch(desks=5))
    Agency.objects.update(verify_minutes=30)
    Procedure.objects.update(open_limit=20)
    for number in range(claims.OF_EMAIL + 1):
        made = book(slots[6 + number], guest(1), "maria@example.org")
        assert made.status == Status.UNVERIFIED
        booking.verify(made, by=GUEST, now=NOW)
    assert not Claim.objects.exists()


def test_session_has_few_unproven_bookings() -> None:
    slots = slots_of(an_open_branch(desks=5))
    for number in range(claims.OF_SESSION):
        book(slots[6 + number], guest(1, "s"), f"{number}@example.org")
    with pytest.raises(EmailToProve):
        book(slots[20], guest(2, "s"), "other@example.org")


@pytest.mark.parametrize(("asked", "given"), [(0, 15), (60, 15), (5, 5)])
def test_guests_of_a_crowded_day_confirm_their_address_soon(asked: int, given: int) -> None:
    slots = of_day(slots_of(an_open_branch()), 0)
    Agency.objects.update(verify_minutes=asked)
    for number, slot in enumerate(slots[:9]):
        hold(slot, guest(number))
    made = book(slots[20], guest(50), "maria@example.org")
    assert (made.status, made.expires_at) == (Status.UNVERIFIED, NOW + minutes(given))
    user = a_user()
    assert book(slots[21], guest(51, "s"), user.email, by=a_citizen(user)).status == Status.BOOKED


def test_day_that_fills_slowly_with_unproven_bookings_asks_for_proof() -> None:
    slots = of_day(slots_of(an_open_branch()), 0)
    for number, slot in enumerate(slots[:18]):
        then = NOW - timedelta(hours=4 - number // 6)
        booked = booking.confirm(hold(slot, guest(number), now=then), a_contact(number), by=GUEST, now=then)
        assert booked.status == Status.BOOKED
    assert book(slots[30], guest(50), "maria@example.org").status == Status.UNVERIFIED


def test_refused_booking_keeps_the_time_and_shows_the_way_to_sign_in(client: Client) -> None:
    slots = slots_of(an_open_branch(desks=5))
    Procedure.objects.update(open_limit=20)
    for number in range(claims.OF_EMAIL):
        book(slots[6 + number], guest(number), "maria@example.org")
    client.post(TIMES, {"slot": slots[20].pk})
    typed = {"name": "Μαρία Παπαδάκη", "email": "maria@example.org", "phone": "6912345678", "language": "el"}
    client.post(f"{BOOK}details/", typed)
    reference = Appointment.objects.get(status=Status.HELD).reference
    page = client.post(f"{BOOK}check/", {"hold": reference})
    assert "συνδεθείτε πρώτα" in text_of(page)
    assert page.context["sign_in"].startswith("/accounts/login/?next=")
    assert held() == 1
    client.force_login(a_user("maria@example.org"))
    assert client.post(f"{BOOK}check/", {"hold": reference}).status_code == 302
    assert Appointment.objects.get(reference=reference).status == Status.BOOKED
    assert mail.outbox == []


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("age", "most"), [(timedelta(hours=23), 5), (timedelta(days=2), 20)])
def test_account_has_few_open_appointments_on_all_ways(age: timedelta, most: int) -> None:
    slots, user = slots_of(an_open_branch(desks=5)), a_user(date_joined=NOW - age)
    Procedure.objects.update(open_limit=100)

    def at_api(number: int) -> bool:
        return bool(an_appointment(slots[6 + number], 1, citizen=user))

    results = at_once([lambda number=number: at_api(number) for number in range(30)])
    assert results == {"done": most, "TooManyOpen": 30 - most}
    with pytest.raises(TooManyOpen):
        book(slots[60], guest(1, "s"), user.email, by=a_citizen(user))


# What is kept


def test_claims_tell_nobodys_address_and_go_after_a_day(
    branch_of_claims: Branch, clock: time_machine.Traveller
) -> None:
    rows = str(list(Claim.objects.values_list("session", "network", "email")))
    assert "198.51" not in rows
    assert "maria" not in rows
    assert keyed("email maria@example.org") in rows
    clock.shift(timedelta(days=1, minutes=1))
    clear_counts()
    assert not Claim.objects.exists()


@pytest.fixture
def branch_of_claims() -> Branch:
    branch = an_open_branch()
    book(slots_of(branch)[6], guest(1, "s"), "maria@example.org")
    return branch


@pytest.mark.parametrize("end", ["release", "cancel"])
def test_claim_ends_with_the_time(end: str) -> None:
    slot = slots_of(an_open_branch())[6]
    if end == "release":
        booking.release(hold(slot, guest()), by=GUEST, now=NOW)
    else:
        booking.cancel(book(slot, guest(), "maria@example.org"), by=GUEST, reason="", now=NOW)
    assert not Claim.objects.exists()
