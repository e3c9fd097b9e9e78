"""The REST API: free times for everybody, and bookings for signed-in citizens and the systems of agencies.

Serializers check the input, and the verbs in `appointments.booking` do the rest.
"""

import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, ClassVar

from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.utils.functional import cached_property
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, extend_schema, extend_schema_view
from rest_framework.authentication import SessionAuthentication
from rest_framework.exceptions import APIException, ErrorDetail, ParseError, PermissionDenied, ValidationError
from rest_framework.parsers import JSONParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.settings import api_settings
from rest_framework.views import APIView

from accounts import identities
from accounts.models import Identity, User
from accounts.typed import CONTROL, NO_CONTROL, cleaned_deeply, has_control
from agencies.api.callers import IsCitizenOrSystem, WriteThrottle, caller
from agencies.api.refusing import TOO_LONG
from agencies.api.viewsets import (
    FIELD_ERRORS,
    FORBIDDEN,
    NOT_FOUND,
    NOT_JSON,
    TOO_MANY,
    UNAUTHENTICATED,
    CodedViewSet,
    errors_by_field,
)
from agencies.facts import AnyBranch, AnyProcedure, ProcedureFacts, SystemFacts
from agencies.models import Branch, Procedure
from appointments import booking
from appointments.api.serializers import (
    DAYS,
    MAX_DAYS,
    MOVE,
    REQUIRED,
    SLOT_FILTER,
    AppointmentSerializer,
    BookingSerializer,
    MoveSerializer,
    SlotFilter,
    SlotSerializer,
    shown,
    shown_as_asked,
)
from appointments.api.wanted import BookingAuthentication, Wanted
from appointments.booking import Made, Once, telling
from appointments.booking.persons import Behalf, Contact, digests_of, identified, keys_of
from appointments.errors import BookingError, KeyReused, LimitReached, SlotTaken, TooLate, WrongStatus
from appointments.history import Actor, By
from appointments.models import Appointment
from appointments.times.availability import earliest, free_times_json

# No agency opens its calendar further ahead. The limit also keeps date arithmetic within the years that Python knows.
HORIZON = timedelta(days=366)
MAX_KEY = 255
MAX_BODY = 64 * 1024  # bytes


# Free times


class SlotsView(APIView):
    authentication_classes = ()

    @extend_schema(
        operation_id="slots_list",
        summary="Free times of a service",
        description="At one branch between two days, or the earliest time of every branch that has one.",
        parameters=[SlotFilter],
        responses={200: SlotSerializer(many=True), 400: FIELD_ERRORS},
        examples=[
            OpenApiExample(
                "One free time",
                {
                    "id": 90210,
                    "branch": "kep-chania",
                    "starts_at": "2026-03-03T08:00:00+02:00",
                    "ends_at": "2026-03-03T08:10:00+02:00",
                    "free": 2,
                },
                response_only=True,
            )
        ],
    )
    def get(self, request: Request) -> HttpResponseBase:
        wanted = SLOT_FILTER.run_validation(request.query_params)
        answer = _times_at_branch if "branch" in wanted else _earliest_by_branch
        return answer(wanted, timezone.now())


def _times_at_branch(wanted: dict[str, Any], now: datetime) -> HttpResponse:
    branch = wanted["branch"]
    if "to" in wanted and wanted["to"] < branch.today(now):
        raise ValidationError({"to": [_("The last day is past.")]})
    since, until = _range(wanted, branch, now)
    found = free_times_json(wanted["procedure"], branch, wanted["channel"], now=now, since=since, until=until)
    return HttpResponse(found, content_type="application/json")


def _earliest_by_branch(wanted: dict[str, Any], now: datetime) -> Response:
    procedure = wanted["procedure"]
    branches = {
        branch.pk: branch
        for branch in Branch.objects.open().filter(agency=procedure.agency_id).only("agency", "code", "timezone")
    }
    if "to" in wanted and branches and all(wanted["to"] < branch.today(now) for branch in branches.values()):
        raise ValidationError({"to": [_("The last day is past.")]})
    ranges = {pk: _range(wanted, branch, now) for pk, branch in branches.items()}
    since = {pk: begin for pk, (begin, _until) in ranges.items()} if "from" in wanted else None
    found = earliest(procedure, wanted["channel"], now=now, branches=branches, since=since)
    rows = [
        _slot(branches[pk], first.slot, first.starts_at, first.free, procedure)
        for pk, first in found.items()
        if "to" not in wanted or first.starts_at < ranges[pk][1]
    ]
    return Response(rows)


