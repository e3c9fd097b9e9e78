"""The input and output of the REST API with their checks. Nothing here reads a clock or writes a row."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.conf import settings
from django.utils.translation import gettext_lazy as _
from rest_framework import serializers
from rest_framework.exceptions import ValidationError

from accounts.models import Identity
from accounts.typed import on_one_line, phones, validate_name
from accounts.typed.mailboxes import refuse_disposable
from accounts.typed.tax_numbers import clean_tax_number
from agencies import facts
from agencies.api.viewsets import CODE, CodeField
from agencies.facts import AnyBranch, BranchFacts, ProcedureFacts
from agencies.models import Branch, Channel, ForWhom, Procedure
from agencies.models.branch import validate_timezone
from appointments.booking import Made
from appointments.booking.parties.storing import CONSENT, CONSENTS
from appointments.errors import ChannelNotOffered
from appointments.models import Appointment, Status
from appointments.models.behalf.party import STANDINGS, Standing

DAYS, MAX_DAYS = 30, 62
MAX_BIGINT = 2**63 - 1
REQUIRED = _("This field is required.")


class FactField(CodeField):
    """A service or branch given by its code. `read` finds it, and reads only what the rules need.

    With `str` as `read`, the field returns the code, and nothing is looked up yet.
    """

    def __init__(self, read: Callable[[str], ProcedureFacts | BranchFacts | str | None], **options: Any) -> None:
        super().__init__("code", **options)
        self.read = read

    def to_internal_value(self, data: Any) -> ProcedureFacts | BranchFacts | str:
        found = self.read(data) if isinstance(data, str) and CODE.fullmatch(data) else None
        return found or self.fail("does_not_exist", value=str(data)[:60])


class SlotSerializer(serializers.Serializer):
    """A time at which the service can begin."""

    id = serializers.IntegerField(help_text="To be given as `slot` when booking.")
    branch = serializers.CharField(help_text="Code of the branch.")
    starts_at = serializers.DateTimeField(help_text="With the offset of the branch.")
    ends_at = serializers.DateTimeField()
    free = serializers.IntegerField(help_text="How many can still book it.")


class SlotFilter(serializers.Serializer):
    procedure = FactField(
        facts.offered_procedure_of, queryset=Procedure.objects.all(), help_text="Code of the service."
    )
    branch = FactField(
        facts.open_branch_of,
        queryset=Branch.objects.all(),
        required=False,
        help_text="Code of the branch. Without it, the earliest time of each branch is answered.",
    )
    channel = serializers.ChoiceField(
        Channel.choices, required=False, help_text="By default the first that the service is given in."
    )

    def get_fields(self) -> dict[str, serializers.Field]:
        begin = serializers.DateField(required=False, help_text="First day on the branch's calendar; by default today.")
        end = serializers.DateField(
            required=False, help_text=f"Last day; by default {DAYS} days on, at most {MAX_DAYS} days after the first."
        )
        return super().get_fields() | {"from": begin, "to": end}

    def validate(self, wanted: dict[str, Any]) -> dict[str, Any]:
        procedure, branch = wanted["procedure"], wanted.get("branch")
        if branch and branch.agency_id != procedure.agency_id:
            raise ValidationError({"branch": _("This branch belongs to another agency.")})
        channels = [value for value, _label in procedure.channel_choices]
        if wanted.setdefault("channel", channels[0] if channels else "") not in channels:
            raise ValidationError({"channel": ChannelNotOffered.message})
        first, last = wanted.get("from"), wanted.get("to")
        if first and last and first > last:
            raise ValidationError({"to": _("The last day is before the first.")})
        if first and last and (last - first).days > MAX_DAYS:
            raise ValidationError({"to": _("At most %(days)s days can be asked for.") % {"days": MAX_DAYS}})
        return wanted


# A serializer copies all its fields each time it is made. These keep nothing of a request, so one instance serves all.
SLOT_FILTER = SlotFilter()


class AppointmentSerializer(serializers.Serializer):
    """What the caller may know of an appointment: where and when, not who."""

    reference = serializers.CharField()
    status = serializers.ChoiceField(Status.choices)
    agency = serializers.CharField(help_text="Slug of the agency.")
    branch = serializers.CharField(help_text="Code of the branch.")
    procedure = serializers.CharField(help_text="Code of the service.")
    channel = serializers.ChoiceField(Channel.choices)
    starts_at = serializers.DateTimeField(help_text="With the offset of the branch.")
    ends_at = serializers.DateTimeField()
    manage_url = serializers.URLField(help_text="Opens the appointment without signing in: for the citizen alone.")


def shown(appointment: Appointment) -> dict[str, Any]:
    """Returns what AppointmentSerializer describes.

    `agency`, `branch` and `procedure` of the appointment should be loaded.
    """
    agency, branch, procedure = appointment.agency.slug, appointment.branch, appointment.procedure.code
    return _shown(appointment, appointment.promised_at, agency, branch, procedure)


def shown_as_asked(made: Made) -> dict[str, Any]:
    """Returns what AppointmentSerializer describes for a new appointment, from the rows that were read to make it."""
    assert made.asked is not None  # noqa: S101 (the caller has checked it)
    procedure = made.asked.procedure
    begins = made.appointment.starts_at
    return _shown(made.appointment, begins, procedure.agency.slug, made.asked.branch, procedure.code)


def _shown(
    appointment: Appointment, begins: datetime, agency: str, branch: AnyBranch, procedure: str
) -> dict[str, Any]:
    return {
        "reference": appointment.reference,
        "status": appointment.status,
        "agency": agency,
        "branch": branch.code,
        "procedure": procedure,
        "channel": appointment.channel,
        "starts_at": branch.local(begins).isoformat(),
        "ends_at": branch.local(begins + (appointment.ends_at - appointment.starts_at)).isoformat(),
        "manage_url": appointment.shown_link(),
    }


class SlotField(serializers.IntegerField):
    def __init__(self, **options: Any) -> None:
        super().__init__(min_value=1, max_value=MAX_BIGINT, help_text="The `id` of a free time.", **options)


class PartySerializer(serializers.Serializer):
    """For whom it is booked, if that is not the one whose name and contact the booking has."""

    kind = serializers.ChoiceField(
        [ForWhom.BUSINESS.value, ForWhom.OTHER.value], help_text="Has to be among the service's `booked_for`."
    )
    name = serializers.CharField(max_length=160, validators=[validate_name], help_text="Of the business or the person.")
    standing = serializers.ChoiceField(
        Standing.choices, help_text="What the one who books is to the business or the person."
    )
    email = serializers.EmailField(required=False, allow_blank=True, default="", max_length=254)
    phone = serializers.CharField(
        required=False,
        allow_blank=True,
        default="",
        max_length=30,
        help_text="Of a person, this or the e-mail address.",
    )
    consent = serializers.IntegerField(
        required=False,
        default=0,
        min_value=0,
        max_value=CONSENT,
        help_text=f"For a person: {CONSENT} says that the person knows of the booking and agrees.",
    )

    def validate_name(self, name: str) -> str:
        return on_one_line(name)

    def validate(self, party: dict[str, Any]) -> dict[str, Any]:
        if party["standing"] not in STANDINGS[party["kind"]]:
            raise ValidationError({"standing": _("Choose one.")})
        if party["kind"] == ForWhom.BUSINESS:
            return party | {"email": "", "phone": "", "consent": 0}
        if party["phone"] and not phones.is_written(party["phone"]):
            raise ValidationError({"phone": phones.NO_PHONE})
        if not (party["email"] or party["phone"]):
            raise ValidationError({"email": _("Enter an e-mail address or a telephone number of the person.")})
        if party["consent"] not in CONSENTS:
            raise ValidationError({"consent": _("You can only book if this is so.")})
        return party


class BookingSerializer(serializers.Serializer):
    slot = SlotField()
    procedure = FactField(str, queryset=Procedure.objects.all(), help_text="Code of the service.")
    channel = serializers.ChoiceField(Channel.choices)
    name = serializers.CharField(max_length=120, validators=[validate_name])
    email = serializers.EmailField(max_length=254, validators=[refuse_disposable])
    phone = serializers.CharField(
        required=False, allow_blank=True, default="", max_length=30, help_text="Needed by video and by telephone."
    )
    language = serializers.ChoiceField(
        settings.LANGUAGES, required=False, help_text="Of the messages; by default the one of this request."
    )
    tax_number = serializers.CharField(
        required=False, allow_blank=True, default="", help_text="Greek tax number (AFM), where the service asks for it."
    )
    notes = serializers.CharField(required=False, allow_blank=True, default="", max_length=500)
    assurance = serializers.ChoiceField(
        Identity.Level.choices,
        required=False,  # without a default: what is not sent leaves the digest of the request as it was
        allow_blank=True,
        help_text="How sure an agency's system is who the citizen is. Citizens who are signed in need not say it.",
    )
    timezone = serializers.CharField(
        required=False,
        allow_blank=True,
        default="",
        validators=[validate_timezone],
        help_text="Where the citizen is, e.g. Australia/Melbourne.",
    )
    # Without a default, so that a repeated request of an earlier release has the same digest.
    for_whom = PartySerializer(
        required=False, help_text="Left out: the citizen. The tax number is that of the business or the person."
    )
    declaration = serializers.IntegerField(
        required=False,
        min_value=0,
        max_value=2**31 - 1,
        help_text="The version of the service's declaration that was accepted.",
    )

    def validate_name(self, name: str) -> str:
        return on_one_line(name)

    def validate_phone(self, phone: str) -> str:
        """Refuses text that is no number in any country.

        Whether it is one at the slot's branch is checked when the slot is read.
        """
        if phone and not phones.is_written(phone):
            raise ValidationError(phones.NO_PHONE)
        return phone

    def validate_tax_number(self, number: str) -> str:
        try:
            return clean_tax_number(number) if number else ""
        except ValueError:
            raise ValidationError(_("This is not a valid tax number. Check its nine digits.")) from None

    def validate(self, asked: dict[str, Any]) -> dict[str, Any]:
        if asked["channel"] != Channel.IN_PERSON and not asked["phone"]:
            raise ValidationError({"phone": REQUIRED})
        if asked.get("for_whom", {}).get("kind") == ForWhom.BUSINESS and not asked["tax_number"]:
            raise ValidationError({"tax_number": REQUIRED})
        return asked


def stored_phone(typed: str, country: str) -> str:
    try:
        return phones.normalized(typed, country)
    except ValueError:
        raise ValidationError({"phone": [phones.NO_PHONE]}) from None


class MoveSerializer(serializers.Serializer):
    slot = SlotField()


BOOKING, MOVE = BookingSerializer(), MoveSerializer()
