"""Why somebody whom a provider should sign in is not signed in. Each reason has its text in accounts/entering."""

from enum import StrEnum

from allauth.socialaccount.providers.base import ProviderException


class Why(StrEnum):
    REFUSED = "refused"  # the person said no at the provider
    AWAY = "away"  # the provider does not answer, or not in time
    BROKEN = "broken"  # its answer cannot be read, or says that the sign-in is not valid
    STATE = "state"  # nobody has begun this sign-in in this browser, or it was used, or it is too old
    NUMBER = "number"  # no right tax number
    NAME = "name"
    TOO_OFTEN = "too-often"
    CODE = "code"  # too many wrong codes, or the time is over
    AGAIN = "again"  # two things happened in one moment
    CLOSED = "closed"
    OTHER = "other"  # the address belongs to the account of another person
    HAS_ROLE = "has-role"
    NO_ROLE = "no-role"


class UnusableError(ProviderException):
    """The answer of a provider names nobody who can sign in."""

    def __init__(self, why: Why) -> None:
        super().__init__(why)
        self.why = why
