"""A country changes its clock law, or a branch's time zone is corrected: what was promised on the wall clock stands."""

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, time, timedelta

import pytest
from django.db import connection
from icalendar import Calendar

from agencies.models import Branch, Channel
from appointments import booking, disruptions, offers, tasks
from appointments.messages import invitations, mails
from appointments.messages.truth import is_true
from appointments.models import Appointment, Disruption, Event, Notification, Offer, Status, TimeSlot
from appointments.models.disruption import Way
from appointments.offers import Source
from appointments.offers.replacements import Replacements
from appointments.times import promises
from appointments.times.availability import free_times
from appointments.times.publishing import Published, publish, publish_all
from appointments.wording import when
from tests.builders import (
    EVERY_DAY,
    GUEST,
    NOW,
    STAFF,
    WORKER,
    a_branch,
    a_contact,
    a_procedure,
    a_rule,
    an_agency,
    an_appointment,
    messages_of,
    offer_of,
)
from tests.races import assert_counts_agree
from tests.zones import ZONES, law

# Summer time in Cairo begins on Friday 24 April 2026. The law that is tried has none: it is like Tripoli's.
CAIRO, NO_SUMMER = "Africa/Cairo", "Africa/Tripoli"
IN_MAY = date(2026, 5, 5)
HOUR = timedelta(hours=1)


@pytest.fixture
def branch(db: None) -> Iterator[Branch]:
    """A branch in Cairo with one desk, and after every test: desks taken are those of open appointments and holds."""
    agency = an_agency("consul", horizon_days=90)
    branch = a_branch(agency, "consul-cairo", timezone=CAIRO, city_el="Κάιρο", city_en="Cairo")
    a_procedure(agency, "consul-one", duration_minutes=20)
    a_rule(branch, weekdays=EVERY_DAY)
    publish([branch.pk], now=NOW)
    yield branch
    assert_counts_agree()


def booked(
    branch: Branch, hour: int, minute: int = 0, *, day: date = IN_MAY, number: int = 1, **more: object
) -> Appointment:
    slot = TimeSlot.objects.get(branch=branch, starts_at=branch.instant(datetime.combine(day, time(hour, minute))))
    return an_appointment(slot, number, **more)


def shown(appointment: Appointment) -> str:
    """Returns what the branch's clock shows at the moment of the appointment."""
    appointment = Appointment.objects.select_related("branch").get(pk=appointment.pk)
    return f"{appointment.branch.local(appointment.starts_at):%H:%M}"


def free_at(branch: Branch, day: date = IN_MAY) -> list[str]:
    since, until = branch.day_span(day)
    service = branch.agency.procedures.get()
    found = free_times(service, branch, Channel.IN_PERSON, now=NOW, since=since, until=until)
    return [f"{branch.local(one.starts_at):%H:%M}" for one in found]


def test_booked_time_stays_when_a_law_changes(branch: Branch) -> None:
    """The whole walk: new data, the nightly run, the list, the confirmation, and the mail with the calendar file."""
    appointment = booked(branch, 10)
    Notification.objects.filter(kind="confirmation").update(state="sent")
    with law(CAIRO, NO_SUMMER):
        publish_all(now=NOW)
        assert shown(appointment) == "09:00"
        assert [one.pk for one in promises.broken(now=NOW)] == [appointment.pk]
        foreseen = disruptions.foresee(branch, by=STAFF, now=NOW)
        assert ([one.pk for one in foreseen.kept], foreseen.fallen) == ([appointment.pk], ())
        assert shown(appointment) == "09:00"
        disruptions.keep_promises(branch, by=STAFF, now=NOW)
        assert shown(appointment) == "10:00"
        appointment.refresh_from_db()
        assert appointment.starts_at == datetime(2026, 5, 5, 8, tzinfo=UTC)
        assert appointment.ends_at - appointment.starts_at == timedelta(minutes=20)
        assert (appointment.revision, appointment.promised_day, appointment.promised_time) == (1, IN_MAY, time(10))
        assert ("kept", "pending") in messages_of(appointment)
        reminders = appointment.notifications.filter(kind="reminder", state="pending", revision=1)
        assert reminders.exists()
        assert all(
            one.due_at == appointment.starts_at - timedelta(minutes=one.minutes_before)
            for one in reminders.filter(minutes_before__gte=1440)
        )
        letter = mails.mail(appointment.notifications.get(kind="kept"), now=NOW)
        assert "10:00" in letter.subject
        [event] = Calendar.from_ical(invitations.invitation(appointment, now=NOW)[1]).walk("VEVENT")
        assert (event["SEQUENCE"], event["DTSTART"].dt) == (1, appointment.starts_at)
        step = appointment.events.get(verb=Event.Verb.KEEP)
        assert step.details == {"from": "2026-05-05T07:00:00+00:00", "to": "2026-05-05T08:00:00+00:00"}
        assert not Disruption.objects.exists()
        assert not Appointment.objects.unplaced(now=NOW).exists()


