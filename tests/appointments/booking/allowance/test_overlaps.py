"""Who books two appointments at the same time is told once, and goes on or moves one. Strangers learn nothing."""

import pytest
from django.test import Client

from agencies.models import Procedure
from appointments import booking, sight
from appointments.booking import telling
from appointments.booking.allowance import overlaps
from appointments.errors import LimitReached, PerhapsBooked
from appointments.models import Appointment, Status, TimeSlot
from tests.builders import GUEST, NOW, a_user, an_appointment, an_open_branch, slots_of
from tests.codes import follow
from tests.pages import text_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock", "no_redis")]
BOOK = "/mykeplive/kep-dilosi/book/"
TIMES = f"{BOOK}time/?channel=in_person&branch=kep-chania"
TYPED = {"name": "Πολίτης", "email": "citizen1@example.org", "phone": "6912345678", "language": "el"}
TOLD = "Έχετε άλλο ραντεβού αυτή την ώρα"


def slots() -> list[TimeSlot]:
    found = slots_of(an_open_branch(desks=3))
    Procedure.objects.update(open_limit=5, duration_minutes=20)
    return found


def to_check(client: Client, slot: TimeSlot) -> str:
    """Chooses the time and types the details; returns the reference of the held time."""
    client.post(TIMES, {"slot": slot.pk})
    client.post(f"{BOOK}details/", TYPED)
    return Appointment.objects.get(status=Status.HELD).reference


def test_citizen_is_told_and_may_keep_both(client: Client) -> None:
    times, user = slots(), a_user()
    before = an_appointment(times[6], 1, citizen=user)
    client.force_login(user)
    reference = to_check(client, times[7])  # the first lasts twenty minutes
    page = text_of(client.get(f"{BOOK}check/"))
    assert TOLD in page
    assert before.get_absolute_url() in page
    # A page from before the other appointment was made, or a program that does not look, is told first.
    refused = client.post(f"{BOOK}check/", {"hold": reference})
    assert refused.status_code == 200
    assert TOLD in text_of(refused)
    answer = client.post(f"{BOOK}check/", {"hold": reference, "overlap": before.reference})
    assert answer.status_code == 302
    assert Appointment.objects.filter(status=Status.BOOKED).count() == 2


def test_appointments_that_only_touch_do_not_overlap(client: Client) -> None:
    times, user = slots(), a_user()
    an_appointment(times[6], 1, citizen=user)
    client.force_login(user)
    reference = to_check(client, times[8])
    assert client.post(f"{BOOK}check/", {"hold": reference}).status_code == 302


def test_cancelled_one_does_not_overlap(client: Client) -> None:
    times, user = slots(), a_user()
    booking.cancel(an_appointment(times[6], 1, citizen=user), by=GUEST, now=NOW)
    client.force_login(user)
    to_check(client, times[6])
    assert TOLD not in text_of(client.get(f"{BOOK}check/"))


def test_guest_is_told_of_what_the_browser_has_opened_and_a_stranger_nothing(client: Client) -> None:
    times = slots()
    before = an_appointment(times[6], 1)
    to_check(client, times[6])
    assert TOLD not in text_of(client.get(f"{BOOK}check/"))
    client.get(before.link())  # which somebody else could have
    assert TOLD not in text_of(client.get(f"{BOOK}check/"))
    follow(client, before)
    assert TOLD in text_of(client.get(f"{BOOK}check/"))


def test_appointments_that_are_compared_and_not_told_have_not_been_looked_at() -> None:
    times = slots()
    theirs, own = an_appointment(times[6], 1), an_appointment(times[6], 2)
    keys, at, seen = [theirs.person_key], (theirs.starts_at, theirs.ends_at), sight.Sight()
    with sight.looking(seen):
        assert overlaps.at_same_time(keys, None, *at, known=(), but=own) is None
        refusal = telling.refusal(LimitReached(), keys, None, Procedure.objects.get(), now=NOW)
    assert isinstance(refusal, PerhapsBooked)
    assert not seen.seen


def test_moving_onto_another_appointment_is_told_first(client: Client) -> None:
    times, user = slots(), a_user()
    other, moved = an_appointment(times[6], 1, citizen=user), an_appointment(times[20], 1, citizen=user)
    client.force_login(user)
    path = f"/appointments/{moved.reference}/move/check/"
    assert TOLD in text_of(client.get(path, {"slot": times[6].pk}))
    assert TOLD in text_of(client.post(path, {"slot": times[6].pk}))
    moved.refresh_from_db()
    assert moved.starts_at == times[20].starts_at
    assert client.post(path, {"slot": times[6].pk, "overlap": other.reference}).status_code == 302
    moved.refresh_from_db()
    assert moved.starts_at == times[6].starts_at
    # One that stays where it is does not overlap with itself.
    assert TOLD in text_of(client.get(f"/appointments/{other.reference}/move/check/", {"slot": times[7].pk}))