def _slot(branch: AnyBranch, pk: int, starts_at: datetime, free: int, procedure: AnyProcedure) -> dict[str, Any]:
    local_start = branch.local(starts_at)
    local_end = branch.local(starts_at + procedure.duration)
    times = {"starts_at": local_start.isoformat(), "ends_at": local_end.isoformat()}
    return {"id": pk, "branch": branch.code, **times, "free": free}


def _range(wanted: dict[str, Any], branch: AnyBranch, now: datetime) -> tuple[datetime, datetime]:
    """Returns the beginning of the first day and the end of the last day on the branch's clock."""
    today = branch.today(now)
    first = min(max(wanted.get("from", today), today), today + HORIZON)
    last = min(wanted.get("to", first + timedelta(days=DAYS)), first + timedelta(days=MAX_DAYS))
    return branch.midnight(first), branch.midnight(max(last, today - HORIZON) + timedelta(days=1))


# Appointments


class Refused(APIException):
    """A BookingError as a response, with its message at its field.

    The status is 409 if the time is gone or the appointment has changed, 422 if the idempotency key has booked
    something else, otherwise 400.
    """

    STATUSES: ClassVar[dict[type[BookingError], int]] = {SlotTaken: 409, TooLate: 409, WrongStatus: 409, KeyReused: 422}

    def __init__(self, error: BookingError) -> None:
        self.status_code = self.STATUSES.get(type(error), 400)
        self.detail = {error.field: [ErrorDetail(str(error))]}


class SmallJSONParser(JSONParser):
    """Parses JSON up to the size of a booking, and cleans its texts.

    Answers 400 to larger bodies, to invalid JSON, to JSON with too many nested brackets, and to control characters.
    """

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Any = None) -> Any:
        length = (parser_context or {})["request"].META.get("CONTENT_LENGTH") or "0"
        if not length.isdecimal() or int(length) > MAX_BODY:
            raise ValidationError({api_settings.NON_FIELD_ERRORS_KEY: [TOO_LONG]})
        try:
            parsed = super().parse(stream, media_type, parser_context)
            _refuse_control(parsed)
            return cleaned_deeply(parsed)
        except (ParseError, RecursionError):
            message = _("The request is not valid JSON.")
            raise ValidationError({api_settings.NON_FIELD_ERRORS_KEY: [message]}) from None


def _refuse_control(parsed: Any) -> None:
    """Raises ValidationError for each field with control characters."""
    if not has_control(parsed):
        return
    fields = [name for name, one in parsed.items() if has_control(one)] if isinstance(parsed, dict) else []
    raise ValidationError({name: [NO_CONTROL] for name in fields or [api_settings.NON_FIELD_ERRORS_KEY]})


CONFLICT = errors_by_field(
    "The time is gone, or the appointment has changed.",
    {"slot": ["This time has just been taken. Please choose another one."]},
)
IDEMPOTENCY_KEY = OpenApiParameter(
    "Idempotency-Key",
    {"type": "string", "maxLength": MAX_KEY, "pattern": "^[!-~]*$"},
    OpenApiParameter.HEADER,
    description="Any text that is new for each booking, e.g. a UUID. The same key again books nothing and answers the "
    "same appointment: send a request again when its answer was lost. The same key with another request is refused.",
)
KEY_REUSED = errors_by_field(
    "The idempotency key has booked another appointment.",
    {"Idempotency-Key": ["This key has already booked another appointment. Use a new key for each booking."]},
)
BOOKING_EXAMPLE = {
    "slot": 90210,
    "procedure": "kep-dilosi",
    "channel": "in_person",
    "name": "Ελένη Παπαδάκη",
    "email": "eleni@example.org",
    "phone": "6912345678",
    "language": "el",
}
BOOKED_EXAMPLE = {
    "reference": "K7M4Q2XDBN",
    "status": "booked",
    "agency": "kep",
    "branch": "kep-chania",
    "procedure": "kep-dilosi",
    "channel": "in_person",
    "starts_at": "2026-03-03T08:00:00+02:00",
    "ends_at": "2026-03-03T08:10:00+02:00",
    "manage_url": "https://rantevou.example.org/appointments/K7M4Q2XDBN/?key=…",
}
EXAMPLES = [
    OpenApiExample("Booking", BOOKING_EXAMPLE, request_only=True),
    OpenApiExample("Booked", BOOKED_EXAMPLE, response_only=True),
]
READS = {401: UNAUTHENTICATED, 404: NOT_FOUND}
WRITES = {401: UNAUTHENTICATED, 403: FORBIDDEN, 409: CONFLICT, 415: NOT_JSON, 429: TOO_MANY}


