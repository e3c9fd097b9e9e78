"""Supervisors: starting a disruption, seeing how it goes, answering for who is called; and what does not exist for whom."""

import re
from datetime import timedelta

import pytest
import time_machine
from django.test import Client
from django.urls import reverse
from django.utils import translation
from pytest_django import DjangoAssertNumQueries

from accounts.models import User
from agencies.models import Branch, Channel, Closure, Role
from appointments import booking, disruptions, offers
from appointments.models import Appointment, Disruption, Event, Notification, Offer, Status, TimeSlot
from appointments.times.publishing import publish
from tests.builders import (
    EVERY_DAY,
    GUEST,
    NOW,
    STAFF,
    THURSDAY,
    WORKER,
    a_branch,
    a_rule,
    a_strike,
    a_user,
    an_agency,
    an_always_open_branch,
    an_officer,
    at,
    booked_after,
)
from tests.pages import signed_in, text_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]
State = Offer.State


@pytest.fixture
def branch() -> Branch:
    return an_always_open_branch()


def an_opening(branch: Branch) -> None:
    a_rule(branch, weekdays=EVERY_DAY, opens_at="00:00", closes_at="23:50", channels=[*Channel])
    publish([branch.pk], now=NOW)


@pytest.fixture
def supervisor(branch: Branch) -> User:
    return an_officer(branch, Role.SUPERVISOR, "supervisor@example.org")


def booked(branch: Branch, number: int = 1, **fields: object) -> Appointment:
    return booked_after(branch, at(12, day=THURSDAY), number, **fields)


def address(name: str, *args: object) -> str:
    with translation.override("en"):
        return reverse(f"admin:appointments_disruption_{name}", args=args)


def asked(*branches: Branch, **fields: object) -> dict[str, object]:
    day = THURSDAY.isoformat()
    given = {"branches": [branch.code for branch in branches], "from_date": day, "until_date": day}
    return given | {"reason_el": "Απεργία", "reason_en": "Strike", "ways": ["same", "near", "video"]} | fields


def struck(branch: Branch, number: int = 1, **contact: object) -> tuple[Disruption, list[Appointment]]:
    """A strike on Thursday, and who had an appointment then."""
    appointments = [booked(branch, place, **contact) for place in range(number)]
    return a_strike(branch, day=THURSDAY), appointments


# Where else an offer is seen


@pytest.mark.parametrize(("role", "links"), [(Role.SUPERVISOR, True), (Role.AGENT, False)])
def test_open_offer_is_told_in_the_list_and_on_the_appointments_page(
    client: Client, branch: Branch, role: str, *, links: bool
) -> None:
    strike, (appointment, answered) = struck(branch, 2)
    answered.offers.update(state=State.LAPSED)
    signed_in(client, an_officer(branch, role, "who@example.org"))
    pages = "/en/admin/appointments/appointment/"
    for page in (f"{pages}unplaced/", f"{pages}{appointment.reference}/change/"):
        shown = client.get(page).text
        assert shown.count("We wait for the answer until") == 1
        assert (address("change", strike.pk) in shown) == links
    assert answered.spoken_reference in client.get(f"{pages}unplaced/").text
    assert "We wait for the answer until" not in client.get(f"{pages}{answered.reference}/change/").text


# Starting


def test_supervisor_sees_who_is_affected_before_anything_happens(
    client: Client, branch: Branch, supervisor: User
) -> None:
    booked(branch, 1, name="Μαρία Παπαδοπούλου")
    booked(branch, 2, email="", phone="2821012345")
    shown = text_of(signed_in(client, supervisor).post(address("add"), asked(branch)))
    assert "Close the times and make 2 offers" in shown
    assert "Μαρία Παπαδοπούλου" in shown
    assert "2821012345" in shown
    assert not Disruption.objects.exists()
    assert not Closure.objects.exists()


def test_confirming_closes_and_starts(client: Client, branch: Branch, supervisor: User) -> None:
    booked(branch)
    response = signed_in(client, supervisor).post(address("add"), asked(branch, confirm="1"))
    started = Disruption.objects.get()
    assert response.headers["Location"] == address("change", started.pk)
    assert (started.created_by, [*started.branches.all()], started.reason_en) == (supervisor, [branch], "Strike")
    closure = Closure.objects.get()
    assert (closure.branch, closure.from_date) == (branch, THURSDAY)
    assert "Looking for another time: 1 left" in text_of(client.get(response.headers["Location"]))


