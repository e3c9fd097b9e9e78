"""What was done to appointments and tickets, by whom."""

from appointments.history.events import note

__all__ = ["note"]
