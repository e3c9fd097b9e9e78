"""A time held for somebody whose own time stands: what it takes, what it leaves alone, and how it ends."""

from datetime import date, datetime, timedelta

import pytest
import time_machine
from django.core import mail
from django.test import Client

from agencies.models import Branch
from appointments import booking, disruptions, offers
from appointments.models import Appointment, Event, Notification, Offer, Status
from appointments.offers.replacements import Candidate, Pool
from appointments.tasks import deliver_due
from tests.builders import (
    GUEST,
    NOW,
    STAFF,
    TUESDAY,
    WEDNESDAY,
    WORKER,
    a_strike,
    at,
    booked_at,
    slot_at,
)
from tests.codes import open_for
from tests.pages import text_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]
Reason, State, Verb = Offer.Reason, Offer.State, Event.Verb
EARLIER = at(8)
FREE = pytest.mark.parametrize("reason", [Reason.WAITLIST, Reason.SUGGESTION])


@pytest.fixture
def booked(branch: Branch) -> Appointment:
    """On Tuesday at nine."""
    return booked_at(branch, 9, day=TUESDAY)


def suggest(booked: Appointment, reason: Reason = Reason.SUGGESTION, starts_at: datetime = EARLIER) -> Offer | None:
    """By default, eight o'clock on the same day, if it is free."""
    slot = Candidate(slot_at(starts_at, booked.branch).pk, booked.channel, Pool([], booked.channel))
    source = offers.Source(lambda _appointment: [slot], lambda _slots: None)
    return offers.make(booked, offers.Because(reason), source, by=STAFF, now=NOW)


def pending(booked: Appointment) -> list[str]:
    found = booked.notifications.filter(state=Notification.State.PENDING).order_by("kind", "minutes_before")
    return [message.kind for message in found if message.revision == Appointment.objects.get(pk=booked.pk).revision]


@FREE
def test_offer_leaves_the_appointment_and_its_messages_alone(booked: Appointment, reason: Reason) -> None:
    before = pending(booked)
    offer = suggest(booked, reason)
    assert offer is not None
    assert offer.hold is not None
    assert (offer.disruption, offer.hold.starts_at, offer.hold.status) == (None, EARLIER, Status.HELD)
    booked.refresh_from_db()
    assert (booked.starts_at, booked.status, booked.has_fallen_out) == (at(9), Status.BOOKED, False)
    assert pending(booked) == sorted([*before, "offer"])
    assert booked.events.get(verb=Verb.OFFER).before == {"messages": []}


def test_offer_accepted_moves_the_appointment(booked: Appointment) -> None:
    offer = suggest(booked)
    assert offer is not None
    offers.accept(offer, by=GUEST, now=NOW)
    booked.refresh_from_db()
    assert booked.starts_at == EARLIER
    assert [slot_at(moment, booked.branch).taken for moment in (EARLIER, at(9))] == [1, 0]
    assert Offer.objects.get().state == State.ACCEPTED


@FREE
def test_offer_that_nobody_answers_is_over_and_another_may_follow(booked: Appointment, reason: Reason) -> None:
    before, first = pending(booked), suggest(booked, reason)
    assert first is not None
    assert suggest(booked, reason) is None
    assert first.deadline is not None
    booking.expire(by=WORKER, now=first.deadline)
    first.refresh_from_db()
    assert (first.state, first.is_unsettled) == (State.LAPSED, False)
    assert slot_at(EARLIER, booked.branch).taken == 0
    assert set(before) <= set(pending(booked))
    assert suggest(booked, reason) is not None


def test_offer_without_a_free_time_is_none(branch: Branch, booked: Appointment) -> None:
    booked_at(branch, 8, day=TUESDAY)
    revision = booked.revision
    assert suggest(booked) is None
    booked.refresh_from_db()
    assert (booked.revision, Offer.objects.count()) == (revision, 0)