def test_second_click_starts_nothing(client: Client, branch: Branch, supervisor: User) -> None:
    signed_in(client, supervisor)
    first, second = (client.post(address("add"), asked(branch, confirm="1")) for _ in range(2))
    assert first.headers["Location"] == second.headers["Location"]
    assert Disruption.objects.count() == Closure.objects.count() == 1


def test_going_back_keeps_what_was_typed(client: Client, branch: Branch, supervisor: User) -> None:
    shown = text_of(signed_in(client, supervisor).post(address("add"), asked(branch, back="1")))
    assert 'value="Απεργία"' in shown
    assert re.search(f'value="{branch.code}" checked', shown)


def test_page_can_be_filled_in_by_its_address(client: Client, branch: Branch) -> None:
    other = a_branch(branch.agency, "kep-iraklio")
    user = an_officer(branch.agency, Role.SUPERVISOR, "all@example.org")
    query = {"branch": [other.code], "from_date": "2026-03-03", "from_time": "10:00", "reason_en": "Flood"}
    shown = text_of(signed_in(client, user).get(address("add"), query))
    assert re.search(f'value="{other.code}" checked', shown)
    assert not re.search(f'value="{branch.code}" checked', shown)
    for value in ("2026-03-03", "10:00", "Flood"):
        assert f'value="{value}"' in shown


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"branches": []}, "Choose at least one branch."),
        ({"until_date": "2020-01-01"}, "The last date must not be before the first."),
        ({"from_date": "2026-02-28", "until_date": "2026-03-01"}, "The last day is past."),
        ({"from_time": "10:00"}, "Give both times"),
        ({"reason_en": ""}, "This field is required."),
        ({"ways": []}, "Tick what may be offered."),
    ],
)
def test_what_is_missing_is_said(
    client: Client, branch: Branch, supervisor: User, fields: dict[str, object], message: str
) -> None:
    shown = text_of(signed_in(client, supervisor).post(address("add"), asked(branch, confirm="1", **fields)))
    assert message in shown
    assert not Disruption.objects.exists()


def test_last_day_may_be_today_at_one_of_the_branches(
    client: Client, branch: Branch, clock: time_machine.Traveller
) -> None:
    west = a_branch(branch.agency, "kep-west", timezone="America/New_York")
    clock.move_to(at(1, day=THURSDAY + timedelta(days=1)))
    signed_in(client, an_officer(branch.agency, Role.SUPERVISOR, "all@example.org"))
    assert "The last day is past." in text_of(client.post(address("add"), asked(branch)))
    assert "Close the times" in text_of(client.post(address("add"), asked(branch, west)))


@pytest.mark.parametrize("affected", [0, 1])
def test_another_time_is_promised_only_if_somebody_is_affected(
    client: Client, branch: Branch, supervisor: User, affected: int
) -> None:
    for number in range(affected):
        booked(branch, number)
    shown = text_of(signed_in(client, supervisor).post(address("add"), asked(branch)))
    assert ("For everybody another time is held" in shown) == bool(affected)
    started = text_of(client.post(address("add"), asked(branch, confirm="1"), follow=True))
    assert ("Everybody affected is now offered another one." in started) == bool(affected)
    assert ("The times are closed: nobody can book them any more." in started) != bool(affected)


def test_everywhere_means_all_of_ones_own(client: Client, branch: Branch) -> None:
    other = a_branch(branch.agency, "kep-iraklio")
    a_branch(an_agency("aade"), "aade-one")
    user = an_officer(branch.agency, Role.SUPERVISOR, "all@example.org")
    signed_in(client, user).post(address("add"), asked(branch, confirm="1", branches=[], everywhere="on"))
    assert set(Disruption.objects.get().branches.all()) == {branch, other}


def test_foreign_branch_cannot_be_chosen(client: Client, branch: Branch, supervisor: User) -> None:
    for foreign in (a_branch(branch.agency, "kep-iraklio"), a_branch(an_agency("aade"), "aade-one")):
        signed_in(client, supervisor).post(address("add"), asked(branch, confirm="1", branches=[foreign.code]))
        assert client.get(address("add"), {"branch": foreign.code}).status_code == 404
    assert not Disruption.objects.exists()


def test_officers_start_nothing(client: Client, branch: Branch) -> None:
    signed_in(client, an_officer(branch))
    assert client.get(address("add")).status_code == 403
    assert client.post(address("add"), asked(branch, confirm="1")).status_code == 403
    assert client.get(address("changelist")).status_code == 403


# The board


