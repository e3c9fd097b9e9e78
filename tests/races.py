"""Many at once, with threads and connections of their own, and what must agree afterwards."""

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

from django.db import connection

from accounts.database.patience import TASK, patience
from appointments.errors import BookingError
from appointments.models import Appointment

MISCOUNTED = """
SELECT slot.id, slot.taken, count(appointment.id)
FROM appointments_timeslot slot
LEFT JOIN appointments_appointment appointment ON slot.id = ANY(appointment.slot_ids)
GROUP BY slot.id HAVING slot.taken <> count(appointment.id)
"""


def at_once(calls: list[Callable[[], Any]]) -> Counter[str]:
    """Run all calls in threads of their own that start together; count the results by name."""
    barrier = Barrier(len(calls))

    def run(call: Callable[[], Any]) -> str:
        connection.ensure_connection()
        barrier.wait(30)
        try:
            with patience(TASK):  # a busy machine makes many of them wait, and nobody is told to try again here
                return str(call() and "done")
        except BookingError as refusal:
            return type(refusal).__name__
        finally:
            connection.close()

    with ThreadPoolExecutor(len(calls)) as pool:
        return Counter(pool.map(run, calls))


def assert_counts_agree() -> None:
    """`taken` is the number of appointments that hold the slot, everywhere."""
    with connection.cursor() as cursor:
        cursor.execute(MISCOUNTED)
        assert cursor.fetchall() == []


def assert_promises_agree() -> None:
    """Every open appointment promises what its branch's clock shows at its start: no verb forgets one of the two."""
    for one in Appointment.objects.open().select_related("branch"):
        assert one.promised_day is not None
        assert not one.is_off_clock
