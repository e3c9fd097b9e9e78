"""The exceptions by which a booking, a change or another step is refused, with messages for citizens and officers."""

from collections.abc import Collection
from datetime import date
from typing import ClassVar

from django.utils.formats import date_format
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

    def rule(self, limit: int) -> str:
        """Return what may be told to everybody. `limit` is the service's number of open appointments."""
        rule = ngettext(
            "A citizen may have %(limit)s open appointment for this service.",
            "A citizen may have up to %(limit)s open appointments for this service.",
            limit,
        )
        return rule % {"limit": limit}


class CountedLimit(LimitReached):
    """A limit that counts more than the open appointments for one service. `counted` are the keys of those that count."""

    def __init__(self, limit: int, day: date, counted: Collection[int] = ()) -> None:
        super().__init__(limit, day)
        self.limit, self.day, self.counted = limit, day, counted

    def __str__(self) -> str:
        return f"{self.rule(self.limit)} {self._again % {'day': date_format(self.day, 'j E Y')}}"

    _again: ClassVar[str | Promise] = _("The next one may be on %(day)s at the earliest.")


class TooManyOfCategory(CountedLimit):
    """`day` is that of the first of these appointments that is over."""

    _again = _("You can book again after your appointment on %(day)s, or when you cancel one that you do not need.")

    def __init__(self, limit: int, day: date, counted: Collection[int], category: str) -> None:
        super().__init__(limit, day, counted)
        self.category = category

    def rule(self, _limit: int) -> str:
        rule = ngettext(
            "A citizen may have %(limit)s open appointment for services of the category “%(category)s”.",
            "A citizen may have up to %(limit)s open appointments for services of the category “%(category)s”.",
            self.limit,
        )
        return rule % {"limit": self.limit, "category": self.category}


class TooManyInPeriod(CountedLimit):
    """`day` is the first one after the wanted one on which the rule allows the service."""

    def __init__(self, limit: int, day: date, counted: Collection[int], days: int) -> None:
        super().__init__(limit, day, counted)
        self.days = days

    def rule(self, _limit: int) -> str:
        rule = ngettext(
            "A citizen may have %(limit)s appointment for this service in any %(days)s days.",
            "A citizen may have up to %(limit)s appointments for this service in any %(days)s days.",
            self.limit,
        )
        return rule % {"limit": self.limit, "days": self.days}


class TooSoonAfter(CountedLimit):
    """`limit` is the number of days from one appointment to the next, and `day` as in TooManyInPeriod."""

    def rule(self, _limit: int) -> str:
        rule = ngettext(
            "From one appointment for this service to the next there is at least %(days)s day.",
            "From one appointment for this service to the next there are at least %(days)s days.",
            self.limit,
        )
        return rule % {"days": self.limit}


class PerhapsBooked(BookingError):
    """The person may have no further appointment for the service. It says nothing about an appointment of somebody.

    The limit is a rule for everybody, so it may be told.
    """

    message = _(
        "We could not book with these details. If you already have an open appointment for this service, its link is in "
        "the messages to the e-mail address with which it was booked."
    )
    field = "procedure"

    def __init__(self, rule: str) -> None:
        super().__init__(rule)
        self.rule = rule

    def __str__(self) -> str:
        return f"{self.message} {self.rule}"


class KeyReused(BookingError):
    """The idempotency key is that of an earlier booking, which was asked for in other words."""

    message = _("This key has already booked another appointment. Use a new key for each booking.")
    field = "Idempotency-Key"


class NotOver(BookingError):
    """The citizen wants an appointment to be forgotten that goes on, or that can no longer be cancelled."""

    message = _("It is too late to cancel this appointment. Its data can be erased from tomorrow on.")


class HoldExpired(BookingError):
    message = _("The time was not kept any longer. Please choose a time again; what you typed is still here.")


class OfferGone(BookingError):
    message = _("This time is no longer held for you. Please choose another one.")


class LevelTooLow(BookingError):
    """The service needs to know better who books."""

    message = _("To book this service you have to sign in with a stronger proof of who you are.")
    field = "procedure"


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


class WorkToDo(ProofNeeded):
    """The day is crowded, and the guest's browser has not solved the puzzle that makes many requests dear."""

    message = _(
        "Many people are choosing times of this day right now. So that programs do not take them away, your browser first "
        "solves a small puzzle by itself. You have to do nothing, and it takes a few seconds."
    )


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


class TooManyMoves(BookingError):
    """One appointment is moved again and again: each move sends messages, and shows times that others could have."""

    message = _("You have moved this appointment many times today. Try again tomorrow, or call us.")


class TooManyCancelled(BookingError):
    """One account or network cancels again and again: somebody books and cancels, so that others find nothing free."""

    message = _("Many appointments have been cancelled from here in the last hour. Try again in an hour, or call us.")


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