def test_board_counts_the_answers(client: Client, branch: Branch, supervisor: User) -> None:
    strike, (accepted, moved, cancelled, lapsed, waiting) = struck(branch, 5)
    offers.accept(accepted.offers.get(), by=GUEST, now=NOW)
    free = TimeSlot.objects.filter(taken=0, desks=1, starts_at__gt=NOW + timedelta(days=6)).order_by("starts_at")[0]
    booking.reschedule(moved, free.pk, by=GUEST, now=NOW)
    booking.cancel(cancelled, by=GUEST, now=NOW)
    Appointment.objects.filter(held_for__appointment=lapsed).update(expires_at=NOW)
    booking.expire(by=WORKER, now=NOW)
    shown = text_of(signed_in(client, supervisor).get(address("change", strike.pk)))
    assert "2 people still wait" in shown
    assert "Settled: <b>3</b> of 5" in shown
    tiles = dict(re.findall(r"<b>(\d+)</b> <span class=\"swatch bar--(\w+)", shown)[::-1])
    counts = {
        state: int(number) for number, state in re.findall(r"<b>(\d+)</b> <span class=\"swatch bar--(\w+)", shown)
    }
    assert tiles
    assert counts == {"open": 1, "lapsed": 1, "none_found": 0, "accepted": 1, "changed": 1, "cancelled": 1}
    assert lapsed.spoken_reference in shown
    assert waiting.phone in shown
    assert accepted.spoken_reference not in shown
    assert accepted.spoken_reference in text_of(client.get(address("change", strike.pk), {"show": "accepted"}))


def test_board_names_whom_to_call_first(client: Client, branch: Branch, supervisor: User) -> None:
    strike, (told, bounced, without) = struck(branch, 3)
    Notification.objects.filter(appointment=bounced, kind="offer").update(state="failed")
    Notification.objects.filter(appointment=without, kind="offer").delete()
    Appointment.objects.filter(pk=without.pk).update(email="")
    shown = text_of(signed_in(client, supervisor).get(address("change", strike.pk)))
    order = sorted((told, bounced, without), key=lambda one: shown.index(one.spoken_reference))
    assert order == [bounced, without, told]
    assert "Message not delivered: please call" in shown
    assert "No e-mail: please call" in shown
    only = text_of(client.get(address("change", strike.pk), {"show": "unreached"}))
    assert bounced.spoken_reference in only
    assert told.spoken_reference not in only


def test_officer_accepts_for_who_says_yes(client: Client, branch: Branch, supervisor: User) -> None:
    strike, (appointment,) = struck(branch)
    held = appointment.offers.get().hold
    response = signed_in(client, supervisor).post(address("accept", strike.pk, appointment.reference), follow=True)
    assert "Moved: Πολίτης 0" in text_of(response)
    appointment.refresh_from_db()
    assert appointment.starts_at == held.starts_at
    assert appointment.offers.get().state == State.ACCEPTED
    assert appointment.events.get(verb=Event.Verb.ACCEPT).officer == supervisor
    assert "Settled: nobody waits any more" in text_of(response)


def test_officer_offers_again(client: Client, branch: Branch, supervisor: User) -> None:
    strike, (appointment,) = struck(branch)
    Appointment.objects.filter(status=Status.HELD).update(expires_at=NOW)
    booking.expire(by=WORKER, now=NOW)
    page = address("again", strike.pk, appointment.reference)
    assert "Another time is offered: Πολίτης 0" in text_of(signed_in(client, supervisor).post(page, follow=True))
    assert appointment.offers.get().state == State.OPEN
    assert "The appointment has changed in the meantime" in text_of(client.post(page, follow=True))


def test_late_click_changes_nothing(client: Client, branch: Branch, supervisor: User) -> None:
    strike, (appointment,) = struck(branch)
    booking.cancel(appointment, by=GUEST, now=NOW)
    page = address("accept", strike.pk, appointment.reference)
    assert "This time is no longer held" in text_of(signed_in(client, supervisor).post(page, follow=True))
    assert client.get(page).status_code == 405


def test_board_answers_only_what_has_changed(client: Client, branch: Branch, supervisor: User) -> None:
    strike, (appointment,) = struck(branch)
    first = signed_in(client, supervisor).get(address("board", strike.pk))
    seen = first.headers["X-Seen"]
    assert f'data-seen="{seen}"' in text_of(client.get(address("change", strike.pk)))
    assert client.get(address("board", strike.pk), {"seen": seen}).status_code == 204
    offers.accept(appointment.offers.get(), by=GUEST, now=NOW)
    again = client.get(address("board", strike.pk), {"seen": seen})
    assert again.status_code == 200
    assert again.headers["X-Seen"] != seen
    assert "Settled" in text_of(again)


