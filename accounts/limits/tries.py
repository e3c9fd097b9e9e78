"""How often somebody may ask for a code, guess one, sign up, or try a password. PostgreSQL counts, also without Redis.

Counts are of the network from which somebody comes, and of an address or account only together with it. So strangers who
try the owner's address use up their own tries and not the owner's.

Strangers with many networks are bounded all the same. A code takes three tries, an address gets CODE_MAILS an hour, and a
code that is not mailed opens nothing. So all of them together guess 30 of a million codes an hour for one account. They
cannot use up the owner's mails either: a network from which the owner has signed in lately has mails of its own.
"""

from datetime import datetime

from allauth.account.adapter import get_adapter
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from accounts.limits import MAILS_AN_HOUR, DatabaseLimit, any_passed, is_flooded, keyed
from accounts.limits.networks import network_of
from accounts.typed.mailboxes import counted

MINUTE, HOUR, DAY = 60, 3600, 24 * 3600
# Of one network.
CODES, SIGN_UPS, PASSWORDS = (
    DatabaseLimit("codes", 20, MINUTE),
    DatabaseLimit("sign-ups", 20, MINUTE),
    DatabaseLimit("passwords", 10, MINUTE),
)
SIGN_UPS_AN_HOUR = DatabaseLimit("sign-ups-an-hour", 100, HOUR)
GUESSES = DatabaseLimit("guesses", 30, HOUR)
# Of one network for one address or account.
CODES_FOR_ONE, CODES_FOR_ONE_AN_HOUR = (
    DatabaseLimit("codes-for-one", 3, MINUTE),
    DatabaseLimit("codes-for-one-an-hour", 5, HOUR),
)
PASSWORDS_FOR_ONE = DatabaseLimit("passwords-for-one", 5, 5 * MINUTE)
# Mails with codes to one address: to strangers all together, and to each network from which the owner has signed in.
CODE_MAILS, CODE_MAILS_TO_OWNER = DatabaseLimit("code-mails", 10, HOUR), DatabaseLimit("code-mails-to-owner", 5, HOUR)
SIGNED_IN = DatabaseLimit("signed-in", 1, 90 * DAY)
# Of one account, whose first factor was right. Of a million codes three open at a time, so guesses all day long open one of
# thirty accounts in a year.
FACTORS, FACTORS_A_DAY = DatabaseLimit("second-factors", 10, HOUR), DatabaseLimit("second-factors-a-day", 30, DAY)
# Of one account that changes its own address.
CHANGES = DatabaseLimit("changes-of-address", 10, MINUTE)
# Of one code in one session. A code is younger than a day.
GUESSES_OF_CODE = DatabaseLimit("guesses-of-code", 3, DAY)

# Seconds from a code that proves an address to the next one in the same session. The first one is still on its way.
CODE_TAKES = 60
TOO_SOON = _("A code was sent a moment ago. Please wait a minute before you ask again.")
MANY_IN_A_MINUTE = _("Too many codes were asked for. Please wait a minute before you ask again.")
MANY_IN_AN_HOUR = _("Too many codes were asked for. Please wait up to an hour before you ask again.")

UNMAILED, REMEMBERED = "unmailed", 10  # where a session keeps which codes have not been sent, and how many


def count_code(request: HttpRequest, email: str, *, now: datetime) -> None:
    """Counts that somebody asks for a code to this address. Raises ValidationError if it is too often."""
    pair = _pair(request, email)
    if CODES.passed(network_of(request), now=now) or CODES_FOR_ONE.passed(pair, now=now):
        raise ValidationError(MANY_IN_A_MINUTE, code="too_many_codes")
    if CODES_FOR_ONE_AN_HOUR.passed(pair, now=now):
        raise ValidationError(MANY_IN_AN_HOUR, code="too_many_codes")


def count_code_again(request: HttpRequest, email: str, *, wait_until: datetime, now: datetime) -> None:
    """Counts that somebody asks for another code to this address. Raises ValidationError if it is too soon or too often."""
    if now < wait_until:
        raise ValidationError(TOO_SOON, code="too_soon")
    count_code(request, email, now=now)