def test_second_run_does_nothing(branch: Branch) -> None:
    appointment = booked(branch, 10)
    with law(CAIRO, NO_SUMMER):
        disruptions.keep_promises(branch, by=STAFF, now=NOW)
        before = Appointment.objects.filter(pk=appointment.pk).values().get(), Event.objects.count()
        assert disruptions.keep_promises(branch, by=STAFF, now=NOW) == disruptions.Kept()
        assert (Appointment.objects.filter(pk=appointment.pk).values().get(), Event.objects.count()) == before
        assert publish([branch.pk], now=NOW) == Published()


def test_crash_changes_nothing_and_the_next_run_does_all(branch: Branch, monkeypatch: pytest.MonkeyPatch) -> None:
    everybody = [booked(branch, hour, number=hour) for hour in (9, 10, 11)]
    with law(CAIRO, NO_SUMMER):
        before = list(Appointment.objects.order_by("pk").values())
        with monkeypatch.context() as patched:
            patched.setattr("appointments.disruptions.keeping.booking.keep", crash_at(everybody[1]))
            with pytest.raises(ZeroDivisionError):
                disruptions.keep_promises(branch, by=STAFF, now=NOW)
        assert list(Appointment.objects.order_by("pk").values()) == before
        disruptions.keep_promises(branch, by=WORKER, now=NOW)
        assert [shown(one) for one in everybody] == ["09:00", "10:00", "11:00"]


def crash_at(unlucky: Appointment) -> Callable[..., None]:
    keep = booking.keep

    def crash(appointment: Appointment, *args: object, **kwargs: object) -> None:
        keep(appointment, *args, **kwargs)
        if appointment == unlucky:
            raise ZeroDivisionError

    return crash


def test_suggestion_that_waits_for_the_morning_is_still_sent(branch: Branch) -> None:
    appointment = booked(branch, 10)
    source = Source(Replacements([Way.SAME], now=NOW).candidates, lambda _slots: None)
    offers.make(appointment, offers.Because(Offer.Reason.SUGGESTION), source, by=STAFF, now=NOW)
    with law(CAIRO, NO_SUMMER):
        disruptions.keep_promises(branch, by=STAFF, now=NOW)
        message = Notification.objects.get(appointment=appointment.pk, kind="offer")
        assert (message.state, is_true(message, now=NOW)) == ("pending", True)
        offers.accept(offer_of(appointment), by=GUEST, now=NOW)
        assert not Appointment.objects.get(pk=appointment.pk).is_off_clock


def test_until_it_is_confirmed_everything_says_the_promised_time_and_nobody_else_gets_it(branch: Branch) -> None:
    appointment = booked(branch, 10)
    with law(CAIRO, NO_SUMMER):
        publish_all(now=NOW)
        publish_all(now=NOW)
        appointment.refresh_from_db()
        assert "10:00" in when(appointment)
        [event] = Calendar.from_ical(invitations.download(appointment, now=NOW)).walk("VEVENT")
        assert event["DTSTART"].dt == datetime(2026, 5, 5, 8, tzinfo=UTC)
        free = free_at(branch)
        assert "08:00" in free
        assert not {"09:50", "10:00", "10:10"} & {*free}
        disruptions.keep_promises(branch, by=STAFF, now=NOW)
        assert "09:40" in free_at(branch)
        assert "10:20" in free_at(branch)


