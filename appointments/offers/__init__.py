"""The verbs of offers: hold another time for a citizen until a deadline, and take the answer."""

from appointments.offers.holding import Because, Source, accept, again, close, make, renew

__all__ = ["Because", "Source", "accept", "again", "close", "make", "renew"]
