"""The exceptions by which a booking, a change or another step is refused, with messages for citizens and officers."""

from typing import ClassVar

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext


class BookingError(Exception):
    """A refusal. `message` is translated; `field` is the field of the form or request that it belongs to."""

    message: ClassVar[str | Promise] = _("This is not possible.")
    field: ClassVar[str] = "slot"

    def __str__(self) -> str:
        return str(self.message)


class SlotTaken(BookingError):
    """Somebody else took the time, or it was withdrawn, a moment ago."""

    message = _("This time has just been taken. Please choose another one.")


class SlotNotFound(BookingError):
    message = _("This time does not exist. Please choose one from the list.")


class NoFreeTime(BookingError):
    """An officer typed a time at which no free time begins."""

    message = _("No free time for this service begins then. Choose another time.")


class SlotPassed(BookingError):
    message = _("It is too late to book this time. Please choose a later one.")


class SlotNotReleased(BookingError):
    message = _("This time cannot be booked yet.")


class NotOffered(BookingError):
    """The service cannot be booked (there) now: its agency has not opened, or the branch takes no bookings."""

    message = _("This service cannot be booked here at the moment.")
    field = "procedure"


class ForeignProcedure(BookingError):
    message = _("This time is not for this service. Please choose another one.")
    field = "procedure"


class ChannelNotOffered(BookingError):
    message = _("This service is not given in this way at this time.")
    field = "channel"


class LinkUnsendable(BookingError):
    """A video call is booked for somebody to whom its link cannot be sent."""

    message = _("A video call needs an e-mail address, because its link is sent there.")
    field = "email"


class LinkUnsendableBySms(LinkUnsendable):
    """The same where the link could also be sent by SMS."""

    message = _("A video call needs an e-mail address or a mobile number, because its link is sent there.")


class LimitReached(BookingError):
    message = _("You already have an open appointment for this service. You can move it or cancel it.")
    field = "procedure"


class PerhapsBooked(BookingError):
    """The person may have no further appointment for the service. It says nothing about an appointment of somebody.

    The limit is a rule for everybody, so it may be told.
    """

    message = _(
        "We could not book with these details. If you already have an open appointment for this service, its link is in "
        "the messages to the e-mail address with which it was booked."
    )
    field = "procedure"

    def __init__(self, limit: int) -> None:
        super().__init__(limit)
        self.limit = limit

    def __str__(self) -> str:
        rule = ngettext(
            "A citizen may have %(limit)s open appointment for this service.",
            "A citizen may have up to %(limit)s open appointments for this service.",
            self.limit,
        )
        return f"{self.message} {rule % {'limit': self.limit}}"


class KeyReused(BookingError):
    """The idempotency key is that of an earlier booking, which was asked for in other words."""

    message = _("This key has already booked another appointment. Use a new key for each booking.")
    field = "Idempotency-Key"


class HoldExpired(BookingError):
    message = _("The time was not kept any longer. Please choose a time again; what you typed is still here.")


class OfferGone(BookingError):
    message = _("This time is no longer held for you. Please choose another one.")


class ProofNeeded(BookingError):
    """A guest has to sign in first: programs take times away from people. Pages show the way to sign in."""


class TooManyHolds(ProofNeeded):
    """Guests of one network, or of all, hold so many times that a further one is only for accounts."""

    message = _(
        "Many times are being kept for visitors of your network or on this day. To get this time now, sign in: we send you "
        "a code by e-mail."
    )

    def __init__(self, minutes: int) -> None:
        super().__init__(minutes)
        self.minutes = minutes

    def __str__(self) -> str:
        later = ngettext("Or try again in %(minutes)s minute.", "Or try again in %(minutes)s minutes.", self.minutes)
        return f"{self.message} {later % {'minutes': self.minutes}}"


class EmailToProve(ProofNeeded):
    """Several bookings have been made with the address, or in the session, and nobody has proved an address.

    It does not say with which one, because it may be somebody else's.
    """

    message = _(
        "To book another appointment now, sign in first: we send you a code by e-mail. Your time is kept meanwhile."
    )


class TooManyOpen(BookingError):
    """The account has more open appointments than a person needs."""

    message = _("You have many open appointments. Cancel one that you do not need, or wait until some are over.")


class TooManyCorrections(BookingError):
    """The contact of one appointment is changed again and again. Each time somebody may get a message."""

    message = _("You have changed this several times today. Try again tomorrow, or call us.")
    field = "email"


