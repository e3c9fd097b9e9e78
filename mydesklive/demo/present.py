"""The demo's present: eight weeks of past visits, today's queue, and three weeks of future bookings.

It moves with the calendar. A later run settles the invented bookings whose time has come, and fills the new days. Bookings
of visitors are left alone. Invented rows have an idempotency key of the form "demo:<date>:…".
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, time, timedelta
from random import Random
from typing import NamedTuple

from django.db import connection, transaction

from agencies.models import Branch, Channel, Closure, OpeningRule
from agencies.models.until import end_on
from agencies.wallclock import CLOCKS, ON_CLOCK, clocks, midnight
from appointments.models import Appointment, Status
from appointments.times.slots import slots_needed
from mydesklive.demo import rows
from mydesklive.demo.offers import FULL, Choice, Offer, offers
from mydesklive.demo.people import invent
from mydesklive.demo.rows import Row
from videocalls.models import VideoCall

DAY, WEEK = timedelta(days=1), timedelta(weeks=1)
PAST, AHEAD = 8 * WEEK, 3 * WEEK
HOME_FULL = 0.62  # the booked share of the home branch
CANCELLED, MISSED = 0.08, 0.06
# After hours, the home branch shows its queue as it was this long before the end of the busy half of its last day.
BEFORE_CLOSING = timedelta(minutes=35)

SLOTS = f"""
SELECT slot.rule_id, ({ON_CLOCK.format(at="slot.starts_at")})::date AS day, slot.id, slot.starts_at,
    slot.capacity - slot.taken
FROM appointments_timeslot slot JOIN agencies_branch branch ON branch.id = slot.branch_id
LEFT JOIN {CLOCKS} AS clock ON clock.zone = branch.timezone
WHERE slot.rule_id = ANY(%(rules)s) AND slot.starts_at >= %(since)s AND slot.starts_at < %(until)s
ORDER BY slot.rule_id, slot.starts_at
"""

TAKE = """
WITH wanted AS (
    SELECT * FROM unnest(%(slots)s::bigint[], %(times)s::int[]) AS wanted (id, times)
), locked AS (
    SELECT slot.id FROM appointments_timeslot slot JOIN wanted ON wanted.id = slot.id
    ORDER BY slot.id FOR NO KEY UPDATE OF slot
)
UPDATE appointments_timeslot slot SET taken = slot.taken + wanted.times
FROM wanted JOIN locked ON locked.id = wanted.id
WHERE slot.id = wanted.id
"""

# Settles bookings whose time has come. The reference decides when the citizen comes, so a second run gives the same result.
SETTLE = f"""
WITH due AS (
    SELECT id, starts_at, ends_at - starts_at AS length, abs(hashtext(reference)) AS luck, officer_id,
        CASE WHEN branch_id = %(home)s THEN %(clock)s::timestamptz ELSE %(now)s::timestamptz END AS clock
    FROM appointments_appointment
    WHERE idempotency_key >= 'demo' AND idempotency_key < 'demp'
        AND status IN ('unverified', 'booked', 'arrived', 'serving')
        AND starts_at < %(now)s::timestamptz + interval '20 minutes'
        AND NOT EXISTS (SELECT FROM appointments_ticket WHERE appointment_id = appointments_appointment.id)
), timed AS (
    SELECT *, starts_at - make_interval(mins => 1 + luck %% 18) AS arrives, luck %% 100 < %(missed)s AS misses,
        starts_at + make_interval(mins => luck / 100 %% 8) AS serves,
        starts_at + make_interval(mins => luck / 100 %% 8) + length * (0.6 + luck / 1000 %% 50 / 100.0) AS completes
    FROM due
), settled AS (
    UPDATE appointments_appointment appointment SET
        status = CASE WHEN misses THEN 'no_show' WHEN completes <= clock THEN 'completed'
            WHEN serves <= clock THEN 'serving'
            ELSE 'arrived' END,
        arrived_at = CASE WHEN NOT misses THEN coalesce(arrived_at, arrives) END,
        serving_at = CASE WHEN NOT misses AND serves <= clock THEN coalesce(serving_at, serves) END,
        completed_at = CASE WHEN NOT misses AND completes <= clock THEN completes END,
        ended_at = CASE WHEN misses THEN timed.starts_at + interval '15 minutes' END,
        officer_id = CASE WHEN NOT misses AND serves <= clock AND appointment.branch_id = %(home)s
            THEN coalesce(appointment.officer_id, %(officer)s) ELSE appointment.officer_id END
    FROM timed
    WHERE timed.id = appointment.id AND CASE
        WHEN misses THEN status = 'booked' AND timed.starts_at + interval '15 minutes' <= clock
        ELSE arrives <= clock AND (status <> 'serving' OR completes <= clock)
            AND (status <> 'arrived' OR serves <= clock)
    END
    RETURNING appointment.agency_id, procedure_id, channel, timed.starts_at, appointment.branch_id, status, luck
)
INSERT INTO appointments_rating (agency_id, procedure_id, channel, served_on, score, comment)
SELECT settled.agency_id, procedure_id, channel, ({ON_CLOCK.format(at="starts_at")})::date,
    CASE WHEN luck %% 50 < 42 THEN 5 WHEN luck %% 50 < 47 THEN 4 WHEN luck %% 50 < 49 THEN 3 ELSE 2 END, ''
