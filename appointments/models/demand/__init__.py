"""What visitors of the booking pages wanted, for two days: then it is counted, and the rows are deleted."""

from appointments.models.demand.visits import Journey, NothingFree

__all__ = ["Journey", "NothingFree"]
