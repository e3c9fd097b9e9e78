"""Slots, appointments, the day's queue, disruptions, the messages owed about them, and their anonymous ratings."""

from appointments.models.alert import Alert, AlertMail
from appointments.models.appointment import Appointment, Status
from appointments.models.behalf.party import Acceptance, Party
from appointments.models.counter import Desk, Queue, Ticket
from appointments.models.demand import Journey, NothingFree
from appointments.models.disruption import Disruption
from appointments.models.event import ChangedDay, Event, Miscount
from appointments.models.feed import Feed
from appointments.models.identity import IdentityCheck
from appointments.models.notification import Mailbox, Notice, Notification, OwnText, ReceivedSms, ReturnedMail
from appointments.models.offer import Offer
from appointments.models.rating import Rating
from appointments.models.reading import Reading
from appointments.models.slot import Claim, KeptDraft, TimeSlot

__all__ = [
    "Acceptance",
    "Alert",
    "AlertMail",
    "Appointment",
    "ChangedDay",
    "Claim",
    "Desk",
    "Disruption",
    "Event",
    "Feed",
    "IdentityCheck",
    "Journey",
    "KeptDraft",
    "Mailbox",
    "Miscount",
    "NothingFree",
    "Notice",
    "Notification",
    "Offer",
    "OwnText",
    "Party",
    "Queue",
    "Rating",
    "Reading",
    "ReceivedSms",
    "ReturnedMail",
    "Status",
    "Ticket",
    "TimeSlot",
]
