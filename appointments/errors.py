"""The one family of reasons for which a booking, a change or a hold is refused. Messages are for citizens."""

from typing import ClassVar

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _


class BookingError(Exception):
    """A refusal with a translated message, and the field of the form or request that it belongs to."""

    message: ClassVar[str | Promise] = _("This is not possible.")
    field: ClassVar[str] = "slot"

    def __str__(self) -> str:
        return str(self.message)


class SlotTaken(BookingError):
    """The time went to somebody else, or was withdrawn, a moment ago."""

    message = _("This time has just been taken. Please choose another one.")


class SlotNotFound(BookingError):
    message = _("This time does not exist. Please choose one from the list.")


class NoFreeTime(BookingError):
    """An officer asked for a time of the clock, not for one of a list."""

    message = _("No free time for this service begins then. Choose another time.")


class SlotPassed(BookingError):
    message = _("It is too late to book this time. Please choose a later one.")


class SlotNotReleased(BookingError):
    message = _("This time cannot be booked yet.")


class NotOffered(BookingError):
    """The procedure is not offered (there) now: its agency has not opened, or the branch takes no bookings."""

    message = _("This service cannot be booked here at the moment.")
    field = "procedure"


class ForeignProcedure(BookingError):
    message = _("This time is not for this service. Please choose another one.")
    field = "procedure"


class ChannelNotOffered(BookingError):
    message = _("This service is not given in this way at this time.")
    field = "channel"


class LimitReached(BookingError):
    message = _("You already have an open appointment for this service. You can move it or cancel it.")
    field = "procedure"


class HoldExpired(BookingError):
    message = _("The time was not kept any longer. Please choose a time again; what you typed is still here.")


class OfferGone(BookingError):
    message = _("This time is no longer held for you. Please choose another one.")


class TooManyHolds(BookingError):
    """A program may be holding times that people need."""

    message = _("Too many times were chosen from your network. Please try again in ten minutes.")


class TooLate(BookingError):
    message = _("It is too late to change this appointment here. Please call us.")


class WrongStatus(BookingError):
    """The appointment is past the point where this step makes sense (double click, two officers, an old page)."""

    message = _("The appointment has changed in the meantime. Please look at it again.")


# The day's queue


class NobodyWaits(BookingError):
    message = _("Nobody is waiting for this desk.")
    field = "ticket"


class DeskBusy(BookingError):
    """One person at a desk at a time."""

    message = _("Finish with the person at this desk first.")
    field = "desk"


class DeskTaken(BookingError):
    message = _("A colleague sits at this desk.")
    field = "desk"


class NoDesk(BookingError):
    message = _("Sit down at a desk first.")
    field = "desk"


class TooEarlyToMiss(BookingError):
    """Called before the appointment's own time: not being there yet is nobody's fault."""

    message = _("The time of this appointment has not begun: put the person back in the queue instead.")
    field = "ticket"


class UndoTooLate(BookingError):
    message = _("This can no longer be taken back.")
    field = "ticket"


class NothingChosen(BookingError):
    """Forwarded to nobody."""

    message = _("Choose a desk or a service.")
    field = "desk"


class LineMoved(BookingError):
    """The button was pressed on a line that a colleague has changed since."""

    message = _("A colleague was quicker. This is how it stands now.")
    field = "ticket"
