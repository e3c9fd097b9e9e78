"""The REST API of agencies, branches and procedures. Everybody can read them."""

import re
from typing import Any

from django.conf import settings
from django.db.models import Q
from django.http import Http404
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse, extend_schema, extend_schema_field, extend_schema_view
from rest_framework import mixins, serializers, viewsets
from rest_framework.request import Request
from rest_framework.response import Response

from agencies.finding import search
from agencies.models import Agency, Branch, Channel, ForWhom, Procedure
from agencies.text import search_key

# The forms of answers to refused requests.


def errors_by_field(description: str, example: dict[str, list]) -> OpenApiResponse:
    messages = {"type": "array", "items": {"type": "string"}, "minItems": 1}
    within = {"type": "object", "additionalProperties": messages}  # of a field that has fields of its own
    schema = {"type": "object", "additionalProperties": {"anyOf": [messages, within]}, "example": example}
    return OpenApiResponse(schema, description)


_DETAIL = {"type": "object", "properties": {"detail": {"type": "string"}}, "required": ["detail"]}
FIELD_ERRORS = errors_by_field(
    "What is wrong: the messages for each field, in the language asked for.",
    {"email": ["Enter a valid email address."]},
)
UNAUTHENTICATED = OpenApiResponse(_DETAIL, "Nobody is signed in, or the token is not valid.")
FORBIDDEN = OpenApiResponse(_DETAIL, "Not with this token, or without the CSRF token of the session.")
NOT_FOUND = OpenApiResponse(_DETAIL, "There is no such thing, or it is not yours.")
NOT_JSON = OpenApiResponse(_DETAIL, "Only application/json is read.")
TOO_MANY = OpenApiResponse(_DETAIL, "Too many requests; the header Retry-After says how many seconds to wait.")

CODE = re.compile(r"[-a-zA-Z0-9_]{1,60}")

# Serializers


class CodeField(serializers.SlugRelatedField):
    """A branch, procedure or agency, named by its code or slug. A value that can't be a code is reported as unknown."""

    default_error_messages = {"does_not_exist": _("There is no “{value}” here.")}

    def to_internal_value(self, data: Any) -> Any:
        if not isinstance(data, str) or not CODE.fullmatch(data):
            self.fail("does_not_exist", value=str(data)[:60])
        return super().to_internal_value(data)


def channels_field() -> serializers.ListField:
    return serializers.ListField(child=serializers.ChoiceField(Channel.choices))


class AgencySerializer(serializers.ModelSerializer):
    name = serializers.CharField()
    short_name = serializers.CharField()
    description = serializers.CharField()
    lead_minutes = serializers.IntegerField(source="notice_minutes")
    is_live = serializers.BooleanField(help_text="Whether its platform takes bookings; others are still joining.")
    url = serializers.SerializerMethodField(help_text="The platform's page.")

    class Meta:
        model = Agency
        fields = (
            *("slug", "name", "short_name", "description", "platform", "url", "is_live", "live_since", "legal_basis"),
            *("mitos_id", "horizon_days", "lead_minutes", "change_minutes"),
        )

    @extend_schema_field(OpenApiTypes.URI)
    def get_url(self, agency: Agency) -> str:
        return settings.SITE_URL + reverse("agencies:platform", args=[agency.platform_slug])


class BranchSerializer(serializers.ModelSerializer):
    agency = serializers.CharField(source="agency.slug")
    name = serializers.CharField()
    address = serializers.CharField()
    city = serializers.CharField()
    region = serializers.CharField()
    latitude = serializers.FloatField(allow_null=True)
    longitude = serializers.FloatField(allow_null=True)
    access = serializers.CharField(help_text="How it is reached by people with disabilities.")
    directions = serializers.CharField(help_text="How to get there: buses, stations, parking, the entrance.")
    is_illustrative = serializers.BooleanField(
        help_text="Whether the address, telephone and access are examples, and not the true ones."
    )

    class Meta:
        model = Branch
        fields = (
            *("code", "agency", "name", "address", "city", "region", "country", "timezone", "latitude", "longitude"),
            *("phone", "email", "access", "directions", "is_illustrative"),
        )


class DeclarationSerializer(serializers.Serializer):
    version = serializers.IntegerField(help_text="To be given as `declaration` when booking.")
    sentences = serializers.ListField(child=serializers.CharField(), help_text="All of them are declared.")