def test_closed_time_of_a_suggestion_is_replaced_or_the_suggestion_ends(
    branch: Branch, booked: Appointment, clock: time_machine.Traveller
) -> None:
    offer = suggest(booked)
    assert offer is not None

    def renewed(*slots: int) -> Offer:
        pool = Pool([], booked.channel)
        source = offers.Source(
            lambda _one: [Candidate(slot, booked.channel, pool) for slot in slots], lambda _slots: None
        )
        return offers.renew(offer, source, by=WORKER, now=NOW)

    other = renewed(slot_at(at(10), branch).pk)
    assert (other.state, other.hold and other.hold.starts_at) == (State.OPEN, at(10))
    ended = renewed()
    ended.refresh_from_db()
    assert (ended.state, ended.answered_at) == (State.WITHDRAWN, NOW)
    assert {*Appointment.objects.exclude(pk=booked.pk).values_list("status", flat=True)} == {Status.EXPIRED}
    assert [event.details["offer_state"] for event in Event.objects.filter(verb=Verb.SETTLE)] == ["withdrawn"]
    clock.move_to(NOW + timedelta(hours=12))
    deliver_due()
    assert not Notification.objects.filter(kind=Notification.Kind.OFFER, state=Notification.State.SENT).exists()
    assert {*pending(booked)} == {"reminder"}


@pytest.mark.parametrize("suggested_day", [TUESDAY, WEDNESDAY], ids=["closed too", "still open"])
def test_disruption_ends_it_and_makes_its_own(branch: Branch, booked: Appointment, suggested_day: date) -> None:
    early = at(8, day=suggested_day)
    suggested = suggest(booked, starts_at=early)
    strike = a_strike(branch)
    assert suggested is not None
    suggested.refresh_from_db()
    assert suggested.state == State.WITHDRAWN
    assert strike.offers.get().state == State.OPEN
    assert suggest(booked, starts_at=early) is None
    disruptions.look_after(strike, by=WORKER, now=NOW)
    assert strike.offers.count() == 1


@FREE
def test_citizen_reads_that_the_time_is_kept(client: Client, booked: Appointment, reason: Reason) -> None:
    suggest(booked, reason)
    open_for(client, booked)
    shown = text_of(client.get(f"{booked.get_absolute_url()}?key={booked.link_key}", follow=True))
    asked = text_of(client.get(f"{booked.get_absolute_url()}offer/"))
    for page in (shown, asked):
        assert str(reason.label) in page
        assert "δεν μπορεί να γίνει" not in page
    assert "Σας κρατάμε άλλη ώρα" in shown
    assert "Αν δεν απαντήσετε, κρατάτε την ώρα σας." in asked
    client.post(f"{booked.get_absolute_url()}offer/")
    booked.refresh_from_db()
    assert booked.starts_at == EARLIER


def test_page_of_an_offer_that_is_over_leads_to_the_appointment(
    client: Client, booked: Appointment, clock: time_machine.Traveller
) -> None:
    offer = suggest(booked)
    assert offer is not None
    assert offer.deadline is not None
    clock.move_to(offer.deadline + timedelta(seconds=1))
    open_for(client, booked)
    answer = client.get(f"{booked.get_absolute_url()}offer/")
    assert answer.headers["Location"] == booked.get_absolute_url()
    assert "Σας κρατάμε" not in text_of(client.get(booked.get_absolute_url()))


def test_mail_says_that_the_time_is_kept(booked: Appointment) -> None:
    Notification.objects.all().delete()
    offer = suggest(booked)
    assert offer is not None
    Notification.objects.update(due_at=NOW)
    deliver_due()
    letter = next(one for one in mail.outbox if "Άλλη ώρα" in one.subject)
    html = str(letter.alternatives[0][0])
    for body in (str(letter.body), html):
        assert "Αν δεν απαντήσετε, κρατάτε την ώρα σας." in body
        assert str(Reason.SUGGESTION.label) in body
        assert "δεν μπορεί να γίνει" not in body
        assert "Λυπούμαστε" not in body
