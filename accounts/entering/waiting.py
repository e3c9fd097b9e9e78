"""A person whom a provider has signed in, and who has no account yet. The session keeps who it is, sealed.

Nothing is in the database until a code has proved an e-mail address. Whoever goes away has left nothing behind.
"""

import time
from dataclasses import dataclass
from typing import Any

from allauth.account.adapter import get_adapter
from allauth.account.internal.flows.code_verification import AbstractCodeVerificationProcess
from allauth.core import context
from cryptography.fernet import InvalidToken
from django.conf import settings
from django.http import HttpRequest

from accounts.identities.people import Person
from accounts.models import User
from accounts.providers.configured import is_for_staff

WAITING, CODE = "waiting person", "code of a waiting person"  # in the session
PATIENCE = 3 * settings.CODE_MINUTES * 60  # seconds; a code can be sent anew twice
TRIES, SENT_AGAIN = 3, 2


@dataclass(frozen=True)
class Waiting:
    person: Person
    back: str | None

    @property
    def is_staff(self) -> bool:
        return is_for_staff(self.person.source)


def begin(request: HttpRequest, person: Person, back: str | None) -> None:
    request.session[WAITING] = {"person": person.packed(), "next": back, "at": time.time()}
    request.session.pop(CODE, None)


def who(request: HttpRequest) -> Waiting | None:
    """Return the person who waits in this session, or None, also when they have waited too long."""
    kept = request.session.get(WAITING)
    if not kept:
        return None
    if time.time() - kept["at"] > PATIENCE:
        end(request)
        return None
    try:
        return Waiting(Person.unpacked(kept["person"]), kept["next"])
    except InvalidToken:  # the key has changed meanwhile
        end(request)
        return None


def end(request: HttpRequest) -> None:
    for name in (WAITING, CODE):
        request.session.pop(name, None)


class ContactProcess(AbstractCodeVerificationProcess):
    """A code that proves the address of a person who waits, with the telephone number that came with the address."""

    def __init__(self, request: HttpRequest, state: dict[str, Any]) -> None:
        self.request = request
        super().__init__(max_attempts=TRIES, timeout=settings.CODE_MINUTES * 60, state=state)

    @classmethod
    def initiate(cls, request: HttpRequest, email: str, phone: str) -> "ContactProcess":
        process = cls(request, cls.initial_state(None, email, phone))
        process.send()
        process.persist()
        return process

    @classmethod
    def resume(cls, request: HttpRequest) -> "ContactProcess | None":
        state = request.session.get(CODE)
        return cls(request, state).abort_if_invalid() if state else None

    @property
    def email(self) -> str:
        return str(self.state["email"])

    @property
    def phone(self) -> str:
        return str(self.state.get("phone", ""))

    @property
    def can_resend(self) -> bool:
        return not self.is_resend_quota_reached(SENT_AGAIN)

    def persist(self) -> None:
        self.request.session[CODE] = self.state

    def abort(self) -> None:
        self.request.session.pop(CODE, None)

    def send(self) -> None:
        """Owe the mail with a new code. Public employees get one at the address of a role alone; the page never says so."""
        adapter = get_adapter()
        waiting = who(self.request)
        if waiting and waiting.is_staff and not _has_role(self.email):
            self.state["code"] = ""
            return
        self.state["code"] = adapter.generate_email_verification_code()
        told = {"code": self.state["code"], "request": context.request}
        adapter.send_mail("account/email/email_confirmation", self.email, told)

    def resend(self) -> None:
        self.send()
        self.record_resend()
        self.persist()


def _has_role(email: str) -> bool:
    user = User.objects.filter(email=email.lower()).first()
    return user is not None and user.has_role
