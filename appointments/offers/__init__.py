"""The verbs of offers: a time is held for somebody until a deadline, and answered."""

from appointments.offers.holding import accept, again, close, make, renew

__all__ = ["accept", "again", "close", "make", "renew"]
