"""Slots, appointments, the messages owed about them, and their anonymous ratings."""

from appointments.models.appointment import Appointment, Status
from appointments.models.notification import Notification
from appointments.models.rating import Rating
from appointments.models.slot import TimeSlot

__all__ = ["Appointment", "Notification", "Rating", "Status", "TimeSlot"]