FROM settled JOIN agencies_branch branch ON branch.id = branch_id
LEFT JOIN {CLOCKS} AS clock ON clock.zone = branch.timezone
WHERE status = 'completed' AND luck %% 4 = 0
"""


# Calls the next citizen if nobody is being served, so that the page always shows a citizen at a desk.
CALL_NEXT = """
UPDATE appointments_appointment SET status = 'serving', serving_at = %(clock)s, officer_id = coalesce(officer_id, %(officer)s),
    arrived_at = coalesce(arrived_at, %(clock)s::timestamptz - interval '5 minutes')
WHERE id = (
    SELECT id FROM appointments_appointment
    WHERE branch_id = %(home)s AND idempotency_key >= 'demo:' AND idempotency_key < 'demo;'
        AND status IN ('booked', 'arrived')
        AND starts_at BETWEEN %(clock)s::timestamptz - interval '1 hour' AND %(clock)s::timestamptz + interval '1 hour'
    ORDER BY status, starts_at, id LIMIT 1
) AND NOT EXISTS (SELECT FROM appointments_appointment WHERE branch_id = %(home)s AND status = 'serving')
    AND NOT EXISTS (SELECT FROM appointments_ticket WHERE branch_id = %(home)s AND day = %(day)s)
"""


class Slot(NamedTuple):
    pk: int
    starts_at: datetime


def queue_day(home: Branch, now: datetime) -> date:
    """Returns the day whose queue the home branch shows: today after its opening, or else the last day on which it was open."""
    opens = min(OpeningRule.objects.filter(branch=home).values_list("opens_at", flat=True), default=time(8))
    local = home.local(now)
    return last_open_day(home, local.date() if local.time() >= opens else local.date() - DAY)


def last_open_day(home: Branch | None, today: date) -> date:
    """Returns today, or the last day before it, on which the home branch was open."""
    weekdays = {day for rule in OpeningRule.objects.filter(branch=home) for day in rule.weekdays}
    for back in range(14):
        day = today - back * DAY
        closures = Closure.objects.filter(
            branch=home, from_date__lte=day, until_date__gte=day, from_time=None, desks=None
        )
        if day.isoweekday() in weekdays and not closures.exists():
            return day
    return today


def filled_until() -> date | None:
    """Returns the last day with invented bookings, or None."""
    keys = Appointment.objects.filter(idempotency_key__gte="demo:", idempotency_key__lt="demo;")
    last = keys.order_by("-idempotency_key").values_list("idempotency_key", flat=True).first()
    return date.fromisoformat(last.split(":")[1]) if last else None


@transaction.atomic
def write_past(since: date, until: date) -> int:
    """Writes visits for the days from `since` to before `until`, at all open branches, without slots. Returns their number."""
    ratings: list[tuple[object, ...]] = []
    places = offers()
    number = rows.write(_visits(places, since, until, ratings))
    rows.write_ratings(ratings)
    rows.analyse()
    return number


@transaction.atomic
def fill(since: date, until: date, home: Branch | None, *, now: datetime) -> int:
    """Books into the published slots of the days from `since` to `until`: about half of the home branch, less of others."""
    places = {offer.rule: offer for offer in offers()}
    taken: Counter[int] = Counter()
    booked = [
        (offer, row)
        for (rule, day), slots in _open_slots(list(places), since, until).items()
        for offer in [places[rule]]
        for row in _bookings(offer, day, slots, home == offer.branch, taken, now=now)
    ]
    _provide_calls(booked, now)
    number = rows.write(row for _, row in booked)
    with connection.cursor() as cursor:
        cursor.execute(TAKE, {"slots": list(taken), "times": list(taken.values())})
    rows.analyse()
    return number


def settle(home: Branch | None, officer: int | None, *, now: datetime) -> None:
    """Lets the invented citizens whose time has come arrive, be served or stay away."""
    clock = _clock(home, now) if home else now
    params = {
        "home": home.pk if home else None,
        "officer": officer,
        "now": now,
        "clock": clock,
        "day": (home.local(clock) if home else clock).date(),
        "missed": round(100 * MISSED),
        **clocks(_zones(), (now - PAST - WEEK).date(), now.date()),
    }
    with connection.cursor() as cursor:
        cursor.execute(SETTLE, params)
        cursor.execute(CALL_NEXT, params)


def _clock(home: Branch, now: datetime) -> datetime:
    day = queue_day(home, now)
    rules = OpeningRule.objects.filter(branch=home, weekdays__contains=[day.isoweekday()])
    closings = {end_on(day, rule.closes_at): rule.desks for rule in rules} or {datetime.combine(day, time(14)): 1}
    busy, last = max(closings, key=lambda closing: closings[closing]), max(closings)
    ends = {closes: home.instant(closes) for closes in closings}
    return now if now < ends[last] - BEFORE_CLOSING else ends[busy] - BEFORE_CLOSING


def _visits(places: list[Offer], since: date, until: date, ratings: list[tuple[object, ...]]) -> Iterator[Row]:
    for offer in places:
        for day in (since + number * DAY for number in range((until - since).days)):
            if not offer.is_open(day):
                continue
            random = _random(offer, day)
            for number in range(round(offer.visits(random))):
                starts_at = offer.moment(day, random)
                created_at = starts_at - random.uniform(0.1, 9) * DAY
                row = rows.invented(
                    offer,
                    offer.choice(random),
                    starts_at,
                    created_at,
                    random,
                    person=invent(random),
                    key=_key(offer, day, number),
                )
                rows.finish(row, random.choices(_ENDS, _END_WEIGHTS)[0], random)
                if given := rows.rating(row, offer, random):
                    ratings.append(given)
                yield row


_ENDS = (Status.COMPLETED, Status.NO_SHOW, Status.CANCELLED)
_END_WEIGHTS = (1 - MISSED - CANCELLED, MISSED, CANCELLED)


def _open_slots(rules: list[int], since: date, until: date) -> dict[tuple[int, date], dict[Slot, int]]:
    """Returns the free places of each slot, by rule and local day, in order."""
    found: dict[tuple[int, date], dict[Slot, int]] = defaultdict(dict)
    begins, ends = (midnight(day, UTC) for day in (since - DAY, until + 2 * DAY))
    with connection.cursor() as cursor:
        cursor.execute(SLOTS, {"rules": rules, "since": begins, "until": ends, **clocks(_zones(), since, until)})
        for rule, day, pk, starts_at, free in cursor.fetchall():
            if since <= day <= until:
                found[rule, day][Slot(pk, starts_at)] = free
    return found


def _zones() -> set[str]:
    return {*Branch.objects.order_by().values_list("timezone", flat=True)}


def _bookings(
    offer: Offer, day: date, free: dict[Slot, int], is_home: bool, taken: Counter[int], *, now: datetime
) -> Iterator[Row]:
    """Invents bookings of a day until enough of it is taken. Each booking has consecutive slots with a free desk."""
    random, slots, left = _random(offer, day), list(free), dict(free)
    wanted = sum(free.values()) * _full(offer, is_home, random)
    used = 0
    for number in range(round(wanted)):
        choice = offer.choice(random)
        run = _free_run(slots, left, choice, offer.slot_minutes, random)
        if used >= wanted or not run:
            continue
        created_at = min(now, run[0].starts_at) - random.uniform(0.05, 12) * DAY
        row = rows.invented(
            offer, choice, run[0].starts_at, created_at, random, person=invent(random), key=_key(offer, day, number)
        )
        if random.random() < CANCELLED:
            yield _cancelled(row, now, random)
            continue
        used += len(run)
        local = offer.branch.local(row.starts_at)
        row.promised_day, row.promised_time = local.date(), local.time()
        row.slot_ids = "{" + ",".join(str(pk) for pk in sorted(slot.pk for slot in run)) + "}"
        for slot in run:
            left[slot] -= 1
            taken[slot.pk] += 1
        yield row


def _free_run(
    slots: list[Slot], left: dict[Slot, int], choice: Choice, slot_minutes: int, random: Random
) -> list[Slot]:
    """Returns consecutive slots for the service from a random one on, or none if a desk or a slot is missing."""
    needed = slots_needed(timedelta(minutes=choice.minutes), timedelta(minutes=slot_minutes))
    if needed > len(slots):
        return []
    first = random.randrange(len(slots) - needed + 1)
    run = slots[first : first + needed]
    is_whole = run[-1].starts_at - run[0].starts_at == timedelta(minutes=(needed - 1) * slot_minutes)
    return run if is_whole and all(left[slot] > 0 for slot in run) else []


def _cancelled(row: Row, now: datetime, random: Random) -> Row:
    rows.finish(row, Status.CANCELLED, random)
    row.ended_at = row.created_at + (min(now, row.starts_at) - row.created_at) * random.random()
    return row


def _provide_calls(booked: Iterable[tuple[Offer, Row]], now: datetime) -> None:
    """Makes the rooms of the video appointments ready at once, so that the worker does not have to prepare thousands."""
    waiting = [(offer, row) for offer, row in booked if row.channel == Channel.VIDEO and row.status == Status.BOOKED]
    calls = [
        VideoCall(
            provider=offer.agency.video_provider,
            opens_at=row.starts_at - timedelta(minutes=offer.agency.video_early_minutes),
            closes_at=row.ends_at + timedelta(minutes=offer.agency.video_late_minutes),
            state=VideoCall.State.READY,
        )
        for offer, row in waiting
    ]
    for (_, row), call in zip(waiting, VideoCall.objects.bulk_create(calls, batch_size=2000), strict=True):
        row.video_call_id = call.pk


def _full(offer: Offer, is_home: bool, random: Random) -> float:
    """Returns the share of a day that is booked. At one branch it is about the same every day."""
    if is_home:
        return HOME_FULL * random.uniform(0.9, 1.1)
    return FULL * Random(offer.branch.code).random() * random.uniform(0.6, 1.4)  # noqa: S311


def _random(offer: Offer, day: date) -> Random:
    return Random(f"{offer.branch.code} {offer.starts[0]} {offer.desks} {day}")  # noqa: S311


def _key(offer: Offer, day: date, number: int) -> str:
    return f"demo:{day}:{offer.rule}:{number}"