@pytest.mark.parametrize("count", [1, 3])
def test_board_takes_as_many_queries_for_more_rows(
    client: Client, branch: Branch, supervisor: User, count: int, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    strike, _appointments = struck(branch, count)
    signed_in(client, supervisor).get(address("change", strike.pk))
    with django_assert_num_queries(9):  # the last one writes who is shown
        shown = text_of(client.get(address("board", strike.pk)))
    assert shown.count("board-table__phone") == count


# Who sees what


def test_other_supervisors_see_nothing(client: Client, branch: Branch) -> None:
    strike, (appointment,) = struck(branch)
    beside = an_officer(a_branch(branch.agency, "kep-iraklio"), Role.SUPERVISOR, "beside@example.org")
    foreign = an_officer(an_agency("aade"), Role.AGENCY_ADMIN, "foreign@example.org")
    for user in (beside, foreign):
        signed_in(client, user)
        assert "Strike" not in text_of(client.get(address("changelist")))
        for page in (address("change", strike.pk), address("board", strike.pk)):
            assert client.get(page).status_code == 404
        for name in ("accept", "again"):
            assert client.post(address(name, strike.pk, appointment.reference)).status_code == 404
    assert appointment.offers.get().state == State.OPEN


def test_supervisor_of_one_branch_sees_its_part(client: Client, branch: Branch, supervisor: User) -> None:
    other = a_branch(branch.agency, "kep-iraklio")
    an_opening(other)
    here, there = booked(branch, 1), booked(other, 2)
    day = THURSDAY
    planned = Disruption(agency=branch.agency, from_date=day, until_date=day, reason_el="Απεργία", reason_en="Strike")
    strike = disruptions.start(planned, [branch, other], by=STAFF, now=NOW)
    disruptions.look_after(strike, by=WORKER, now=NOW)
    shown = text_of(signed_in(client, supervisor).get(address("change", strike.pk)))
    assert "1 person still waits" in shown
    assert here.spoken_reference in shown
    assert there.spoken_reference not in shown
    assert client.post(address("accept", strike.pk, there.reference)).status_code == 404
    assert "0 of 1" in text_of(client.get(address("changelist")))


def test_operator_sees_numbers_but_no_names(client: Client, branch: Branch) -> None:
    strike, (appointment,) = struck(branch)
    signed_in(client, a_user("operator@example.org", is_operator=True))
    shown = text_of(client.get(address("change", strike.pk)))
    assert "1 person still waits" in shown
    for secret in (appointment.name, appointment.phone, appointment.spoken_reference):
        assert secret not in shown
    assert client.post(address("accept", strike.pk, appointment.reference)).status_code == 404
    booked(branch, 7)
    checked = text_of(client.post(address("add") + f"?branch={branch.code}", asked(branch)))
    assert "Πολίτης" not in checked


def test_operator_who_serves_elsewhere_sees_no_names_here(client: Client, branch: Branch) -> None:
    strike, (appointment,) = struck(branch)
    operator = an_officer(a_branch(an_agency("aade"), "aade-one"), email="both@example.org")
    User.objects.filter(pk=operator.pk).update(is_operator=True)
    shown = text_of(signed_in(client, operator).get(address("change", strike.pk)))
    assert "1 person still waits" in shown
    assert appointment.name not in shown


@pytest.mark.parametrize("rows", ["agencies_closure", "appointments_disruption", "agencies_openingrule"])
def test_lists_find_rows_by_the_place_in_any_spelling(
    client: Client, branch: Branch, supervisor: User, rows: str
) -> None:
    struck(branch)
    word = {"q": "Χανίων"} if rows == "agencies_openingrule" else {"q": "Χανίων απεργ"}
    for query in (word, {"q": "hania"}, {"q": "ΧΑΝΙΑ"}, {"q": "Πειραιάς"}):
        with translation.override("en"):
            shown = signed_in(client, supervisor).get(reverse(f"admin:{rows}_changelist"), query).text
        assert ('class="field-' in shown) == (query["q"] != "Πειραιάς"), query


def test_menu_leads_supervisors_there(client: Client, branch: Branch, supervisor: User) -> None:
    assert address("changelist") in text_of(signed_in(client, supervisor).get(address("changelist")))
    assert address("changelist") not in text_of(signed_in(client, an_officer(branch)).get("/en/admin/", follow=True))