def test_move_in_the_meantime_promises_what_the_clock_shows(branch: Branch) -> None:
    """At the moment of the old slot the clock shows nine now. Whoever chooses nine gets nine, though the slot is the same."""
    appointment = booked(branch, 10)
    with law(CAIRO, NO_SUMMER):
        publish_all(now=NOW)
        same = TimeSlot.objects.get(starts_at=appointment.starts_at, desks__gt=0)
        booking.reschedule(appointment, same.pk, by=GUEST, now=NOW)
        appointment.refresh_from_db()
        assert appointment.promised == datetime(2026, 5, 5, 9)
        assert disruptions.keep_promises(branch, by=STAFF, now=NOW) == disruptions.Kept()


@pytest.mark.parametrize("like", [NO_SUMMER, "Asia/Karachi"])
def test_whole_days_follow_at_once_in_both_directions(branch: Branch, like: str) -> None:
    """Each takes the time that another one held before. One desk: nobody can be placed before all have given back."""
    everybody = [
        booked(branch, hour, minute, number=hour * 60 + minute) for hour in (8, 9, 10, 11) for minute in (0, 20, 40)
    ]
    times = [shown(one) for one in everybody]
    with law(CAIRO, like):
        assert [shown(one) for one in everybody] != times
        assert not disruptions.keep_promises(branch, by=STAFF, now=NOW).fallen
        assert [shown(one) for one in everybody] == times


def test_corrected_zone_keeps_the_wall_clock(branch: Branch) -> None:
    appointment = booked(branch, 10)
    Branch.objects.filter(pk=branch.pk).update(timezone="America/New_York")
    disruptions.keep_promises(branch, by=STAFF, now=NOW)
    appointment.refresh_from_db()
    assert (shown(appointment), appointment.starts_at.hour) == ("10:00", 14)


def test_time_that_the_new_clock_leaves_out_falls_out_with_an_offer(branch: Branch) -> None:
    """In Athens the hour from three is missing on 29 March. Everybody else is kept."""
    a_rule(
        branch,
        weekdays=EVERY_DAY,
        opens_at=time(2),
        closes_at=time(5),
        valid_from=date(2026, 3, 29),
        valid_until=date(2026, 3, 29),
    )
    publish([branch.pk], now=NOW)
    falls, stays = booked(branch, 3, 20, day=date(2026, 3, 29)), booked(branch, 10, number=2)
    with law(CAIRO, "Europe/Athens"):
        result = disruptions.keep_promises(branch, by=STAFF, now=NOW)
        assert [one.pk for one in result.fallen] == [falls.pk]
        for _ in range(2):
            tasks.disruptions.look_after(Disruption.objects.get(), by=WORKER, now=NOW)
            assert disruptions.keep_promises(branch, by=STAFF, now=NOW) == disruptions.Kept()
        assert shown(stays) == "10:00"
        offer = offer_of(falls)
        assert offer.state == Offer.State.OPEN
        assert ("offer", "pending") in messages_of(falls)
        falls.refresh_from_db()
        assert "03:20" in when(falls)
        offers.accept(offer, by=GUEST, now=NOW)
        tasks.disruptions.look_after(Disruption.objects.get(), by=WORKER, now=NOW)
        assert Disruption.objects.get().state == Disruption.State.SETTLED
        assert promises.broken(now=NOW) == []


def test_branch_that_does_not_open_then_any_more_lets_it_fall_out(branch: Branch) -> None:
    falls, stays = booked(branch, 10), booked(branch, 11, number=2)
    branch.opening_rules.update(opens_at=time(11))
    with law(CAIRO, NO_SUMMER):
        result = disruptions.keep_promises(branch, by=STAFF, now=NOW)
        assert ([one.pk for one in result.kept], [one.pk for one in result.fallen]) == ([stays.pk], [falls.pk])
        falls.refresh_from_db()
        assert falls.has_fallen_out
        assert not stays.has_fallen_out


