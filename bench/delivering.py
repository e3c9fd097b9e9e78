"""What happens when 50,000 reminders are due at one minute and the SMS gateway accepts connections and never answers.

Measured are the pace of claiming and rendering, with two processes that hand the mails to nobody; then, with the real worker,
beat and a mail server, how long a confirmation takes that somebody waits for, and how late held times and rooms are.
"""

import os
import resource
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack, contextmanager
from datetime import datetime, timedelta
from math import ceil
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory

from django.core.mail import get_connection
from django.db import connections
from django.utils import timezone

from accounts.database.patience import COMMAND, patience
from agencies.models import Branch, Channel, Procedure
from appointments import booking
from appointments.booking.persons import Contact
from appointments.history import Actor, By
from appointments.messages.delivery import BATCH, deliver_some
from appointments.models import Appointment, Notification, Status, TimeSlot
from bench import world
from bench.results import Row, rate
from mydesklive.local.children import end, spawn

REMINDERS = 50_000
PROCESSES = 2
# Seconds to wait for what was begun last.
PATIENCE = 60
GUEST = Actor(By.GUEST)

# Written on the clock of a zone in which it is about noon, so that no message waits for the morning.
OWED = """
WITH made AS (
    INSERT INTO appointments_appointment (reference, agency_id, branch_id, procedure_id, channel, status, slot_ids, starts_at,
        ends_at, name, email, phone, language, timezone, notes, person_key, source, revision, created_at, booked_at,
        cancelled_by, cancel_reason)
    SELECT 'R' || number, branch.agency_id, branch.id, branch.procedure_id, 'in_person', 'booked', '{0}',
        %(now)s + interval '3 hours', %(now)s + interval '190 minutes', 'Πολίτης ' || number,
        'r' || number || '@example.org', '+306900000000', 'el', %(zone)s, '', '', 'web', 0, %(now)s, %(now)s, '', ''
    FROM generate_series(1, %(number)s) AS number
    JOIN (
        SELECT branch.id, branch.agency_id, procedure.id AS procedure_id,
            row_number() OVER (ORDER BY branch.id) - 1 AS place, count(*) OVER () AS branches
        FROM agencies_branch branch
        JOIN LATERAL (
            SELECT id FROM agencies_procedure WHERE agency_id = branch.agency_id ORDER BY id LIMIT 1
        ) AS procedure ON true
    ) AS branch ON branch.place = number %% branch.branches
    RETURNING id
)
INSERT INTO appointments_notification (appointment_id, kind, medium, lead_minutes, due_at, revision, language, state, attempts,
    last_error)
SELECT id, 'reminder', medium, 180, %(now)s, 0, 'el', 'pending', 0, ''
FROM made CROSS JOIN unnest(%(media)s::text[]) AS medium
"""


def owe_reminders(number: int, *, now: datetime, media: tuple[str, ...] = ("email", "sms")) -> None:
    """Owes so many people a reminder by each medium, all due now."""
    noon = (12 - now.hour + 12) % 24 - 12
    zone = f"Etc/GMT{-noon:+d}" if noon else "Etc/GMT"
    with patience(COMMAND):
        world.run("TRUNCATE appointments_notification, appointments_event")
        world.run("DELETE FROM appointments_appointment WHERE length(reference) < 10 AND reference LIKE 'R%%'", {})
        world.run(OWED, {"number": number, "now": now, "zone": zone, "media": list(media)})
        world.vacuum("appointments_notification")
        world.vacuum("appointments_appointment")


def measure(*, seconds: float, now: datetime) -> list[Row]:
    return [*pace(seconds=seconds / 2, now=now), *waiting(seconds=seconds, now=now)]


def pace(*, seconds: float, now: datetime) -> list[Row]:
    """Claims and renders reminders in two processes, and records them as sent, without a mail server."""
    owe_reminders(REMINDERS, now=now, media=("email",))
    connections.close_all()
    with ProcessPoolExecutor(PROCESSES, mp_context=get_context("fork")) as pool:
        done = list(pool.map(_send_to_nobody, [seconds] * PROCESSES))
    per_second = sum(number for number, _grown in done) / seconds
    grown = max(grown for _number, grown in done)
    return [
        Row(
            "Reminders claimed and rendered, two processes", rate(per_second), goal="≥ 300/s", reached=per_second >= 300
        ),
        Row("Memory of each process grows meanwhile by", f"{grown:.0f} MB", goal="< 20 MB", reached=grown < 20),
    ]


def _send_to_nobody(seconds: float) -> tuple[int, float]:
    """Returns how many messages were sent, and by how many megabytes the process has grown after the first of them."""
    mailer = get_connection("django.core.mail.backends.dummy.EmailBackend")
    planned = Notification.objects.by_mail().planned()
    deliver_some(mailer, clock=timezone.now, among=planned, limit=BATCH)
    before, since, number = _memory(), time.monotonic(), 0
    while time.monotonic() - since < seconds:
        number += deliver_some(mailer, clock=timezone.now, among=planned, limit=BATCH).rows
    connections.close_all()
    return number, _memory() - before


