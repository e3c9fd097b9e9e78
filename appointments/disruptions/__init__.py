"""The verbs of disruptions: times that cannot be kept."""

from appointments.disruptions.looking_after import look_after, start

__all__ = ["look_after", "start"]