@extend_schema_view(
    create=extend_schema(
        summary="Book a free time",
        parameters=[IDEMPOTENCY_KEY],
        request=BookingSerializer,
        responses={201: AppointmentSerializer, 400: FIELD_ERRORS, 422: KEY_REUSED, **WRITES},
        examples=EXAMPLES,
    ),
    retrieve=extend_schema(
        summary="One of the caller's own appointments",
        responses={200: AppointmentSerializer, **READS},
    ),
    partial_update=extend_schema(
        summary="Move an appointment to another free time",
        request=MoveSerializer,
        responses={200: AppointmentSerializer, 400: FIELD_ERRORS, 404: NOT_FOUND, **WRITES},
    ),
    destroy=extend_schema(
        summary="Cancel an appointment",
        description="Once it is cancelled, cancelling it again changes nothing.",
        responses={204: None, 404: NOT_FOUND, **WRITES},
    ),
)
@method_decorator(never_cache, name="dispatch")  # the answers are a citizen's, and link to the appointment
class AppointmentViewSet(CodedViewSet):
    """Appointments of the citizen who is signed in, or those that an agency's systems booked."""

    authentication_classes = (BookingAuthentication, SessionAuthentication)
    permission_classes = (IsCitizenOrSystem,)
    throttle_classes = (WriteThrottle,)
    parser_classes = (SmallJSONParser,)
    serializer_class = AppointmentSerializer
    queryset = Appointment.objects.select_related("agency", "branch", "procedure__agency")
    lookup_field = "reference"
    http_method_names = ["get", "post", "patch", "delete", "head", "options"]
    wanted: Wanted  # while a time is booked

    def get_queryset(self) -> Any:
        if isinstance(self.request.auth, SystemFacts):
            return self.queryset.filter(agency=self.request.auth.agency_id, source=Appointment.Source.SYSTEM)
        return self.queryset.of_citizen(_citizen(self.request))

    def get_object(self) -> Appointment:
        return get_object_or_404(self.get_queryset().with_reference(self.kwargs["reference"]))

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        if self.action == "create":
            self.wanted = Wanted(request)
        super().initial(request, *args, **kwargs)

    def create(self, request: Request) -> HttpResponse:
        asked = self.wanted.asked()
        self._require_own(asked["procedure"])
        self._require_tax_number(asked)
        try:
            made = self._book(asked)
        except LimitReached as error:
            raise Refused(self._limit_reached(asked, error)) from error
        except BookingError as error:
            raise Refused(error) from error
        answer = shown_as_asked(made) if made.asked else shown(made.appointment)
        return HttpResponse(json.dumps(answer), status=201, content_type="application/json")

    def retrieve(self, request: Request, reference: str) -> Response:
        return self._answer(self.get_object)

    def partial_update(self, request: Request, reference: str) -> Response:
        appointment = self.get_object()
        slot, now = MOVE.run_validation(request.data or {})["slot"], timezone.now()
        return self._answer(lambda: self._move(appointment, slot, now))

    def destroy(self, request: Request, reference: str) -> Response:
        appointment = self.get_object()
        self._answer(lambda: booking.cancel(appointment, by=self._actor, now=timezone.now()))
        return Response(status=204)

    def _book(self, asked: dict[str, Any]) -> Made:
        return booking.book_asked(
            asked["slot"],
            asked["channel"],
            self._contact(asked),
            by=replace(self._actor, level=asked.get("assurance", "")) if self._is_system else self._actor,
            now=timezone.now(),
            once=_once(self.request, asked["given"]),
        )

    def _move(self, appointment: Appointment, slot: int, now: datetime) -> Appointment:
        try:
            return booking.reschedule(appointment, slot, by=self._actor, now=now)
        except LimitReached as error:
            if isinstance(self.request.auth, SystemFacts):
                raise
            keys, procedure = [appointment.person_key], appointment.procedure
            raise telling.refusal(error, keys, _citizen(self.request), procedure, now=now) from error

    def _limit_reached(self, asked: dict[str, Any], error: LimitReached) -> BookingError:
        """Returns what the caller may know. An agency's system knows its citizens; a citizen knows only own ones."""
        if isinstance(self.request.auth, SystemFacts):
            return error
        citizen = _citizen(self.request)
        keys = keys_of(self._contact(asked), citizen)
        return telling.refusal(error, keys, citizen, asked["procedure"], now=timezone.now())

    def _answer(self, change: Callable[[], Appointment]) -> Response:
        try:
            appointment = change()
        except BookingError as error:
            raise Refused(error) from error
        return Response(shown(appointment))

    def _require_own(self, procedure: ProcedureFacts) -> None:
        if isinstance(self.request.auth, SystemFacts) and procedure.agency_id != self.request.auth.agency_id:
            raise PermissionDenied(_("This token books for its own agency only."))

    def _require_tax_number(self, asked: dict[str, Any]) -> None:
        """Raises ValidationError if a citizen gives no tax number to a service that asks for it.

        Agencies' systems need not give it.
        """
        needs_it = asked["procedure"].identification == Procedure.Identification.TAX_NUMBER
        if needs_it and not self._contact(asked).tax_number and not self._is_system:
            raise ValidationError({"tax_number": REQUIRED})

    @property
    def _actor(self) -> Actor:
        match = self.request.resolver_match
        page = match.view_name if match else ""
        if isinstance(self.request.auth, SystemFacts):
            return Actor(By.SYSTEM, page=page)
        return Actor(By.CITIZEN, _citizen(self.request), page, identities.level_of(self.request))

    @property
    def _is_system(self) -> bool:
        return isinstance(self.request.auth, SystemFacts)

    def _contact(self, asked: dict[str, Any]) -> Contact:
        """Returns the contact. Name and tax number of a citizen with an identity are those that the provider told."""
        contact = _contact(asked)
        return identified(contact, self._identity) if self._identity else contact

    @cached_property
    def _identity(self) -> Identity | None:
        return None if self._is_system else identities.of(_citizen(self.request))