class ProcedureSerializer(serializers.ModelSerializer):
    agency = serializers.CharField(source="agency.slug")
    name = serializers.CharField()
    description = serializers.CharField()
    documents = serializers.ListField(child=serializers.CharField(), help_text="What to bring.")
    channels = channels_field()
    booked_for = serializers.ListField(
        child=serializers.ChoiceField(ForWhom.choices), help_text="For whom it may be booked."
    )
    declaration = serializers.SerializerMethodField(help_text="What whoever books declares, or null.")
    url = serializers.SerializerMethodField(help_text="The page where people book it.")

    class Meta:
        model = Procedure
        fields = (
            *("code", "agency", "name", "description", "documents", "duration_minutes", "channels", "identification"),
            *("assurance", "open_limit", "mitos_id", "booked_for", "declaration", "url"),
        )

    @extend_schema_field(DeclarationSerializer(allow_null=True))
    def get_declaration(self, procedure: Procedure) -> dict[str, Any] | None:
        declared = procedure.declaration
        return {"version": declared.version, "sentences": declared.sentences} if declared else None

    @extend_schema_field(OpenApiTypes.URI)
    def get_url(self, procedure: Procedure) -> str:
        path = reverse("appointments:procedure", args=[procedure.agency.platform_slug, procedure.code])
        return settings.SITE_URL + path


# Filters


class AgencyFilter(serializers.Serializer):
    agency = CodeField("slug", queryset=Agency.objects.visible(), required=False, help_text="Slug of an agency.")

    def matching(self, found: Any) -> Any:
        """Returns the rows of the queryset that match the request. Raises ValidationError."""
        self.is_valid(raise_exception=True)
        if agency := self.validated_data.get("agency"):
            found = found.filter(agency=agency)
        return found


class BranchFilter(AgencyFilter):
    q = serializers.CharField(
        required=False, max_length=100, help_text="Words of name, place or address, in any spelling."
    )
    country = serializers.RegexField(r"^[A-Za-z]{2}$", required=False, help_text="ISO 3166-1, two letters.")
    region = serializers.CharField(required=False, max_length=100, help_text="Name of a region, in Greek or English.")

    def matching(self, found: Any) -> Any:
        found = super().matching(found)
        asked = self.validated_data
        found = search.within(found, asked.get("q", ""))
        if country := asked.get("country"):
            found = found.filter(country=country.upper())
        if region := asked.get("region"):
            found = found.filter(Q(region_el__iexact=region) | Q(region_en__iexact=region))
        return found


class ProcedureFilter(AgencyFilter):
    q = serializers.CharField(required=False, max_length=100, help_text="Words of the name, in any spelling.")
    channel = serializers.ChoiceField(Channel.choices, required=False)

    def matching(self, found: Any) -> list[Procedure]:
        found = super().matching(found)
        if channel := self.validated_data.get("channel"):
            found = found.filter(channels__contains=[channel])
        words = search_key(self.validated_data.get("q", "")).split()
        return [procedure for procedure in found if _has(procedure, words)]


def _has(procedure: Procedure, words: list[str]) -> bool:
    key = search_key(f"{procedure.name_el} {procedure.name_en}") if words else ""
    return all(word in key for word in words)


# Views


class CodedViewSet(viewsets.GenericViewSet):
    """Rows with a code in their address. A value that can't be a code is not found."""

    lookup_value_converter = "str"

    def get_object(self) -> Any:
        if not CODE.fullmatch(self.kwargs[self.lookup_field]):
            raise Http404
        return super().get_object()


class PublicViewSet(mixins.RetrieveModelMixin, CodedViewSet):
    """Everybody can read these rows. No sign-in is needed."""

    authentication_classes = ()


@extend_schema_view(
    list=extend_schema(summary="All agencies, in the language of Accept-Language"),
    retrieve=extend_schema(summary="One agency", responses={200: AgencySerializer, 404: NOT_FOUND}),
)
class AgencyViewSet(mixins.ListModelMixin, PublicViewSet):
    queryset = Agency.objects.visible()
    serializer_class = AgencySerializer
    lookup_field = "slug"


@extend_schema_view(
    list=extend_schema(
        summary="Branches that can be booked",
        parameters=[BranchFilter],
        responses={200: BranchSerializer(many=True), 400: FIELD_ERRORS},
    ),
    retrieve=extend_schema(summary="One branch", responses={200: BranchSerializer, 404: NOT_FOUND}),
)
class BranchViewSet(PublicViewSet):
    queryset = Branch.objects.open().select_related("agency")
    serializer_class = BranchSerializer
    lookup_field = "code"

    def list(self, request: Request) -> Response:
        found = BranchFilter(data=request.query_params).matching(self.get_queryset())
        return Response(self.get_serializer(found, many=True).data)


@extend_schema_view(
    list=extend_schema(
        summary="Services that can be booked",
        parameters=[ProcedureFilter],
        responses={200: ProcedureSerializer(many=True), 400: FIELD_ERRORS},
    ),
    retrieve=extend_schema(summary="One service", responses={200: ProcedureSerializer, 404: NOT_FOUND}),
)
class ProcedureViewSet(PublicViewSet):
    queryset = Procedure.objects.offered().select_related("agency").with_declaration()
    serializer_class = ProcedureSerializer
    lookup_field = "code"

    def list(self, request: Request) -> Response:
        found = ProcedureFilter(data=request.query_params).matching(self.get_queryset())
        return Response(self.get_serializer(found, many=True).data)