def test_past_ended_and_present_are_left_alone(branch: Branch) -> None:
    _past, ended, here = (booked(branch, hour, number=hour) for hour in (9, 10, 11))
    booking.cancel(ended, by=GUEST, now=NOW)
    late = datetime(2026, 5, 5, 7, 50, tzinfo=UTC)  # 10:50 before, and 9:50 by the new law
    booking.arrive(here, by=STAFF, now=late - HOUR)
    before = list(Appointment.objects.order_by("pk").values())
    with law(CAIRO, NO_SUMMER):
        later = branch.instant(datetime.combine(IN_MAY, time(9, 50)))
        assert later == late
        assert disruptions.keep_promises(branch, by=STAFF, now=late) == disruptions.Kept()
    assert list(Appointment.objects.order_by("pk").values()) == before


def test_held_times_follow_silently(branch: Branch) -> None:
    slot = TimeSlot.objects.get(starts_at=branch.instant(datetime.combine(IN_MAY, time(10))))
    held = booking.hold(slot.pk, branch.agency.procedures.get(), Channel.IN_PERSON, by=GUEST, now=NOW)
    with law(CAIRO, NO_SUMMER):
        assert disruptions.keep_promises(branch, by=STAFF, now=NOW) == disruptions.Kept()
        assert shown(held) == "10:00"
        assert messages_of(held) == set()


def test_room_of_a_video_call_follows(branch: Branch) -> None:
    appointment = booked(branch, 10, channel=Channel.VIDEO)
    tasks.provision.give_call(appointment.pk, by=WORKER, now=NOW)
    with law(CAIRO, NO_SUMMER):
        disruptions.keep_promises(branch, by=STAFF, now=NOW)
        appointment.refresh_from_db()
        assert (appointment.video_call.opens_at, appointment.video_call.closes_at) == appointment.call_window


def test_unknown_zone_breaks_no_promise(branch: Branch) -> None:
    booked(branch, 10)
    Branch.objects.filter(pk=branch.pk).update(timezone="Mars/Olympus")
    assert promises.broken(now=NOW) == []


def test_move_that_forgets_the_promise_leaves_none_and_the_nightly_run_writes_it(branch: Branch) -> None:
    appointment = booked(branch, 10)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE appointments_appointment SET starts_at = starts_at - interval '1 hour'")
    appointment.refresh_from_db()
    assert (appointment.promised_day, appointment.promised) == (None, datetime(2026, 5, 5, 9))
    publish_all(now=NOW)
    appointment.refresh_from_db()
    assert (appointment.promised_day, appointment.promised_time) == (IN_MAY, time(9))


@pytest.mark.django_db
@pytest.mark.parametrize(("zone", "like"), [*zip(ZONES, ZONES[1:] + ZONES[:1], strict=True)])
def test_any_law_keeps_or_drops_and_loses_nothing(zone: str, like: str) -> None:
    """Over a year with all changes of both clocks, those whose wall-clock time is there keep it; the others fall out."""
    agency = an_agency("consul", horizon_days=400)
    branch = a_branch(agency, "consul-one", timezone=zone)
    service = a_procedure(agency, "consul-one", duration_minutes=30)
    a_rule(branch, weekdays=[7], opens_at=time(0), closes_at=time(4), slot_minutes=30)
    publish([branch.pk], now=NOW)
    ahead = TimeSlot.objects.filter(branch=branch, starts_at__gt=NOW + timedelta(days=2)).order_by("starts_at")
    everybody = [
        booking.book(slot.pk, service, "in_person", a_contact(number), by=STAFF, now=NOW)
        for number, slot in enumerate(ahead[::17])
    ]
    promised = {one.pk: one.promised for one in everybody}
    with law(zone, like):
        result = disruptions.keep_promises(branch, by=STAFF, now=NOW)
        fallen = {one.pk for one in result.fallen}
        for one in Appointment.objects.select_related("branch").filter(status=Status.BOOKED):
            assert one.promised == promised[one.pk]
            assert one.is_off_clock == (one.pk in fallen)
        assert disruptions.keep_promises(branch, by=STAFF, now=NOW) == disruptions.Kept()
    assert_counts_agree()
