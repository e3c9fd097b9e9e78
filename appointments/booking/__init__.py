"""The verbs: the functions that change an appointment. The website, the admin and the API all call them.

No other code writes the status or the slots of an appointment.
"""

from appointments.booking.changing import cancel, expire, keep, release, reschedule, take_over
from appointments.booking.contacts.correcting import NewContact, correct
from appointments.booking.making import Made, Once, book, book_asked, confirm, hold, verify
from appointments.booking.serving import arrive, assign, complete, interrupt, miss, serve

__all__ = [
    "Made",
    "NewContact",
    "Once",
    "arrive",
    "assign",
    "book",
    "book_asked",
    "cancel",
    "complete",
    "confirm",
    "correct",
    "expire",
    "hold",
    "interrupt",
    "keep",
    "miss",
    "release",
    "reschedule",
    "serve",
    "take_over",
    "verify",
]