def _contact(asked: dict[str, Any]) -> Contact:
    given = {name: asked[name] for name in ("name", "email", "phone", "tax_number", "notes", "timezone")}
    behalf = Behalf(**asked["for_whom"]) if "for_whom" in asked else None
    declared = asked.get("declaration", 0)
    language = asked.get("language") or (get_language() or "el")[:2]
    return Contact(language=language, behalf=behalf, declared=declared, **given)


def _citizen(request: Request) -> User:
    assert request.user.is_authenticated  # noqa: S101 (IsCitizenOrSystem has checked it)
    return request.user


def _once(request: Request, given: dict[str, Any]) -> Once | None:
    """Returns the key and the digest of what was given. None without a key.

    The key is a hash of the caller and the caller's key, so no other caller can name the same one. Raises
    ValidationError for a key longer than MAX_KEY characters, or with control characters.
    """
    key = request.META.get("HTTP_IDEMPOTENCY_KEY", "")
    if len(key) > MAX_KEY:
        raise ValidationError({"Idempotency-Key": [_("At most %(number)s characters.") % {"number": MAX_KEY}]})
    if CONTROL.search(key):
        raise ValidationError({"Idempotency-Key": [NO_CONTROL]})
    if not key:
        return None
    own = hashlib.sha256(f"{caller(request)} {key}".encode(errors="replace")).hexdigest()
    return Once(own, digests_of(given))
