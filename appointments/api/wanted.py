"""What a request asks to book. It is read before it is known who asks, because one query finds both."""

from typing import Any

from django.core.exceptions import SuspiciousOperation
from rest_framework.exceptions import APIException, ValidationError
from rest_framework.request import Request

from agencies.api.callers import SystemAuthentication
from agencies.api.viewsets import CodeField
from agencies.facts import ProcedureFacts, SystemFacts
from appointments.api.serializers import BOOKING, stored_phone
from appointments.times.asking import AskedTime, asked_by, asked_for


class Wanted:
    """The checked fields of a booking, or the error in them.

    The error waits until the caller is known, so that a stranger is refused as one.
    """

    found: tuple[ProcedureFacts | None, AskedTime | None] | None = None

    def __init__(self, request: Request) -> None:
        self.fields: dict[str, Any] = {}
        self.error: Exception | None = None
        try:
            self.fields = BOOKING.run_validation(request.data or {})
        except (APIException, SuspiciousOperation) as error:
            self.error = error

    def asked(self) -> dict[str, Any]:
        """Returns the fields with `procedure` and `slot` as facts, the telephone as it is stored, and what was `given`.

        An unknown time is None, and booking refuses it. Raises the error in the fields.
        """
        if self.error:
            raise self.error
        code = self.fields["procedure"]
        procedure, slot = self.found or asked_for(self.fields["slot"], code)
        if procedure is None:
            message = CodeField.default_error_messages["does_not_exist"]
            raise ValidationError({"procedure": [message.format(value=code)]})
        asked = self.fields | {"procedure": procedure, "slot": slot, "given": self.fields}
        if asked["phone"] and slot:
            asked["phone"] = stored_phone(asked["phone"], slot.branch.country)
        party = asked.get("for_whom")
        if party and party["phone"] and slot:
            asked["for_whom"] = party | {"phone": stored_phone(party["phone"], slot.branch.country)}
        return asked


class BookingAuthentication(SystemAuthentication):
    """Reads the token of a booking together with the time that it asks for: one query less."""

    def system(self, request: Request, key: str) -> SystemFacts | None:
        wanted: Wanted | None = getattr(request.parser_context["view"], "wanted", None)
        if wanted is None or wanted.error:
            return super().system(request, key)
        system, wanted.found = asked_by(key, wanted.fields["slot"], wanted.fields["procedure"])
        return system