class AddressRefused(BookingError):
    """Several bookings have been made with the address that nobody has proved. It does not say so, as they may be others'."""

    message = _("We cannot write to this address now. Use another one, or try again tomorrow.")
    field = "email"


class TooLate(BookingError):
    message = _("It is too late to change this appointment here. Please call us.")


class CancelledAlready(BookingError):
    message = _("This appointment has been cancelled.")


class WrongStatus(BookingError):
    """The status does not allow this step any more (after a double click, a colleague's step, or on an old page)."""

    message = _("The appointment has changed in the meantime. Please look at it again.")


# Messages that are sent again


class AlreadyAsked(BookingError):
    """The message is on its way, or has arrived: a double click, or a colleague was quicker."""

    message = _("This message is being sent already, or has been sent.")


class NoLongerTrue(BookingError):
    message = _("What this message says is no longer true, so it is not sent again.")


class NowhereToSend(BookingError):
    message = _("There is no address or mobile number for this message. Correct the contact first.")


# The day's queue


class NobodyWaits(BookingError):
    message = _("Nobody is waiting for this desk.")
    field = "ticket"


class DeskBusy(BookingError):
    """A ticket is at the desk already, and a desk serves one at a time."""

    message = _("Finish with the person at this desk first.")
    field = "desk"


class DeskPaused(BookingError):
    """The desk calls nobody until its officer ends the pause."""

    message = _("This desk is paused. End the pause first.")
    field = "desk"


class DeskTaken(BookingError):
    message = _("A colleague sits at this desk.")
    field = "desk"


class TicketAtDesk(BookingError):
    """A colleague's desk cannot be freed while somebody is called or served there."""

    message = _("%(number)s is still at this desk. Complete, park or forward it first.")
    field = "desk"

    def __init__(self, number: str) -> None:
        super().__init__(number)
        self.number = number

    def __str__(self) -> str:
        return str(self.message) % {"number": self.number}


class SentElsewhere(BookingError):
    """A ticket was sent to one desk, whose officer calls it."""

    message = _("%(number)s waits for desk %(desk)s, which calls it.")
    field = "ticket"

    def __init__(self, number: str, desk: str) -> None:
        super().__init__(number, desk)
        self.number, self.desk = number, desk

    def __str__(self) -> str:
        return str(self.message) % {"number": self.number, "desk": self.desk}


class NotOfBranch(BookingError):
    """The officer has lost the role at the branch, or may no longer sign in."""

    message = _("You no longer serve at this branch.")
    field = "desk"


class NoDesk(BookingError):
    message = _("Sit down at a desk first.")
    field = "desk"


class TooEarlyToMiss(BookingError):
    """A citizen who is called before the appointment's own time, and is not there yet, has not missed it."""

    message = _("The time of this appointment has not begun: put the person back in the queue instead.")
    field = "ticket"


class RoomIsFull(BookingError):
    message = _("All seats of the video call are taken. Somebody has to leave first.")
    field = "ticket"


class WaitedAtDoor(BookingError):
    """A citizen who came to the video call is not marked as missed by one press."""

    message = _("The citizen has waited at the video call. If you still mark it as missed, say that you are sure.")
    field = "ticket"


class UndoTooLate(BookingError):
    message = _("This can no longer be taken back.")
    field = "ticket"


class NothingChosen(BookingError):
    """The officer forwards a ticket without choosing a desk or a service."""

    message = _("Choose a desk or a service.")
    field = "desk"


class LineMoved(BookingError):
    """A colleague has changed the line since the page with the button was shown."""

    message = _("A colleague was quicker. This is how it stands now.")
    field = "ticket"


class TextChanged(BookingError):
    """Another administrator has saved the same text since the page was opened."""

    message = _("Somebody else has saved this text in the meantime. Look at the versions, and save again.")
    field = "body"


class TooManyLinks(BookingError):
    """Links of guests were sent by mail too often: for one call, or from one network."""

    message = _("Too many links were sent by e-mail. Copy the link and send it yourself.")
    field = "email"


class NotBookedFor(BookingError):
    """The service may not be booked for a business, for another person, or for oneself."""

    message = _("This service cannot be booked for whom you say. Choose again.")
    field = "for_whom"


class DeclarationMissing(BookingError):
    """What the service has people declare was not accepted in its present version, which may be a new one."""

    message = _("Read and accept what you declare: it is needed, or its text has changed.")
    field = "declaration"
