"""Slots, appointments, the day's queue, disruptions, the messages owed about them, and their anonymous ratings."""

from appointments.models.alert import Alert, AlertMail
from appointments.models.appointment import Appointment, Status
from appointments.models.disruption import Disruption, Offer
from appointments.models.feed import Feed
from appointments.models.notification import Notification
from appointments.models.queue import Desk, Event, Queue, Ticket
from appointments.models.rating import Rating
from appointments.models.slot import TimeSlot

__all__ = [
    "Alert",
    "AlertMail",
    "Appointment",
    "Desk",
    "Disruption",
    "Event",
    "Feed",
    "Notification",
    "Offer",
    "Queue",
    "Rating",
    "Status",
    "Ticket",
    "TimeSlot",
]
