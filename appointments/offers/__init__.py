"""The verbs of offers: a time is held for somebody until a deadline, and answered."""

from appointments.offers.holding import Because, Source, accept, again, close, make, renew

__all__ = ["Because", "Source", "accept", "again", "close", "make", "renew"]