def _memory() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def waiting(*, seconds: float, now: datetime) -> list[Row]:
    """Books while all reminders are due and the SMS gateway hangs, and sees how long each person waits."""
    owe_reminders(REMINDERS, now=now)
    with _worker() as told:
        time.sleep(10)  # until all processes have begun, and the gateway has been asked
        begun, since = _Begun(), time.monotonic()
        while time.monotonic() < since + seconds or (
            not begun.is_done and time.monotonic() < since + seconds + PATIENCE
        ):
            if time.monotonic() < since + seconds:
                begun.one()
            begun.look()
            time.sleep(0.25)
        mails = len(told.read_text().splitlines())
    waits, holds, rooms = (sorted(begun.waits(what)) for what in ("sent", "gone", "room"))
    late = waits[max(ceil(len(waits) * 0.99) - 1, 0)]
    return [
        Row(f"99 of 100 confirmations, beside {REMINDERS:,} reminders by mail and SMS, sent within",
            f"{late:.1f} s", f"{mails:,} mails meanwhile", goal="< 5 s", reached=late < 5),
        Row("A held time that is over, given back after", f"{max(holds):.1f} s", goal="< 20 s", reached=max(holds) < 20),
        Row("The room of a video call, made after", f"{max(rooms):.1f} s", goal="< 60 s", reached=max(rooms) < 60),
    ]  # fmt: skip


class _Begun:
    """What was begun while everything was due, and when it was seen to be done. Times are those of `time.monotonic()`."""

    def __init__(self) -> None:
        free = TimeSlot.objects.filter(taken=0, desks__gt=0, starts_at__gt=timezone.now() + timedelta(days=3))
        self.procedure = Procedure.objects.select_related("agency").get(code=world.PROCEDURE)
        branch = Branch.objects.get(code=world.BRANCH)
        self.slots = iter(free.filter(branch=branch).order_by("starts_at")[:1000])
        self.booked: dict[int, float] = {}
        self.held: dict[int, float] = {}
        self.seen: dict[str, dict[int, float]] = {"sent": {}, "room": {}, "gone": {}}

    def one(self) -> None:
        """Books one appointment by video, and lets one held time run out."""
        now = timezone.now()
        contact = Contact(name="Πολίτης", email=f"waits{len(self.booked)}@example.org", phone="")
        booked = booking.book(next(self.slots).pk, self.procedure, Channel.VIDEO, contact, by=GUEST, now=now)
        held = booking.hold(next(self.slots).pk, self.procedure, Channel.IN_PERSON, by=GUEST, now=now)
        Appointment.objects.filter(pk=held.pk).update(expires_at=now)
        self.booked[booked.pk] = self.held[held.pk] = time.monotonic()

    def look(self) -> None:
        """Notes what is done by now."""
        booked = Appointment.objects.filter(pk__in=self.booked)
        sent = booked.filter(notifications__kind="confirmation", notifications__state="sent")
        room = booked.filter(video_call__state="ready")
        gone = Appointment.objects.filter(pk__in=self.held, status=Status.EXPIRED)
        for what, found in (("sent", sent), ("room", room), ("gone", gone)):
            for pk in found.values_list("pk", flat=True):
                self.seen[what].setdefault(pk, time.monotonic())

    def waits(self, what: str) -> list[float]:
        """Returns how long each took. What was never done took infinitely long."""
        since = self.held if what == "gone" else self.booked
        return [self.seen[what].get(pk, float("inf")) - begun for pk, begun in since.items()]

    @property
    def is_done(self) -> bool:
        return all(max(self.waits(what)) < float("inf") for what in self.seen)


@contextmanager
def _worker() -> Iterator[Path]:
    """Runs the worker and beat, with a mail server in a process of its own. Yields the file in which that writes."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory()))
        gateway = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=1000))  # it never answers
        with socket.create_server(("127.0.0.1", 0)) as free:
            mail = free.getsockname()[1]
        environment = os.environ | {
            "EMAIL_URL": f"smtp://127.0.0.1:{mail}",
            "SMS_URL": f"json://127.0.0.1:{gateway.getsockname()[1]}/?:to={{phone}}",
            "PULSE_FOLDER": str(folder),
        }
        celery = [sys.executable, "-m", "celery", "-A", "mydesklive"]
        for command in (
            [sys.executable, "-m", "bench.soak.peers", "mail", f"{mail}", str(folder / "mails")],
            [*celery, "worker", "--without-gossip", "--without-mingle"],
            [*celery, "beat", "--schedule", str(folder / "beat")],
        ):
            process = spawn(command, env=environment, output=subprocess.DEVNULL)
            stack.callback(end, process)
        yield folder / "mails"
