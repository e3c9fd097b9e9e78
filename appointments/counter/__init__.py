"""The verbs of a branch's counter: give tickets, call them to desks, serve them, and take back the last step."""

from appointments.counter.calling import call, call_again, call_next, forward, park, put_back, waiting_for
from appointments.counter.closing import close_past
from appointments.counter.serving import Result, complete, give_up, miss, record, serve
from appointments.counter.tickets import admit, check_in, take_ticket
from appointments.counter.undoing import undo

__all__ = [
    "Result",
    "admit",
    "call",
    "call_again",
    "call_next",
    "check_in",
    "close_past",
    "complete",
    "forward",
    "give_up",
    "miss",
    "park",
    "put_back",
    "record",
    "serve",
    "take_ticket",
    "undo",
    "waiting_for",
]