def count_sign_up(request: HttpRequest, *, now: datetime) -> None:
    network = network_of(request)
    _refuse_if(any(limit.passed(network, now=now) for limit in (SIGN_UPS, SIGN_UPS_AN_HOUR)))


def count_change(request: HttpRequest, *, now: datetime) -> None:
    _refuse_if(request.user.is_authenticated and CHANGES.passed(f"{request.user.pk}", now=now))


def count_guess(request: HttpRequest, code: str, *, now: datetime) -> None:
    """Counts a guess of the code before it is looked at. Raises ValidationError if nobody may guess on."""
    _refuse_if(any(limit.passed(who, now=now) for limit, who in _of_guess(request, code)))


def uncount_guess(request: HttpRequest, code: str, *, now: datetime) -> None:
    for limit, who in _of_guess(request, code):
        limit.uncount(who, now=now)


def count_password(request: HttpRequest, login: str, *, now: datetime) -> None:
    """Counts a password before it is looked at. Raises ValidationError if nobody may try on."""
    _refuse_if(any(limit.passed(who, now=now) for limit, who in _of_password(request, login)))


def uncount_password(request: HttpRequest, login: str, *, now: datetime) -> None:
    for limit, who in _of_password(request, login):
        limit.uncount(who, now=now)


def count_factor(user: int, *, now: datetime) -> None:
    """Counts that somebody shows a second factor of the user with this key. Raises ValidationError if it is too often."""
    _refuse_if(any_passed([FACTORS, FACTORS_A_DAY], f"{user}", now=now))


def uncount_factor(user: int, *, now: datetime) -> None:
    for limit in (FACTORS, FACTORS_A_DAY):
        limit.uncount(f"{user}", now=now)


def remember_owner(request: HttpRequest, email: str, *, now: datetime) -> None:
    """Keeps for up to 90 days, as a keyed hash, that the owner of the address has signed in from this network."""
    SIGNED_IN.passed(_pair(request, email), now=now)


def may_mail(request: HttpRequest | None, email: str, *, now: datetime) -> bool:
    """Counts one more mail to the address, and returns whether it may be sent. `request` is the one that causes it."""
    if request is None:
        return not is_flooded(email, now=now, limits=(MAILS_AN_HOUR,))
    pair = _pair(request, email)
    if SIGNED_IN.reached(pair, now=now):
        return not CODE_MAILS_TO_OWNER.passed(pair, now=now)
    return not is_flooded(email, now=now, limits=(CODE_MAILS, MAILS_AN_HOUR))


def forget_unmailed(request: HttpRequest, code: str) -> None:
    """Makes the code useless, because its mail was one too many for the address: whoever has no mail can only guess."""
    request.session[UNMAILED] = [*request.session.get(UNMAILED, []), keyed(code)][-REMEMBERED:]


def is_unmailed(request: HttpRequest, code: str) -> bool:
    """Returns whether this code was not mailed. It opens nothing, and its page says what it says without an account."""
    return keyed(code) in request.session.get(UNMAILED, [])


def _of_guess(request: HttpRequest, code: str) -> list[tuple[DatabaseLimit, str]]:
    of_network = (GUESSES, network_of(request))
    # Without an account there is no code. The page has to behave as if there were one.
    return [of_network, (GUESSES_OF_CODE, f"{request.session.session_key} {code}")] if code else [of_network]


def _of_password(request: HttpRequest, login: str) -> list[tuple[DatabaseLimit, str]]:
    return [(PASSWORDS, network_of(request)), (PASSWORDS_FOR_ONE, _pair(request, login))]


def _pair(request: HttpRequest, email: str) -> str:
    return f"{network_of(request)} {counted(email)}"


def _refuse_if(too_often: bool) -> None:
    if too_often:
        refusal: ValidationError = get_adapter().validation_error("too_many_login_attempts")
        raise refusal
