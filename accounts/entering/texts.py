"""What people are told who are not signed in: what happened, and what they can do."""

from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from accounts.identities.reasons import Why


@dataclass(frozen=True)
class Told:
    title: Promise
    text: Promise
    can_retry: bool = True
    other_address: bool = False  # the person may go on with another e-mail address


_NO_SIGN_IN = _("You are not signed in")
TOLD = {
    Why.REFUSED: Told(
        _("You did not agree to the sign-in"),
        _("Nothing was sent to us. You can sign in again, or go on without it."),
    ),
    Why.AWAY: Told(
        _("The sign-in service does not answer"),
        _("It is busy or out of order at the moment. Try again in a few minutes, or go on without it."),
    ),
    Why.BROKEN: Told(
        _("The sign-in could not be completed"),
        _("The sign-in service gave an answer that we cannot use. Try again, or go on without it."),
    ),
    Why.STATE: Told(
        _("This sign-in is no longer valid"),
        _("It was already used, it took too long, or it was begun in another window. Begin again."),
    ),
    Why.NUMBER: Told(
        _("There is no valid tax number in your account"),
        _("The sign-in service gave us no valid tax number for you, so we cannot sign you in. Ask your tax office."),
        can_retry=False,
    ),
    Why.NAME: Told(
        _("There is no name in your account"),
        _("The sign-in service gave us no name for you, so we cannot sign you in. Ask whoever gave you the account."),
        can_retry=False,
    ),
    Why.TOO_OFTEN: Told(
        _("Too many people are signing in from here"),
        _("Wait a minute, and try again."),
    ),
    Why.CODE: Told(
        _("The code was wrong too often"),
        _("For your safety, this sign-in has ended and nothing was stored. Begin again."),
    ),
    Why.AGAIN: Told(
        _("Please begin again"),
        _("You signed in twice at the same moment. Nothing is lost: sign in once more."),
    ),
    Why.CLOSED: Told(
        _NO_SIGN_IN,
        _("This account is closed. Ask whoever manages the accounts."),
        can_retry=False,
    ),
    Why.OTHER: Told(
        _("This address belongs to somebody else’s account"),
        _("The account with this e-mail address belongs to another person. Each person needs an address of their own."),
        can_retry=False,
        other_address=True,
    ),
    Why.HAS_ROLE: Told(
        _("This address belongs to an account with a role"),
        _("For your own appointments use your private e-mail address, not the one of your work."),
        can_retry=False,
        other_address=True,
    ),
    Why.NO_ROLE: Told(
        _("You have no role here"),
        _("Only public employees with a role can sign in here. Ask whoever manages the members of your agency."),
        can_retry=False,
    ),
}
